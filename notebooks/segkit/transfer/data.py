"""The data of the transfer assignment: all that its notebooks need.

`locate_pets()` and `locate_cityscapes()` give the folders that torchvision's `OxfordIIITPet` and `Cityscapes` read;
`PetPairs` and `CityscapesPairs` read them at 64 x 64, as training does.
"""

from segkit.data import IGNORE, IMAGENET_MEAN, IMAGENET_STD
from segkit.transfer.classes import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_IDS,
    CITYSCAPES_LABELS,
    CITYSCAPES_PALETTE,
    PET_CLASSES,
    PET_PALETTE,
)
from segkit.transfer.location import locate_cityscapes, locate_pets
from segkit.transfer.pairs import CityscapesPairs, PetPairs, split_pets

__all__ = [
    "CITYSCAPES_CLASSES",
    "CITYSCAPES_IDS",
    "CITYSCAPES_LABELS",
    "CITYSCAPES_PALETTE",
    "IGNORE",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "PET_CLASSES",
    "PET_PALETTE",
    "CityscapesPairs",
    "PetPairs",
    "locate_cityscapes",
    "locate_pets",
    "split_pets",
]
