"""Joint augmentation of an image and its mask, decided by one number.

Training sees another crop of a photograph in every epoch, mirrored or not, in other light. What is drawn depends on a
seed alone, so that a batch is the same whichever process or device makes it, and in whatever order.
"""

import functools
import math
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from segkit.data import IMAGE_SIZE, IMAGENET_MEAN, IMAGENET_STD, TARGET_SIZE, prepare_image
from segkit.errors import CourseError


@dataclass(frozen=True)
class Augmentation:
    """Random crop, mirroring and light, then ImageNet's normalisation.

    Args:
        image_size, target_size: (height, width) of the results.
        scale: smallest and largest part of the image's area that a crop covers, within 0..1.
        ratio: smallest and largest width / height of a crop.
        flip: probability of mirroring left and right.
        brightness, contrast, saturation: largest relative change; 0.3 draws factors of 0.7 to 1.3.
        hue: largest shift, at most 0.5 (half the circle of colours); the one change of light that takes long.

    Raises:
        CourseError: if a setting is out of range.
    """

    image_size: tuple[int, int] = IMAGE_SIZE
    target_size: tuple[int, int] = TARGET_SIZE
    scale: tuple[float, float] = (0.25, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.0

    def __post_init__(self):
        _check_size("image_size", self.image_size)
        _check_size("target_size", self.target_size)
        _check_range("scale", self.scale, 1)
        _check_range("ratio", self.ratio, math.inf)
        for name, largest in (("flip", 1), ("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0.5)):
            _check_number(name, getattr(self, name), largest)

    def __call__(self, image: Tensor, mask: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Augment one image and its mask, on the device on which they lie.

        Neither torch's generators nor what is passed in are changed. Between a CPU and another device the resized
        image may differ by one of 255 grey levels, since a CPU resizes in whole numbers.

        Args:
            image: uint8 (3, H, W).
            mask: uint8 (H, W) labels.
            seed: decides what is drawn.

        Returns:
            float32 (3, *image_size), normalised, and int64 (*target_size). The target is the nearest pixel of the
            mask's crop, by the rule floor(i * H / h) of the course.
        """
        # Not torch.manual_seed: that would seed the generators of all GPUs as well.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            image, mask = self._crop(image.as_subclass(Tensor), mask.as_subclass(Tensor))
            # Resized as bytes and lit as floats: on a CPU each takes longer in the other type.
            image = functional.to_dtype(
                functional.resize(image, list(self.image_size), antialias=True), torch.float32, scale=True
            )
            return _normalise(self._light(image)), nearest_labels(mask, self.target_size)

    @functools.cached_property
    def _light(self) -> v2.ColorJitter:
        return v2.ColorJitter(self.brightness, self.contrast, self.saturation, self.hue)

    def _crop(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The same part of both, still at its own size; mirrored before the target is taken, as a photograph is."""
        top, left, height, width = v2.RandomResizedCrop.get_params(image, list(self.scale), list(self.ratio))
        parts = [functional.crop(whole, top, left, height, width) for whole in (image, mask)]
        return tuple(map(functional.horizontal_flip, parts) if torch.rand(()).item() < self.flip else parts)


@dataclass(frozen=True)
class Plain:
    """No augmentation: the whole image, resized and normalised, as `segkit.data.EvalTransform` does it.

    Called like an `Augmentation`, on any device; the seed decides nothing.

    Raises:
        CourseError: if a size is none.
    """

    image_size: tuple[int, int] = IMAGE_SIZE
    target_size: tuple[int, int] = TARGET_SIZE

    def __post_init__(self):
        _check_size("image_size", self.image_size)
        _check_size("target_size", self.target_size)

    def __call__(self, image: Tensor, mask: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
        """uint8 (3, H, W) and (H, W) -> float32 (3, *image_size), normalised, and int64 (*target_size)"""
        return prepare_image(image, self.image_size), nearest_labels(mask.as_subclass(Tensor), self.target_size)


def nearest_labels(mask: Tensor, size) -> Tensor:
    """Labels (H, W) -> int64 (h, w): at (i, j) the label at (floor(i * H / h), floor(j * W / w))."""
    (height, width), (new_height, new_width) = mask.shape, size
    if height % new_height == 0 and width % new_width == 0:
        sampled = mask[:: height // new_height, :: width // new_width]
    else:
        rows = torch.arange(new_height, device=mask.device) * height // new_height
        columns = torch.arange(new_width, device=mask.device) * width // new_width
        sampled = mask[rows[:, None], columns]
    return sampled.to(torch.int64).contiguous()


def _normalise(image: Tensor) -> Tensor:
    mean, std = _channel_statistics(image.device)
    return (image - mean) / std


@functools.cache
def _channel_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    # Made once: every small copy to a GPU would wait for what the GPU is doing.
    return tuple(torch.tensor(values, device=device)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))


def _check_size(name: str, size) -> None:
    valid = isinstance(size, tuple | list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    if not valid:
        raise CourseError(f"{name}={size!r} must be (height, width) in pixels, for example (256, 256).")


def _check_range(name: str, limits, largest: float) -> None:
    valid = isinstance(limits, tuple | list) and len(limits) == 2 and all(isinstance(x, Real) for x in limits)
    if not (valid and 0 < limits[0] <= limits[1] <= largest and math.isfinite(limits[1])):
        upper = f" and at most {largest}" if math.isfinite(largest) else ""
        raise CourseError(f"{name}={limits!r} must be two numbers, (smallest, largest), above 0{upper}.")


def _check_number(name: str, value, largest: float) -> None:
    if not (isinstance(value, Real) and 0 <= value <= largest):
        raise CourseError(f"{name}={value!r} must be a number from 0 to {largest}.")
