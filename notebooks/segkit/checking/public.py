"""The public checks of a task, and the recorded answers that they are held against."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.compare import TOLERANCE, difference
from segkit.errors import CourseError

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
_TASKS = Path(__file__).resolve().parents[1] / "tasks"
ASSIGNMENTS = tuple(sorted(folder.parent.name for folder in _TASKS.glob("*/__init__.py")))


@dataclass(frozen=True)
class PublicCheck:
    """One public case: its title in words, the probe, and the probe's keyword arguments."""

    title: str
    probe: Callable[..., dict[str, Any]]
    case: dict[str, Any]
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Task:
    """A task's public checks. `id` is the name that its check cell uses."""

    id: str
    title: str
    checks: tuple[PublicCheck, ...]


@dataclass(frozen=True)
class Recorded:
    """Right answers of a task's public checks, by position and name, and the points its check cell carries."""

    points: float
    answers: list[dict[str, torch.Tensor]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """Whether a public check passed and, if not, why."""

    title: str
    problem: str | None


def tasks_of(assignment: str) -> dict[str, Task]:
    """The tasks of an assignment by id, in the order of the notebooks."""
    return {task.id: task for task in import_module(f"segkit.tasks.{assignment}").TASKS}


def find_task(task_id: str) -> tuple[str, Task]:
    """The assignment and the task of that id.

    Raises:
        CourseError: if no assignment has such a task.
    """
    for assignment in ASSIGNMENTS:
        if task_id in tasks_of(assignment):
            return assignment, tasks_of(assignment)[task_id]
    known = ", ".join(task_id for assignment in ASSIGNMENTS for task_id in tasks_of(assignment))
    raise CourseError(f'There is no task "{task_id}" to check: the tasks are {known}.')


def recorded_path(assignment: str, task_id: str) -> Path:
    """The file that holds a task's recorded answers."""
    return RECORDED / assignment / f"{task_id}.safetensors"


@cache
def load_recorded(path: Path) -> Recorded:
    """The recorded answers in a file that `make notebooks` wrote.

    Raises:
        CourseError: if the file is missing.
    """
    if not path.is_file():
        raise CourseError(f"The recorded answers {path.name} are missing: download the course's bundle again.")
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        answers = [{name: file.get_tensor(f"{number}/{name}") for name in names} for number, names in about["names"]]
    return Recorded(about["points"], answers)


def run_check(check: PublicCheck, candidate: Candidate, expected: dict[str, torch.Tensor]) -> Outcome:
    """Run one public check against its recorded answers."""
    try:
        answers = check.probe(candidate, **check.case)
    except AnswerError as error:
        return Outcome(check.title, str(error))
    return Outcome(check.title, first_difference(answers, expected, tolerance=check.tolerance, reveal=True))


def first_difference(
    answers: dict[str, Any], expected: dict[str, torch.Tensor], *, tolerance: float = TOLERANCE, reveal: bool
) -> str | None:
    """A sentence on the first named answer that differs, or None."""
    if list(answers) != list(expected):
        return f"{len(answers)} answers came back; {len(expected)} were expected ({', '.join(expected)})."
    for name, right in expected.items():
        problem = difference(answers[name], right, tolerance=tolerance, what=name, reveal=reveal)
        if problem:
            return problem
    return None
