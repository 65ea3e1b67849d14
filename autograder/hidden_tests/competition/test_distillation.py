"""2.4 channel_distillation: each channel's softmax over the pixels, teacher and student, compared by KL divergence."""

from autograder.testing import graded
from segkit.tasks.competition.training_probes import distillation, distillation_gradients, distillation_manners


def logits(draw, *, batch: int = 2, num_classes: int = 4, scale: float = 2.0) -> dict:
    """Logits of a student that agrees with its teacher to some degree."""
    shape = (batch, num_classes, *draw.choose((4, 7), (5, 6), (3, 8)))
    teacher = scale * draw.normal(*shape)
    return dict(student_logits=0.5 * teacher + scale * draw.normal(*shape), teacher_logits=teacher)


@graded("the loss: the default temperature", share=2)
def test_loss(judge, draw):
    for _ in range(2):  # one number may be right by chance
        judge.same(distillation, **logits(draw))


@graded("other temperatures", share=1)
def test_temperature(judge, draw):
    for temperature in draw.shuffled([1.0, draw.choose(2.0, 3.0), 10.0]):
        judge.same(distillation, **logits(draw), settings=dict(temperature=temperature))


@graded("the mean over images and channels", share=1)
def test_sizes(judge, draw):
    judge.same(distillation, **logits(draw, batch=1, num_classes=draw.choose(2, 5)))
    judge.same(distillation, **logits(draw, batch=draw.choose(3, 5), num_classes=7))


@graded("a constant in a channel changes nothing", share=0.5)
def test_offsets(judge, draw):
    for _ in range(2):
        case = logits(draw)
        case["student_logits"] = case["student_logits"] + 30 * draw.normal(1, 4, 1, 1)
        judge.same(distillation, **case)


@graded("logits in the thousands: a number, and not infinity", share=0.5)
def test_large_logits(judge, draw):
    judge.same(distillation, **logits(draw, scale=2000.0), settings=dict(temperature=draw.choose(0.5, 0.8)))


@graded("the student's gradient; the teacher has none", share=1)
def test_gradients(judge, draw):
    judge.same(distillation_gradients, **logits(draw))


@graded("both logits are left as they were", share=0.25)
def test_manners(judge, draw):
    judge.same(distillation_manners, **logits(draw))
