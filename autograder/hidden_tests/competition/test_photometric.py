"""1.3 photometric: brightness, contrast and saturation, each alone and in this order; 0 to 1 after every step.

Where clamping is not the question no step leaves 0..1. Greys are allowed to be rounded as torchvision's are.
"""

from functools import partial

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners

ROUNDED = 0.01  # of the image's spread: grey as 0.2989 or 0.299 of red
light = dict(name="photometric", what="the image")
manners = partial(result_and_manners, dtype="float32")


def picture(draw, low: float = 0.3, high: float = 0.55):
    """Noise in low..high; red is brighter than blue, so that the mean of all channels is no grey."""
    noise = draw.integers(0, 1001, 3, draw.choose(6, 7), draw.choose(8, 9)) / 1000
    noise[0] = 0.5 + noise[0] / 2
    noise[2] = noise[2] / 2
    return (low + (high - low) * noise).float()


@graded("brightness alone: a factor", share=1)
def test_brightness(judge, draw):
    for factor in (draw.choose(0.6, 0.7), draw.choose(1.2, 1.3)):
        judge.same(result, **light, arguments=[picture(draw), factor, 1.0, 1.0], tolerance=ROUNDED)


@graded("contrast alone: away from the mean grey, or towards it", share=1)
def test_contrast(judge, draw):
    for factor in (draw.choose(0.0, 0.5), draw.choose(1.5, 1.7)):
        judge.same(result, **light, arguments=[picture(draw), 1.0, factor, 1.0], tolerance=ROUNDED)


@graded("saturation alone: away from each pixel's own grey, or towards it", share=1)
def test_saturation(judge, draw):
    for factor in (draw.choose(0.0, 0.4), draw.choose(1.4, 1.6)):
        judge.same(result, **light, arguments=[picture(draw), 1.0, 1.0, factor], tolerance=ROUNDED)


@graded("all three, in this order", share=1)
def test_order(judge, draw):
    factors = [draw.choose(0.7, 1.3), draw.choose(0.6, 1.2), draw.choose(0.5, 1.3)]
    judge.same(result, **light, arguments=[picture(draw), *factors], tolerance=ROUNDED)


@graded("between 0 and 1 after every step", share=0.5)
def test_clamped(judge, draw):
    image = picture(draw, 0.0, 1.0)
    for factors in draw.shuffled([[1.6, 1.0, 1.0], [1.0, 1.9, 1.0], [1.0, 1.0, 2.0], [1.7, 0.6, 1.8], [0.8, 2.2, 0.4]]):
        judge.same(result, **light, arguments=[image, *factors], tolerance=ROUNDED)


@graded("a float32 image, and the one that was passed in is left as it was", share=0.5)
def test_manners(judge, draw):
    judge.same(manners, **light, arguments=[picture(draw), 1.2, 0.8, 1.1], tolerance=ROUNDED)
