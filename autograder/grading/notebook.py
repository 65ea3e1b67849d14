"""Grades one notebook of a submission: runs the hidden tests of its tasks and turns their findings into a verdict."""

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from autograder.evaluation.trained_model import Judged, KeptEvaluations, Rules, judge_trained_model
from autograder.grading.cases import case_number
from autograder.grading.diagnosis import Case, diagnosed
from autograder.grading.examination import Examination
from autograder.grading.hidden_session import HiddenTests, Trial
from autograder.grading.kept import (
    KeptFindings,
    fingerprint_of_catalogue,
    fingerprint_of_engine,
    fingerprint_of_secret,
    fingerprint_of_tests,
    installed_versions,
    marks_file,
)
from autograder.grading.turns import Turns
from autograder.grading.verdicts import Basis, TaskVerdict, Verdict, content_key
from autograder.sandbox import Bubblewrap, Limits, Sandbox, Submission, Worker
from autograder.sources import BONUSES, CHECKS, EVALUATED, SourceCell, read_sources
from autograder.triage.results import HandedResults
from segkit.student import Cell


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
    hidden_tests: HiddenTests | None = None,
    report: Callable[[str], None] = lambda test: None,
) -> Verdict:
    """The verdict on one notebook.

    Args:
        cells: the cells of the submission's notebooks: later ones build on earlier ones.
        results: the trained model that was handed in with them.
        kept: what was found before on the same content; what is found now is added.
        turns: of the graders on this machine. What others may have caused is tried again without them.
        hidden_tests: of the assignment, if they have been found already.
        report: called with the name of each test before it runs.

    Raises:
        CourseError: if the course itself is at fault: no tests, or no process can be started.
    """
    needed = earlier_cells(cells, notebook)
    with contextlib.nullcontext(hidden_tests) if hidden_tests else HiddenTests(assignment) as tests:
        grade = partial(_grade, assignment, notebook, needed, settings, kept or KeptFindings(), tests, report)
        with turns.beside_others() if turns else contextlib.nullcontext():
            verdict, doubtful = grade()
        if doubtful and turns:
            with turns.alone():  # what was found for certain is kept
                verdict, _ = grade()
    with turns.beside_others() if turns else contextlib.nullcontext():
        return _with_models(verdict, cells, settings, results or HandedResults())


def _grade(
    assignment: str,
    notebook: str,
    needed: dict,
    settings: Settings,
    kept: KeptFindings,
    hidden_tests: HiddenTests,
    report: Callable,
) -> tuple[Verdict, bool]:
    """The verdict by hidden tests, and whether something else that runs here may have stopped one of them."""
    points = task_points(assignment, notebook)
    content = content_key(needed)
    basis = verdict_basis(assignment, content, settings)
    make_worker = partial(Worker, sandbox=settings.sandbox)
    with Examination(
        assignment, needed, settings.secret, basis.case, settings.device, settings.limits, make_worker
    ) as examination:
        trial = Trial(examination, notebook, tuple(points), basis, kept, report)
        if points:
            hidden_tests.run(trial)
        problems = examination.problems(notebook) or kept.problems
    tasks, bonuses = {}, bonus_tasks(assignment, notebook)
    for task, maximum in points.items():
        case = Case(assignment, task, settings.secret, basis.case, marks_file(settings.kept, task, basis))
        findings = diagnosed(case, trial.findings.get(task, []))
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
