"""3.4 PetSegFormer: four stages in a chain, the head on all four maps, logits at the size of the image.

The parts are replaced by neutral doubles on both sides; agreeing with the reference as a whole counts as well.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights
from segkit.tasks.transfer.module_probes import weights_of_parts

PARTS = ("PatchEmbedding", "TransformerBlock", "SegFormerHead")


def model(draw, *, size: tuple[int, int] | None = None, batch: int = 2, **arguments) -> dict:
    inputs = [draw.normal(batch, 3, *(size or draw.choose((32, 64), (64, 32))))]
    arguments = dict(num_classes=draw.choose(2, 5)) | arguments
    return dict(name="PetSegFormer", arguments=arguments, inputs=inputs, doubles=PARTS)


def light(draw, **arguments) -> dict:
    """The default settings with fewer channels."""
    channels = draw.choose((8, 12, 20, 16), (6, 16, 10, 24))
    return dict(channels=channels, embed_channels=draw.choose(10, 14), **arguments)


def other(draw) -> dict:
    """Arguments that all differ from the defaults."""
    channels, num_heads = draw.choose(((8, 12, 20, 16), (2, 4, 10, 4)), ((6, 16, 10, 18), (3, 4, 2, 6)))
    return dict(
        channels=channels, num_heads=num_heads, depths=draw.choose((1, 3, 1, 3), (3, 1, 4, 1)),
        reduction_ratios=draw.choose((4, 1, 1, 1), (2, 2, 1, 1)), expansion=3, embed_channels=draw.choose(10, 14),
    )  # fmt: skip


def cotangent(draw, case: dict):
    batch, _, height, width = case["inputs"][0].shape
    return draw.normal(batch, case["arguments"]["num_classes"], height, width)


@graded("the default settings: the values", share=2)
def test_defaults(judge, draw):
    judge.same(module_output, **model(draw))


@graded("other settings: the values", share=1)
def test_other_settings(judge, draw):
    judge.same(module_output, **model(draw, **other(draw)))


@graded("images whose sides divide by nothing: the values", share=1)
def test_any_size(judge, draw):
    judge.same(module_output, **model(draw, size=draw.choose((50, 67), (59, 46), (61, 75)), **light(draw)))


@graded("all weights in the attributes encoder and head, as many as belong there", share=1)
def test_parts(judge, draw):
    judge.same(weights_of_parts, **model(draw, **light(draw)))


@graded("weights of its own for every stage and block, all of them used", share=1)
def test_weights(judge, draw):
    case = model(draw, **light(draw))
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded("the gradient by the images", share=0.5)
def test_gradients(judge, draw):
    case = model(draw, **light(draw))
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case), tolerance=1e-3)


@graded("images unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **model(draw, batch=3, **light(draw)))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = model(draw, **light(draw))
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
