"""Public checks of 01_warmup: the first case of each task can be read as a whole, then no two sizes are equal."""

import torch

from segkit.checking.inputs import Numbers
from segkit.checking.probes import function_result, module_output, module_weights
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.intro.probes import function_manners


def _places(channels: int, height: int, width: int) -> torch.Tensor:
    """An image whose numbers say where they stand: 213 is in channel 2, row 1, column 3."""
    grid = [[[100 * c + 10 * i + j for j in range(width)] for i in range(height)] for c in range(channels)]
    return torch.tensor([grid], dtype=torch.float64)


def _patches(title: str, images: torch.Tensor, patch_size: int) -> PublicCheck:
    return PublicCheck(title, function_result, dict(name="image_to_patches", arguments=[images, patch_size]))


IMAGE_TO_PATCHES = Task(
    "image_to_patches",
    "1.1 An image as a row of patches",
    (
        _patches("one channel of 2 x 4 pixels, two patches of 2 x 2", _places(1, 2, 4), 2),
        _patches("two channels of 2 x 2 pixels, a single patch", _places(2, 2, 2), 2),
        _patches("two images of three channels, 4 x 6 pixels", Numbers(201).normal(2, 3, 4, 6), 2),
        _patches("patches of 3 x 3, six rows of pixels and nine columns", Numbers(202).normal(1, 2, 6, 9), 3),
        PublicCheck(
            "bytes (uint8), as images are stored",
            function_manners,
            dict(name="image_to_patches", arguments=[_places(2, 2, 4).to(torch.uint8), 2]),
        ),
    ),
)


def _normalized(title: str, images: torch.Tensor, **settings) -> PublicCheck:
    return PublicCheck(title, function_result, dict(name="normalize_channels", arguments=[images], settings=settings))


def _number_per_image(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64).reshape(-1, 1, 1, 1)


_uneven = torch.tensor([1.0, 30.0, 0.2], dtype=torch.float64).reshape(3, 1, 1)

NORMALIZE_CHANNELS = Task(
    "normalize_channels",
    "1.2 Normalising the channels",
    (
        _normalized("a single pixel, 1 in the first image and 3 in the second", _number_per_image(1, 3)),
        _normalized(
            "two images, three channels of different size", _uneven * Numbers(203).normal(2, 3, 4, 5) + _uneven
        ),
        _normalized("the same with eps=0.5", _uneven * Numbers(203).normal(2, 3, 4, 5) + _uneven, eps=0.5),
        _normalized("a constant channel", torch.full((2, 1, 2, 2), 7.0, dtype=torch.float64)),
    ),
)

_pixel_linear = dict(name="PixelLinear", doubles=("normalize_channels",))

PIXEL_LINEAR = Task(
    "pixel_linear",
    "1.3 A linear layer at every pixel",
    (
        PublicCheck(
            "two channels become three (with a stand-in for your normalize_channels)",
            module_output,
            dict(
                **_pixel_linear,
                arguments=dict(in_channels=2, out_channels=3),
                inputs=[Numbers(204).normal(2, 2, 4, 5)],
            ),
        ),
        PublicCheck(
            "as many channels as columns (with the same stand-in)",
            module_output,
            dict(
                **_pixel_linear,
                arguments=dict(in_channels=4, out_channels=2),
                inputs=[Numbers(205).normal(1, 4, 3, 4)],
            ),
        ),
        PublicCheck(
            "the matrix is there once, and learns",
            module_weights,
            dict(
                **_pixel_linear,
                arguments=dict(in_channels=5, out_channels=3),
                inputs=[Numbers(206).normal(2, 5, 2, 4)],
                cotangent=Numbers(207).normal(2, 3, 2, 4),
            ),
        ),
    ),
)

TASKS = (IMAGE_TO_PATCHES, NORMALIZE_CHANNELS, PIXEL_LINEAR)
