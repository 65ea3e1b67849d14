"""Runs hidden tests on submissions.

pytest takes longer to find the tests of a notebook than to run most of them, so one session of it serves many
submissions: it runs in a thread of its own, where it waits in its loop over tests for what to try them on.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from autograder.grading.examination import Examination
from autograder.grading.kept import KeptFindings, finding_name, fingerprint_of_test
from autograder.grading.verdicts import FAULT, Basis, Finding
from autograder.paths import HIDDEN_TESTS
from segkit.errors import CourseError

EXAMINATION = pytest.StashKey[Examination | None]()
FAULT_MESSAGE = "This test could not be completed on your code, for a reason that your instructor has to look at."

# Without cache, terminal and the settings of whatever project the grader is started from: a verdict must depend on the
# submission and the tests alone. Nor what takes time and is of no use here: `-s` captures no output, and the two that
# watch for exceptions nobody caught collect garbage in every run.
WITHOUT = ("cacheprovider", "terminal", "logging", "unraisableexception", "threadexception", "faulthandler", "warnings")
# What is installed beside pytest must not take part either, nor options from the environment: a `-x` would cost points.
PYTEST_SETTINGS = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass
class Trial:
    """The tests of some tasks on one submission.

    Args:
        basis: what verdicts on it depend on.
        kept: what was found before, which is not tried again; what is found now is added.
        report: called with the name of each test before it runs.
    """

    examination: Examination
    notebook: str
    tasks: tuple[str, ...]
    basis: Basis
    kept: KeptFindings
    report: Callable[[str], None]
    found: dict[str, Finding | None] = field(default_factory=dict)  # by node id, in the order of the tests

    @property
    def findings(self) -> dict[str, list[Finding]]:
        """By task, in the order of the tests."""
        by_task: dict[str, list[Finding]] = {}
        for node, finding in self.found.items():
            if finding is not None:
                by_task.setdefault(_task(node), []).append(finding)
        return by_task

    def left(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Those of the tests that have to run.

        Raises:
            CourseError: if one of the tasks' tests has no mark that says what it is worth.
        """
        own = [item for item in items if _task(item.nodeid) in self.tasks]
        unmarked = [item.nodeid for item in own if item.get_closest_marker("graded") is None]
        if unmarked:
            raise CourseError(f"The hidden test {unmarked[0]} has no @graded mark.")
        own.sort(key=lambda item: self.tasks.index(_task(item.nodeid)))
        self.found = {item.nodeid: self.kept.get(self._name(item)) for item in own}
        return [item for item in own if self.found[item.nodeid] is None]

    def take(self, item: pytest.Item, finding: Finding) -> None:
        """Keep what a test has found."""
        self.found[item.nodeid] = finding
        self.kept.put(self._name(item), finding, self.examination.problems(self.notebook))

    def _name(self, item: pytest.Item) -> str:
        return finding_name(fingerprint_of_test(item.path, item.originalname), self.basis)


class HiddenTests:
    """The hidden tests of an assignment, found once. Use it as a context manager, or until the process ends."""

    def __init__(self, assignment: str) -> None:
        self.folder = HIDDEN_TESTS / assignment
        self._trials: SimpleQueue[Trial | None] = SimpleQueue()
        self._ends: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread: Thread | None = None

    def __enter__(self) -> "HiddenTests":
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._trials.put(None)
            self._thread.join()

    def run(self, trial: Trial) -> None:
        """Run the tests of a trial; its findings are complete then.

        Raises:
            CourseError: if a task has no tests, they cannot be run, or one says that the course is at fault.
        """
        missing = [f"test_{task}.py" for task in trial.tasks if not (self.folder / f"test_{task}.py").is_file()]
        if missing:
            raise CourseError(f"The hidden tests {', '.join(missing)} are missing from {self.folder}.")
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="hidden tests", daemon=True)
            self._thread.start()
        self._trials.put(trial)
        end = self._ends.get()
        if end is not None:
            raise end
        untested = [task for task in trial.tasks if task not in trial.findings]
        if untested:
            raise CourseError(f"There is no hidden test of {', '.join(untested)} in {self.folder}.")

    def _serve(self) -> None:
        """One session of pytest. After its end, nothing can be tried any more."""
        options = [*(f"-pno:{plugin}" for plugin in WITHOUT), "-s", "-c", str(self.folder.parent / "pytest.ini")]
        with contextlib.ExitStack() as settings:
            settings.enter_context(_only_these_plugins())
            plugin = _Serving(self._trials.get, self._ends.put, settings.close)
            try:
                folders = ["--rootdir", str(self.folder.parent), str(self.folder)]
                status = pytest.main([*options, *folders], plugins=[plugin])
            except BaseException as error:  # whoever waits must not wait for ever
                status = error
        while not plugin.ended and (trial := self._trials.get()):
            tasks = ", ".join(trial.tasks)
            self._ends.put(CourseError(f"The hidden tests of {tasks} could not be run (pytest: {status!r})."))


@contextlib.contextmanager
def _only_these_plugins() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in PYTEST_SETTINGS}
    os.environ.update(PYTEST_SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@dataclass
class _Serving:
    """A pytest plug-in that runs the tests of one trial after the other.

    Args:
        next_trial: waits for one; None ends the session.
        end: is told that a trial is over, and by what error.
        begin: called when all tests have been found.
    """

    next_trial: Callable[[], Trial | None]
    end: Callable[[BaseException | None], None]
    begin: Callable[[], None]
    ended: bool = False
    trial: Trial | None = None
    course_error: CourseError | None = None

    @pytest.hookimpl(tryfirst=True)  # conftest.py asks whether there is one, and for bubblewrap if there is not
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[EXAMINATION] = None
        config.option.tbstyle = "value"  # nobody reads more of it; a traceback takes longer than most tests

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:  # a file could not be read
            raise session.Interrupted
        self.begin()
        while trial := self.next_trial():
            try:
                self._run(trial, session)
            except BaseException as error:  # Ctrl-C, the course's fault, a mistake of ours: for whoever asked
                self.end(error)
                raise session.Interrupted from None
            self.end(None)
        self.ended = True
        return True

    def _run(self, trial: Trial, session: pytest.Session) -> None:
        self.trial, session.config.stash[EXAMINATION] = trial, trial.examination
        items = trial.left(session.items)
        for item, following in zip_longest(items, items[1:]):
            trial.report(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.course_error:
                raise self.course_error

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        if report.when == "call" or call.excinfo is not None:
            if call.excinfo is not None and isinstance(call.excinfo.value, CourseError):
                self.course_error = call.excinfo.value
            else:
                self.trial.take(item, _finding(item, call))
        return report


def _finding(item: pytest.Item, call: pytest.CallInfo) -> Finding:
    mark = item.get_closest_marker("graded")
    right = Finding(item.name, mark.kwargs["title"], mark.kwargs["share"], None, round(call.duration, 3))
    if call.excinfo is None:
        return right
    if call.excinfo.typename == "WrongAnswer":
        error = call.excinfo.value
        return replace(right, message=str(error), said=error.said, stopped=error.stopped, mark=error.mark)
    # A test that fails by itself: an answer nobody had thought of, or a mistake of ours. Nobody gains by it, the batch
    # goes on, and the instructor is told.
    return replace(right, message=f"{FAULT_MESSAGE} ({call.excinfo.typename})", stopped=FAULT)


def _task(node: str) -> str:
    return Path(node.split("::")[0]).stem.removeprefix("test_")
