"""3.1 SegFormer: four stages in a chain, and the decoder on all four of their maps.

Stage and decoder are replaced by neutral doubles on both sides; agreeing with the reference as a whole counts as well.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights

PARTS = ("MixTransformerEncoderLayer", "MLPDecoder")
SIZES = ((64, 96), (96, 64))


def segformer(draw, *, size: tuple[int, int] | None = None, batch: int = 2, **arguments) -> dict:
    inputs = [draw.normal(batch, 3, *(size or draw.choose(*SIZES)))]
    return dict(name="SegFormer", arguments=arguments, inputs=inputs, doubles=PARTS)


def light(draw, **arguments) -> dict:
    """The default settings with fewer channels."""
    channels = draw.choose((8, 12, 20, 16), (6, 16, 10, 24))
    return dict(channels=channels, embed_channels=draw.choose(10, 14), **arguments)


def other(draw) -> dict:
    """Arguments that all differ from the defaults."""
    channels, num_heads = draw.choose(((8, 12, 20, 16), (2, 4, 10, 4)), ((6, 16, 10, 18), (3, 4, 2, 6)))
    return dict(
        num_classes=draw.choose(3, 5, 7), channels=channels, n_layers=draw.choose((1, 3, 1, 3), (3, 1, 4, 1)),
        reduction_ratios=draw.choose((4, 1, 1, 2), (2, 2, 4, 2)), num_heads=num_heads,
        expansion_factor=draw.choose(2, 3), embed_channels=draw.choose(10, 14),
    )  # fmt: skip


def cotangent(draw, case: dict):
    batch, _, height, width = case["inputs"][0].shape
    return draw.normal(batch, case["arguments"].get("num_classes", 4), height // 4, width // 4)


@graded("the default settings: the values", share=2)
def test_defaults(judge, draw):
    judge.same(module_output, **segformer(draw))


@graded("other settings: the values", share=1)
def test_other_settings(judge, draw):
    judge.same(module_output, **segformer(draw, **other(draw)))


@graded("images whose sides divide by nothing: the values", share=1)
def test_any_size(judge, draw):
    size = draw.choose((50, 67), (59, 46), (61, 75))
    judge.same(module_output, **segformer(draw, size=size, **light(draw)))


@graded("in training mode: the values, nothing is left out by chance if drop_path is 0", share=0.5)
def test_training_mode(judge, draw):
    judge.same(module_output, **segformer(draw, **light(draw)), train=True)


@graded("logits at a given size: the values", share=0.5)
def test_given_size(judge, draw):
    judge.same(module_output, **segformer(draw, **light(draw, out_dims=draw.choose((20, 30), (36, 28)))))


@graded("the gradient by the images", share=0.5)
def test_gradients(judge, draw):
    case = segformer(draw, **light(draw))
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case), tolerance=1e-3)


@graded("weights of its own for every stage, all of them used", share=1)
def test_weights(judge, draw):
    case = segformer(draw, **light(draw))
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded("images unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **segformer(draw, batch=3, **light(draw)))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = segformer(draw, **light(draw))
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
