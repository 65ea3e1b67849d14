"""One submission before the hidden tests: its workers, the reference, and the case it drew."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from autograder.grading.cases import case_seed
from autograder.reference import reference_candidate
from autograder.sandbox import Limits, Submission, Worker
from autograder.sources import CHECKS, read_sources
from segkit.checking.arrangements import each_arrangement
from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.compare import TOLERANCE
from segkit.checking.fingerprints import Fingerprint, fingerprint, fingerprint_of_error
from segkit.checking.inputs import Numbers
from segkit.checking.public import first_difference
from segkit.errors import CourseError
from segkit.student import Cell

STOPS_PER_TASK = 2


class WrongAnswer(AssertionError):
    """A hidden test's finding, in words for the student; `said` and `stopped` as in `AnswerError`.

    `mark`: which question of the test it was, its tolerance, and fingerprints of the answers, one for each arrangement
    of the parameters: what a misconception is recognised by.
    """

    def __init__(
        self, sentence: str, *, said: bool = False, stopped: str | None = None, mark: dict | None = None
    ) -> None:
        super().__init__(sentence)
        self.said, self.stopped, self.mark = said, stopped, mark


_right_answers: dict[tuple, "_Right"] = {}


@dataclass(frozen=True)
class _Right:
    """The reference's answers to one question, and how many weights its module registers."""

    answers: dict[str, torch.Tensor]
    registered: int | None


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

    @property
    def doubtful(self) -> bool:
        """Whether a stop may have been the doing of something else on this machine."""
        return any(worker.doubtful for worker in self._workers.values())

    def problems(self, notebook: str) -> list[str]:
        """What of a notebook could not be executed when it was loaded."""
        return self._workers[notebook].problems if notebook in self._workers else []


@dataclass
class Judge:
    """Runs one probe on the submission and on the reference and says what differs.

    `out_of_time` is shared by the tests of a task: an endless loop must not cost each of them its whole time.
    `whole`: where stand-ins are used and the answer is wrong, try it without them.
    """

    candidate: Candidate
    reference: Candidate
    key: tuple = field(repr=False)  # begins with the secret
    out_of_time: list[str] = field(default_factory=list)
    whole: bool = True
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
        tried_whole = self.whole and problem and doubles and problem.stopped != "time"
        if tried_whole and not self._problem(probe, (), tolerance, case):
            return
        if problem:
            raise problem

    def _problem(self, probe: Callable, doubles: tuple[str, ...], tolerance: float, case: dict) -> WrongAnswer | None:
        """What is wrong in the first arrangement of the parameters, if it is not right in any of them."""
        right = self._right(probe, doubles, case)
        sentence, prints = None, []
        try:
            for answers in each_arrangement(self.candidate, probe, dict(case, doubles=doubles)):
                found = first_difference(
                    answers, right.answers, tolerance=tolerance, reveal=False,
                    registered=(self.candidate.registered, right.registered),
                )  # fmt: skip
                if not found:
                    return None
                sentence = sentence or found
                prints.append(fingerprint(answers))
        except AnswerError as error:
            if error.stopped == "time":
                self.out_of_time.append(str(error))
            mark = None if error.stopped else self._mark(tolerance, [fingerprint_of_error(error)])
            return WrongAnswer(str(error), said=error.said, stopped=error.stopped, mark=mark)
        return WrongAnswer(sentence, mark=self._mark(tolerance, prints))

    def _mark(self, tolerance: float, prints: list[Fingerprint]) -> dict:
        return {"asked": self._asked, "tolerance": tolerance, "prints": prints}

    def _right(self, probe: Callable, doubles: tuple[str, ...], case: dict) -> _Right:
        """The reference's answers: computed once per case of the pool, not once per student."""
        key = (*self.key, self._asked, doubles)
        if key not in _right_answers:
            answers = probe(self.reference, doubles=doubles, **case)
            tensors = {name: torch.as_tensor(value) for name, value in answers.items()}
            _right_answers[key] = _Right(tensors, self.reference.registered)
        return _right_answers[key]


@cache
def notebook_of(assignment: str, task: str) -> str:
    """The notebook whose check cell has that id.

    Raises:
        CourseError: if none has.
    """
    tables = {source.name: source.points(*CHECKS) for source in read_sources(assignment)}
    named = [name for name, points in tables.items() if task in points]
    if not named:
        raise CourseError(
            f'There are hidden tests of "{task}", but no notebook of {assignment} has a check cell with that id: '
            f"add one under solutions/{assignment}."
        )
    return named[0]
