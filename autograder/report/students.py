"""The students of the report: what each is called there, their marks, and where their feedback is."""

import hmac
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from autograder.course.marks import Mark, counted
from autograder.groups.file import Groups
from autograder.report.reading import NotebookResult
from autograder.triage.sentences import printable

NO_GROUPS = Groups()


@dataclass(frozen=True)
class NotebookMark:
    """A student's points in one notebook, bonuses left out; `feedback`: a link, if there is some."""

    points: float
    maximum: float
    feedback: str | None


@dataclass(frozen=True)
class Student:
    """A row of the report. `total` counts bonuses up to the assignment's points, and takes off what being late costs.

    `waiting`: answers not marked yet. `signs`: "unreadable", "stopped", "repaired".
    """

    id: str
    name: str
    total: float
    maximum: float
    bonus: float
    waiting: int
    notebooks: dict[str, NotebookMark]
    seconds: float
    signs: list[str] = field(default_factory=list)


def names_of(
    students: Iterable[str], secret: bytes | None = None, assignment: str = "", groups: Groups = NO_GROUPS
) -> dict[str, str]:
    """What each is called: the id, a group's with its members, or, with the course's secret, a made-up name that stays.

    The names are others than the leaderboard's, which everybody may see: who knows those must not know the marks.
    """
    if secret is None:
        return {student: printable(groups.described(student), 120) for student in students}
    names: dict[str, str] = {}
    for student in sorted(students):
        code = hmac.new(secret, f"report/{assignment}/{student}".encode(errors="surrogateescape"), sha256).hexdigest()
        length = next(length for length in range(6, 65) if code[:length].upper() not in names.values())
        names[student] = code[:length].upper()
    return {student: f"Student {code}" for student, code in names.items()}


def student_rows(
    marks: dict[str, list[Mark]],
    results: Iterable[NotebookResult],
    names: dict[str, str],
    links: dict[str, dict[str, str]],
    penalties: dict[str, float],
) -> list[Student]:
    """One row per student of the gradebook, in the order of their names.

    Args:
        links: by student and notebook, the way to the feedback.
        penalties: by student, the points that being late costs.
    """
    by_student: dict[str, list[NotebookResult]] = defaultdict(list)
    for result in results:
        by_student[result.student].append(result)
    rows = [
        _row(id, given, by_student[id], names[id], links.get(id, {}), penalties.get(id, 0.0))
        for id, given in marks.items()
    ]
    return sorted(rows, key=lambda row: row.name.casefold())


def _row(
    id: str, given: list[Mark], results: list[NotebookResult], name: str, links: dict[str, str], penalty: float
) -> Student:
    by_notebook: dict[str, list[Mark]] = defaultdict(list)
    for mark in given:
        by_notebook[mark.notebook].append(mark)
    maximum = sum(mark.maximum for mark in given)
    return Student(
        id=id,
        name=name,
        total=counted(sum(mark.score or 0.0 for mark in given), maximum, penalty),
        maximum=maximum,
        bonus=sum(mark.score or 0.0 for mark in given if mark.bonus),
        waiting=sum(mark.score is None for mark in given),
        notebooks={notebook: _in_notebook(own, links.get(notebook)) for notebook, own in by_notebook.items()},
        seconds=sum(result.seconds for result in results),
        signs=_signs(results),
    )


def _in_notebook(marks: list[Mark], link: str | None) -> NotebookMark:
    regular = [mark for mark in marks if not mark.bonus]
    points = sum(mark.score or 0.0 for mark in regular)
    return NotebookMark(points, sum(mark.maximum for mark in regular), link)


def _signs(results: list[NotebookResult]) -> list[str]:
    """A word for each thing that happened to a submission."""
    stopped = any(test.stopped for one in results for task in one.tasks.values() for test in task.tests)
    found = {
        "unreadable": any(one.unreadable for one in results),
        "stopped": stopped,
        "repaired": any(one.repairs for one in results),
    }
    return [word for word, so in found.items() if so]


def feedback_links(root: Path, assignment: str, students: Iterable[str], page: Path) -> dict[str, dict[str, str]]:
    """By student and notebook, the way from the page to the feedback that nbgrader has generated."""
    found = {}
    for student in students:
        if Path(student).name != student:
            continue  # no folder of the course
        files = sorted((root / "feedback" / student / assignment).glob("*.html"))
        found[student] = {path.stem: _link(path, page.parent) for path in files if path.is_file()}
    return found


def _link(path: Path, folder: Path) -> str:
    way = Path(os.path.relpath(path.absolute(), folder.absolute()))
    return "/".join(quote(os.fsencode(part)) for part in way.parts)
