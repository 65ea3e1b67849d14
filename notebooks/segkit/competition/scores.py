"""How entries are scored: one confusion matrix over a whole split, and the intersection over union of every class."""

import math

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassJaccardIndex

from segkit.data import IGNORE
from segkit.devices import device_of
from segkit.progress import open_bar
from segkit.transfer.judging import Judge


class MeanIoU(MulticlassJaccardIndex):
    """torchmetrics' Jaccard index as a metric such as a student's: pixels with label 255 are left out."""

    def __init__(self, num_classes: int):
        super().__init__(num_classes, average="none", ignore_index=IGNORE, zero_division=math.nan, validate_args=False)

    @property
    def confusion(self) -> Tensor:
        """int64 (num_classes, num_classes): pixels of true class i that were called j."""
        return self.confmat

    def class_iou(self) -> Tensor:
        """Of every class, float32 (num_classes,); NaN where it occurs in neither truth nor prediction."""
        return self.compute()

    def mean_iou(self) -> float:
        """Over the classes that occur in truth or prediction."""
        return float(self.class_iou().nanmean())


class StreetJudge(Judge):
    """Counts and scores with `MeanIoU`, and takes a confusion matrix as it is, however many pixels it counts."""

    def __init__(self, num_classes: int):
        super().__init__(MeanIoU, num_classes)

    def mean_iou(self, confusion: Tensor) -> float:
        return scored(confusion).mean_iou()


def scored(confusion: Tensor) -> MeanIoU:
    """The metric of a confusion matrix (K, K)."""
    metric, nothing = MeanIoU(len(confusion)), torch.zeros(0, dtype=torch.int64)
    metric.update(nothing, nothing)
    metric.confmat += confusion.cpu()
    return metric


def evaluate(model: nn.Module, dataset: Dataset, num_classes: int, *, batch_size: int = 8, predict=None) -> MeanIoU:
    """The scores of a model over a whole split, in evaluation mode and without gradients; its mode is left as it was.

    Args:
        model: images (B, 3, h, w) -> logits (B, K, h, w).
        dataset: of (image, target).
        num_classes: K.
        predict: function (model, images) -> scores (B, K, h, w) whose argmax is the prediction, such as multi-scale
            testing; None for the logits.
    """
    was_training, metric = model.training, MeanIoU(num_classes)
    batches = DataLoader(dataset, batch_size)
    model.eval()
    try:
        with torch.inference_mode(), open_bar(len(batches), unit="batch", description="evaluating") as bar:
            for images, target in batches:
                images = images.to(device_of(model))
                scores = model(images) if predict is None else predict(model, images)
                metric.update(scores.argmax(dim=1).cpu(), target)
                bar.update()
    finally:
        model.train(was_training)
    return metric
