"""Photographs and labels as tensors, and the transform of what is never augmented."""

import io
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import Dataset
from torchvision import tv_tensors

from segkit.errors import CourseError
from segkit.subset.classes import SPLITS, TARGET_SIZE, sample_nearest
from segkit.subset.limits import DAMAGE, in_words
from segkit.subset.manifest import read_manifest
from segkit.subset.pairs import pairs_of
from segkit.subset.reading import PhotographFiles, PlaneFiles
from segkit.subset.sources import open_source

IMAGE_SIZE = (256, 256)
# Mean and standard deviation of ImageNet's pixels (red, green, blue; 0..1): published weights expect them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class FourClassADE20K(Dataset):
    """One split of a four-class data set that `build_subset` wrote, as training reads it: nothing is decoded.

    Item i is `(image, mask)`: a `tv_tensors.Image`, uint8 (3, S, S), and a `tv_tensors.Mask`, uint8 (S, S), labels 0..3
    and 255 = ignored. S is 256 unless the set was built otherwise: photographs are squeezed to squares, and greyscale
    ones have three equal channels. With a `transform` it is `transform(image, mask)`.

    Args:
        root: folder of the data set.
        split: "training" or "validation".
        transform: function (image, mask) -> anything a `DataLoader` can batch.

    Raises:
        CourseError: if there is no such data set or split, or files of it are missing.
    """

    def __init__(self, root, split="training", transform=None):
        self.root = Path(root).expanduser()
        self.split = _known_split(split)
        self.transform = transform
        self.manifest = read_manifest(self.root)
        self.size = self.manifest["size"]
        self._files = PlaneFiles(self.root, self.manifest, split)
        self.names = self._files.names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int):
        planes = torch.from_numpy(self.planes(index).copy())  # what a transform does in place must not reach the file
        image, mask = tv_tensors.Image(planes[:3]), tv_tensors.Mask(planes[3])
        return (image, mask) if self.transform is None else self.transform(image, mask)

    def __repr__(self) -> str:
        return f"FourClassADE20K({str(self.root)!r}, {self.split!r}): {len(self)} images"

    def planes(self, index: int) -> np.ndarray:
        """Red, green, blue and label of one image as they lie in the file: uint8 (4, S, S), read-only."""
        return self._files[index]


class Photographs(Dataset):
    """One split of a four-class data set at the size of its photographs, decoded anew each time; for looking at it.

    Item i is `(image, mask)`: a `tv_tensors.Image`, uint8 (3, H, W), and a `tv_tensors.Mask`, uint8 (H, W), labels 0..3
    and 255 = ignored. The order is that of `FourClassADE20K`.

    Raises:
        CourseError: if there is no such data set or split, or it was built without the photographs of this split.
    """

    def __init__(self, root, split="validation"):
        root = Path(root).expanduser()
        manifest = read_manifest(root)
        if _known_split(split) not in manifest["photographs"]:
            raise CourseError(
                f"{root} was built without the {split} photographs: build it with --photographs training validation, "
                "or use FourClassADE20K, which has them as squares."
            )
        self._files = PhotographFiles(root, manifest, split)
        self.split = split
        self.names = self._files.names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        jpeg, png = self._files[index]
        where = f"{self.split} photograph {self.names[index]}"
        return _decode(lambda: jpeg, "RGB", where), _decode(lambda: png, "L", where)


class RawADE20K(Dataset):
    """One split of ADE20K as published (see `open_source`), for looking at it.

    Item i is `(image, annotation)`: a `tv_tensors.Image`, uint8 (3, H, W), and a `tv_tensors.Mask`, uint8 (H, W), of
    class ids 0..150 (`ADE20K_NAMES` gives their names). Names without one image and one annotation are left out.

    Raises:
        CourseError: if `source` is not in the ADE20K layout, or a file cannot be decoded.
    """

    def __init__(self, source, split="training"):
        self.split = _known_split(split)
        self._source = open_source(source)
        pairs = pairs_of(self._source, split)
        self._pairs = {name: files for name, files in pairs.items() if list(map(len, files.values())) == [1, 1]}
        self.names = list(self._pairs)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        files = self._pairs[self.names[index]]
        return self._read("images", files["images"][0], "RGB"), self._read("annotations", files["annotations"][0], "L")

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
        labels = sample_nearest(np.asarray(mask), self.target_size)
        return prepare_image(image, self.image_size), torch.from_numpy(labels.astype(np.int64))


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


def _known_split(split: str) -> str:
    if split not in SPLITS:
        raise CourseError(f'There is no split {split!r}: choose "training" or "validation".')
    return split


def _decode(read, mode: str, where) -> tv_tensors.TVTensor:
    """A picture as a tensor: uint8 Image (3, H, W) for mode "RGB", uint8 Mask (H, W) for mode "L"."""
    try:
        with Image.open(io.BytesIO(read())) as picture:
            if mode == "L" and picture.mode != "L":
                raise ValueError("labels must be 8-bit grey")
            pixels = np.array(picture.convert(mode))
    except DAMAGE as error:
        raise CourseError(
            f"{where} cannot be read ({in_words(error)}): build the data set again, or leave it out."
        ) from error
    tensor = torch.from_numpy(pixels)
    return tv_tensors.Mask(tensor) if mode == "L" else tv_tensors.Image(tensor.permute(2, 0, 1).contiguous())


def _channel_statistics(device) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.tensor(values, device=device)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
