"""One notebook to grade, as it goes to a grading process, and what comes back from there."""

import multiprocessing
import os
import platform
import time
from dataclasses import dataclass, field, replace
from threading import Lock

import torch

from autograder.grading.hidden_session import HiddenTests
from autograder.grading.kept import KeptFindings
from autograder.grading.notebook import Settings, grade_notebook, verdict_basis
from autograder.grading.turns import Turns
from autograder.grading.verdicts import Basis, Verdict, content_key
from autograder.parallel.devices import is_lost
from autograder.sandbox import Bubblewrap
from autograder.sandbox.warm import WarmBubblewrap
from autograder.triage.results import HandedResults
from segkit.errors import CourseError
from segkit.student import Cell

Record = dict  # what is kept of a notebook's findings

_one_at_a_time = Lock()  # pytest and the students' own loader work with what belongs to the whole process
_warm: WarmBubblewrap | None = None
_hidden: dict[str, HiddenTests] = {}  # by assignment
_lost: set[str] = set()  # devices that no longer work for this process


@dataclass(frozen=True)
class Job:
    """A notebook of a submission, with the cells of those it builds on.

    Args:
        basis: what its verdict has to depend on; another one means that the course is another one there.
        kept: what was found before on the same content.
        results: the trained model that was handed in with it.
    """

    assignment: str
    notebook: str
    cells: dict[str, list[Cell]] = field(repr=False)
    settings: Settings
    basis: Basis
    kept: Record = field(repr=False)
    results: HandedResults = field(default_factory=HandedResults)

    @property
    def name(self) -> str:
        """The same for jobs that have the same verdict."""
        return f"{self.notebook} {content_key(self.cells)} {self.results.checkpoint} {self.results.settings}"


@dataclass(frozen=True)
class Graded:
    """A verdict, what to keep, the names of the tests that ran, how long it took, where, and what was unusual."""

    verdict: Verdict
    kept: Record = field(repr=False)
    tried: list[str] = field(repr=False)
    seconds: float
    where: str
    note: str | None = None


def use(sandbox: WarmBubblewrap) -> None:
    """Give this process a sandbox that was warmed up for it; without one it makes its own."""
    global _warm
    _warm = sandbox


def grade(job: Job) -> Graded:
    """Grade one notebook in this process.

    Raises:
        CourseError: if the course is at fault, or is not the same here as where the job comes from.
    """
    global _warm
    with _one_at_a_time:
        torch.set_num_threads(1)  # several of us share the machine
        _require_same_course(job)
        if isinstance(job.settings.sandbox, Bubblewrap):
            _warm = _warm or WarmBubblewrap()
            job = replace(job, settings=replace(job.settings, sandbox=_warm))
        if job.settings.device in _lost:
            return _on_cpu(job)
        graded = _grade(job)
        if is_lost(job.settings, graded.verdict):
            _lost.add(job.settings.device)
            return _on_cpu(job)
        return graded


def _on_cpu(job: Job) -> Graded:
    """The same notebook without the GPU: right and wrong do not depend on it."""
    graded = _grade(replace(job, settings=replace(job.settings, device="cpu")))
    return replace(graded, note=f"{job.notebook}: graded on the CPU, since {job.settings.device} could not be used")


def _grade(job: Job) -> Graded:
    started, tried = time.monotonic(), []
    kept = KeptFindings(job.kept, fresh=job.settings.fresh)
    verdict = grade_notebook(
        job.assignment,
        job.notebook,
        job.cells,
        job.settings,
        results=job.results,
        kept=kept,
        turns=Turns(),
        hidden_tests=_hidden_tests(job.assignment),
        report=tried.append,
    )
    seconds = round(time.monotonic() - started, 3)
    return Graded(replace(verdict, seconds=seconds), kept.record, tried, seconds, f"{platform.node()} {os.getpid()}")


def _hidden_tests(assignment: str) -> HiddenTests | None:
    """Those that this process has found already, if it is there for grading only: they take a thread."""
    if multiprocessing.parent_process() is None:
        return None
    return _hidden.setdefault(assignment, HiddenTests(assignment))


def _require_same_course(job: Job) -> None:
    here = verdict_basis(job.assignment, content_key(job.cells), job.settings)
    here = replace(here, evaluation=job.basis.evaluation)  # images stay where the gradebook is
    if here != job.basis:
        different = [name for name, value in vars(here).items() if value != getattr(job.basis, name)]
        raise CourseError(
            f"Nothing more was graded: {platform.node()} would grade with another course than this machine "
            f"({', '.join(different)} differ). Put the same commit and the same requirements there, and start its "
            "workers anew."
        )
