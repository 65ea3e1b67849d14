"""1.2 crop_pair: a window of exactly the size that is asked for, image and mask alike, filled up with 0 and 255.

Image and mask are asked for one by one, so that a mistake about one of them does not cost the other.
"""

import torch

from autograder.testing import graded
from segkit.tasks.competition.streets_probes import window_manners
from segkit.tasks.segformer.transform_probes import transformed_image, transformed_target


def pair(draw, height: int, width: int, dtype: torch.dtype = torch.int64) -> dict:
    """An image of noise and a mask of labels, 255 among them."""
    mask = torch.tensor([*range(1, 19), 255])[draw.integers(0, 19, height, width)].to(dtype)
    return dict(name="crop_pair", image=draw.normal(3, height, width).float(), mask=mask)


def inside(draw) -> dict:
    """A window in the middle of a pair."""
    settings = dict(top=draw.choose(1, 2), left=draw.choose(3, 4), size=draw.choose((5, 8), (6, 4)))
    return dict(**pair(draw, draw.choose(9, 11), draw.choose(13, 14)), settings=settings)


def beyond(draw) -> list[dict]:
    """Windows that reach beyond the right side, the lower one, both, and a pair that is smaller than they."""
    height, width = draw.choose((9, 12), (8, 13))
    windows = [
        dict(top=1, left=width - 3, size=(4, 7)),
        dict(top=height - 2, left=2, size=(6, 5)),
        dict(top=height - 3, left=width - 2, size=(5, 6)),
        dict(top=0, left=0, size=(height + draw.choose(2, 3), width + draw.choose(1, 4))),
    ]
    return [dict(**pair(draw, height, width), settings=one) for one in draw.shuffled(windows)]


@graded("the image: the window that is asked for", share=1.5)
def test_image(judge, draw):
    judge.same(transformed_image, **inside(draw))


@graded("the mask: the same window", share=1.5)
def test_mask(judge, draw):
    judge.same(transformed_target, **inside(draw))


@graded("the image: 0 beyond its right and lower side", share=2)
def test_image_beyond(judge, draw):
    for case in beyond(draw):
        judge.same(transformed_image, **case)


@graded("the mask: 255 beyond its right and lower side", share=2)
def test_mask_beyond(judge, draw):
    for case in beyond(draw):
        judge.same(transformed_target, **case)


@graded("float32 image, a mask of its own dtype, and what was passed in is left as it was", share=1)
def test_manners(judge, draw):
    for dtype in draw.shuffled([torch.uint8, torch.int64]):
        case = pair(draw, 7, 9, dtype)
        del case["name"]
        words = str(dtype).removeprefix("torch.")
        judge.same(window_manners, **case, settings=dict(top=2, left=3, size=(4, 5)), target_dtype=words)
