"""Grades one notebook of a submission: runs the hidden tests of its tasks and turns their findings into a verdict."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from autograder.cases import case_number
from autograder.diagnosis import Case, diagnosed
from autograder.evaluation.trained_model import Judged, KeptEvaluations, Rules, judge_trained_model
from autograder.examination import Examination
from autograder.kept import (
    KeptFindings,
    finding_name,
    fingerprint_of_catalogue,
    fingerprint_of_engine,
    fingerprint_of_secret,
    fingerprint_of_test,
    fingerprint_of_tests,
    installed_versions,
    marks_file,
)
from autograder.paths import HIDDEN_TESTS
from autograder.sandbox import Bubblewrap, Limits, Sandbox, Submission, Worker
from autograder.sources import BONUSES, CHECKS, EVALUATED, SourceCell, read_sources
from autograder.triage.results import HandedResults
from autograder.turns import Turns
from autograder.verdicts import FAULT, Basis, Finding, TaskVerdict, Verdict, content_key
from segkit.errors import CourseError
from segkit.student import Cell

EXAMINATION = pytest.StashKey[Examination]()
FAULT_MESSAGE = "This test could not be completed on your code, for a reason that your instructor has to look at."


# Without cache, terminal and the settings of whatever project the grader is started from: a verdict must depend on the
# submission and the tests alone. Nor what takes time and is of no use here: `-s` captures no output, and the two that
# watch for exceptions nobody caught collect garbage in every run.
WITHOUT = ("cacheprovider", "terminal", "logging", "unraisableexception", "threadexception", "faulthandler", "warnings")
# What is installed beside pytest must not take part either, nor options from the environment: a `-x` would cost points.
PYTEST_SETTINGS = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass(frozen=True)
class Settings:
    """How submissions are graded.

    Args:
        secret: the course's; with the submission's content it chooses the case.
        kept: folder of kept findings; None keeps none.
        fresh: try again what is kept.
        rules: how trained models are evaluated.
    """

    secret: bytes = field(repr=False)
    device: str = "cpu"
    limits: Limits = field(default_factory=Limits)
    sandbox: Sandbox = field(default_factory=Bubblewrap)
    kept: Path | None = None
    fresh: bool = False
    rules: Rules = field(default_factory=Rules)


def grade_notebook(
    assignment: str,
    notebook: str,
    cells: dict[str, list[Cell]],
    settings: Settings,
    *,
    results: HandedResults | None = None,
    kept: KeptFindings | None = None,
    turns: Turns | None = None,
    report: Callable[[str], None] = lambda test: None,
) -> Verdict:
    """The verdict on one notebook.

    Args:
        cells: the cells of the submission's notebooks: later ones build on earlier ones.
        results: the trained model that was handed in with them.
        kept: what was found before on the same content; what is found now is added.
        turns: of the graders on this machine. What others may have caused is tried again without them.
        report: called with the name of each test before it runs.

    Raises:
        CourseError: if the course itself is at fault: no tests, or no process can be started.
    """
    needed = earlier_cells(cells, notebook)
    grade = partial(_grade, assignment, notebook, needed, settings, kept or KeptFindings(), report)
    with turns.beside_others() if turns else contextlib.nullcontext():
        verdict, doubtful = grade()
    if doubtful and turns:
        with turns.alone():  # what was found for certain is kept
            verdict, _ = grade()
    with turns.beside_others() if turns else contextlib.nullcontext():
        return _with_models(verdict, cells, settings, results or HandedResults())


def _grade(
    assignment: str, notebook: str, needed: dict, settings: Settings, kept: KeptFindings, report: Callable
) -> tuple[Verdict, bool]:
    """The verdict by hidden tests, and whether something else that runs here may have stopped one of them."""
    points = task_points(assignment, notebook)
    content = content_key(needed)
    basis = verdict_basis(assignment, content, settings)
    make_worker = partial(Worker, sandbox=settings.sandbox)
    with Examination(
        assignment, needed, settings.secret, basis.case, settings.device, settings.limits, make_worker
    ) as examination:
        collector = _Collector(examination, notebook, basis, kept, report)
        if points:
            _run_pytest(assignment, list(points), collector)
        problems = examination.problems(notebook) or kept.problems
    tasks, bonuses = {}, bonus_tasks(assignment, notebook)
    for task, maximum in points.items():
        case = Case(assignment, task, settings.secret, basis.case, marks_file(settings.kept, task, basis))
        findings = diagnosed(case, collector.findings.get(task, []))
        tasks[task] = TaskVerdict(task, maximum, findings, task in bonuses)
    return Verdict(assignment, notebook, content, basis, tasks, problems), examination.doubtful


def _with_models(verdict: Verdict, cells: dict[str, list[Cell]], settings: Settings, results: HandedResults) -> Verdict:
    """The verdict with what trained models are worth."""
    tasks, bonuses = dict(verdict.tasks), bonus_tasks(verdict.assignment, verdict.notebook)
    for cell in evaluated_cells(verdict.assignment, verdict.notebook):
        judged = _judge_model(cell, cells, verdict, settings, results)
        tasks[cell.id] = TaskVerdict(cell.id, cell.points, [judged.finding], cell.id in bonuses)
        verdict = replace(verdict, tasks=tasks, model=judged.model, evaluation=judged.evaluation)
    return verdict


def _judge_model(cell: SourceCell, cells: dict, verdict: Verdict, settings: Settings, results: HandedResults) -> Judged:
    """What the trained model is worth, built by the class that the evaluated cell names."""
    main, class_name = cell.model.split(".")
    needed = earlier_cells(cells, main)
    basis = {name: value for name, value in asdict(verdict.basis).items() if name in ("versions", "device", "sandbox")}
    limits = asdict(settings.limits)
    depends_on = (content_key(needed), class_name, settings.rules.measuring, basis, limits)
    return judge_trained_model(
        results,
        Submission(verdict.assignment, main, needed),
        class_name,
        settings.rules,
        limits=settings.limits,
        make_worker=partial(Worker, sandbox=settings.sandbox, device=settings.device),
        kept=KeptEvaluations(settings.kept, *depends_on, fresh=settings.fresh),
    )


def earlier_cells(cells: dict[str, list[Cell]], notebook: str) -> dict[str, list[Cell]]:
    """Of a submission's cells, those of the notebook and of the ones it may build on: the earlier ones."""
    return {name: cells[name] for name in sorted(cells) if name <= notebook}


