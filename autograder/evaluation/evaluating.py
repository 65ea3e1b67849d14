"""One trained model on all images: built and asked where the student's code runs, judged here."""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from autograder.evaluation.handed import HandedModel
from autograder.evaluation.images import EvaluationImages
from autograder.grading.verdicts import Evaluation
from segkit.checking.candidate import AnswerError, Candidate
from segkit.evaluation.checkpoint import learned_numbers
from segkit.subset.classes import CLASS_NAMES, IGNORE

CLASSES = len(CLASS_NAMES)

Report = Callable[[int, int], None]


def evaluate(
    candidate: Candidate, class_name: str, model: HandedModel, images: EvaluationImages, report: Report
) -> Evaluation:
    """What a trained model does on the images.

    Args:
        candidate: the student's code; it gets weights and images, and no label.
        class_name: the class that the weights belong to, for example `"SegFormer"`.
        report: called with the number of images that are done and of all.

    Raises:
        AnswerError: if the model could not be built or gave no answer that can be judged.
    """
    size = model.settings.image_size
    candidate.begin()
    built = candidate.make("student", name=class_name, args=[], kwargs=model.settings.arguments, dtype="float32")
    candidate.load(built, model.weights)
    operations = candidate.multiply_adds(built, size)
    started = time.monotonic()
    confusion, done = torch.zeros(CLASSES, CLASSES, dtype=torch.int64), 0
    for batch, labels in images.batches(size):
        logits = _require_logits(candidate.predict(built, batch), len(batch))
        confusion += confusion_of(logits, labels)
        done += len(batch)
        report(done, len(images))
    ious = per_class(confusion)
    return Evaluation(
        mean_iou=mean_of(ious),
        per_class=dict(zip(CLASS_NAMES, ious, strict=True)),
        images=done,
        parameters=learned_numbers(model.weights),
        multiply_adds=operations,
        image_size=size,
        seconds=round(time.monotonic() - started, 1),
    )


def confusion_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Pixels by true class (row) and predicted class: logits (B, K, h, w), enlarged to the labels (B, H, W) first."""
    enlarged = functional.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)
    predicted, truth = enlarged.argmax(dim=1), labels.long()
    labelled = truth != IGNORE
    pairs = CLASSES * truth[labelled] + predicted[labelled]
    return torch.bincount(pairs, minlength=CLASSES**2).view(CLASSES, CLASSES)


def per_class(confusion: Tensor) -> list[float | None]:
    """Intersection over union of each class; None for one that is neither there nor predicted."""
    found = confusion.diagonal().tolist()
    unions = (confusion.sum(0) + confusion.sum(1) - confusion.diagonal()).tolist()
    return [both / union if union else None for both, union in zip(found, unions, strict=True)]


def mean_of(ious: list[float | None]) -> float:
    """Mean of the classes that occur."""
    occurring = [iou for iou in ious if iou is not None]
    return math.fsum(occurring) / len(occurring) if occurring else 0.0


def _require_logits(answer: object, images: int) -> Tensor:
    """The answer, if it is what a segmentation model gives: floats (B, K, h, w), all finite."""
    expected = f"a tensor of floats ({images}, {CLASSES}, height, width) for {images} images"
    if not isinstance(answer, Tensor) or not answer.is_floating_point():
        raise AnswerError(f"The model's answer is no tensor of floats; {expected} was expected.", "answer")
    if answer.ndim != 4 or answer.shape[:2] != (images, CLASSES) or not answer.numel():
        raise AnswerError(f"The model's answer has the shape {tuple(answer.shape)}; {expected} was expected.", "answer")
    if not torch.isfinite(answer).all():
        raise AnswerError("The model's logits hold NaN or infinity.", "answer")
    return answer
