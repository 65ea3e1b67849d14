"""1.1 image_to_patches: patches row by row, in each of them channel by channel, row by row."""

import torch

from autograder.testing import graded
from segkit.checking.probes import function_result
from segkit.tasks.intro.probes import function_gradient, function_manners


def case(draw, *, channels: int, patch_size: int, grid: tuple[int, int], batch: int = 2) -> dict:
    """Images of `grid` patches, none of whose sizes can be told from another."""
    rows, columns = grid
    images = draw.normal(batch, channels, rows * patch_size, columns * patch_size)
    return dict(name="image_to_patches", arguments=[images, patch_size])


@graded("one channel: which pixel goes where", share=1)
def test_one_channel(judge, draw):
    size = dict(patch_size=draw.choose(2, 3, 4), grid=draw.choose((2, 5), (5, 3), (3, 4)))
    judge.same(function_result, **case(draw, channels=1, **size))


@graded("several channels", share=1)
def test_channels(judge, draw):
    size = dict(patch_size=draw.choose(2, 4), grid=draw.choose((3, 5), (5, 2)))
    judge.same(function_result, **case(draw, channels=3, **size, batch=draw.choose(2, 3)))


@graded("patches of a single pixel, and a patch as large as the image", share=0.5)
def test_extremes(judge, draw):
    judge.same(function_result, **case(draw, channels=draw.choose(2, 4), patch_size=1, grid=(3, 5)))
    judge.same(function_result, **case(draw, channels=2, patch_size=draw.choose(3, 5), grid=(1, 1)))


@graded("the gradient by the images", share=0.25)
def test_gradient(judge, draw):
    asked = case(draw, channels=2, patch_size=3, grid=draw.choose((2, 3), (3, 2)))
    judge.same(function_gradient, **asked, cotangent=draw.normal(2, 6, 18))


@graded("whole numbers stay whole numbers, and the images are left as they were", share=0.25)
def test_manners(judge, draw):
    asked = case(draw, channels=3, patch_size=2, grid=(2, 3))
    asked["arguments"][0] = draw.integers(0, 256, 2, 3, 4, 6).to(torch.uint8)
    judge.same(function_manners, **asked)
