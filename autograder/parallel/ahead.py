"""Grades the submissions of a class ahead of nbgrader, which records one after the other."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from autograder.grading.kept import KeptStore
from autograder.grading.notebook import Settings, bonus_tasks, evaluated_cells, task_points, verdict_basis
from autograder.grading.verdicts import Verdict, content_key, unreadable_verdict
from autograder.parallel.job import Graded, Job
from autograder.triage import TriagedNotebook, TriagedSubmission
from segkit.student import Cell, code_cells

WAITING_PER_GRADER = 6  # notebooks that wait for a process, so that none ever waits for a notebook
HELD = 256 * 2**20  # bytes of submissions read ahead and not recorded yet; what is more is read again
LOOK_EVERY = 0.2  # seconds


class Graders(Protocol):
    """Whoever grades: processes here, or on other machines."""

    count: int

    def submit(self, job: Job) -> "Future[Graded]":
        """Grade a notebook as soon as a process is free."""


@dataclass(frozen=True)
class Upcoming:
    """A submission that is to be graded: its folder below `submitted/`, and which notebooks."""

    student: str
    folder: Path
    notebooks: tuple[str, ...]


@dataclass
class GradingAhead:
    """Reads submissions in the order in which they are recorded, and has their notebooks graded.

    Args:
        assignment: for example `"segformer"`.
        upcoming: what will be recorded, in that order.
        triage: reads a submission.
        settings: how they are graded.
        graders: who grades them; `at_home` grades what needs the trained models and images, which stay here.
        notice: called whenever something has happened.
    """

    assignment: str
    upcoming: Iterable[Upcoming]
    triage: Callable[[Path], TriagedSubmission]
    settings: Settings
    graders: Graders
    at_home: Graders
    notice: Callable[["GradingAhead"], None] = lambda ahead: None
    graded: int = 0  # notebooks
    _futures: dict[str, "Future[Graded]"] = field(default_factory=dict)
    _owners: dict[str, list[str]] = field(default_factory=dict)  # who waits for a job
    _read: dict[str, TriagedSubmission] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _counted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rest: Iterator[Upcoming] = iter(self.upcoming)
        self._store = KeptStore(self.settings.kept)

    def submission(self, student: str, folder: Path) -> TriagedSubmission:
        """What a student handed in, read already or now."""
        self._feed()
        self._sizes.pop(student, None)
        return self._read.pop(student, None) or self.triage(folder)

    def verdict(self, student: str, submission: TriagedSubmission, notebook: str) -> Graded:
        """The verdict on a notebook, waited for if need be.

        Raises:
            CourseError: if the course is at fault.
        """
        triaged = submission.notebooks[notebook]
        if triaged.unreadable:
            self.graded += 1
            return Graded(self._unreadable(triaged), {}, [], 0.0, "")
        job = self._job(submission, notebook)
        future = self._ask(student, job)
        while not future.done():
            self._feed()
            self.notice(self)
            wait([future], timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
        self._take_notice()
        found = future.result()
        verdict = found.verdict
        results = [submission.results.found] if verdict.evaluation and submission.results.found else []
        return replace(found, verdict=replace(verdict, repairs=triaged.repairs + results))

    def running(self) -> list[str]:
        """Whose notebooks are being graded or wait for it, those first that were asked for first."""
        return [
            f"{self._owners[name][0]} {name.split()[0]}" for name, future in self._futures.items() if not future.done()
        ]

    @property
    def asked(self) -> int:
        """How many gradings were asked for: what is the same is graded once."""
        return len(self._futures)

    def _feed(self) -> None:
        """Read further submissions, as long as graders could run out of work."""
        while sum(not future.done() for future in self._futures.values()) < WAITING_PER_GRADER * self.graders.count:
            upcoming = next(self._rest, None)
            if upcoming is None:
                break
            submission = self.triage(upcoming.folder)
            for name in upcoming.notebooks:
                if submission.notebooks[name].unreadable is None:
                    self._ask(upcoming.student, self._job(submission, name))
            size = _size_of(upcoming.folder)
            if sum(self._sizes.values()) + size < HELD:
                self._read[upcoming.student], self._sizes[upcoming.student] = submission, size
        self._take_notice()

    def _ask(self, student: str, job: Job) -> "Future[Graded]":
        """One grading for all who handed in the same."""
        name = job.name
        owners = self._owners.setdefault(name, [])
        if student not in owners:
            owners.append(student)
            self.graded += name in self._counted
        if name not in self._futures:
            evaluates = self.settings.rules.data and evaluated_cells(self.assignment, job.notebook)
            self._futures[name] = (self.at_home if evaluates else self.graders).submit(job)
            self._futures[name].add_done_callback(lambda future: self._keep(job, future))
        return self._futures[name]

    def _keep(self, job: Job, future: "Future[Graded]") -> None:
        if not future.cancelled() and future.exception() is None:
            with contextlib.suppress(OSError):  # a full disk is met, and said, where verdicts are written
                self._store.write(content_key(job.cells), future.result().kept)
            future.result().kept.clear()  # it is on the disk now

    def _take_notice(self) -> None:
        done = {name for name, future in self._futures.items() if future.done()} - self._counted
        self._counted |= done
        self.graded += sum(len(self._owners[name]) for name in done)
        if done:
            self.notice(self)

    def _job(self, submission: TriagedSubmission, notebook: str) -> Job:
        cells = _cells(submission, notebook)
        content = content_key(cells)
        return Job(
            self.assignment,
            notebook,
            cells,
            self.settings,
            verdict_basis(self.assignment, content, self.settings),
            self._store.read(content),
            *([submission.results] if evaluated_cells(self.assignment, notebook) else []),
        )

    def _unreadable(self, triaged: TriagedNotebook) -> Verdict:
        basis = verdict_basis(self.assignment, content_key({}), self.settings)
        points = task_points(self.assignment, triaged.name)
        points |= {cell.id: cell.points for cell in evaluated_cells(self.assignment, triaged.name)}
        bonuses = bonus_tasks(self.assignment, triaged.name)
        return unreadable_verdict(
            self.assignment, triaged.name, basis, points, triaged.unreadable, triaged.repairs, bonuses
        )


def _cells(submission: TriagedSubmission, notebook: str) -> dict[str, list[Cell]]:
    """What a notebook and the ones that it may build on define; one that could not be read is as not handed in."""
    return {
        name: code_cells(triaged.notebook)
        for name, triaged in sorted(submission.notebooks.items())
        if triaged.unreadable is None and name <= notebook
    }


def _size_of(folder: Path) -> int:
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:
        return 0
