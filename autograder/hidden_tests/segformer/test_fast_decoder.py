"""3.4 FastMLPDecoder, a bonus: the decoder of task 2.5 with each map fused at its own size and enlarged afterwards.

Multiply-adds are counted together with right values, so that the decoder of task 2.5 as it is earns next to nothing.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_weights
from segkit.tasks.segformer.decoder_probes import FAST, fast_output, with_own_weights


def decoder(draw, *, size: tuple[int, int] | None = None, out_dims: tuple[int, int] | None = None, batch: int = 2):
    """A decoder, and four maps that halve, rounded up; exactly, where no `size` is given."""
    channels = draw.choose((7, 9, 10, 12), (8, 7, 12, 9), (9, 12, 7, 10))
    height, width = size or draw.choose((8, 16), (16, 8), (16, 24))
    arguments = dict(
        in_channels=list(channels), embed_channels=draw.choose(11, 13), out_dims=out_dims,
        num_classes=draw.choose(2, 3, 5),
    )  # fmt: skip
    maps = [
        draw.normal(batch, count, -(-height // 2**level), -(-width // 2**level)) for level, count in enumerate(channels)
    ]
    return dict(name=FAST, arguments=arguments, inputs=[maps])


def cotangent(draw, case: dict):
    batch, _, height, width = case["inputs"][0][0].shape
    return draw.normal(batch, case["arguments"]["num_classes"], height, width)


@graded("at the size of the first map: the logits, with fewer multiply-adds", share=1.25)
def test_first_map_size(judge, draw):
    judge.same(fast_output, **decoder(draw))


@graded("maps that are no halves of each other: the logits, with fewer multiply-adds", share=0.5)
def test_any_size(judge, draw):
    judge.same(fast_output, **decoder(draw, size=draw.choose((13, 18), (11, 21), (18, 9))))


@graded("at a given size: the logits, with fewer multiply-adds", share=0.75)
def test_given_size(judge, draw):
    judge.same(fast_output, **decoder(draw, out_dims=draw.choose((28, 38), (34, 26))))


@graded("in training mode: the logits, with fewer multiply-adds", share=0.5)
def test_training_mode(judge, draw):
    judge.same(fast_output, **decoder(draw, batch=3), train=True)


@graded("with the weights of your own MLPDecoder: its logits, with fewer multiply-adds", share=2)
def test_own_weights(judge, draw):
    judge.same(with_own_weights, **decoder(draw), seed=draw.choose(*range(100)))
    judge.same(with_own_weights, **decoder(draw, size=(11, 18), out_dims=(23, 29)), seed=draw.choose(*range(100)))


@graded("the gradient by the four maps", share=0.25)
def test_gradients(judge, draw):
    case = decoder(draw)
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case))


@graded("as many weights as MLPDecoder has, all of them learn", share=0.25)
def test_weights(judge, draw):
    case = decoder(draw)
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded("input unchanged, same answer twice, samples independent of each other", share=0.25)
def test_manners(judge, draw):
    judge.same(module_manners, **decoder(draw, batch=3))


@graded("float32 and bfloat16", share=0.25)
def test_precision(judge, draw):
    case = decoder(draw)
    judge.same(module_in_precision, **case, dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **case, dtype="bfloat16", tolerance=ROUNDED)
