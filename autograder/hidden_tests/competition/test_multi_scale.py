"""3.1 multi_scale: class probabilities, averaged over sizes and mirror images, of a model in evaluation mode.

The model of these tests is a convolution with stride 4 that also knows where it looks: what is mirrored once and not
back, or resized in another way, gives other numbers. Every case has a side that is rounded up and
one that is rounded down; none is halfway between two multiples, where ways to round differ.
"""

from autograder.testing import graded
from segkit.tasks.competition.ladder_probes import averaged, averaged_manners, sizes_shown

SCALES = ((0.6, 1.0), (0.7, 1.3), (0.8, 1.8))


def batch(draw, *, size: tuple[int, int], count: int = 1, scales: tuple[float, ...] | None = None, **settings) -> dict:
    """Images whose sides need not be multiples of anything, and what `multi_scale` is asked for."""
    if scales is not None:
        settings["scales"] = list(scales)
    return dict(images=draw.normal(count, 3, *size), settings=settings)


@graded("one size, without mirror images", share=1)
def test_one_size(judge, draw):
    size = draw.choose((16, 24), (24, 16), (16, 32))
    judge.same(averaged, **batch(draw, size=size, scales=(1.0,), flip=False, multiple=8))


@graded("several sizes, without mirror images", share=2)
def test_several_sizes(judge, draw):
    size = draw.choose((16, 24), (24, 16), (16, 44))
    judge.same(averaged, **batch(draw, size=size, scales=draw.choose(*SCALES), flip=False, multiple=4))


@graded("one size and its mirror image", share=2)
def test_mirrored(judge, draw):
    size = draw.choose((16, 24), (24, 16), (16, 32))
    judge.same(averaged, **batch(draw, size=size, scales=(1.0,), flip=True, multiple=8))


@graded("the sides that the model is shown", share=1.5)
def test_sides(judge, draw):
    size = draw.choose((37, 91), (75, 43), (53, 103))
    case = batch(draw, size=size, scales=draw.choose((0.3, 1.0, 1.4), (0.45, 0.95)), flip=False, multiple=8)
    judge.same(sizes_shown, **case)


@graded("a small image at a small size", share=0.5)
def test_smallest(judge, draw):
    size = draw.choose((9, 21), (10, 22))
    judge.same(averaged, **batch(draw, size=size, scales=(0.3, 1.0), flip=False, multiple=8))


@graded("images whose sides are no multiples: the answer has their size", share=1)
def test_odd_sides(judge, draw):
    size = draw.choose((19, 29), (29, 19), (35, 21))
    judge.same(averaged, **batch(draw, size=size, scales=(1.0,), flip=False, multiple=8))


@graded("the settings that are not given", share=1)
def test_defaults(judge, draw):
    judge.same(sizes_shown, **batch(draw, size=draw.choose((70, 137), (101, 73))))
    judge.same(averaged, **batch(draw, size=(32, 96)))


@graded("several images, several sizes, mirrored", share=1)
def test_several_images(judge, draw):
    case = batch(draw, size=(16, 24), count=draw.choose(2, 3), scales=(0.7, 1.3), flip=True, multiple=4)
    judge.same(averaged, **case, num_classes=draw.choose(4, 5))


@graded("the model predicts in evaluation mode", share=1)
def test_evaluation_mode(judge, draw):
    case = batch(draw, size=(16, 24), scales=(1.0,), flip=False, multiple=8)
    judge.same(averaged, **case, training=True)


@graded("the model is in the mode in which it came; no gradients; the images are left as they were", share=1)
def test_manners(judge, draw):
    judge.same(averaged_manners, **batch(draw, size=(16, 24), scales=(1.0,), flip=False, multiple=8))
