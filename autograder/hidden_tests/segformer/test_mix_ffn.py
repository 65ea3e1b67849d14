"""2.3 MixFFN: linear, 3x3 depthwise convolution with zero padding, GELU, linear; no residual inside."""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights


def mix_ffn(draw, *, expansion: int, size: tuple[int, int] | None = None, batch: int = 2) -> dict:
    channels = draw.choose(4, 5, 6)
    height, width = size or draw.choose((5, 8), (7, 4), (6, 9))
    arguments = dict(channels=channels, expansion_factor=expansion)
    return dict(name="MixFFN", arguments=arguments, inputs=[draw.normal(batch, channels, height, width)])


@graded("the usual expansion by 4: the values", share=3)
def test_expansion_4(judge, draw):
    judge.same(module_output, **mix_ffn(draw, expansion=4))


@graded("other expansions: the values", share=1.5)
def test_other_expansion(judge, draw):
    judge.same(module_output, **mix_ffn(draw, expansion=draw.choose(2, 3)))


@graded("a map of a single row: the values at the border", share=1)
def test_single_row(judge, draw):
    judge.same(module_output, **mix_ffn(draw, expansion=2, size=(1, 6)))


@graded("the gradient by the input", share=1)
def test_gradients(judge, draw):
    case = mix_ffn(draw, expansion=4)
    judge.same(module_gradients, **case, cotangent=draw.normal(*case["inputs"][0].shape))


@graded("as many weights as the design has, all of them used", share=1)
def test_weights(judge, draw):
    case = mix_ffn(draw, expansion=4)
    judge.same(module_weights, **case, cotangent=draw.normal(*case["inputs"][0].shape))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **mix_ffn(draw, expansion=2, batch=3))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = mix_ffn(draw, expansion=2)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
