"""3.1 PatchEmbedding: one convolution with bias and half a patch of zeros, then LayerNorm over the channels."""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights


def embedding(draw, patch_size: int, stride: int, in_channels: int) -> dict:
    arguments = dict(in_channels=in_channels, out_channels=draw.choose(6, 7, 10), patch_size=patch_size, stride=stride)
    height, width = draw.choose((12, 20), (16, 9), (13, 18))
    inputs = [10 * draw.normal(2, in_channels, height, width)]  # large: the eps of the norm does not matter
    return dict(name="PatchEmbedding", arguments=arguments, inputs=inputs)


def cotangent(draw, case: dict):
    """Weights for the output of `case`, which has floor((size + 2 padding - patch) / stride) + 1 positions a side."""
    arguments, image = case["arguments"], case["inputs"][0]
    patch, stride = arguments["patch_size"], arguments["stride"]
    sizes = [(size + 2 * (patch // 2) - patch) // stride + 1 for size in image.shape[2:]]
    return draw.normal(image.shape[0], arguments["out_channels"], *sizes)


@graded("patches of 7, every 4 pixels: the values", share=2)
def test_first_stage(judge, draw):
    judge.same(module_output, **embedding(draw, 7, 4, in_channels=3))


@graded("patches of 3, every 2 positions: the values", share=2)
def test_later_stage(judge, draw):
    judge.same(module_output, **embedding(draw, 3, 2, in_channels=draw.choose(4, 5)))


@graded("patches of 5: the values", share=1)
def test_other_patches(judge, draw):
    judge.same(module_output, **embedding(draw, 5, draw.choose(2, 3), in_channels=4))


@graded("the gradient by the input", share=1)
def test_gradients(judge, draw):
    case = embedding(draw, 3, 2, in_channels=3)
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case), tolerance=1e-3)


@graded("as many weights as the design has, all of them used", share=1)
def test_weights(judge, draw):
    case = embedding(draw, 7, 4, in_channels=3)
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.5)
def test_manners(judge, draw):
    judge.same(module_manners, **embedding(draw, 7, 4, in_channels=3))


@graded("float32 and bfloat16", share=0.5)
def test_precision(judge, draw):
    case = embedding(draw, 3, 2, in_channels=4)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
