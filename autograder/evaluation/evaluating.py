"""One trained model on all images: built and asked where its code runs, judged here."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from autograder.evaluation.counting import confusion_of, mean_of, per_class
from autograder.evaluation.handed import HandedModel
from autograder.grading.verdicts import Evaluation
from segkit.checking.candidate import AnswerError, Candidate
from segkit.evaluation.checkpoint import learned_numbers

Report = Callable[[int, int], None]


class LabelledImages(Protocol):
    """Images that models are evaluated on. `class_names`: of the K classes; `len(...)` is their number."""

    class_names: tuple[str, ...]

    def __len__(self) -> int: ...

    def batches(self, size: tuple[int, int]) -> Iterator[tuple[Tensor, Sequence[Tensor]]]:
        """Images float32 (B, 3, *size) as a model sees them, and the labels of each, (H, W), 255 unlabelled."""


@dataclass(frozen=True)
class Measured:
    """What a model did. `confusions`: int64 (N, K, K), for each image pixels by true class and predicted class.

    `multiply_adds` of one image, as the process of the model counted them; `seconds` for all images.
    """

    confusions: Tensor
    multiply_adds: int
    seconds: float


def evaluate(
    candidate: Candidate, class_name: str, model: HandedModel, images: LabelledImages, report: Report
) -> Evaluation:
    """What a trained model does on the images.

    Args:
        candidate: the student's code; it gets weights and images, and no label.
        class_name: the class that the weights belong to, for example `"SegFormer"`.
        report: called with the number of images that are done and of all.

    Raises:
        AnswerError: if the model could not be built or gave no answer that can be judged.
    """
    return as_evaluation(measure(candidate, class_name, model, images, report), model, images.class_names)


def measure(
    candidate: Candidate, name: str, model: HandedModel, images: LabelledImages, report: Report, *arguments: object
) -> Measured:
    """As `evaluate`, image by image.

    Args:
        name: of the class or function that builds the model, given `arguments` and those of the model's settings.
    """
    size, classes = model.settings.image_size, len(images.class_names)
    candidate.begin()
    built = candidate.make("student", name=name, args=list(arguments), kwargs=model.settings.arguments, dtype="float32")
    candidate.load(built, model.weights)
    operations = candidate.multiply_adds(built, size)
    started, confusions = time.monotonic(), []
    for batch, labels in images.batches(size):
        logits = _require_logits(candidate.predict(built, batch), len(batch), classes)
        confusions += [confusion_of(own[None], label[None]) for own, label in zip(logits, labels, strict=True)]
        report(len(confusions), len(images))
    return Measured(torch.stack(confusions), operations, round(time.monotonic() - started, 1))


def as_evaluation(measured: Measured, model: HandedModel, class_names: Sequence[str]) -> Evaluation:
    """All images together: pixels are added up over them before anything is divided."""
    ious = per_class(measured.confusions.sum(dim=0))
    return Evaluation(
        mean_iou=mean_of(ious),
        per_class=dict(zip(class_names, ious, strict=True)),
        images=len(measured.confusions),
        parameters=learned_numbers(model.weights),
        multiply_adds=measured.multiply_adds,
        image_size=model.settings.image_size,
        seconds=measured.seconds,
    )


def _require_logits(answer: object, images: int, classes: int) -> Tensor:
    """The answer, if it is what a segmentation model gives: floats (B, K, h, w), all finite."""
    expected = f"a tensor of floats ({images}, {classes}, height, width) for {images} images"
    if not isinstance(answer, Tensor) or not answer.is_floating_point():
        raise AnswerError(f"The model's answer is no tensor of floats; {expected} was expected.", "answer")
    if answer.ndim != 4 or answer.shape[:2] != (images, classes) or not answer.numel():
        raise AnswerError(f"The model's answer has the shape {tuple(answer.shape)}; {expected} was expected.", "answer")
    if not torch.isfinite(answer).all():
        raise AnswerError("The model's logits hold NaN or infinity.", "answer")
    return answer
