"""The four-class data made the way the assignment made it, in our own words, for tests and benchmarks to compare with.

Every picture is decoded whole and every mask rewritten class by class, and all of it twice: a first pass decides which
pairs stay, a second one makes the arrays of those. `KINDER` and `KINDEST` spare it what a careful reader would spare.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T
from tqdm import tqdm

from segkit.subset import ADE20K_CLASSES

KEEP_SHARE = 0.01
_resize_image = T.Compose([T.Resize((256, 256)), T.PILToTensor()])
_resize_mask = T.Resize((64, 64), T.InterpolationMode.NEAREST)


@dataclass(frozen=True)
class Way:
    """What is done, and what is spared.

    Attributes:
        small_masks: rewrite masks after they are resized, not before.
        second_pass_of_kept: make only those pairs again that stay.
        first_pass_of_masks: decode no photograph to decide about it.
    """

    name: str
    small_masks: bool = False
    second_pass_of_kept: bool = False
    first_pass_of_masks: bool = False


ORIGINAL = Way("original")
KINDER = Way("kinder", small_masks=True, second_pass_of_kept=True)
KINDEST = Way("kindest", small_masks=True, second_pass_of_kept=True, first_pass_of_masks=True)
WAYS = {way.name: way for way in (ORIGINAL, KINDER, KINDEST)}


@dataclass(frozen=True)
class Made:
    """One split: images uint8 (n, 3, 256, 256) and targets uint8 (n, 64, 64), in the order of the names."""

    names: list[str]
    images: np.ndarray
    targets: np.ndarray


def make_split(root: Path, split: str, way: Way = ORIGINAL, progress=False) -> Made:
    """Make one split of the ADE20K folder `root`, all of whose pairs must be whole."""
    names = sorted(path.stem for path in (root / "images" / split).iterdir())
    kept = set()
    for name in tqdm(names, f"{way.name}, first pass", disable=not progress):
        if not way.first_pass_of_masks:
            read_image(root, split, name)
        if stays(read_target(root, split, name, way)):
            kept.add(name)
    images, targets = [], []
    again = sorted(kept) if way.second_pass_of_kept else names
    for name in tqdm(again, f"{way.name}, second pass", disable=not progress):
        image, target = read_image(root, split, name), read_target(root, split, name, way)
        if name in kept:
            images.append(image.numpy())
            targets.append(target.numpy())
    return Made(sorted(kept), np.stack(images), np.stack(targets))


def read_image(root: Path, split: str, name: str) -> torch.Tensor:
    """uint8 (3, 256, 256): decoded whole, resized bilinearly with antialiasing."""
    with Image.open(root / "images" / split / f"{name}.jpg") as picture:
        return _resize_image(picture.convert("RGB"))


def read_target(root: Path, split: str, name: str, way: Way = ORIGINAL) -> torch.Tensor:
    """uint8 (64, 64), labels 0..3."""
    with Image.open(root / "annotations" / split / f"{name}.png") as picture:
        ids = torch.from_numpy(np.array(picture))[None]
    mask = rewrite_ids(_resize_mask(ids)) if way.small_masks else _resize_mask(rewrite_ids(ids))
    return mask[0]


def rewrite_ids(ids: torch.Tensor) -> torch.Tensor:
    """The labels of class ids, by one comparison and one masked assignment per id."""
    labels = torch.zeros_like(ids)
    for label, members in ADE20K_CLASSES.items():
        for member in members:
            labels[ids == member] = label
    return labels


def stays(target: torch.Tensor) -> bool:
    """Whether more than 1 % of a target is not background."""
    return (target != 0).float().mean().item() > KEEP_SHARE
