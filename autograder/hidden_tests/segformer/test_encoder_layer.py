"""2.4 MixTransformerEncoderLayer: patch merging, n layers of norm, attention, norm, Mix-FFN with residuals, a norm.

The parts are replaced by neutral doubles on both sides; agreeing with the reference as a whole counts as well.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights

PARTS = ("OverlapPatchMerging", "EfficientSelfAttention", "MixFFN")


def encoder_layer(draw, *, n_layers: int, batch: int = 2, patch: tuple[int, int, int] = (3, 2, 1)) -> dict:
    heads, (patch_size, stride, padding) = draw.choose(3, 4), patch
    arguments = dict(
        in_channels=draw.choose(3, 5), out_channels=heads * draw.choose(5, 6), patch_size=patch_size, stride=stride,
        padding=padding,
        n_layers=n_layers, reduction_ratio=2, num_heads=heads, expansion_factor=draw.choose(2, 3),
    )  # fmt: skip
    height, width = draw.choose((8, 12), (12, 16), (16, 8))
    inputs = [draw.normal(batch, arguments["in_channels"], height, width)]
    return dict(name="MixTransformerEncoderLayer", arguments=arguments, inputs=inputs, doubles=PARTS)


def cotangent(draw, case: dict):
    batch, _, height, width = case["inputs"][0].shape
    return draw.normal(batch, case["arguments"]["out_channels"], height // 2, width // 2)


@graded("one layer: the values", share=3)
def test_one_layer(judge, draw):
    judge.same(module_output, **encoder_layer(draw, n_layers=1))


@graded("several layers, on patches of 7: the values", share=2)
def test_several_layers(judge, draw):
    judge.same(module_output, **encoder_layer(draw, n_layers=3, patch=(7, 4, 3)))


@graded("the gradient by the input", share=1)
def test_gradients(judge, draw):
    case = encoder_layer(draw, n_layers=2)
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case), tolerance=1e-3)


@graded("weights and norms of its own for every layer, all of them used", share=1.5)
def test_weights(judge, draw):
    case = encoder_layer(draw, n_layers=3)
    judge.same(module_weights, **case, cotangent=cotangent(draw, case), norms=True)


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **encoder_layer(draw, n_layers=2, batch=3))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = encoder_layer(draw, n_layers=1)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
