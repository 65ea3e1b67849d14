"""KITTI's street scenes as a training of an entry sees them: of one size, made once, and kept in memory."""

from collections.abc import Callable
from copy import copy
from functools import cached_property

import torch
from torch import Tensor
from torch.utils.data import Dataset

from segkit.competition.kitti import KittiPairs, train_ids_of
from segkit.data import IMAGENET_MEAN, IMAGENET_STD
from segkit.errors import CourseError
from segkit.progress import open_bar
from segkit.transfer.classes import CITYSCAPES_CLASSES
from segkit.transfer.sets import Sets, fingerprint_of

NUM_CLASSES = len(CITYSCAPES_CLASSES)

Transform = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class StreetPairs(Dataset):
    """A labelled split of KITTI's semantics at one size, in memory: 3 H W + H W bytes for a pair.

    Item i is (image, target): float32 (3, H, W), normalised with ImageNet's mean and standard deviation, and train ids,
    int64 (H, W), 0..18 and 255 where ignored. With a `transform` it is `transform(image, target)` of the image before
    that, float32 (3, H, W) from 0 to 1. The transform normalises as well, with `normalised`: padding with 0 can then
    come after it.

    Args:
        root: what `locate_kitti` gives.
        split: "training" or "validation".
        size: (height, width) that all pictures are resized to.
        transform: function (image, target) -> (image, target); what it draws from torch's own generator is seeded by a
            training for every item of every epoch.
        images: how many of the split are taken, evenly spread; None for all.

    Raises:
        CourseError: if there is no such data set or split, or it has no pictures.
    """

    class_names = CITYSCAPES_CLASSES

    def __init__(self, root, split="training", *, size, transform: Transform | None = None, images: int | None = None):
        if split == "testing":
            raise CourseError("KITTI's testing pictures have no labels: choose training or validation.")
        pairs = KittiPairs(root, split, size=size)
        count = len(pairs) if images is None else min(images, len(pairs))
        if not count:
            raise CourseError(f"{root} has no pictures for {split}.")
        chosen = [number * len(pairs) // count for number in range(count)]
        self.split, self.size, self.transform = split, tuple(size), transform
        self.names = [pairs.names[index] for index in chosen]
        with open_bar(count, unit="picture", description=f"reading for {split}") as bar:
            self._kept = [self._read(pairs, index, bar) for index in chosen]

    @staticmethod
    def _read(pairs: KittiPairs, index: int, bar) -> tuple[Tensor, Tensor]:
        image, labels = pairs.raw(index)
        bar.update()
        return image, train_ids_of(labels).to(torch.uint8)

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, target = self._kept[index]
        image, target = image / 255, target.long()
        return (normalised(image), target) if self.transform is None else self.transform(image, target)

    def with_transform(self, transform: Transform | None) -> "StreetPairs":
        """The same pictures, which lie in memory once, with another transform or none."""
        other = copy(self)
        other.transform = transform
        return other


def normalised(image: Tensor) -> Tensor:
    """An image (..., 3, H, W) from 0 to 1, minus ImageNet's mean, over its standard deviation."""
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    return (image - mean) / std


class StreetSets(Sets):
    """Training and validation of an entry; two are comparable if they saw the same pictures, however changed."""

    @cached_property
    def facts(self) -> dict:
        """As in `Sets`, of the pictures as they are; what a transform makes of them stands apart."""
        parts = (pairs.with_transform(None) for pairs in (self.train, self.validation))
        plain = Sets(self.name, *parts, self.num_classes)
        changed = "none" if self.train.transform is None else fingerprint_of(self.train)
        return plain.facts | {"size": list(self.train.size), "augmentation": changed}


def street_sets(root, size, *, transform: Transform | None = None, images: int | None = None) -> StreetSets:
    """KITTI's training and validation pictures as entries see them, with 19 classes.

    Args:
        root: what `locate_kitti` gives.
        size: (height, width) of the pictures, and of those to validate on.
        transform: of the training pictures, see `StreetPairs`.
        images: how many pictures to train on, evenly spread; None for all.
    """
    train = StreetPairs(root, "training", size=size, transform=transform, images=images)
    return StreetSets("kitti", train, StreetPairs(root, "validation", size=size), num_classes=NUM_CLASSES)
