"""The trained model that a student handed in, read on the trusted side."""

from dataclasses import dataclass

from torch import Tensor

from autograder.triage.finding import HandedFile, UnreadableError
from autograder.triage.results import HandedResults
from segkit.errors import CourseError
from segkit.evaluation.checkpoint import MAX_BYTES, digest_of, read_checkpoint, too_large
from segkit.evaluation.settings import MAX_BYTES as MAX_SETTINGS
from segkit.evaluation.settings import ResultsSettings, read_settings


@dataclass(frozen=True)
class HandedModel:
    """Weights and settings; `digest` names the weights."""

    settings: ResultsSettings
    weights: dict[str, Tensor]
    digest: str


def read_handed(results: HandedResults) -> HandedModel:
    """What can be evaluated of the files that triage found.

    Raises:
        CourseError: why nothing can, in one sentence for the student.
    """
    if results.missing:
        raise CourseError(results.missing)
    settings = read_settings(_read(results.settings, MAX_SETTINGS, f"{results.settings.label} is no settings file."))
    data = _read(results.checkpoint, MAX_BYTES, too_large(results.checkpoint.size))
    return HandedModel(settings, read_checkpoint(data), digest_of(data))


def _read(file: HandedFile, limit: int, sentence: str) -> bytes:
    if file.size > limit:
        raise CourseError(sentence)
    try:
        return file.read()
    except UnreadableError as error:
        raise CourseError(str(error)) from None
