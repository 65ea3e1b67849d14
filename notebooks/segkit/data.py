"""The photographs and their labels as tensors, and where they come from.

`locate_data()` gives the folder of a four-class data set, `FourClassADE20K` reads it; `raw_data()` and `RawADE20K` do
the same for ADE20K before its 150 classes become four. A machine without ADE20K gets a drawn sample (`segkit.sample`).
"""

import hashlib
import io
import os
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import Dataset
from torchvision import tv_tensors

from segkit.errors import CourseError
from segkit.sample import make_sample
from segkit.source import ADE20K_NAMES, SPLITS, open_source
from segkit.subset import (
    ADE20K_CLASSES,
    CLASS_NAMES,
    IGNORE,
    TARGET_SIZE,
    UNLABELLED,
    build_subset,
    is_built,
    read_manifest,
)

__all__ = [
    "ADE20K_CLASSES",
    "ADE20K_NAMES",
    "CLASS_NAMES",
    "IGNORE",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "IMAGE_SIZE",
    "TARGET_SIZE",
    "EvalTransform",
    "FourClassADE20K",
    "RawADE20K",
    "build_subset",
    "default_transform",
    "denormalise",
    "locate_data",
    "prepare_image",
    "raw_data",
    "read_manifest",
]

IMAGE_SIZE = (256, 256)
# Mean and standard deviation of ImageNet's pixels (red, green, blue; 0..1): published weights expect them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class FourClassADE20K(Dataset):
    """One split of a four-class data set that `build_subset` wrote.

    Item i is `(image, mask)`: a `tv_tensors.Image`, uint8 (3, H, W), and a `tv_tensors.Mask`, uint8 (H, W), labels 0..3
    and 255 = ignored, at the size of the photograph; greyscale photographs have three equal channels. With a
    `transform` it is `transform(image, mask)`.

    Args:
        root: folder of the data set.
        split: "training" or "validation".
        transform: function (image, mask) -> anything a `DataLoader` can batch.
        keep_in_memory: decode every file once and keep it, 4 bytes per pixel (60 MB for 300 images of 200x250): worth
            it for small sets and `num_workers=0`, since every worker process has a memory of its own.

    Raises:
        CourseError: if there is no such data set or split, or files of it are missing.
    """

    def __init__(self, root, split="training", transform=None, *, keep_in_memory=False):
        self.root = Path(root)
        self.split = _known_split(split)
        self.transform = transform
        self.manifest = read_manifest(self.root)
        self.names = _complete_names(self.root, split, self.manifest["splits"][split]["kept"])
        self._decoded = {} if keep_in_memory else None

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int):
        name = self.names[index]
        if self._decoded is None:
            image, mask = self._read(name)
        else:
            if name not in self._decoded:
                self._decoded[name] = self._read(name)
            # Copies: what a transform does in place must not last.
            image, mask = (tv_tensors.wrap(kept.clone(), like=kept) for kept in self._decoded[name])
        return (image, mask) if self.transform is None else self.transform(image, mask)

    def __repr__(self) -> str:
        return f"FourClassADE20K({str(self.root)!r}, {self.split!r}): {len(self)} images"

    def _read(self, name: str) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        image = self.root / "images" / self.split / f"{name}.jpg"
        mask = self.root / "annotations" / self.split / f"{name}.png"
        return _decode(image.read_bytes, "RGB", image), _decode(mask.read_bytes, "L", mask)


class RawADE20K(Dataset):
    """One split of ADE20K as published, a folder or a zip file, for looking at it.

    Item i is `(image, annotation)`: a `tv_tensors.Image`, uint8 (3, H, W), and a `tv_tensors.Mask`, uint8 (H, W), of
    class ids 0..150 (`ADE20K_NAMES` gives their names). Images without an annotation are left out.

    Raises:
        CourseError: if `source` is not in the ADE20K layout, or a file cannot be decoded.
    """

    def __init__(self, source, split="training"):
        self.split = _known_split(split)
        self._source = open_source(source)
        annotated = {Path(file).stem for file in self._source.files("annotations", split)}
        images = {Path(file).stem: file for file in self._source.files("images", split)}
        self._images = {name: file for name, file in images.items() if name in annotated}
        self.names = sorted(self._images)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        name = self.names[index]
        return self._read("images", self._images[name], "RGB"), self._read("annotations", f"{name}.png", "L")

    def _read(self, kind: str, file: str, mode: str):
        where = f"{kind}/{self.split}/{file} of {self._source.name}"
        return _decode(lambda: self._source.read(kind, self.split, file), mode, where)


