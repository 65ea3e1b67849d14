"""One submission before the hidden tests: its workers, the reference, and the case it drew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from autograder.cases import case_seed
from autograder.reference import reference_candidate
from autograder.sandbox import Limits, Submission, Worker
from autograder.sources import AUTOMATIC, read_sources
from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.compare import TOLERANCE
from segkit.checking.inputs import Numbers
from segkit.checking.public import first_difference
from segkit.student import Cell

STOPS_PER_TASK = 2


class WrongAnswer(AssertionError):
    """A hidden test's finding, in words for the student; `said` and `stopped` as in `AnswerError`."""

    def __init__(self, sentence: str, *, said: bool = False, stopped: str | None = None) -> None:
        super().__init__(sentence)
        self.said, self.stopped = said, stopped


_right_answers: dict[tuple, dict[str, Any]] = {}


@dataclass
class Examination:
    """The code under test and the reference beside it.

    Args:
        assignment: for example `"segformer"`.
        cells: the submission's cells by notebook name.
        secret, case: the course's secret and the number of the case that was drawn.
        device: where the submission's code computes; the reference always computes on the CPU.
        make_worker: what runs the submission's code, called as `Worker` is; tests of the course put code that can be
            trusted into their own process, which is faster.
    """

    assignment: str
    cells: dict[str, list[Cell]]
    secret: bytes = field(repr=False)  # a failing test prints its arguments
    case: int
    device: str = "cpu"
    limits: Limits = field(default_factory=Limits)
    make_worker: Callable[..., Worker] = Worker

    def __post_init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._out_of_time: dict[str, list[str]] = {}

    def __enter__(self) -> "Examination":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.__exit__()

    def judge(self, task: str, test: str) -> "Judge":
        """What a test of `task` uses to hold the submission against the reference."""
        notebook = notebook_of(self.assignment, task)
        if notebook not in self._workers:
            submission = Submission(self.assignment, notebook, self.cells)
            self._workers[notebook] = self.make_worker(submission, device=self.device, limits=self.limits)
        self._workers[notebook].new_test()
        candidate = Candidate(self._workers[notebook].perform, self.assignment)
        right = reference_candidate(self.assignment, notebook)
        key = (self.secret, self.assignment, self.case, task, test)
        return Judge(candidate, right, key, self._out_of_time.setdefault(task, []))

    def draw(self, task: str, test: str) -> Numbers:
        """The secret numbers of one test."""
        return Numbers(case_seed(self.secret, self.assignment, self.case, f"{task}/{test}"))

    def problems(self, notebook: str) -> list[str]:
        """What of a notebook could not be executed when it was loaded."""
        return self._workers[notebook].problems if notebook in self._workers else []


@dataclass
class Judge:
    """Runs one probe on the submission and on the reference and says what differs.

    `out_of_time` is shared by the tests of a task: an endless loop must not cost each of them its whole time.
    """

    candidate: Candidate
    reference: Candidate
    key: tuple = field(repr=False)  # begins with the secret
    out_of_time: list[str] = field(default_factory=list)
    _asked: int = 0

    def same(
        self,
        probe: Callable[..., dict[str, Any]],
        *,
        doubles: Iterable[str] = (),
        tolerance: float = TOLERANCE,
        **case: Any,
    ) -> None:
        """Require the reference's answers from the submission.

        Args:
            doubles: names of earlier tasks. The submission is right if it agrees with the reference either with
                neutral stand-ins for them on both sides, or with its own ones against the whole reference.

        Raises:
            WrongAnswer: with a sentence on the first difference.
        """
        self._asked += 1
        if len(self.out_of_time) >= STOPS_PER_TASK:
            raise WrongAnswer("Not tried: two tests of this task had already been stopped for time.", stopped="time")
        doubles = tuple(doubles)
        problem = self._problem(probe, doubles, tolerance, case)
        if problem and doubles and problem.stopped != "time" and not self._problem(probe, (), tolerance, case):
            return
        if problem:
            raise problem

    def _problem(self, probe: Callable, doubles: tuple[str, ...], tolerance: float, case: dict) -> WrongAnswer | None:
        try:
            answers = probe(self.candidate, doubles=doubles, **case)
        except AnswerError as error:
            if error.stopped == "time":
                self.out_of_time.append(str(error))
            return WrongAnswer(str(error), said=error.said, stopped=error.stopped)
        right = self._right(probe, doubles, case)
        sentence = first_difference(answers, right, tolerance=tolerance, reveal=False)
        return WrongAnswer(sentence) if sentence else None

    def _right(self, probe: Callable, doubles: tuple[str, ...], case: dict) -> dict[str, torch.Tensor]:
        """The reference's answers: computed once per case of the pool, not once per student."""
        key = (*self.key, self._asked, doubles)
        if key not in _right_answers:
            answers = probe(self.reference, doubles=doubles, **case)
            _right_answers[key] = {name: torch.as_tensor(value) for name, value in answers.items()}
        return _right_answers[key]


@cache
def notebook_of(assignment: str, task: str) -> str:
    """The notebook whose check cell has that id."""
    tables = {source.name: source.points(AUTOMATIC) for source in read_sources(assignment)}
    return next(name for name, points in tables.items() if task in points)
