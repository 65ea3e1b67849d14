"""Grades one notebook of a submission: runs the hidden tests of its tasks and turns their findings into a verdict."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from autograder.cases import case_number
from autograder.examination import Examination
from autograder.paths import HIDDEN_TESTS
from autograder.sandbox import Limits, require_device
from autograder.sources import AUTOMATIC, read_sources
from autograder.verdicts import Finding, TaskVerdict, Verdict, content_key
from segkit.errors import CourseError
from segkit.student import Cell

EXAMINATION = pytest.StashKey[Examination]()


def grade_notebook(
    assignment: str,
    notebook: str,
    cells: dict[str, list[Cell]],
    secret: bytes,
    *,
    device: str = "cpu",
    limits: Limits | None = None,
    report: Callable[[str], None] = lambda task: None,
) -> Verdict:
    """The verdict on one notebook.

    Args:
        cells: the cells of all of the submission's notebooks: later ones build on earlier ones.
        secret: the course's; with the submission's content it chooses the case.
        report: called with the name of each test before it runs.
    """
    require_device(device)
    content = content_key(cells)
    points = task_points(assignment, notebook)
    case = case_number(secret, content)
    with Examination(assignment, cells, secret, case, device, limits or Limits()) as examination:
        collector = _Collector(examination, report)
        if points:
            _run_pytest(assignment, list(points), collector)
        problems = examination.problems(notebook)
    tasks = {task: TaskVerdict(task, points[task], collector.findings.get(task, [])) for task in points}
    return Verdict(assignment, notebook, content, case, device, tasks, problems)


def task_points(assignment: str, notebook: str) -> dict[str, float]:
    """Points by task of a notebook, as its source says."""
    for source in read_sources(assignment):
        if source.name == notebook:
            return source.points(AUTOMATIC)
    return {}


def _run_pytest(assignment: str, tasks: list[str], collector: "_Collector") -> None:
    paths = [HIDDEN_TESTS / assignment / f"test_{task}.py" for task in tasks]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise CourseError(f"The hidden tests {', '.join(missing)} are missing from {HIDDEN_TESTS / assignment}.")
    # Without cache, terminal and the settings of whatever project the grader is started from: a verdict must depend
    # on the submission and the tests alone.
    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:terminal",
        "-p",
        "no:logging",
        "-c",
        str(HIDDEN_TESTS / "pytest.ini"),
    ]
    foreign = os.environ.pop("PYTEST_ADDOPTS", None)  # a `-x` there would cost points
    try:
        status = pytest.main([*options, "--rootdir", str(HIDDEN_TESTS), *map(str, paths)], plugins=[collector])
    finally:
        if foreign is not None:
            os.environ["PYTEST_ADDOPTS"] = foreign
    if collector.interrupted:
        raise KeyboardInterrupt
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise CourseError(f"The hidden tests of {', '.join(tasks)} could not be run (pytest: {status!r}).")
    if collector.faults:
        raise CourseError(f"A hidden test failed by itself, not by the answer: {collector.faults[0]}")
    untested = [task for task in tasks if task not in collector.findings]
    if untested:
        raise CourseError(f"There is no hidden test of {', '.join(untested)} in {HIDDEN_TESTS / assignment}.")


@dataclass
class _Collector:
    """A pytest plug-in that gives the tests their submission and keeps what they found."""

    examination: Examination
    report: Callable[[str], None]
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    interrupted: bool = False

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[EXAMINATION] = self.examination

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.report(nodeid)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo) -> None:
        # pytest turns Ctrl-C into an exit status; whoever pressed it means the whole batch. (Tests that cannot be
        # collected come here as well, as a subclass.)
        self.interrupted = excinfo.type is KeyboardInterrupt

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        outcome = yield
        report = outcome.get_result()
        mark = item.get_closest_marker("graded")
        if mark is None:
            self.faults.append(f"{item.nodeid} has no @graded mark")
        elif report.when == "call":
            wrong = call.excinfo is not None and call.excinfo.typename == "WrongAnswer"
            if call.excinfo is not None and not wrong:
                self.faults.append(f"{item.nodeid}: {call.excinfo.exconly()}")
            message = str(call.excinfo.value) if wrong else None
            task = item.path.stem.removeprefix("test_")
            finding = Finding(item.name, mark.kwargs["title"], mark.kwargs["share"], message, round(call.duration, 3))
            self.findings.setdefault(task, []).append(finding)
        elif call.excinfo is not None:
            self.faults.append(f"{item.nodeid}: {call.excinfo.exconly()}")
