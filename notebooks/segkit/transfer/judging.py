"""The student's metric class as the two functions that a training needs, and a fingerprint of what it computes."""

import torch
from torch import Tensor

from segkit.checking.inputs import Numbers
from segkit.data import IGNORE
from segkit.training.settings import require


class Judge:
    """Counts and scores with a metric class such as `SegmentationMetric`.

    A training adds up confusion matrices, also of several processes, and scores their sum: hence the metric's
    `confusion` is read after an `update`, and a sum is scored by a metric that was shown as many pixels of each kind.

    Args:
        metric: class with `metric(num_classes)`, `update(prediction, target)`, `confusion` and `mean_iou()`.
    """

    def __init__(self, metric: type, num_classes: int):
        self.metric, self.num_classes = metric, num_classes

    def confusion_matrix(self, prediction: Tensor, target: Tensor, num_classes: int) -> Tensor:
        """int64 (num_classes, num_classes): pixels of true class i that were called j."""
        metric = self.metric(num_classes)
        metric.update(prediction, target)
        require(hasattr(metric, "confusion"), f"{self.metric.__name__} has no attribute confusion: keep its name.")
        return metric.confusion

    def mean_iou(self, confusion: Tensor) -> float:
        """Mean IoU of the classes that occur."""
        metric, places = self.metric(len(confusion)), torch.arange(confusion.numel())
        pixels = places.repeat_interleave(confusion.flatten().cpu()).reshape(1, 1, -1)  # a matrix need not be settable
        metric.update(pixels % len(confusion), pixels // len(confusion))
        mean = metric.mean_iou()  # a tensor or a number, as the student likes
        return float(mean)

    def fingerprint(self) -> str:
        """The class's name and its mean IoU on fixed labels, some of them ignored: another metric has another one."""
        numbers, confusion = Numbers(0), 0
        for size in (7, 5):
            target, prediction = (numbers.integers(0, self.num_classes, 2, size, size) for _ in range(2))
            target[:, 0] = IGNORE
            prediction = torch.where(prediction == 1, 0, prediction)
            confusion = confusion + self.confusion_matrix(prediction, target, self.num_classes)
        return f"{self.metric.__name__} {self.mean_iou(confusion):.9f}"
