"""3.2 TransformerBlock: norm, attention with reduced keys and values, norm, Mix-FFN, each branch added to the map."""

from torch.nn.functional import pad

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights


def block(draw, *, heads: int, reduction: int, batch: int = 2, reduced: tuple[int, int] | None = None) -> dict:
    """A block, and a map that the reduction makes `reduced` positions of.

    With four heads or more, all matrices of single heads, fused or not, differ in shape from those of all heads. The
    expansion is neither 2 nor 3, as fused keys and values are, nor the square of the reduction.
    """
    channels = heads * draw.choose(3, 6) if heads > 1 else draw.choose(5, 6, 7)
    rows, columns = reduced or draw.choose((2, 3), (3, 2), (3, 4))
    arguments = dict(channels=channels, num_heads=heads, reduction_ratio=reduction, expansion=draw.choose(5, 6))
    features = 3 * draw.normal(batch, channels, rows * reduction, columns * reduction)
    return dict(name="TransformerBlock", arguments=arguments, inputs=[features])


@graded("one head, no reduction: the values", share=3)
def test_one_head(judge, draw):
    judge.same(module_output, **block(draw, heads=1, reduction=1))


@graded("several heads, no reduction: the values", share=2)
def test_heads(judge, draw):
    judge.same(module_output, **block(draw, heads=draw.choose(4, 5), reduction=1))


@graded("reduced keys and values: a learned map of squares, norm, values", share=2)
def test_reduction(judge, draw):
    # The reduction leaves one position. Its weight is 1, whatever the scale and the heads are: they are not asked here.
    reduction = draw.choose(2, 3, 4)
    judge.same(module_output, **block(draw, heads=draw.choose(1, 4), reduction=reduction, reduced=(1, 1)))


@graded("several heads and a reduction, sides that do not divide: the values", share=2)
def test_heads_and_reduction(judge, draw):
    case = block(draw, heads=draw.choose(4, 5), reduction=draw.choose(2, 4))
    rest = draw.choose((1, 0, 0, 0), (0, 0, 1, 0), (1, 0, 1, 0))  # columns and rows that fill no square are left out
    judge.same(module_output, **{**case, "inputs": [pad(case["inputs"][0], rest, value=7.0)]})


@graded("the gradient by the input", share=1)
def test_gradients(judge, draw):
    case = block(draw, heads=4, reduction=2)
    judge.same(module_gradients, **case, cotangent=draw.normal(*case["inputs"][0].shape), tolerance=1e-3)


@graded("as many weights as the design has, all of them used", share=1)
def test_weights(judge, draw):
    for reduction in (2, 1):
        case = block(draw, heads=4, reduction=reduction, reduced=(1, 2))
        judge.same(module_weights, **case, cotangent=draw.normal(*case["inputs"][0].shape))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **block(draw, heads=4, reduction=2, batch=3, reduced=(1, 2)))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = block(draw, heads=4, reduction=2)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
