"""The reference with pieces replaced, tried in this process: wrong answers and right ones in another style."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from autograder.grading import hidden
from autograder.grading.examination import Examination, Judge, WrongAnswer
from autograder.misconceptions import Misconception, misconceptions_of, variants
from autograder.misconceptions.variants import Change
from autograder.trusted import TrustedWorker
from segkit.checking.public import find_task
from segkit.student import Cell

ASSIGNMENT = "segformer"
SECRET = b"a secret of the tests"


def cells_with(changes: Iterable[Change] = (), assignment: str = ASSIGNMENT) -> dict[str, list[Cell]]:
    """As `variants.cells_with`, of the course's main assignment if no other is meant."""
    return variants.cells_with(assignment, changes)


def assignment_of(task: str) -> str:
    """The assignment that a task belongs to: no two have tasks of one name."""
    return find_task(task)[0]


def hidden_tests(task: str) -> dict:
    """The hidden tests of a task, by their names without `test_`."""
    return hidden.hidden_tests(assignment_of(task), task)


def findings(
    task: str, cells: dict[str, list[Cell]], secret: bytes = SECRET, case: int = 0, *, doubles: bool = True
) -> dict[str, str]:
    """What the hidden tests of a task that fail say, by test.

    Args:
        doubles: False holds the whole submission against the whole reference, with no stand-ins for earlier tasks.
    """
    found = {}
    with Examination(assignment_of(task), cells, secret, case, make_worker=TrustedWorker) as examination:
        for name, test in hidden_tests(task).items():
            judge = examination.judge(task, f"test_{name}")
            try:
                test(judge if doubles else WholeJudge(judge), examination.draw(task, f"test_{name}"))
            except WrongAnswer as finding:
                found[name] = str(finding)
    return found


@dataclass
class WholeJudge:
    """A judge that does without doubles."""

    judge: Judge

    def same(self, probe: Callable, *, doubles: Iterable[str] = (), **case: Any) -> None:
        self.judge.same(probe, **case)


class RecordingJudge:
    """A judge that looks at nothing and keeps what it should have looked at."""

    def __init__(self) -> None:
        self.asked = ""

    def same(self, probe: Callable, **case: Any) -> None:
        self.asked += f"{probe.__name__} {case}"


def judgements(task: str, secret: bytes, case: int) -> dict[str, str]:
    """What the hidden tests of a task ask in a case, by test."""
    asked = {}
    with Examination(assignment_of(task), {}, secret, case) as examination:
        for name, test in hidden_tests(task).items():
            judge = RecordingJudge()
            test(judge, examination.draw(task, f"test_{name}"))
            asked[name] = judge.asked
    return asked


def mistake_named(name: str) -> Misconception:
    """The misconception of that name, with its task before it: `"attention: not scaled"`."""
    task, _, rest = name.partition(": ")
    return next(one for one in misconceptions_of(assignment_of(task), task) if one.name == rest)
