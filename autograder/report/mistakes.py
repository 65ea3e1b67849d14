"""Which misconceptions the class has, how often, and one anonymous example of each."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.groups.file import Groups
from autograder.misconceptions import misconceptions_of
from autograder.report.answers import Answers
from autograder.report.code import readable
from autograder.report.reading import NotebookResult

LINES = 25  # of an example
LONGEST_ANSWER = 20_000  # characters; no example is taken from a longer one


@dataclass(frozen=True)
class Example:
    """A student's code, without a name; `beside`: how many other misconceptions it has; `left_out`: lines."""

    code: str
    beside: int
    left_out: int


@dataclass(frozen=True)
class MistakeFigures:
    """How many of the submissions that lost points in a task did so for one misconception."""

    task: str
    name: str
    symptom: str
    students: int
    wrong: int
    example: Example | None

    @property
    def share(self) -> float:
        """As a part of all that lost points there, 0 to 1."""
        return self.students / self.wrong


def mistake_figures(
    results: Iterable[NotebookResult], answers: Answers, assignment: str, groups: Groups
) -> list[MistakeFigures]:
    """Every misconception that somebody has, the most frequent first. No example holds a name of those it is from."""
    wrong: dict[str, list[tuple[NotebookResult, list[str]]]] = defaultdict(list)
    for result in results:
        for name, task in result.tasks.items():
            if task.points < task.maximum and misconceptions_of(assignment, name):
                wrong[name].append((result, task.misconceptions))
    found = []
    for task, having in wrong.items():
        symptoms = {mistake.name: mistake.symptom for mistake in misconceptions_of(assignment, task)}
        for name in dict.fromkeys(name for _, names in having for name in names):
            mine = [(result, names) for result, names in having if name in names]
            symptom = symptoms.get(name, "It is no longer in the catalogue.")
            example = _example(task, mine, answers, groups)
            found.append(MistakeFigures(task, name, symptom, len(mine), len(having), example))
    return sorted(found, key=lambda one: (-one.students, one.task, one.name))


def not_recognised(results: Iterable[NotebookResult], assignment: str) -> tuple[int, int]:
    """How many answers lost points for nothing that the catalogue knows, and how many lost points."""
    lost = [
        task.misconceptions
        for result in results
        for name, task in result.tasks.items()
        if task.points < task.maximum and misconceptions_of(assignment, name)
    ]
    return sum(not names for names in lost), len(lost)


def _example(
    task: str, having: list[tuple[NotebookResult, list[str]]], answers: Answers, groups: Groups
) -> Example | None:
    """The answer with the fewest other misconceptions, the shortest of those."""
    found = []
    for result, names in having:
        source = answers.get(result.student, {}).get(result.notebook, {}).get(task, "")
        code = readable(source) if 0 < len(source) <= LONGEST_ANSWER else None
        if code and not any(_tells_who(code, id) for id in {result.student, *groups.who(result.student)}):
            found.append((len(names) - 1, code.count("\n"), code))
    if not found:
        return None
    beside, _, code = min(found)
    lines = code.split("\n")
    return Example("\n".join(lines[:LINES]), beside, max(0, len(lines) - LINES))


def _tells_who(code: str, student: str) -> bool:
    """Whether a part of the student's id stands in the code as a word: in a name, a text."""
    words = set(re.split(r"[\W_]+", code.casefold()))
    parts = [part for part in re.split(r"[\W_]+", student.casefold()) if len(part) > 1]
    return any(part in words for part in parts) or (len(student) > 5 and student.casefold() in code.casefold())
