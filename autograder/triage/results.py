"""Which of the files handed in are the trained model and its settings, wherever they were put."""

from dataclasses import dataclass

from autograder.triage.finding import RESULTS, HandedFile, HandedIn, is_checkpoint, is_settings
from autograder.triage.sentences import listing
from segkit.evaluation.checkpoint import CHECKPOINT
from segkit.evaluation.settings import SETTINGS


@dataclass(frozen=True)
class HandedResults:
    """The trained model as files.

    Attributes:
        missing: why there is no pair of them, one sentence; None if both are there.
        found: how they were found, if that needs saying.
    """

    checkpoint: HandedFile | None = None
    settings: HandedFile | None = None
    missing: str | None = None
    found: str | None = None


def choose_results(handed: HandedIn) -> HandedResults:
    """The trained model among the files: the one of the exact name in `results/`, else the nearest checkpoint."""
    checkpoints = sorted((file for file in handed.results if is_checkpoint(file.parts[-1])), key=_preference)
    if not checkpoints:
        return HandedResults(missing=_why_none(handed))
    checkpoint = checkpoints[0]
    beside = [file for file in handed.results if is_settings(file.parts[-1])]
    beside.sort(key=lambda file: (file.parts[:-1] != checkpoint.parts[:-1], file.parts[-1] != SETTINGS, file.rank))
    if not beside:
        return HandedResults(checkpoint, missing=f"{checkpoint.label} lacks its {SETTINGS}: save_results writes both.")
    return HandedResults(checkpoint, beside[0], found=_how_found(checkpoints, beside[0]))


def _preference(file: HandedFile) -> tuple:
    exact = file.parts[-1] == CHECKPOINT
    return (not (exact and file.parts[-2:-1] == (RESULTS,)), not exact, file.rank)


def _why_none(handed: HandedIn) -> str:
    if handed.no_checkpoints:
        return (
            f"{listing(handed.no_checkpoints)} is no ordinary file that can be opened (but a folder, a link, or larger "
            f"than any notebook may be): hand in the {CHECKPOINT} that save_results wrote."
        )
    return f"No trained model was handed in: there is no {RESULTS}/{CHECKPOINT}."


def _how_found(checkpoints: list[HandedFile], settings: HandedFile) -> str | None:
    checkpoint, *others = checkpoints
    usual = (checkpoint.parts[1:], settings.parts[1:]) == ((RESULTS, CHECKPOINT), (RESULTS, SETTINGS))
    aside = f" ({listing(file.label for file in others)} left aside)" if others else ""
    return None if usual and not others else f"The trained model is {checkpoint.label} with {settings.label}{aside}."
