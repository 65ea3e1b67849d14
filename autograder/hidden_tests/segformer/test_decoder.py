"""2.5 MLPDecoder: a linear per stage, bilinear upsampling, concatenation, fuse, BatchNorm, ReLU, classify.

The fusing layer may have a bias, which the BatchNorm after it takes away.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights


def decoder(draw, *, size: tuple[int, int] | None = None, out_dims: tuple[int, int] | None = None, batch: int = 2):
    """A decoder, and four maps that halve, rounded up; exactly, where no `size` is given."""
    channels = draw.choose((3, 5, 7, 9), (4, 6, 5, 7), (7, 5, 6, 4))
    height, width = size or draw.choose((8, 16), (16, 8), (16, 24))
    arguments = dict(
        in_channels=list(channels), embed_channels=draw.choose(11, 13), out_dims=out_dims,
        num_classes=draw.choose(2, 3, 5),
    )  # fmt: skip
    maps = [
        draw.normal(batch, count, -(-height // 2**level), -(-width // 2**level)) for level, count in enumerate(channels)
    ]
    return dict(name="MLPDecoder", arguments=arguments, inputs=[maps])


def cotangent(draw, case: dict):
    batch, _, height, width = case["inputs"][0][0].shape
    return draw.normal(batch, case["arguments"]["num_classes"], height, width)


@graded("at the size of the first map: the values", share=2.5)
def test_first_map_size(judge, draw):
    judge.same(module_output, **decoder(draw))


@graded("maps that are no halves of each other: the values", share=1)
def test_any_size(judge, draw):
    judge.same(module_output, **decoder(draw, size=draw.choose((13, 18), (11, 21), (18, 9))))


@graded("at a given size: the values", share=1.5)
def test_given_size(judge, draw):
    judge.same(module_output, **decoder(draw, out_dims=draw.choose((14, 22), (20, 12))))


@graded("the gradient by the four maps", share=1)
def test_gradients(judge, draw):
    case = decoder(draw)
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case))


@graded("as many weights as the design has, all of them used", share=1.5)
def test_weights(judge, draw):
    case = decoder(draw)
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **decoder(draw, batch=3))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = decoder(draw)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
