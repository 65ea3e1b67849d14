"""4.1 predict_full_resolution: logits are enlarged to the photograph's size, then a class is chosen per pixel."""

from torch.nn import functional

from autograder.testing import graded
from segkit.tasks.segformer.model_probes import full_resolution, full_resolution_input, full_resolution_manners

CLEAR = 1e-4  # a lead of one class over the next that rounding cannot turn round


def prediction(
    draw, *, num_classes: int = 4, upright: bool = False, input_size: tuple[int, int] | None = (24, 32)
) -> dict:
    """A photograph, and the logits that its model will answer: no pixel's class hangs on rounding."""
    size = draw.choose((35, 50), (41, 64), (37, 55))
    size = size[::-1] if upright else size
    while True:
        logits = draw.normal(num_classes, 5, 8).float()
        enlarged = functional.interpolate(logits[None], size, mode="bilinear", align_corners=False)[0]
        first, second = enlarged.topk(2, dim=0).values
        if (first - second).min() > CLEAR:
            break
    settings = {} if input_size is None else dict(input_size=input_size)
    return dict(image=draw.smooth_image(*size), logits=logits, settings=settings)


def unscaled(draw) -> dict:
    """The same for a photograph of the logits' size: here nothing hangs on how logits are enlarged."""
    size = draw.choose((12, 18), (15, 11))
    logits = draw.normal(4, *size).float()
    return dict(image=draw.smooth_image(*size), logits=logits, settings=dict(input_size=(24, 32)))


@graded("a label for every pixel, from enlarged logits", share=2)
def test_labels(judge, draw):
    judge.same(full_resolution, **prediction(draw))


@graded("an upright photograph, another number of classes", share=0.5)
def test_upright(judge, draw):
    judge.same(full_resolution, **prediction(draw, upright=True, num_classes=draw.choose(2, 3, 6)))


@graded("what the model sees: a batch of one prepared image of the given size", share=1)
def test_input(judge, draw):
    case = prediction(draw, input_size=draw.choose((24, 40), (32, 20)))
    judge.same(full_resolution_input, **case, tolerance=1e-3)


@graded("what the model sees if no size is given: 256 x 256", share=0.5)
def test_default_input_size(judge, draw):
    judge.same(full_resolution_input, **prediction(draw, input_size=None), tolerance=1e-3)


@graded("the model predicts in evaluation mode", share=1)
def test_evaluation_mode(judge, draw):
    judge.same(full_resolution, **unscaled(draw), training=True)


@graded("int64 labels; the model is in the mode in which it came; no gradients; the image is left as it was", share=0.5)
def test_manners(judge, draw):
    judge.same(full_resolution_manners, **unscaled(draw))
