"""What a run is trained and judged on, with a fingerprint of it: two runs are comparable if theirs are the same."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils.data import Dataset

from segkit.training.loading import seed_generators
from segkit.training.settings import require
from segkit.transfer.classes import CITYSCAPES_CLASSES, PET_CLASSES
from segkit.transfer.pairs import CityscapesPairs, PetPairs


@dataclass(frozen=True)
class Sets:
    """The two parts of a data set that a run needs.

    Args:
        name: of the data, such as "pets".
        train, validation: data sets of (image float32 (3, h, w), target int64 (h, w)).
        num_classes: classes of the targets; 255 is ignored.

    Raises:
        CourseError: if one of them is empty.
    """

    name: str
    train: Dataset
    validation: Dataset
    num_classes: int

    def __post_init__(self):
        for part, dataset in (("training", self.train), ("validation", self.validation)):
            require(len(dataset) > 0, f"The {part} set of {self.name} is empty: there is nothing to train with.")

    @cached_property
    def facts(self) -> dict:
        """Name, sizes, and a fingerprint of all images and targets of each part, in their order."""
        return {
            "data": self.name,
            "num_classes": self.num_classes,
            "training images": len(self.train),
            "validation images": len(self.validation),
            "split": f"{fingerprint_of(self.train)} / {fingerprint_of(self.validation)}",
        }


def pet_sets(root, transform=None) -> Sets:
    """Oxford-IIIT Pet as every run on it sees it: 3 classes, and the one split.

    Args:
        root: what `locate_pets` gives.
        transform: see `PetPairs`.
    """
    parts = (PetPairs(root, split, transform) for split in ("training", "validation"))
    return Sets("pets", *parts, num_classes=len(PET_CLASSES))


def cityscapes_sets(root, transform=None) -> Sets:
    """Cityscapes, for pre-training: 19 classes.

    Args:
        root: what `locate_cityscapes` gives.
        transform: see `CityscapesPairs`.
    """
    parts = (CityscapesPairs(root, split, transform) for split in ("training", "validation"))
    return Sets("cityscapes", *parts, num_classes=len(CITYSCAPES_CLASSES))


def fingerprint_of(dataset: Dataset) -> str:
    """12 hexadecimal digits that depend on every number of every item; what is random in an item is seeded first.

    Afterwards the generators of Python, NumPy and the CPU are as they were.
    """
    digest = hashlib.sha256()
    with isolate_rng(include_cuda=False):
        for index in range(len(dataset)):
            seed_generators(index)
            for value in dataset[index]:
                tensor = torch.as_tensor(value)
                digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(_bytes(tensor))
    return digest.hexdigest()[:12]


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().numpy().tobytes()
