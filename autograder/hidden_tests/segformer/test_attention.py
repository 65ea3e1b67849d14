"""2.2 EfficientSelfAttention: queries everywhere, keys and values from a map reduced by a convolution and a norm."""

from autograder.testing import graded
from segkit.checking.probes import module_gradients, module_in_float32, module_manners, module_output, module_weights


def attention(draw, *, heads: int, reduction: int, batch: int = 2) -> dict:
    channels = heads * draw.choose(3, 4, 5) if heads > 1 else draw.choose(5, 6, 7)
    rows, columns = draw.choose((2, 3), (3, 2), (3, 4))
    features = draw.normal(batch, channels, rows * reduction, columns * reduction)
    scale = 1 if reduction == 1 else 3  # the larger the numbers, the less the eps of the norm matters
    arguments = dict(channels=channels, reduction_ratio=reduction, num_heads=heads)
    return dict(name="EfficientSelfAttention", arguments=arguments, inputs=[scale * features])


@graded("one head, no reduction: the values", share=3)
def test_one_head(judge, draw):
    judge.same(module_output, **attention(draw, heads=1, reduction=1))


@graded("several heads, no reduction: the values", share=2)
def test_heads(judge, draw):
    judge.same(module_output, **attention(draw, heads=draw.choose(2, 3), reduction=1))


@graded("one head, reduced keys and values: the values", share=2)
def test_reduction(judge, draw):
    judge.same(module_output, **attention(draw, heads=1, reduction=draw.choose(2, 3)))


@graded("several heads and a reduction: the values", share=2)
def test_heads_and_reduction(judge, draw):
    judge.same(module_output, **attention(draw, heads=draw.choose(2, 3), reduction=draw.choose(2, 4)))


@graded("the gradient by the input", share=1)
def test_gradients(judge, draw):
    case = attention(draw, heads=2, reduction=2)
    judge.same(module_gradients, **case, cotangent=draw.normal(*case["inputs"][0].shape), tolerance=1e-3)


@graded("as many weights as the design has, all of them used", share=1)
def test_weights(judge, draw):
    case = attention(draw, heads=2, reduction=2)
    judge.same(module_weights, **case, cotangent=draw.normal(*case["inputs"][0].shape))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **attention(draw, heads=2, reduction=2, batch=3))


@graded("float32", share=0.5)
def test_float32(judge, draw):
    judge.same(module_in_float32, **attention(draw, heads=2, reduction=2), tolerance=1e-3)
