"""Pictures written in the two layouts that torchvision reads, from annotations in ADE20K's class ids.

An animal becomes a pet, a street a scene of Cityscapes: so photographs, or drawn scenes, stand in for both data sets.
"""

import io
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from segkit.subset.classes import ADE20K_NAMES
from segkit.transfer.classes import CITYSCAPES_LABELS

PET, BACKGROUND, BORDER = 1, 2, 3  # the values of a trimap
LEAST_PET = 0.05  # share of a picture that is pet or border
LEAST_ROAD, LEAST_VEHICLE = 0.15, 0.005  # shares of a street scene
_BORDER_WIDTH = 1 / 60  # of the shorter side, to each side of an outline; gives about the share of the data set's own

_ANIMAL = ADE20K_NAMES.index("animal")
_CITYSCAPES_NAMES = {
    "road": "road", "sidewalk": "sidewalk", "building": "building", "house": "building", "skyscraper": "building",
    "wall": "wall", "fence": "fence", "bridge": "bridge", "pole": "pole", "streetlight": "pole",
    "traffic light": "traffic light", "signboard": "traffic sign", "tree": "vegetation", "plant": "vegetation",
    "palm tree": "vegetation", "flower": "vegetation", "grass": "terrain", "earth": "terrain", "field": "terrain",
    "sky": "sky", "person": "person", "car": "car", "van": "car", "truck": "truck", "bus": "bus",
    "motorbike": "motorcycle", "bicycle": "bicycle",
}  # fmt: skip
_VEHICLES = tuple(map(ADE20K_NAMES.index, ("car", "van", "truck", "bus", "motorbike", "bicycle")))


class Picture(NamedTuple):
    """A photograph as the bytes of a JPEG, and its annotation, uint8 (H, W) of ADE20K's class ids."""

    name: str
    jpeg: bytes
    annotation: np.ndarray


def trimap_of(annotation: np.ndarray) -> np.ndarray | None:
    """The trimap of a picture's animals: uint8 (H, W) of 1 pet, 2 background, 3 border; None if they are too small.

    The border is a band along their outline, and what nobody has labelled beside them.
    """
    inside = annotation == _ANIMAL
    if inside.mean() < LEAST_PET / 2:
        return None
    width = max(1, round(_BORDER_WIDTH * min(inside.shape)))
    near, core = _grown(inside, width), ~_grown(~inside, width)
    border = (near & ~core) | ((annotation == 0) & _grown(inside, 2 * width))
    if (inside | border).mean() < LEAST_PET or not core.any():
        return None
    return np.where(border, BORDER, np.where(inside, PET, BACKGROUND)).astype(np.uint8)


def street_of(annotation: np.ndarray) -> np.ndarray | None:
    """The annotation of a street in Cityscapes' ids: uint8 (H, W); None if there is too little road or no vehicle.

    What has no counterpart there is 0, unlabeled.
    """
    road, vehicle = annotation == ADE20K_NAMES.index("road"), np.isin(annotation, _VEHICLES)
    if road.mean() < LEAST_ROAD or vehicle.mean() < LEAST_VEHICLE:
        return None
    return _STREET[annotation]


def write_pets(root: Path, *parts: Iterable[Picture]) -> dict[str, int]:
    """Write the pictures that show an animal in the layout of Oxford-IIIT Pet, into `root/oxford-iiit-pet`.

    Every fourth of them is for `test`, from whatever part it comes: there are few, and a report needs some. Returns the
    number of each split.
    """
    folder = root / "oxford-iiit-pet"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    names: list[str] = []
    for picture in chain(*parts):
        trimap = trimap_of(picture.annotation)
        if trimap is not None:
            # What stands before the last _ is the breed. Pictures of two parts may have one name.
            names.append(f"animal_{len(names):05d}-{picture.name.replace('_', '-')}")
            (folder / "images" / f"{names[-1]}.jpg").write_bytes(picture.jpeg)
            Image.fromarray(trimap).save(folder / "annotations" / "trimaps" / f"{names[-1]}.png")
    test = names[3::4]
    splits = {"trainval": [name for name in names if name not in set(test)], "test": test}
    for split, chosen in splits.items():
        lines = [f"{name} 1 2 1\n" for name in chosen]  # breed, species (2 is a dog), number of the breed
        (folder / "annotations" / f"{split}.txt").write_text("".join(lines), encoding="utf-8", newline="\n")
    return {split: len(chosen) for split, chosen in splits.items()}


def write_cityscapes(root: Path, train: Iterable[Picture], val: Iterable[Picture]) -> dict[str, int]:
    """Write the pictures that show a street in the layout of Cityscapes, into `root/leftImg8bit` and `root/gtFine`.

    Returns the number of each split. Photographs stay JPEGs, which torchvision reads as well.
    """
    counts = {}
    for split, pictures in (("train", train), ("val", val)):
        counts[split] = 0
        for picture in pictures:
            street = street_of(picture.annotation)
            if street is not None:
                counts[split] += 1
                city = picture.name.partition("_")[0].lower()
                name = f"{city}_{counts[split]:06d}_000000"
                for kind in ("leftImg8bit", "gtFine"):
                    (root / kind / split / city).mkdir(parents=True, exist_ok=True)
                (root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.jpg").write_bytes(picture.jpeg)
                Image.fromarray(street).save(root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png")
    return counts


def as_jpeg(photograph: Image.Image) -> bytes:
    """The bytes of a JPEG."""
    data = io.BytesIO()
    photograph.save(data, "JPEG", quality=90)
    return data.getvalue()


def _grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The pixels of a mask (H, W) and all that are at most so many rows and columns away from one."""
    marked, side = torch.from_numpy(mask)[None].to(torch.float32), 2 * pixels + 1
    rows = functional.max_pool2d(marked, (side, 1), stride=1, padding=(pixels, 0))  # one after the other: much faster
    return functional.max_pool2d(rows, (1, side), stride=1, padding=(0, pixels))[0].numpy() > 0


def _street_table() -> np.ndarray:
    """Cityscapes' id of every id of ADE20K: uint8 (256,)."""
    ids = {name: number for number, name in CITYSCAPES_LABELS.items()}
    table = np.zeros(256, np.uint8)
    for ours, theirs in _CITYSCAPES_NAMES.items():
        table[ADE20K_NAMES.index(ours)] = ids[theirs]
    return table


_STREET = _street_table()
