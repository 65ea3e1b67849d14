"""3.3 SegFormerHead: a linear per map, bilinear upsampling, concatenation, fuse, BatchNorm, ReLU, classify.

The fusing layer may have a bias, which the BatchNorm after it takes away.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights


def head(draw, *, size: tuple[int, int] | None = None, levels: int = 4, batch: int = 2) -> dict:
    """A head, and maps that halve, rounded up; exactly, where no `size` is given."""
    channels = draw.choose((3, 5, 7, 9), (4, 6, 5, 7), (7, 5, 6, 4))[:levels]
    height, width = size or draw.choose((8, 16), (16, 8), (16, 24))
    arguments = dict(in_channels=list(channels), embed_channels=draw.choose(11, 13), num_classes=draw.choose(2, 3, 5))
    maps = [
        draw.normal(batch, count, -(-height // 2**level), -(-width // 2**level)) for level, count in enumerate(channels)
    ]
    return dict(name="SegFormerHead", arguments=arguments, inputs=[maps])


def cotangent(draw, case: dict):
    batch, _, height, width = case["inputs"][0][0].shape
    return draw.normal(batch, case["arguments"]["num_classes"], height, width)


@graded("four maps that halve: the values", share=2.5)
def test_halves(judge, draw):
    judge.same(module_output, **head(draw))


@graded("maps that are no halves of each other: the values", share=1)
def test_any_size(judge, draw):
    judge.same(module_output, **head(draw, size=draw.choose((13, 18), (11, 21), (18, 9))))


@graded("fewer maps: the values", share=0.5)
def test_fewer_maps(judge, draw):
    judge.same(module_output, **head(draw, levels=draw.choose(2, 3)))


@graded("in training mode, with the statistics of the batch: the values", share=0.5)
def test_training_mode(judge, draw):
    judge.same(module_output, **head(draw, batch=3), train=True)


@graded("the gradient by the maps", share=1)
def test_gradients(judge, draw):
    case = head(draw)
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case))


@graded("as many weights as the design has, all of them used", share=1)
def test_weights(judge, draw):
    case = head(draw)
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **head(draw, batch=3))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = head(draw)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
