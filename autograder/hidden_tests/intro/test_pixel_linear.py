"""1.3 PixelLinear: normalize_channels, then one linear layer with bias over the channels of every pixel."""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_output, module_weights


def case(draw, *, size: tuple[int, int] | None = None, batch: int = 2) -> dict:
    channels, out_channels = draw.choose((3, 5), (5, 3), (4, 7), (7, 4))
    height, width = size or draw.choose((2, 6), (6, 8), (8, 2))
    return dict(
        name="PixelLinear",
        arguments=dict(in_channels=channels, out_channels=out_channels),
        inputs=[draw.normal(batch, channels, height, width)],
        doubles=("normalize_channels",),
    )


def cotangent(draw, asked: dict):
    batch, _, height, width = asked["inputs"][0].shape
    return draw.normal(batch, asked["arguments"]["out_channels"], height, width)


@graded("a batch of images: the values", share=1)
def test_values(judge, draw):
    judge.same(module_output, **case(draw, batch=draw.choose(2, 3)))


@graded("images of a single row or of a single pixel", share=0.25)
def test_small_images(judge, draw):
    judge.same(module_output, **case(draw, size=(1, draw.choose(6, 8)), batch=1))
    judge.same(module_output, **case(draw, size=(1, 1), batch=4))


@graded("the gradient by the images", share=0.25)
def test_gradient(judge, draw):
    asked = case(draw)
    judge.same(module_gradients, **asked, cotangent=cotangent(draw, asked))


@graded("as many weights as the design has, all of them used", share=0.25)
def test_weights(judge, draw):
    asked = case(draw)
    judge.same(module_weights, **asked, cotangent=cotangent(draw, asked))


@graded("float32 and bfloat16", share=0.25)
def test_precision(judge, draw):
    asked = case(draw)
    judge.same(module_in_precision, **asked, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **asked, dtype="bfloat16", tolerance=ROUNDED)
