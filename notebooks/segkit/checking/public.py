"""The public checks of a task, and the recorded answers that they are held against."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from segkit.checking.arrangements import each_arrangement
from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.compare import TOLERANCE, difference
from segkit.checking.fingerprints import Fingerprint, fingerprint, fingerprint_of_error, same_fingerprint
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
    """Right answers of a task's public checks, by position and name, and the points its check cell carries.

    `bonus`: the points come on top of the assignment's.
    `registered`: by position, how many weights the check's module registers, None where there is no module.
    `hints`: what frequent mistakes answer, and what to say about them.
    """

    points: float
    answers: list[dict[str, torch.Tensor]] = field(default_factory=list)
    registered: list[int | None] = field(default_factory=list)
    hints: list["Hint"] = field(default_factory=list)
    bonus: bool = False


@dataclass(frozen=True)
class Hint:
    """What to say to whoever gives the same answers as a mistake that was seen before.

    `prints`: fingerprints of the mistake's answers to the public checks, by position; None where it passes.
    """

    text: str
    prints: list[Fingerprint | None]
    claims_only: bool = False


@dataclass(frozen=True)
class Outcome:
    """Whether a public check passed and, if not, why; a fingerprint of the answers in each arrangement."""

    title: str
    problem: str | None
    prints: list[Fingerprint] = field(default_factory=list)
    hint: str | None = None


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
    hints = [Hint(**hint) for hint in about.get("hints", [])]
    return Recorded(about["points"], answers, about.get("registered", []), hints, about.get("bonus", False))


def run_check(
    check: PublicCheck, candidate: Candidate, expected: dict[str, torch.Tensor], designed: int | None = None
) -> Outcome:
    """Run one public check against its recorded answers.

    Args:
        designed: how many weights the reference's module registers.
    """
    problem, prints = None, []
    try:
        for answers in each_arrangement(candidate, check.probe, check.case):
            registered = (candidate.registered, designed)
            found = first_difference(answers, expected, tolerance=check.tolerance, reveal=True, registered=registered)
            if not found:
                return Outcome(check.title, None)
            problem = problem or found
            prints.append(fingerprint(answers))
    except AnswerError as error:
        return Outcome(check.title, str(error), [fingerprint_of_error(error)])
    return Outcome(check.title, problem, prints)


def with_hints(task: Task, outcomes: list[Outcome], hints: list[Hint]) -> list[Outcome]:
    """The outcomes, with a hint where the answers are those of one mistake that was seen before, and of no other.

    A mistake that accounts for all outcomes comes before one beside which there are others.
    """
    tolerances = [check.tolerance for check in task.checks]
    agreeing = {
        number: [_agrees(hint.claims_only, *one) for one in zip(outcomes, hint.prints, tolerances, strict=True)]
        for number, hint in enumerate(hints)
    }
    fitting = [hints[number] for number, agreed in agreeing.items() if all(agreed)] or [
        hint for number, hint in enumerate(hints) if _accounts_for_its_own(hint, agreeing[number])
    ]
    return [replace(outcome, hint=_only_hint(number, outcome, fitting)) for number, outcome in enumerate(outcomes)]


def _accounts_for_its_own(hint: Hint, agreed: list[bool]) -> bool:
    return all(agreed[number] for number, mistaken in enumerate(hint.prints) if mistaken)


def _only_hint(number: int, outcome: Outcome, fitting: list[Hint]) -> str | None:
    here = [hint.text for hint in fitting if hint.prints[number]] if outcome.problem else []
    return here[0] if len(here) == 1 else None


def _agrees(claims_only: bool, outcome: Outcome, mistake: Fingerprint | None, tolerance: float) -> bool:
    """Whether an outcome is what the mistake's would be."""
    if outcome.problem is None or mistake is None:
        return outcome.problem is None and mistake is None
    return any(same_fingerprint(own, mistake, tolerance, claims_only=claims_only) for own in outcome.prints)


def first_difference(
    answers: dict[str, Any],
    expected: dict[str, torch.Tensor],
    *,
    tolerance: float = TOLERANCE,
    reveal: bool,
    registered: tuple[int | None, int | None] = (None, None),
) -> str | None:
    """A sentence on the first named answer that differs, or None.

    Args:
        registered: how many weights the module holds, and how many the design has: where values of the right shape
            are wrong and these differ, the values could not be set, and say nothing.
    """
    if list(answers) != list(expected):
        return f"{len(answers)} answers came back; {len(expected)} were expected ({', '.join(expected)})."
    for name, right in expected.items():
        problem = difference(answers[name], right, tolerance=tolerance, what=name, reveal=reveal)
        if problem:
            shaped = isinstance(answers[name], torch.Tensor) and answers[name].shape == right.shape and right.ndim
            return _set_up(*registered) or problem if shaped else problem
    return None


def _set_up(registered: int | None, designed: int | None) -> str | None:
    """What keeps a module's parameters from being set up, if their number shows that something does."""
    if registered == designed or registered is None or designed is None:
        return None
    return (
        f"Your module registers {registered} weights (biases and norms not counted), the design has {designed}: its "
        f"parameters cannot be set up for a comparison. {_WHERE_WEIGHTS_GO[registered > designed]}"
    )


_WHERE_WEIGHTS_GO = {
    False: "Is a layer missing or too small, or kept where PyTorch does not find it, such as a plain list?",
    True: "Is there a layer too many, or one that is larger than it should be?",
}
