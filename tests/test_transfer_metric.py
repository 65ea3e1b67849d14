"""The reference's metric gives torchmetrics' numbers, whatever the batches."""

import pytest
import torch
from answers import cells_with
from right_answers import RIGHT_ANSWERS
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from autograder.sandbox import Submission
from autograder.trusted import TrustedWorker
from segkit.transfer.judging import Judge

IGNORED = 255


def metric_of(*changes):
    """The class SegmentationMetric of the reference, or of what changes make of it."""
    cells = cells_with(changes, "transfer")
    return TrustedWorker(Submission("transfer", "01_data_and_metric", cells)).module.SegmentationMetric


@pytest.fixture(scope="module")
def metric_class():
    return metric_of()


def pixels(num_classes: int, present: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions that are right half of the time, of the first `present` classes, and targets with ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    shape = (7, 12, 10)
    target, other = (torch.randint(present, shape, generator=generator) for _ in range(2))
    prediction = torch.where(torch.rand(shape, generator=generator) < 0.5, target, other)
    return prediction, torch.where(torch.rand(shape, generator=generator) < 0.1, IGNORED, target)


@pytest.mark.parametrize("batch", [1, 3, 7])
@pytest.mark.parametrize(("num_classes", "present"), [(3, 3), (19, 19), (19, 6)])
def test_metric_is_that_of_torchmetrics(metric_class, num_classes: int, present: int, batch: int) -> None:
    prediction, target = pixels(num_classes, present, seed=num_classes + present)
    ours, settings = metric_class(num_classes), dict(num_classes=num_classes, ignore_index=IGNORED)
    confusion, each = MulticlassConfusionMatrix(**settings), MulticlassJaccardIndex(**settings, average=None)
    for part in zip(prediction.split(batch), target.split(batch), strict=True):
        for metric in (ours, confusion, each):
            metric.update(*part)
    occurs = ours.confusion.sum(dim=0) + ours.confusion.sum(dim=1) > 0
    assert int(occurs.sum()) == present
    assert torch.equal(ours.confusion, confusion.compute())
    assert (ours.iou()[occurs] - each.compute()[occurs]).abs().max() < 1e-6
    assert ours.iou()[~occurs].isnan().all()
    average = MulticlassJaccardIndex(**settings, average="macro")
    assert abs(ours.mean_iou() - average(prediction, target)) < 1e-6


STYLES = [style for task, style in RIGHT_ANSWERS if task == "segmentation_metric"]


@pytest.mark.parametrize("style", STYLES)
def test_trainings_take_a_right_metric_of_any_style(metric_class, style: str) -> None:
    judges = [Judge(metric_of(RIGHT_ANSWERS["segmentation_metric", style]), 4), Judge(metric_class, 4)]
    prediction, target = pixels(4, 3, seed=5)
    ours, right = (judge.confusion_matrix(prediction, target, 4) for judge in judges)
    assert torch.equal(ours, right)
    assert abs(judges[0].mean_iou(ours) - judges[1].mean_iou(right)) < 1e-9
    assert judges[0].fingerprint() == judges[1].fingerprint()
