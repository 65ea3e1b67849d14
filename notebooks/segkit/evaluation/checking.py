"""`check_results`: what was saved, tried as the grader will try it, on some of one's own validation images."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from segkit.checking.explain_error import explain_error
from segkit.checking.notebook import CheckFailed, Report, show
from segkit.checking.public import Outcome
from segkit.datasets import FourClassADE20K
from segkit.errors import CourseError
from segkit.evaluation.checkpoint import CHECKPOINT, read_checkpoint_file
from segkit.evaluation.saving import rebuild
from segkit.evaluation.scale import Scale, read_scale
from segkit.evaluation.settings import SETTINGS, ResultsSettings, read_settings

TITLE = "Your trained model, as it is handed in"


def check_results(
    folder,
    model_class: type,
    data,
    *,
    predict: Callable,
    confusion_matrix: Callable,
    mean_iou: Callable,
    images: int = 40,
) -> None:
    """Build the model from what `save_results` wrote, evaluate it on images of yours, and say what that would earn.

    Args:
        folder: what `save_results` wrote to.
        model_class: your `SegFormer`.
        data: folder of a four-class data set; its validation images are used.
        predict, confusion_matrix, mean_iou: your functions of tasks 4.1 and 3.2.
        images: how many, evenly spread over the split.

    Raises:
        CheckFailed: if it could not be evaluated, after the table is shown.
    """
    outcomes: list[Outcome] = []
    try:
        settings, weights = _read(Path(folder))
        outcomes.append(Outcome(f"{CHECKPOINT} and {SETTINGS} can be read", None))
        model = rebuild(model_class, settings, weights)
        outcomes.append(Outcome("a fresh model of yours takes the weights", None))
        dataset = FourClassADE20K(data, "validation")
        step = max(1, len(dataset) // images)
        shown = range(0, len(dataset), step)[:images]
        score = _evaluate(model, settings, dataset, shown, predict, confusion_matrix, mean_iou)
        outcomes.append(Outcome(f"evaluated on {len(shown)} of your own validation images: {earned(score)}", None))
    except Exception as error:  # anything that a student's code may raise
        outcomes.append(Outcome("it can be evaluated", explain_error(error)))
    show(Report(TITLE, outcomes, _closing(read_scale())))
    if outcomes[-1].problem:
        raise CheckFailed(f"{TITLE}: {outcomes[-1].problem}") from None


def earned(score: float) -> str:
    """A mean IoU and what it would earn by the course's scale."""
    return f"mean IoU {score:.3f}, which would earn {read_scale().share(score):.0%} of the points"


def _read(folder: Path) -> tuple[ResultsSettings, dict[str, Tensor]]:
    weights = read_checkpoint_file(folder / CHECKPOINT)
    try:
        text = (folder / SETTINGS).read_bytes()
    except OSError as error:
        raise CourseError(f"{folder / SETTINGS} cannot be read ({error.strerror}): run save_results first.") from None
    return read_settings(text), weights


def _evaluate(model, settings, dataset, shown, predict, confusion_matrix, mean_iou) -> float:
    total = 0
    for index in shown:
        image, truth = (value.as_subclass(Tensor) for value in dataset[index])
        prediction = predict(model, image, settings.image_size)
        if prediction.shape != truth.shape:
            shape = tuple(prediction.shape)
            raise CourseError(f"The prediction for an image of {tuple(truth.shape)} has shape {shape}: see task 4.1.")
        total = total + confusion_matrix(prediction, truth.long())
    score = float(mean_iou(torch.as_tensor(total)))
    if not 0 <= score <= 1:
        raise CourseError(f"The mean IoU is {score:g}: see task 3.2.")
    return score


def _closing(scale: Scale) -> str:
    return (
        f"Of the points, a mean IoU of {scale.in_words()}. What counts is the mean IoU on images that only your "
        "instructor has; neither this number nor any other that you hand in is looked at."
    )
