"""Prints some twenty wrong answers and what students are told: `python -m autograder.grading.feedback_examples`.

One misconception of every task, two mistakes at once, one that nobody thought of, and a module that cannot be set up.
With the id of a task, all misconceptions of that task.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.grading.diagnosis import Case
from autograder.grading.rehearsal import rehearse
from autograder.misconceptions import Change, cells_with, edits, misconceptions_of
from autograder.sources import assignments
from segkit.checking.public import find_task, tasks_of
from segkit.errors import CourseError

SECRET = b"feedback examples"
TWO_AT_ONCE = {"scaled by all channels", "no norm after the reduction"}
IN_A_LIST = ("hidden, channels, kernel_size=1)", "hidden, channels, kernel_size=1).double()]",
             "self.contract(F", "self.contract[0](F")  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A wrong answer: its task, what is wrong in a few words, and how the reference becomes it."""

    assignment: str
    task: str
    what: str
    changes: tuple[Change, ...]


def examples() -> Iterable[Example]:
    """All of them, in the order of the notebooks."""
    for assignment in assignments():
        for number, task in enumerate(tasks_of(assignment)):
            catalogue = misconceptions_of(assignment, task)
            mistake = catalogue[number % len(catalogue)]
            yield Example(assignment, task, mistake.name, mistake.changes)
    both = [mistake for mistake in misconceptions_of("segformer", "attention") if mistake.name in TWO_AT_ONCE]
    changes = tuple(change for mistake in both for change in mistake.changes)
    yield Example("segformer", "attention", "; ".join(mistake.name for mistake in both), changes)
    scaled = edits("EfficientSelfAttention", "1 / math.sqrt(channels // num_heads)", "0.41")
    yield Example("segformer", "attention", "a scale out of thin air (no misconception)", scaled)
    unseen = edits("MixFFN", "self.contract = nn.Conv2d(", "self.contract = [nn.Conv2d(", *IN_A_LIST)
    yield Example("segformer", "mix_ffn", "a layer in a plain list (cannot be set up)", unseen)


def examples_of(task: str) -> Iterable[Example]:
    """All misconceptions of a task.

    Raises:
        CourseError: if there is no such task.
    """
    assignment, _ = find_task(task)
    for mistake in misconceptions_of(assignment, task):
        yield Example(assignment, task, mistake.name, mistake.changes)


def message(example: Example) -> tuple[float, str]:
    """The share of the points that is left, and the first thing that the student is told."""
    case = Case(example.assignment, example.task, SECRET, 0)
    verdict = rehearse(case, cells_with(example.assignment, example.changes))
    return verdict.points, next((finding.message for finding in verdict.findings if finding.message), "")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", nargs="?", help="the id of a task: all its misconceptions")
    asked = parser.parse_args(arguments)
    try:
        for number, example in enumerate(examples_of(asked.task) if asked.task else examples(), start=1):
            points, words = message(example)
            print(f"{number:>2}. {example.task}: {example.what} ({points:.0%} of the points)\n    {words}\n")
    except CourseError as error:
        print(f"feedback_examples: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
