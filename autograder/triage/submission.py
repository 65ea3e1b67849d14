"""A whole submission: every released notebook once, fit for grading, whatever was handed in."""

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from autograder.triage.choosing import Chosen, choose
from autograder.triage.finding import RESULTS, HandedIn, find_files
from autograder.triage.naming import named_group
from autograder.triage.repairing import repair
from autograder.triage.results import HandedResults, choose_results
from segkit.errors import CourseError
from segkit.evaluation.checkpoint import CHECKPOINT
from segkit.evaluation.settings import SETTINGS


@dataclass(frozen=True)
class TriagedNotebook:
    """A notebook that nbgrader can grade.

    Attributes:
        name: the released name, `"02_modules"`.
        notebook: valid in format 4.5, with nbgrader's metadata as released.
        repairs: one sentence each, for student and instructor; empty if nothing was repaired.
        unreadable: a sentence, if nothing of the student's could be used: `notebook` is then the released one.
    """

    name: str
    notebook: NotebookNode
    repairs: list[str]
    unreadable: str | None


@dataclass(frozen=True)
class TriagedSubmission:
    """What one student handed in for one assignment.

    Attributes:
        notebooks: one for every released name, in order.
        notes: what was left aside, in sentences for the instructor.
        refused_files: what stands in the assignment's folder and must not be copied or followed. A folder in it
            stands for all that it holds.
        results: the trained model, if one was handed in.
        named: by notebook whom it names as its group, where it does.
    """

    notebooks: dict[str, TriagedNotebook]
    notes: list[str]
    refused_files: list[Path]
    results: HandedResults
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def handed_in(self) -> bool:
        """Whether anything of it can be used."""
        return any(notebook.unreadable is None for notebook in self.notebooks.values())


def read_released(folder: Path) -> dict[str, NotebookNode]:
    """The notebooks as released, by name.

    Raises:
        CourseError: if there is none in `folder`, or one cannot be read.
    """
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise CourseError(f"There are no released notebooks in {folder}: run `make release`.")
    return {path.stem: _read_released(path) for path in paths}


def _read_released(path: Path) -> NotebookNode:
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
    except Exception as error:  # nbformat and nbgrader raise many kinds; a broken release must stop, with a sentence
        reason = " ".join(str(error).split())[:200]
        raise CourseError(f"The released {path} cannot be read ({reason}): run `make release`.") from None
    return notebook


def triage_submission(folder: Path, released: Mapping[str, NotebookNode]) -> TriagedSubmission:
    """Make what stands in `submitted/<student>/<assignment>` fit for grading. Never raises; writes and runs nothing.

    Args:
        folder: that folder; it may not exist.
        released: the notebooks as released, by name (`read_released`).
    """
    folder = Path(os.path.normpath(folder))
    handed = find_files(folder, [*(f"{name}.ipynb" for name in released), RESULTS, CHECKPOINT, SETTINGS])
    chosen, notes = choose(handed, released)
    notebooks = {name: _triage(name, chosen[name], released[name]) for name in released}
    notes = _with_absence(handed, notebooks, handed.notes + notes)
    named = {name: group for name, triaged in notebooks.items() if (group := named_group(triaged.notebook))}
    return TriagedSubmission(notebooks, notes, handed.refused, choose_results(handed), named)


def _triage(name: str, chosen: Chosen, released: NotebookNode) -> TriagedNotebook:
    if chosen.notebook is None:
        return TriagedNotebook(name, copy.deepcopy(released), [], chosen.sentence)
    try:
        notebook, repairs = repair(chosen.notebook, released)
        nbformat.validate(notebook)
    except Exception as error:  # a mistake of ours with one notebook must not stop a class; it is said, not hidden
        sentence = f"{name}.ipynb could not be prepared for grading ({type(error).__name__}): please report this."
        return TriagedNotebook(name, copy.deepcopy(released), [], sentence)
    return TriagedNotebook(name, notebook, ([chosen.sentence] if chosen.sentence else []) + repairs, None)


def _with_absence(handed: HandedIn, notebooks: Mapping[str, TriagedNotebook], notes: list[str]) -> list[str]:
    if not handed.files and not any(notebook.unreadable is None for notebook in notebooks.values()):
        return ["No notebook was handed in.", *notes]
    return notes
