"""2.3 AuxiliaryHead and auxiliary_loss: 3x3, BatchNorm, ReLU, 1x1; a second, weighted criterion at the target's size.

The layer before the BatchNorm may have a bias, which the BatchNorm takes away.
"""

from autograder.testing import ROUNDED, graded
from segkit.checking.probes import module_gradients, module_in_precision, module_manners, module_output, module_weights
from segkit.tasks.competition.training_probes import auxiliary_gradients, auxiliary_value


def head(draw, *, batch: int = 2) -> dict:
    """A head, and maps for it."""
    arguments = dict(in_channels=draw.choose(5, 7), channels=draw.choose(6, 8), num_classes=draw.choose(3, 4))
    size = draw.choose((5, 8), (7, 4), (6, 9))
    return dict(name="AuxiliaryHead", arguments=arguments, inputs=[draw.normal(batch, arguments["in_channels"], *size)])


def cotangent(draw, case: dict):
    return draw.normal(2, case["arguments"]["num_classes"], *case["inputs"][0].shape[2:])


def logits(draw, *, main: tuple | None = None, auxiliary: tuple | None = None, ignored: int = 6) -> dict:
    """Logits of both heads, as large as the target where no size is given, and a target."""
    size, num_classes = draw.choose((6, 10), (9, 7), (8, 11)), draw.choose(3, 4)
    target = draw.integers(0, num_classes, 2, *size)
    target.view(-1)[draw.shuffled(range(target.numel()))[:ignored]] = 255
    both = [2 * draw.normal(2, num_classes, *(given or size)) for given in (main, auxiliary)]
    return dict(main_logits=both[0], auxiliary_logits=both[1], target=target)


@graded("the head: the values", share=1.5)
def test_head(judge, draw):
    judge.same(module_output, **head(draw))


@graded("the head in training mode, with the statistics of the batch", share=0.75)
def test_training_mode(judge, draw):
    judge.same(module_output, **head(draw, batch=3), train=True)


@graded("the head: the gradient by the maps, which the encoder learns from", share=0.75)
def test_head_gradient(judge, draw):
    case = head(draw)
    judge.same(module_gradients, **case, cotangent=cotangent(draw, case))


@graded("the head: as many weights as the design has, all of them used", share=0.5)
def test_weights(judge, draw):
    case = head(draw)
    judge.same(module_weights, **case, cotangent=cotangent(draw, case))


@graded(
    "the head: input unchanged, same answer twice, samples independent of each other; float32 and bfloat16", share=0.5
)
def test_manners(judge, draw):
    judge.same(module_manners, **head(draw, batch=3))
    judge.same(module_in_precision, **head(draw), dtype="float32", tolerance=1e-3)
    judge.same(module_in_precision, **head(draw), dtype="bfloat16", tolerance=ROUNDED)


@graded("the loss: both logits as large as the target, weight 0.4", share=1.5)
def test_loss(judge, draw):
    judge.same(auxiliary_value, **logits(draw))


@graded("the loss: smaller auxiliary logits", share=1.5)
def test_smaller(judge, draw):
    for size in draw.shuffled([(3, 4), (4, 3), (2, 5)]):
        judge.same(auxiliary_value, **logits(draw, auxiliary=size))


@graded("the loss: both logits are smaller than the target", share=0.75)
def test_both_smaller(judge, draw):
    for main, auxiliary in draw.shuffled([((4, 5), (2, 3)), ((5, 4), (3, 2))]):
        judge.same(auxiliary_value, **logits(draw, main=main, auxiliary=auxiliary))


@graded("the loss: other weights", share=0.75)
def test_other_weights(judge, draw):
    for weight in draw.shuffled([0.0, draw.choose(0.15, 0.7), 1.5]):
        judge.same(auxiliary_value, **logits(draw, auxiliary=(3, 4)), settings=dict(weight=weight))


@graded("the loss: no auxiliary logits, as in evaluation", share=0.5)
def test_no_auxiliary_logits(judge, draw):
    judge.same(auxiliary_value, **dict(logits(draw), auxiliary_logits=None))


@graded("the loss: another criterion", share=0.5)
def test_other_criterion(judge, draw):
    for power in draw.shuffled([2.0, 3.0]):
        judge.same(auxiliary_value, **logits(draw, auxiliary=(3, 4)), power=power)


@graded("the loss: the gradients by both logits", share=1)
def test_loss_gradients(judge, draw):
    judge.same(auxiliary_gradients, **logits(draw, auxiliary=draw.choose((3, 4), (4, 3))))
