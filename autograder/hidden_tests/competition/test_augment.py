"""1.4 augment: one window of image and mask, mirrored in half of the cases, in other light; nothing drawn elsewhere.

What it drew is read from what it made (see `streets_probes`), so the order of the draws is free. There are so many
calls that a right answer fails by chance less than once in a million times.
"""

import torch

from autograder.testing import graded
from segkit.tasks.competition.streets_probes import (
    augmented_beyond,
    augmented_flips,
    augmented_light,
    augmented_manners,
    augmented_pairs,
    augmented_positions,
    augmented_twice,
    augmented_whole,
)

EARLIER = ("crop_pair", "photometric")
CALLS = 96


def image(draw, height: int, width: int) -> torch.Tensor:
    """Noise so near to grey that no change of the light leaves 0..1."""
    return (0.42 + 0.16 * draw.integers(0, 1001, 3, height, width) / 1000).float()


def many(draw) -> dict:
    """Windows that may begin at two rows and at three columns."""
    size = draw.choose((4, 6), (5, 7), (6, 5))
    seeds = draw.integers(0, 2**31, CALLS).tolist()
    return dict(image=image(draw, size[0] + 1, size[1] + 2), size=size, seeds=seeds, doubles=EARLIER)


def one(draw, height: int, width: int, **more) -> dict:
    mask = 1000 + torch.arange(height * width).reshape(height, width)
    seed = int(draw.integers(0, 2**31))
    return dict(image=image(draw, height, width), mask=mask, seed=seed, doubles=EARLIER, **more)


@graded("image and mask show the same window", share=2)
def test_together(judge, draw):
    judge.same(augmented_pairs, **many(draw))


@graded("the window is anywhere, the last row and column included", share=1.5)
def test_positions(judge, draw):
    judge.same(augmented_positions, **many(draw))


@graded("half of the pairs are mirrored from left to right", share=1.5)
def test_flips(judge, draw):
    judge.same(augmented_flips, **many(draw))


@graded("strength 0, the whole picture: nothing but the normalisation", share=1)
def test_whole(judge, draw):
    judge.same(augmented_whole, **one(draw, *draw.choose((5, 7), (6, 4))))


@graded("brightness, contrast and saturation: each drawn by itself, between 1 - strength and 1 + strength", share=1.5)
def test_light(judge, draw):
    judge.same(augmented_light, **many(draw), strength=draw.choose(0.2, 0.25))


@graded("all that is drawn comes from the generator", share=1.5)
def test_generator(judge, draw):
    judge.same(augmented_twice, **one(draw, 24, 30, size=(8, 10)))


@graded("a pair that is smaller than the window; 0 is the mean colour", share=1)
def test_beyond(judge, draw):
    judge.same(augmented_beyond, **one(draw, *draw.choose((5, 7), (6, 4)), size=(8, 9)))


@graded("float32 image, int64 mask, and what was passed in is left as it was", share=1)
def test_manners(judge, draw):
    judge.same(augmented_manners, **one(draw, 9, 12, size=(5, 7)))