class EvalTransform:
    """(image, mask) -> (normalised image of `image_size`, int64 labels of `target_size`), without any augmentation.

    Sizes are (height, width). The target is taken from the full-size mask, nearest neighbour.
    """

    def __init__(self, image_size=IMAGE_SIZE, target_size=TARGET_SIZE):
        self.image_size = image_size
        self.target_size = target_size

    def __call__(self, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return prepare_image(image, self.image_size), _sample_labels(mask, self.target_size)


default_transform = EvalTransform()


def prepare_image(image: torch.Tensor, size=IMAGE_SIZE) -> torch.Tensor:
    """A photograph as the model wants it: uint8 (3, H, W) -> float32 (3, *size), bilinear, ImageNet-normalised.

    Plain resize to `size` = (height, width): the whole image, whatever its aspect ratio.
    """
    pixels = image.as_subclass(torch.Tensor).to(torch.float32)
    resized = F.interpolate(pixels[None], tuple(size), mode="bilinear", antialias=True)[0]
    mean, std = _channel_statistics(resized.device)
    return (resized / 255 - mean) / std


def denormalise(image: torch.Tensor) -> torch.Tensor:
    """The inverse of the normalisation, for plots: float (..., 3, H, W) -> float in 0..1 of the same shape."""
    mean, std = _channel_statistics(image.device)
    return (image * std + mean).clamp(0, 1)


def locate_data(folder="data", *, unlabelled=None) -> Path:
    """The folder of a four-class data set, built on the first call.

    The environment variable `DATA` names ADE20K's folder or zip file (or a four-class data set that is built already);
    if it is not set, the drawn sample is used. One printed line says which.

    Args:
        folder: where it is built, in the current directory.
        unlabelled: "background" or "ignore": what unlabelled pixels become. None asks the environment variable
            `UNLABELLED`, and is "background", as in the original course, if that is not set.

    Raises:
        CourseError: if `DATA` names nothing usable.
    """
    given = _given_data()
    if given is not None and is_built(given):
        return _announce(given, f"the four-class data set {given}")
    unlabelled = unlabelled or os.environ.get("UNLABELLED") or "background"
    if unlabelled not in UNLABELLED:
        raise CourseError(f'UNLABELLED must be "background" or "ignore", not "{unlabelled}".')
    source = raw_data(folder)
    # Another DATA is another folder: a data set of yesterday's photographs must not be taken for today's.
    label = "sample" if given is None else f"{_safe(given.stem)}-{_fingerprint(given)}"
    built = Path(folder) / f"{label}-four-classes{'-ignore' if unlabelled == 'ignore' else ''}"
    _build_once(built, lambda: build_subset(source, built, unlabelled=unlabelled))
    return _announce(built, "the drawn sample" if given is None else str(given))


def raw_data(folder="data") -> Path:
    """ADE20K with its 150 classes, for `RawADE20K`: what the environment variable `DATA` names, or else the sample.

    Raises:
        CourseError: if `DATA` names nothing, or a data set that has four classes already.
    """
    given = _given_data()
    if given is None:
        sample = Path(folder) / "sample"
        _build_once(sample, lambda: make_sample(sample), finished=lambda: (sample / "objectInfo150.txt").is_file())
        return sample
    if is_built(given):
        raise CourseError(f"{given} has four classes already: set DATA to ADEChallengeData2016 itself to see all 150.")
    return given


def _given_data() -> Path | None:
    value = os.environ.get("DATA")
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.exists():
        raise CourseError(
            f"The environment variable DATA names {path}, which does not exist: set it to the ADEChallengeData2016 "
            "folder or zip file, or unset it to use the drawn sample."
        )
    return path


def _build_once(folder: Path, build, finished=None) -> None:
    """Call `build` unless `folder` is there; another process that was faster is as good."""
    finished = finished or (lambda: is_built(folder))
    if finished():
        return
    try:
        build()
    except CourseError:
        if not finished():
            raise


def _announce(built: Path, what: str) -> Path:
    splits = read_manifest(built)["splits"]
    counts = " and ".join(f"{splits[split]['kept']} {split}" for split in SPLITS)
    print(f"Data: {counts} images from {what}, in {built}")
    return built


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _fingerprint(path: Path) -> str:
    """Eight characters for the place `path`, and for its time of change if it is a file."""
    place = path.resolve()
    changed = place.stat().st_mtime_ns if place.is_file() else ""
    return hashlib.sha256(f"{place}{changed}".encode()).hexdigest()[:8]


def _known_split(split: str) -> str:
    if split not in SPLITS:
        raise CourseError(f'There is no split {split!r}: choose "training" or "validation".')
    return split


def _complete_names(root: Path, split: str, expected: int) -> list[str]:
    images = {path.stem for path in (root / "images" / split).glob("*.jpg")}
    masks = {path.stem for path in (root / "annotations" / split).glob("*.png")}
    if len(images & masks) != expected or images != masks:
        raise CourseError(
            f"{root} is damaged: its manifest counts {expected} {split} images, but there are {len(images)} images and "
            f"{len(masks)} masks, {len(images & masks)} of them in pairs; build the data set again."
        )
    return sorted(images)


def _decode(read, mode: str, where) -> tv_tensors.TVTensor:
    """A picture as a tensor: uint8 Image (3, H, W) for mode "RGB", uint8 Mask (H, W) for mode "L"."""
    try:
        with Image.open(io.BytesIO(read())) as picture:
            if mode == "L" and picture.mode != "L":
                raise ValueError("labels must be 8-bit grey")
            pixels = np.array(picture.convert(mode))
    except (OSError, SyntaxError, ValueError) as error:
        raise CourseError(f"{where} cannot be read ({error}): build the data set again, or leave it out.") from error
    tensor = torch.from_numpy(pixels)
    return tv_tensors.Mask(tensor) if mode == "L" else tv_tensors.Image(tensor.permute(2, 0, 1).contiguous())


def _sample_labels(mask: torch.Tensor, size) -> torch.Tensor:
    labels = np.asarray(mask)
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, labels.shape, strict=True))
    return torch.from_numpy(labels[np.ix_(rows, columns)].astype(np.int64))


def _channel_statistics(device) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.tensor(values, device=device)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
