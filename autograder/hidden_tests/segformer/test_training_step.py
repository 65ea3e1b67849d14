"""3.3 segmentation_loss and training_step: mean cross-entropy over labelled pixels, one clean step of the optimiser.

`training_step` is tried with a neutral double for `segmentation_loss`; agreeing with the reference as a whole counts as
well. The model to train is small, of float64, and has BatchNorm.
"""

from autograder.testing import graded
from segkit.tasks.segformer.training_probes import (
    loss_gradient,
    loss_value,
    loss_without_labels,
    trained_parameters,
    training_losses,
    training_manners,
)

LOSS = ("segmentation_loss",)


def batch(draw, *, num_classes: int = 4, ignored: tuple[int, ...] = (), ignore_index: int = 255) -> dict:
    """Logits and a target; `ignored` pixels of the first image, of the second, and so on carry no label."""
    height, width = draw.choose((4, 6), (5, 4), (3, 8))
    target = draw.integers(0, num_classes, 2, height, width)
    for image, count in zip(target, ignored, strict=False):
        image.view(-1)[draw.shuffled(range(height * width))[:count]] = ignore_index
    return dict(logits=2 * draw.normal(2, num_classes, height, width), target=target)


@graded("the loss: all pixels labelled", share=1.5)
def test_loss(judge, draw):
    judge.same(loss_value, **batch(draw))


@graded("the loss: the mean over the labelled pixels of the batch", share=1)
def test_ignored(judge, draw):
    judge.same(loss_value, **batch(draw, ignored=draw.choose((9, 2), (1, 8), (10, 4))))
    single = batch(draw)
    single["target"].view(-1)[draw.shuffled(range(single["target"].numel()))[1:]] = 255
    judge.same(loss_value, **single)


@graded("the loss: no pixel labelled", share=1)
def test_nothing_labelled(judge, draw):
    judge.same(loss_without_labels, logits=batch(draw)["logits"])


@graded("the loss: its gradient by the logits", share=0.5)
def test_gradient(judge, draw):
    judge.same(loss_gradient, **batch(draw, num_classes=draw.choose(2, 4, 6)))


@graded("the loss: another ignore_index", share=0.5)
def test_other_ignore_index(judge, draw):
    for ignore_index in draw.shuffled([-1, 99]):
        case = batch(draw, ignored=(4, 4), ignore_index=ignore_index)
        judge.same(loss_value, **case, settings=dict(ignore_index=ignore_index))


def steps(draw, count: int = 1, name: str = "sgd") -> dict:
    """Batches, and an optimiser that takes long steps."""
    batches = []
    for _ in range(count):
        target = draw.integers(0, 4, 2, 6, 8)
        target[0, 0, 0] = 3  # the last class occurs: it tells how many there are
        batches.append((draw.normal(2, 3, 6, 8), target))
    settings = dict(name="sgd", lr=draw.choose(0.2, 0.4), momentum=0.5) if name == "sgd" else dict(name=name, lr=0.02)
    return dict(batches=batches, optimizer=settings, doubles=LOSS)


@graded("the step: the parameters after it", share=1.5)
def test_step(judge, draw):
    judge.same(trained_parameters, **steps(draw))


@graded("the step: the loss that it returns is that before the step", share=1)
def test_returned_loss(judge, draw):
    judge.same(training_losses, **steps(draw))


@graded("the step: a second one, without the gradients of the first", share=1)
def test_second_step(judge, draw):
    judge.same(trained_parameters, **steps(draw, 2))


@graded("the step: gradients that somebody else left play no part", share=0.5)
def test_stale_gradients(judge, draw):
    judge.same(trained_parameters, **steps(draw), stale_gradients=True)


@graded("the step: in training mode, whatever mode the model comes in", share=0.5)
def test_training_mode(judge, draw):
    judge.same(trained_parameters, **steps(draw), training=False)


@graded("the step: another optimiser", share=0.5)
def test_other_optimizer(judge, draw):
    judge.same(trained_parameters, **steps(draw, name="adamw"))


@graded("the step: images and targets are left as they were", share=0.25)
def test_manners(judge, draw):
    judge.same(training_manners, **steps(draw))
