"""KITTI's semantic segmentation data: where they come from, how they are split, and how a training reads them."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from segkit.checking.inputs import Numbers
from segkit.competition.kitti_layout import SPLITS_FILE, write_driving, write_kitti
from segkit.data import IGNORE, IMAGENET_MEAN, IMAGENET_STD
from segkit.download import checksum_of, download
from segkit.drawn.scenes import STREET_SCENES
from segkit.errors import CourseError
from segkit.folders import finished_folder
from segkit.progress import open_bar
from segkit.subset.limits import DAMAGE, in_words
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_IDS
from segkit.transfer.location import DataSet, adapted_photographs, announce, locate, make_once

URL = "https://s3.eu-central-1.amazonaws.com/avg-kitti/data_semantics.zip"
VALIDATION = 50  # of the 200 labelled pictures, as the original competition set aside
SPLITS = ("training", "validation", "testing")
_PARTS = ("training", "testing")
_STREETS = DataSet(
    "KITTI semantics", "KITTI", _PARTS, write_kitti, STREET_SCENES, "kitti",
    help="competition/README.md", drawn=(96, 64), sides=((96, 104), (312, 328)),
)  # fmt: skip
_DRIVING = replace(_STREETS, name="KITTI semantics (pictures from a car)", write=write_driving, short="kitti-driving")

_TRAIN_IDS = np.full(256, IGNORE)
_TRAIN_IDS[list(CITYSCAPES_IDS)] = range(len(CITYSCAPES_IDS))

Transform = Callable[[Tensor, Tensor], Any]


def locate_kitti(folder="data") -> Path:
    """The folder in which `training` and `testing` of KITTI's semantics lie: your copy, a download, or a stand-in.

    The environment variable `KITTI` names that folder or data_semantics.zip, is an address to fetch the zip file from
    (`https://...zip`, with `#sha256=...` to check it), or is `download`, for KITTI's own address. If it is not set
    and `DATA` names ADE20K, its photographs from a car take their place, or else those of streets; without any, drawn
    streets do. A printed line says which.

    Args:
        folder: where a download or a stand-in is kept, in the current directory.

    Raises:
        CourseError: if `KITTI` or `DATA` names nothing usable, or the download fails.
    """
    folder, given = Path(folder), os.environ.get("KITTI", "")
    if given == "download" or "://" in given:
        return announce(_STREETS, _downloaded(URL if given == "download" else given, folder), "downloaded")
    if given.lower().endswith(".zip"):
        archive = Path(given).expanduser()
        digits = f"{archive.resolve()} {archive.stat().st_size}" if archive.is_file() else ""
        return announce(_STREETS, _unpacked(archive, folder / f"kitti-{_label(digits)}"), "your copy")
    if not given and os.environ.get("DATA") and (adapted := adapted_photographs(_DRIVING, folder)):
        return announce(_STREETS, adapted, "photographs of DATA in its layout")
    return locate(_STREETS, folder)


def split_kitti(root, validation: int = VALIDATION, seed: int = 0) -> tuple[list[str], list[str]]:
    """Names of the labelled pictures to train on and to validate on, both in rising order.

    The same for every group with that seed, on every machine. In a stand-in the split is given, as neighbouring
    pictures of a film are nearly the same: see `splits.json`.

    Args:
        root: what `locate_kitti` gives.
        validation: pictures that are set aside.
        seed: of the shuffling.

    Raises:
        CourseError: if there are no labelled pictures, or too few, or `splits.json` is damaged.
    """
    if given := given_splits(root):
        return given["training"], given["validation"]
    names = sorted(path.stem for path in (Path(root) / "training" / "semantic").glob("*.png"))
    if len(names) <= validation:
        raise CourseError(
            f"{root} has {len(names)} labelled pictures in training/semantic, of which {validation} cannot be set "
            "aside: is it the folder of KITTI's semantics?"
        )
    shuffled = Numbers(seed).shuffled(names)
    return sorted(shuffled[validation:]), sorted(shuffled[:validation])


def given_splits(root) -> dict[str, list[str]] | None:
    """The names for training and for validation, as the `splits.json` of a stand-in has them; None without such a file.

    Raises:
        CourseError: if it is damaged.
    """
    file = Path(root) / SPLITS_FILE
    try:
        splits = json.loads(file.read_text(encoding="utf-8"))
        return {part: list(splits[part]) for part in ("training", "validation")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{file} is damaged: get the data set again.") from error


class KittiPairs(Dataset):
    """A split of KITTI's semantics.

    Item i is the image, float32 (3, H, W), normalised with ImageNet's mean and standard deviation, and the target,
    int64 (H, W): train ids 0..18, 255 where ignored. Of "testing" it is the image alone. With a `transform` it is
    `transform(image, label_ids)` of the image, uint8 (3, H, W), and the ids as annotated, uint8 (H, W).

    Args:
        root: what `locate_kitti` gives.
        split: "training", "validation" (see `split_kitti`) or "testing".
        transform: function (image, label_ids) -> anything a `DataLoader` can batch; not for "testing".
        size: (height, width) that all are resized to: images bilinearly with antialiasing, labels to the nearest. None
            leaves them as they are; KITTI's differ by some pixels.
        seed: of the split in two.

    Raises:
        CourseError: if there is no such data set or split; of an item, if its files cannot be read.
    """

    class_names = CITYSCAPES_CLASSES

    def __init__(self, root, split="training", transform: Transform | None = None, *, size=None, seed: int = 0):
        if split not in SPLITS:
            raise CourseError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
        self.split, self.transform, self.root = split, transform, Path(root)
        if split == "testing":
            self.names = sorted(path.stem for path in (self.root / "testing" / "image_2").glob("*.png"))
        else:
            self.names = split_kitti(root, seed=seed)[SPLITS.index(split)]
        self._resize = v2.Resize(tuple(size), antialias=True) if size else None

    def raw(self, index: int) -> tuple[Tensor, Tensor | None]:
        """The image, uint8 (3, H, W), and the ids as annotated, uint8 (H, W); None for "testing"."""
        name = f"{self.names[index]}.png"
        folder = self.root / ("testing" if self.split == "testing" else "training")
        image = read_png(folder / "image_2" / name, "RGB").permute(2, 0, 1)
        labels = None if self.split == "testing" else read_png(folder / "semantic" / name, "L")
        if labels is not None and labels.shape != image.shape[1:]:
            raise CourseError(f"{folder}/semantic/{name} is not as large as its image: get the data set again.")
        if self._resize is None:
            return image, labels
        if labels is None:
            return self._resize(image), None
        resized = self._resize(tv_tensors.Image(image), tv_tensors.Mask(labels))
        return tuple(one.as_subclass(Tensor) for one in resized)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Any:
        image, labels = self.raw(index)
        if self.transform is not None and labels is not None:
            return self.transform(image, labels)
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
        normalised = (image / 255 - mean) / std
        return normalised if labels is None else (normalised, train_ids_of(labels))


def train_ids_of(label_ids: Tensor) -> Tensor:
    """Train ids 0..18 of Cityscapes' label ids, uint8 of any shape; 255 for ids that no model is trained on. int64."""
    return torch.from_numpy(_TRAIN_IDS)[label_ids.int()]