def verdict_basis(assignment: str, content: str, settings: Settings) -> Basis:
    """All that a verdict on `content` depends on."""
    return Basis(
        tests=fingerprint_of_tests(assignment),
        engine=fingerprint_of_engine(assignment),
        catalogue=fingerprint_of_catalogue(assignment),
        versions=installed_versions(),
        device=settings.device,
        limits=asdict(settings.limits),
        sandbox=settings.sandbox.name,
        secret=fingerprint_of_secret(settings.secret),
        case=case_number(settings.secret, content),
        evaluation=settings.rules.fingerprint,
    )


def task_points(assignment: str, notebook: str) -> dict[str, float]:
    """Points by task of a notebook that has hidden tests, bonuses among them, as its source says."""
    return _points(assignment, notebook, CHECKS)


def bonus_tasks(assignment: str, notebook: str) -> set[str]:
    """Those of the tasks whose points come on top of the assignment's."""
    return set(_points(assignment, notebook, BONUSES))


def _points(assignment: str, notebook: str, roles: tuple[str, ...]) -> dict[str, float]:
    found = [source.points(*roles) for source in read_sources(assignment) if source.name == notebook]
    return found[0] if found else {}


def evaluated_cells(assignment: str, notebook: str | None = None) -> list[SourceCell]:
    """The cells, of one notebook or of all, whose points come from evaluating a trained model."""
    return [
        cell
        for source in read_sources(assignment)
        for cell in source.cells
        if cell.role == EVALUATED and notebook in (None, source.name)
    ]


def _run_pytest(assignment: str, tasks: list[str], collector: "_Collector") -> None:
    paths = [HIDDEN_TESTS / assignment / f"test_{task}.py" for task in tasks]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise CourseError(f"The hidden tests {', '.join(missing)} are missing from {HIDDEN_TESTS / assignment}.")
    with _only_these_plugins():
        options = [*(f"-pno:{plugin}" for plugin in WITHOUT), "-s", "-c", str(HIDDEN_TESTS / "pytest.ini")]
        status = pytest.main([*options, "--rootdir", str(HIDDEN_TESTS), *map(str, paths)], plugins=[collector])
    if collector.interrupted:
        raise KeyboardInterrupt
    if collector.course_error:
        raise collector.course_error
    expected = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if status not in expected and not (status == pytest.ExitCode.NO_TESTS_COLLECTED and collector.findings):
        raise CourseError(f"The hidden tests of {', '.join(tasks)} could not be run (pytest: {status!r}).")
    if collector.unmarked:
        raise CourseError(f"The hidden test {collector.unmarked[0]} has no @graded mark.")
    untested = [task for task in tasks if task not in collector.findings]
    if untested:
        raise CourseError(f"There is no hidden test of {', '.join(untested)} in {HIDDEN_TESTS / assignment}.")


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
class _Collector:
    """A pytest plug-in that gives the tests their submission, keeps what they found, and leaves out what is kept."""

    examination: Examination
    notebook: str
    basis: Basis
    kept: KeptFindings
    report: Callable[[str], None]
    unmarked: list[str] = field(default_factory=list)
    interrupted: bool = False
    course_error: CourseError | None = None
    _found: dict[str, Finding | None] = field(default_factory=dict)  # by node id, in the order of the tests

    @property
    def findings(self) -> dict[str, list[Finding]]:
        """By task, in the order of the tests."""
        by_task: dict[str, list[Finding]] = {}
        for node, finding in self._found.items():
            if finding is not None:
                by_task.setdefault(_task(node), []).append(finding)
        return by_task

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[EXAMINATION] = self.examination
        config.option.tbstyle = "value"  # nobody reads more of it; a traceback takes longer than most tests

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.unmarked = [item.nodeid for item in items if item.get_closest_marker("graded") is None]
        for item in items:
            self._found[item.nodeid] = self.kept.get(self._name(item))
        kept = [item for item in items if self._found[item.nodeid] is not None]
        config.hook.pytest_deselected(items=kept)
        items[:] = [item for item in items if self._found[item.nodeid] is None and item.nodeid not in self.unmarked]

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
        if report.when != "call" and call.excinfo is None:
            return
        if call.excinfo is not None and isinstance(call.excinfo.value, CourseError):
            self.course_error = call.excinfo.value
            item.session.shouldstop = "the course is at fault"
            return
        finding = _finding(item, call)
        self._found[item.nodeid] = finding
        self.kept.put(self._name(item), finding, self.examination.problems(self.notebook))

    def _name(self, item: pytest.Item) -> str:
        return finding_name(fingerprint_of_test(item.path, item.originalname), self.basis)


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
