"""The reference with pieces replaced, tried in this process: wrong answers and right ones in another style."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import torch

from autograder.examination import Examination, Judge, WrongAnswer
from autograder.paths import HIDDEN_TESTS
from autograder.reference import reference_candidate
from autograder.sandbox import Limits, Submission
from autograder.sources import Source, SourceCell, read_sources, runnable_cells
from segkit.checking.public import find_task
from segkit.checking.workbench import Workbench
from segkit.student import Cell, load_cells, provide_sources

ASSIGNMENT = "segformer"
SECRET = b"a secret of the tests"


@dataclass(frozen=True)
class Edit:
    """In the stub `cell`, the text `old` becomes `new`."""

    cell: str
    old: str
    new: str


@dataclass(frozen=True)
class Code:
    """A definition that takes the place of the reference's: it stands in a cell after all others of its notebook."""

    notebook: str
    text: str


Change = Edit | Code


@cache
def sources(assignment: str = ASSIGNMENT) -> dict[str, Source]:
    """The sources of an assignment by notebook name."""
    return {source.name: source for source in read_sources(assignment)}


def cells_with(changes: Iterable[Change] = (), assignment: str = ASSIGNMENT) -> dict[str, list[Cell]]:
    """The cells of the reference with some changes, by notebook name.

    Raises:
        LookupError: if the reference no longer holds what an edit replaces.
    """
    left = list(changes)
    cells = {name: _changed(source, left) for name, source in sources(assignment).items()}
    if left:
        raise LookupError(f"The reference has no cell for {left[0]}.")
    return cells


def _changed(source: Source, left: list[Change]) -> list[Cell]:
    """The cells of one notebook; the changes that concern it are taken from `left`."""
    changed = [_edited(cell, left) for cell in source.cells]
    for change in [change for change in left if isinstance(change, Code) and change.notebook == source.name]:
        left.remove(change)
        changed.append(SourceCell("code", change.text, "given", None, 0.0, None))
    return runnable_cells(replace(source, cells=changed))


def _edited(cell: SourceCell, left: list[Change]) -> SourceCell:
    for edit in [edit for edit in left if isinstance(edit, Edit) and (cell.role, cell.id) == ("stub", edit.cell)]:
        if edit.old not in cell.source:
            raise LookupError(f"{edit.cell} of the reference does not contain `{edit.old}`.")
        cell = replace(cell, source=cell.source.replace(edit.old, edit.new))
        left.remove(edit)
    return cell


class LocalWorker:
    """Runs code that can be trusted in this process, where a `Worker` would start another one."""

    def __init__(self, submission: Submission, *, device: str = "cpu", limits: Limits | None = None) -> None:
        # The reference comes first: loading it provides its own sources to `student_code`.
        reference_candidate(submission.assignment, submission.main)
        provide_sources(submission.cells)
        loaded = load_cells(submission.main, submission.cells[submission.main])
        self.problems, self.module = loaded.problems, loaded.module
        self._workbench = Workbench(loaded.module, device)

    def new_test(self) -> None:
        """Trusted code has all the time it needs."""

    def perform(self, request: dict, tensors: dict[str, torch.Tensor]) -> tuple[dict, dict[str, torch.Tensor]]:
        return self._workbench.perform(request, tensors)

    def __exit__(self, *_: object) -> None:
        self._workbench.restore()


def assignment_of(task: str) -> str:
    """The assignment that a task belongs to: no two have tasks of one name."""
    return find_task(task)[0]


@cache
def hidden_tests(task: str) -> dict:
    """The hidden tests of a task, by their names without `test_`."""
    path = HIDDEN_TESTS / assignment_of(task) / f"test_{task}.py"
    spec = spec_from_file_location(f"hidden_{path.stem}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name.removeprefix("test_"): test for name, test in vars(module).items() if name.startswith("test_")}


def findings(
    task: str, cells: dict[str, list[Cell]], secret: bytes = SECRET, case: int = 0, *, doubles: bool = True
) -> dict[str, str]:
    """What the hidden tests of a task that fail say, by test.

    Args:
        doubles: False holds the whole submission against the whole reference, with no stand-ins for earlier tasks.
    """
    found = {}
    with Examination(assignment_of(task), cells, secret, case, make_worker=LocalWorker) as examination:
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