def read_png(path: Path, mode: str) -> Tensor:
    """A picture of the data set: uint8 (H, W) of mode "L", labels, or (H, W, 3) of mode "RGB".

    Raises:
        CourseError: if it cannot be read, or labels are not 8-bit grey.
    """
    try:
        with Image.open(path) as image:
            if mode == "L" and image.mode != "L":  # converting would make other ids of them
                raise ValueError("labels must be 8-bit grey")
            return torch.from_numpy(np.array(image.convert(mode)))
    except DAMAGE as error:
        raise CourseError(f"{path} cannot be used ({in_words(error)}): get the data set again.") from error


def _downloaded(address: str, folder: Path) -> Path:
    """KITTI's zip file, fetched and unpacked; an interrupted download (300 MB) goes on."""
    url, fragment = urldefrag(address)
    out = folder / f"kitti-{_label(address)}"
    if not out.is_dir():
        archive = folder / "downloads" / f"{out.name}.zip"
        download(url, archive, checksum=fragment.removeprefix("sha256=") or None)
        if not fragment:
            print(f"{url} was not checked against a checksum; this one has sha256 {checksum_of(archive, 'sha256')}")
        _unpacked(archive, out)
        shutil.rmtree(folder / "downloads", ignore_errors=True)
    return out


def _label(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _unpacked(archive: Path, out: Path) -> Path:
    make_once(out, lambda: _unpack(archive, out))
    return out


def _unpack(archive: Path, out: Path) -> None:
    """The two parts of the zip file and the split if it says one, whole or not at all; `extract` checks every CRC."""
    try:
        with zipfile.ZipFile(archive) as opened, finished_folder(out) as partial:
            members = [name for name in opened.namelist() if name.split("/")[0] in (*_PARTS, SPLITS_FILE)]
            if not any(name.startswith("training/semantic/") for name in members):
                raise CourseError(f"{archive} is not KITTI's data_semantics.zip: it has no folder training/semantic.")
            with open_bar(len(members), unit="file", description="unpacking") as bar:
                for name in members:
                    opened.extract(name, partial)
                    bar.update()
    except DAMAGE as error:
        told = isinstance(error, OSError | zipfile.BadZipFile)  # what else zipfile raises is in terms of its own code
        reason = in_words(error).rstrip(".") if told else "damaged or encrypted"
        raise CourseError(f"{archive} cannot be unpacked ({reason}): get it again.") from error
