"""Counting pixels: from what a model says to a confusion matrix, and from that to intersection over union."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from segkit.subset.classes import IGNORE


def confusion_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Pixels by true class (row) and predicted class: logits (B, K, h, w), enlarged to the labels (B, H, W) first."""
    enlarged = functional.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)
    return count_pairs(enlarged.argmax(dim=1), labels, logits.shape[1])


def count_pairs(predicted: Tensor, labels: Tensor, classes: int, columns: int | None = None) -> Tensor:
    """Pixels by true class and predicted class, int64 (classes, columns); what is labelled IGNORE is left out.

    Args:
        predicted: numbers from 0 to `columns` - 1, of any integer type.
        labels: as many, 0 to `classes` - 1 or IGNORE.
        columns: more than `classes`, if something else than a class can be predicted; None: as many.
    """
    columns = columns or classes
    truth = labels.long()
    labelled = truth != IGNORE
    pairs = columns * truth[labelled] + predicted.long()[labelled]
    return torch.bincount(pairs, minlength=classes * columns).view(classes, columns)


def per_class(confusion: Tensor) -> list[float | None]:
    """Intersection over union of each class; None for one that is neither there nor predicted."""
    found = confusion.diagonal()
    unions = confusion.sum(1) + confusion.sum(0)[: len(confusion)] - found
    return [both / union if union else None for both, union in zip(found.tolist(), unions.tolist(), strict=True)]


def mean_of(ious: list[float | None]) -> float:
    """Mean of the classes that occur."""
    occurring = [iou for iou in ious if iou is not None]
    return math.fsum(occurring) / len(occurring) if occurring else 0.0
