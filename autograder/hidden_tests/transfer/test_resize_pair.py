"""1.3 resize_pair: the image is resized smoothly and normalised, the labels are picked and keep their dtype.

One mistake should cost one property: images are compared without brightness and contrast where normalisation is not the
question, masks of whole blocks give the same labels by every way of picking.
"""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.transform_probes import (
    resized_image,
    transform_manners,
    transformed_image,
    transformed_target,
)

LABELS = (0, 1, 2, 18)
ROUNDED = 0.03  # of the image's spread: resizing in uint8 stays below
ROUNDED_NOISE = 0.1  # the same where neighbouring pixels have nothing in common; bicubic is off by 0.4


def pair(draw, height: int, width: int, *, block: int, labels: tuple[int, ...] = LABELS, dtype=torch.uint8) -> dict:
    """A smooth image and a mask of square regions of `block` pixels."""
    mask = draw.blocks(labels, height, width, block).to(dtype)
    return dict(name="resize_pair", image=draw.smooth_image(height, width), mask=mask)


def noise(draw, height: int, width: int) -> dict:
    return dict(pair(draw, height, width, block=4), image=draw.integers(0, 256, 3, height, width).to(torch.uint8))


@graded("the image: the whole of it, smoothly resized to any height and width", share=1)
def test_image(judge, draw):
    case = pair(draw, *draw.choose((40, 56), (48, 36)), block=4)
    judge.same(resized_image, **case, settings=dict(size=draw.choose((30, 44), (36, 40))), tolerance=ROUNDED)


@graded("the image: antialiased where it shrinks, bilinear where it grows", share=1)
def test_noise(judge, draw):
    judge.same(resized_image, **noise(draw, 60, 84), settings=dict(size=(20, 28)), tolerance=ROUNDED_NOISE)
    judge.same(resized_image, **noise(draw, 24, 40), settings=dict(size=(40, 52)), tolerance=ROUNDED_NOISE)


@graded("normalised with the mean and standard deviation of ImageNet, per colour", share=1)
def test_normalisation(judge, draw):
    size = draw.choose((12, 14), (16, 10))
    judge.same(transformed_image, **pair(draw, *size, block=2), settings=dict(size=size))


@graded("the mask of large regions: their labels and no others, 255 included", share=1)
def test_regions(judge, draw):
    factor = draw.choose(3, 4, 5)
    case = pair(draw, 8 * factor, 12 * factor, block=factor, labels=(*LABELS, 255))
    judge.same(transformed_target, **case, settings=dict(size=(8, 12)))


@graded("the mask pixel by pixel: row floor(i H / h), column floor(j W / w)", share=1)
def test_nearest(judge, draw):
    case = pair(draw, *draw.choose((37, 45), (29, 53), (43, 35)), block=1)
    judge.same(transformed_target, **case, settings=dict(size=(8, 16)))


@graded("64 x 64 if no size is given", share=0.5)
def test_default_size(judge, draw):
    case = pair(draw, *draw.choose((96, 144), (128, 112)), block=200)
    judge.same(resized_image, **case, settings={}, tolerance=ROUNDED)
    judge.same(transformed_target, **case, settings={})


@graded("float32 image, a mask of its own dtype, and what was passed in is left as it was", share=1)
def test_manners(judge, draw):
    for dtype in draw.shuffled([torch.uint8, torch.int64]):
        case = pair(draw, 12, 16, block=2, dtype=dtype)
        words = str(dtype).removeprefix("torch.")
        judge.same(transform_manners, **case, settings=dict(size=(12, 16)), target_dtype=words, tolerance=ROUNDED)
