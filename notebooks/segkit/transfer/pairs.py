"""Both data sets as training reads them: torchvision's, at 64 x 64, with one split for every run."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.datasets import Cityscapes, OxfordIIITPet

from segkit.checking.inputs import Numbers
from segkit.data import IGNORE, IMAGENET_MEAN, IMAGENET_STD
from segkit.errors import CourseError
from segkit.transfer.cache import SmallPictures
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_IDS, PET_CLASSES

VALIDATION = 0.2  # share of the pictures for training that is set aside

Pair = tuple[torch.Tensor, torch.Tensor]
Transform = Callable[[torch.Tensor, torch.Tensor], Any]


class _Pairs(Dataset):
    """Small pictures of which some indices are used; `table` is the class of every value of a mask: (256,)."""

    class_names: tuple[str, ...]

    def __init__(self, small: SmallPictures, indices: Sequence[int], transform: Transform | None, table) -> None:
        self._small, self.indices, self.transform = small, list(indices), transform
        self._table = torch.as_tensor(table, dtype=torch.int64)

    @property
    def fingerprint(self) -> str:
        """A digest of the pictures and masks, in their order: the same for two runs that see the same data."""
        return hashlib.sha256(f"{self._small.sha256} {self.indices}".encode()).hexdigest()[:16]

    def raw(self, index: int) -> Pair:
        """The picture, uint8 (3, 64, 64), and the mask as annotated, uint8 (64, 64)."""
        image, mask = self._small[self.indices[index]]
        return torch.from_numpy(image), torch.from_numpy(mask)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        image, mask = self.raw(index)
        if self.transform is not None:
            return self.transform(image, mask)
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
        return (image / 255 - mean) / std, self._table[mask.int()]


class PetPairs(_Pairs):
    """A split of Oxford-IIIT Pet at 64 x 64. The first use of a data set makes its pictures small, with a bar.

    Item i is the image, float32 (3, 64, 64), normalised with ImageNet's mean and standard deviation, and the target,
    int64 (64, 64): 0 pet, 1 background, 2 border. With a `transform` it is `transform(image, trimap)` of the image,
    uint8 (3, 64, 64), and the trimap, uint8 (64, 64): 1 pet, 2 background, 3 border.

    Args:
        root: what `locate_pets` gives: the folder for `torchvision.datasets.OxfordIIITPet`.
        split: "training" or "validation", the two shares of torchvision's `trainval` (see `split_pets`), or "test".
        transform: function (image, trimap) -> anything a `DataLoader` can batch.
        seed: of the split in two.
        cache: folder for the small pictures.

    Raises:
        CourseError: if there is no such data set or split, or a file of it cannot be read.
    """

    class_names = PET_CLASSES

    def __init__(self, root, split="training", transform: Transform | None = None, *, seed: int = 0, cache="data"):
        _require_split(split, ("training", "validation", "test"))
        theirs = "test" if split == "test" else "trainval"
        data = _opened(OxfordIIITPet, root, split=theirs, target_types="segmentation")
        names = _pet_names(root, theirs)
        folder = Path(root) / "oxford-iiit-pet"
        files = [(folder / "images" / f"{name}.jpg", folder / "annotations/trimaps" / f"{name}.png") for name in names]
        small = SmallPictures(cache, f"pets-{theirs}", files, data.__getitem__)
        parts = dict(zip(("training", "validation"), split_pets(root, seed), strict=True))
        chosen = range(len(names)) if split == "test" else parts[split]
        table = np.full(256, IGNORE)
        table[1 : 1 + len(PET_CLASSES)] = range(len(PET_CLASSES))
        super().__init__(small, chosen, transform, table)
        self.names = [names[index] for index in chosen]


class CityscapesPairs(_Pairs):
    """A split of Cityscapes, finely annotated, at 64 x 64. The first use makes its pictures small, with a bar.

    Item i is the image, float32 (3, 64, 64), normalised with ImageNet's mean and standard deviation, and the target,
    int64 (64, 64): train ids 0..18, 255 where ignored. With a `transform` it is `transform(image, label_ids)` of the
    image, uint8 (3, 64, 64), and the ids as annotated, uint8 (64, 64).

    Args:
        root: what `locate_cityscapes` gives: the folder for `torchvision.datasets.Cityscapes`.
        split: "training" (torchvision's `train`) or "validation" (`val`).
        transform: function (image, label_ids) -> anything a `DataLoader` can batch.
        cache: folder for the small pictures.

    Raises:
        CourseError: if there is no such data set or split, or a file of it cannot be read.
    """

    class_names = CITYSCAPES_CLASSES

    def __init__(self, root, split="training", transform: Transform | None = None, *, cache="data"):
        theirs = {"training": "train", "validation": "val"}
        _require_split(split, tuple(theirs))
        data = _opened(Cityscapes, root, split=theirs[split], mode="fine", target_type="semantic")
        # torchvision lists files as the disk does: sorted, they are in one order on every machine.
        order = sorted(range(len(data)), key=lambda index: data.images[index])
        files = [(Path(data.images[index]), Path(data.targets[index][0])) for index in order]
        small = SmallPictures(cache, f"cityscapes-{theirs[split]}", files, lambda index: data[order[index]])
        table = np.full(256, IGNORE)
        table[list(CITYSCAPES_IDS)] = range(len(CITYSCAPES_IDS))
        super().__init__(small, range(len(files)), transform, table)
        self.names = [image.name.partition("_leftImg8bit")[0] for image, _ in files]


def split_pets(root, seed: int = 0, validation: float = VALIDATION) -> tuple[list[int], list[int]]:
    """Indices of the pictures to train on and to validate on, among torchvision's `trainval`, both in rising order.

    The same for every run with that seed, on every machine. The pictures of `test` are for the report alone.

    Args:
        root: what `locate_pets` gives.
        seed: of the shuffling.
        validation: share that is set aside.
    """
    count = len(_pet_names(root, "trainval"))
    shuffled = Numbers(seed).shuffled(range(count))
    held = max(1, round(validation * count))
    return sorted(shuffled[held:]), sorted(shuffled[:held])


def _pet_names(root, split: str) -> list[str]:
    path = Path(root) / "oxford-iiit-pet" / "annotations" / f"{split}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: is {root} the folder of Oxford-IIIT Pet?") from error
    return [line.split()[0] for line in lines if line.strip()]


def _opened(kind: Callable[..., Dataset], root, **settings: Any) -> Any:
    try:
        return kind(str(root), **settings)
    except (RuntimeError, OSError, ValueError) as error:
        raise CourseError(f"{root} does not hold {kind.__name__} as torchvision reads it: {error}.") from error


def _require_split(split: str, known: tuple[str, ...]) -> None:
    if split not in known:
        raise CourseError(f"There is no split {split!r}: choose one of {', '.join(known)}.")
