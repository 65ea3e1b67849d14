"""1.2 joint_transform: image and mask are flipped as one, the image is resized smoothly, the labels never mixed.

One mistake should cost one property. So where the flip is asked for nothing is resized or ignored; where it is not,
pictures are symmetric, and no flip shows; images are compared without brightness and contrast where normalisation is
not the question. Masks of whole blocks give the same target whether the flip comes before or after the resizing.
"""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.transform_probes import (
    resized_image,
    transform_coins,
    transform_manners,
    transformed_image,
    transformed_pair,
    transformed_target,
)

LABELS = (0, 1, 2, 3)
ROUNDED = 0.03  # of the image's spread: resizing in uint8, antialiased or not, stays below
ROUNDED_NOISE = 0.1  # the same where neighbouring pixels have nothing in common; bicubic is off by 0.4


def photograph(draw, height: int, width: int, *, block: int, labels: tuple[int, ...] = LABELS) -> dict:
    """A smooth image and a mask of square regions of `block` pixels."""
    return dict(image=draw.smooth_image(height, width), mask=draw.blocks(labels, height, width, block).to(torch.uint8))


def symmetric(draw, height: int, width: int, *, block: int, labels: tuple[int, ...] = LABELS) -> dict:
    """The same whose right half mirrors the left one."""
    rows, columns = torch.arange(height)[:, None] / height, (torch.arange(width)[None, :] + 0.5) / width
    waves = [
        60 * torch.sin(2 * torch.pi * rows + phase) + 50 * torch.cos(2 * torch.pi * columns)
        for phase in draw.normal(3).tolist()
    ]
    mask = draw.blocks(labels, height, width, block).to(torch.uint8)
    mask[:, -(width // 2) :] = mask[:, : width // 2].flip(-1)
    return dict(image=(127.5 + torch.stack(waves)).round().to(torch.uint8), mask=mask)


def sizes(image_size: tuple[int, int], target_size: tuple[int, int], flip_probability: float = 0.0) -> dict:
    return dict(flip_probability=flip_probability, image_size=image_size, target_size=target_size)


def unresized(draw, make=photograph, flip_probability: float = 0.0) -> dict:
    """A square photograph, and settings by which neither the image nor the mask is resized."""
    size = (draw.choose(12, 14, 16),) * 2
    return dict(**make(draw, *size, block=2), settings=sizes(size, size, flip_probability))


@graded("the image: the whole of it, smoothly resized to any height and width", share=1)
def test_image(judge, draw):
    image_size = draw.choose((24, 40), (32, 20), (30, 44))
    case = symmetric(draw, *draw.choose((40, 56), (48, 36)), block=4)
    judge.same(resized_image, **case, settings=sizes(image_size, (8, 8)), tolerance=ROUNDED)


@graded("the image: enlarged bilinearly, whatever stands beside a pixel", share=0.5)
def test_noise(judge, draw):
    """Noise tells the ways to interpolate apart; where it is enlarged, antialiasing changes nothing."""
    height, width = draw.choose((24, 40), (36, 28))
    half = draw.integers(0, 256, 3, height, width // 2).to(torch.uint8)
    case = dict(symmetric(draw, height, width, block=4), image=torch.cat([half, half.flip(-1)], dim=-1))
    image_size = draw.choose((40, 52), (44, 60))
    judge.same(resized_image, **case, settings=sizes(image_size, (8, 8)), tolerance=ROUNDED_NOISE)


@graded("normalised with the mean and standard deviation of ImageNet, per colour", share=1)
def test_normalisation(judge, draw):
    judge.same(transformed_image, **unresized(draw, symmetric))


@graded("the target of large regions: their labels and no others, 255 included", share=1)
def test_regions(judge, draw):
    factor = draw.choose(3, 4, 5)
    case = symmetric(draw, 8 * factor, 12 * factor, block=factor, labels=(*LABELS, 255))
    judge.same(transformed_target, **case, settings=sizes((16, 24), (8, 12)))


@graded("the target pixel by pixel: row floor(i H / h), column floor(j W / w) of the mask", share=1)
def test_nearest(judge, draw):
    case = symmetric(draw, *draw.choose((37, 45), (29, 53), (43, 35)), block=1)
    judge.same(transformed_target, **case, settings=sizes((20, 28), (8, 16)))


@graded("flip_probability 1: image and target are mirrored from left to right", share=1)
def test_always_flipped(judge, draw):
    judge.same(transformed_pair, **unresized(draw, flip_probability=1.0), tolerance=ROUNDED)


@graded("flip_probability 0: neither is", share=0.5)
def test_never_flipped(judge, draw):
    judge.same(transformed_pair, **unresized(draw, flip_probability=0.0), tolerance=ROUNDED)


@graded("flip_probability 0.5: one coin for both", share=2.5)
def test_one_coin(judge, draw):
    judge.same(transform_coins, **unresized(draw), tolerance=ROUNDED)


@graded("256 x 256 and 64 x 64 if no sizes are given", share=0.5)
def test_default_sizes(judge, draw):
    case = symmetric(draw, *draw.choose((96, 144), (128, 112)), block=200)
    judge.same(resized_image, **case, settings=dict(flip_probability=0.0), tolerance=ROUNDED)
    judge.same(transformed_target, **case, settings=dict(flip_probability=0.0))


@graded("float32 image, int64 target, and what was passed in is left as it was", share=0.5)
def test_manners(judge, draw):
    judge.same(transform_manners, **unresized(draw, symmetric), tolerance=ROUNDED)
