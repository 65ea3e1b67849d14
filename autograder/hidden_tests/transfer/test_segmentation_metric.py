"""1.4 SegmentationMetric: pixels are counted over all updates and divided once.

Only the first test asks which axis is the truth: elsewhere i is taken for j as often as j for i.
"""

import torch

from autograder.testing import graded
from segkit.tasks.transfer.metric_probes import (
    measured,
    measured_after_reset,
    measured_beside_another,
    measured_twice,
    metric_manners,
)

SCORES = ("iou", "mean_iou")


def symmetric(draw, *shape: int, classes: tuple[int, ...] = (0, 1, 2), ignored: int = 0, ignore_index: int = 255):
    """Prediction and target (B, H, W) that confuse i with j as often as j with i, and some pixels that are ignored."""
    a, b = (torch.tensor(classes)[draw.integers(0, len(classes), *shape)] for _ in range(2))
    b = torch.where(draw.normal(*shape) > 0, a, b)  # half of them right
    a[0, 0, 0] = b[0, 0, 0] = classes[-1]
    prediction, target = torch.cat([a, b], dim=1), torch.cat([b, a], dim=1)
    if ignored:
        extra = torch.tensor(classes)[draw.integers(0, len(classes), shape[0], ignored, shape[2])]
        prediction = torch.cat([prediction, extra], dim=1)
        target = torch.cat([target, torch.full_like(extra, ignore_index)], dim=1)
    return prediction, target


@graded("confusion: rows are the truth, columns the prediction", share=1)
def test_rows_and_columns(judge, draw):
    target = draw.integers(0, 3, 2, *draw.choose((5, 8), (7, 6)))
    prediction = torch.where(draw.normal(*target.shape) > 0, target, draw.integers(0, 3, *target.shape))
    judge.same(measured, batches=[(prediction, target)], asked=["confusion"])


@graded("confusion: ignored pixels are not counted", share=1)
def test_ignored(judge, draw):
    batches = [symmetric(draw, 2, 3, 4, ignored=draw.choose(1, 2))]
    judge.same(measured, batches=batches, asked=["confusion"])


@graded("another number of classes, another ignore_index", share=0.5)
def test_settings(judge, draw):
    for ignore_index in draw.shuffled([-1, 99]):
        settings = dict(num_classes=draw.choose(5, 6), ignore_index=ignore_index)
        batches = [symmetric(draw, 1, 4, 6, classes=(0, 1, 2, 3), ignored=1, ignore_index=ignore_index)]
        judge.same(measured, batches=batches, asked=["confusion"], settings=settings)


@graded("iou and mean_iou: all classes occur", share=1.5)
def test_scores(judge, draw):
    sizes = (0, 0, 0, 0, 1, 2)  # class 0 is the largest by far
    judge.same(measured, batches=[symmetric(draw, 3, 6, draw.choose(7, 9), classes=sizes)], asked=SCORES)


@graded("iou and mean_iou: a class that occurs nowhere is NaN, and left out of the mean", share=1)
def test_absent_class(judge, draw):
    classes = draw.choose((0, 1, 2), (0, 2, 3), (1, 2, 3))
    batches = [symmetric(draw, 2, 6, 7, classes=classes)]
    judge.same(measured, batches=batches, asked=SCORES, settings=dict(num_classes=4))


@graded("iou and mean_iou: a class that is only predicted, or only true, has IoU 0 and counts", share=1)
def test_one_sided_class(judge, draw):
    target = torch.tensor([0, 2])[draw.integers(0, 2, 2, 5, 6)]
    other = target.clone()
    other[:, 0, : draw.choose(2, 3, 4)] = 1
    judge.same(measured, batches=[(other, target)], asked=SCORES)
    judge.same(measured, batches=[(target, other)], asked=SCORES)


@graded("several batches of different size: counted over all of them, divided once", share=1.5)
def test_several_batches(judge, draw):
    batches = [symmetric(draw, size, 4, 5, classes=classes) for size, classes in ((3, (0, 1)), (1, (0, 1, 2)))]
    judge.same(measured, batches=draw.shuffled(batches), asked=["mean_iou", "confusion"])


@graded("asking changes nothing: more updates may follow", share=0.5)
def test_asked_in_between(judge, draw):
    before, after = ([symmetric(draw, size, 4, 5)] for size in (2, 3))
    judge.same(measured_twice, before=before, after=after)


@graded("reset forgets everything", share=0.5)
def test_reset(judge, draw):
    before, after = ([symmetric(draw, size, 4, 5)] for size in (2, 3))
    judge.same(measured_after_reset, before=before, after=after)


@graded("NaN before anything was counted", share=0.25)
def test_nothing(judge, draw):
    judge.same(measured, batches=[], asked=SCORES, settings=dict(num_classes=draw.choose(2, 3, 4)))


@graded("two metrics know nothing of each other", share=0.5)
def test_two_metrics(judge, draw):
    first, second = ([symmetric(draw, size, 4, 5)] for size in (1, 2))
    judge.same(measured_beside_another, first=first, second=second)


@graded("int64 counts, float64 IoUs, predictions and targets left as they were", share=0.5)
def test_manners(judge, draw):
    judge.same(metric_manners, batches=[symmetric(draw, 2, 4, 5, ignored=1)])
