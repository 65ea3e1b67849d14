"""Public checks of 01_streets: counts and pairs so small that the answers can be worked out by hand."""

from functools import partial

import torch

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.competition.streets_probes import (
    augmented_beyond,
    augmented_flips,
    augmented_light,
    augmented_manners,
    augmented_pairs,
    augmented_positions,
    augmented_twice,
    augmented_whole,
    window_manners,
)
from segkit.tasks.segformer.probes import result, result_and_manners
from segkit.tasks.segformer.transform_probes import transformed_image, transformed_target

ROUNDED = 0.01  # of the image's spread: grey as 0.2989 or 0.299 of red
float_manners = partial(result_and_manners, dtype="float32")


def _weights(title: str, *arguments, probe=result) -> PublicCheck:
    counts, *rest = arguments
    case = dict(name="class_balanced_weights", arguments=[torch.tensor(counts), *rest], what="the vector of weights")
    return PublicCheck(title, probe, case)


CLASS_BALANCED_WEIGHTS = Task(
    "class_balanced_weights",
    "1.1 Weights that balance the classes",
    (
        _weights("counts 1, 2, 3 and beta 0.5: effective numbers 1, 1.5, 1.75", [1, 2, 3], 0.5),
        _weights("counts 1, 2, 0, 3: one class never occurs", [1, 2, 0, 3], 0.5),
        _weights("beta 0: one of a class is as good as many", [1, 20, 300], 0.0),
        _weights("no beta given: 0.999", [2, 100, 5000]),
        _weights("millions of pixels, beta 1 - 1e-7", [20_000, 3_000_000, 500_000_000], 1 - 1e-7),
        _weights("beta 1 - 2e-16: one over the count", [3, 5, 7], 1 - 2.0**-52),
        _weights("the dtype, and the counts themselves", [1, 2, 3], 0.5, probe=float_manners),
    ),
)

# In the image, tens are rows and ones are columns; the labels are the same numbers.
_places = torch.arange(4)[:, None] * 10 + torch.arange(6)
_pair = dict(image=_places.expand(3, -1, -1).float().contiguous(), mask=_places)


def _window(title: str, probe, top: int, left: int, size: tuple[int, int], **more) -> PublicCheck:
    named = {} if probe is window_manners else dict(name="crop_pair")
    return PublicCheck(title, probe, dict(_pair, **named, settings=dict(top=top, left=left, size=size)) | more)


CROP_PAIR = Task(
    "crop_pair",
    "1.2 A window of a pair",
    (
        _window("the image: rows 1 to 2, columns 2 to 4", transformed_image, 1, 2, (2, 3)),
        _window("the mask: rows 1 to 2, columns 2 to 4", transformed_target, 1, 2, (2, 3)),
        _window("the image: two columns beyond the right side", transformed_image, 0, 4, (2, 4)),
        _window("the mask: two columns beyond the right side", transformed_target, 0, 4, (2, 4)),
        _window("the image: one row below the last one", transformed_image, 2, 1, (3, 2)),
        _window("the mask: one row below the last one", transformed_target, 2, 1, (3, 2)),
        _window("the image is smaller than the window", transformed_image, 0, 0, (5, 8)),
        _window("the mask is smaller than the window", transformed_target, 0, 0, (5, 8)),
        _window("the dtypes, and image and mask themselves", window_manners, 1, 2, (2, 3), target_dtype="int64"),
        _window(
            "the dtypes of a mask of uint8", window_manners, 1, 2, (2, 3),
            mask=_places.to(torch.uint8), target_dtype="uint8",
        ),
    ),
)  # fmt: skip

_colours = torch.tensor([[[0.6, 0.3]], [[0.4, 0.3]], [[0.2, 0.5]]])  # an orange and a blue pixel


def _light(title: str, *factors: float, image: torch.Tensor = _colours, probe=result) -> PublicCheck:
    case = dict(name="photometric", arguments=[image, *factors], what="the image")
    return PublicCheck(title, probe, case, tolerance=ROUNDED)


PHOTOMETRIC = Task(
    "photometric",
    "1.3 Other light",
    (
        _light("half the brightness", 0.5, 1.0, 1.0),
        _light("no contrast: the mean grey everywhere", 1.0, 0.0, 1.0),
        _light("contrast 1.5", 1.0, 1.5, 1.0),
        _light("no saturation: each pixel's own grey", 1.0, 1.0, 0.0),
        _light("saturation 1.5", 1.0, 1.0, 1.5),
        _light("brightness 1.2, contrast 0.5, saturation 1.4", 1.2, 0.5, 1.4),
        _light("so much brightness that white is reached", 2.0, 1.0, 1.0),
        _light("white is reached before the contrast is lowered", 2.0, 0.5, 1.0),
        _light("half the brightness, then three times the contrast", 0.5, 3.0, 1.0),
        _light("so much contrast that white is reached, then half the saturation", 1.0, 4.0, 0.5),
        _light("the dtype, and the image itself", 1.2, 0.8, 1.1, probe=float_manners),
    ),
)


def _image(height: int, width: int, seed: int) -> torch.Tensor:
    return (0.42 + 0.16 * Numbers(seed).integers(0, 1001, 3, height, width) / 1000).float()


_EARLIER = ("crop_pair", "photometric")
_many = dict(image=_image(5, 8, 601), size=(4, 6), seeds=list(range(96)), doubles=_EARLIER)


def _one(height: int, width: int, **more) -> dict:
    mask = 1000 + torch.arange(height * width).reshape(height, width)
    return dict(image=_image(height, width, 602), mask=mask, seed=7, doubles=_EARLIER, **more)


AUGMENT = Task(
    "augment",
    "1.4 Never the same picture twice",
    (
        PublicCheck("96 windows of 4 x 6 from 5 x 8 pixels: image and mask", augmented_pairs, _many),
        PublicCheck("where they begin", augmented_positions, _many),
        PublicCheck("which of them are mirrored", augmented_flips, _many),
        PublicCheck("strength 0 and a window as large as the picture", augmented_whole, _one(3, 4)),
        PublicCheck("the light of each, strength 0.3", augmented_light, dict(_many, strength=0.3)),
        PublicCheck("two generators of one seed", augmented_twice, _one(24, 30, size=(8, 10))),
        PublicCheck("a window of 8 x 9 from 5 x 7 pixels", augmented_beyond, _one(5, 7, size=(8, 9))),
        PublicCheck(
            "the shapes, the dtypes, and image and mask themselves", augmented_manners, _one(9, 12, size=(5, 7))
        ),
    ),
)

TASKS = (CLASS_BALANCED_WEIGHTS, CROP_PAIR, PHOTOMETRIC, AUGMENT)
