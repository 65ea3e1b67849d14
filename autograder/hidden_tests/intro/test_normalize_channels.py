"""1.2 normalize_channels: mean and biased variance of a channel over the whole batch, eps under the root."""

from autograder.testing import graded
from segkit.checking.probes import function_result
from segkit.tasks.intro.probes import function_gradient, function_manners


def case(draw, *, batch: int = 2, **settings) -> dict:
    """Images whose channels differ in mean and spread, all of them large beside the usual eps."""
    channels, height, width = draw.choose((3, 4, 5), (4, 3, 2), (5, 2, 4))
    spread = draw.integers(2, 9, channels, 1, 1).double()
    images = spread * draw.normal(batch, channels, height, width) + 3 * draw.normal(channels, 1, 1)
    return dict(name="normalize_channels", arguments=[images], settings=settings)


@graded("a single image: the values", share=0.5)
def test_single_image(judge, draw):
    judge.same(function_result, **case(draw, batch=1))


@graded("a batch: the values", share=1)
def test_batch(judge, draw):
    judge.same(function_result, **case(draw, batch=draw.choose(2, 3, 4)))


@graded("a constant channel, another eps", share=0.5)
def test_eps(judge, draw):
    constant = case(draw)
    constant["arguments"][0][:, draw.choose(0, 1, 2)] = draw.choose(2.0, 5.0)
    judge.same(function_result, **constant)
    judge.same(function_result, **case(draw, eps=draw.choose(0.25, 0.5, 2.0)))


@graded("the gradient by the images", share=0.5)
def test_gradient(judge, draw):
    asked = case(draw)
    judge.same(function_gradient, **asked, cotangent=draw.normal(*asked["arguments"][0].shape))


@graded("float32 stays float32, and the images are left as they were", share=0.5)
def test_manners(judge, draw):
    asked = case(draw)
    asked["arguments"][0] = asked["arguments"][0].float()
    judge.same(function_manners, **asked, tolerance=1e-3)
