"""The marks in a course's gradebook, as data and as a table for whoever grades."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from sqlalchemy.exc import OperationalError

from autograder.groups.file import read_groups
from segkit.errors import CourseError


@dataclass(frozen=True)
class Mark:
    """One graded cell of a student: `score` is None until somebody has marked a written answer.

    `automatic`: code that hidden tests mark; `bonus`: its points come on top of the assignment's, and `maximum` is 0.
    `again`: it was marked by hand before the submission was graded again, and nobody has looked at it since.
    """

    notebook: str
    cell: str
    automatic: bool
    score: float | None
    maximum: float
    again: bool = False

    @property
    def bonus(self) -> bool:
        """Whether its points come on top: no other code is graded with a maximum of 0."""
        return self.automatic and self.maximum == 0


def capped(score: float, maximum: float) -> float:
    """What an assignment counts: what was earned in it, bonuses and extra credit included, up to its points."""
    return min(score, maximum)


def counted(score: float, maximum: float, penalty: float = 0.0) -> float:
    """What counts in the end: capped, then the penalty for being late taken off, and never less than 0."""
    return max(0.0, capped(score, maximum) - penalty)


def read_marks(root: Path, assignment: str) -> dict[str, list[Mark]]:
    """The marks of each student of the course in `root`, one per graded cell, in the notebooks' order.

    Raises:
        CourseError: if the gradebook does not know the assignment.
    """
    with open_gradebook(root, assignment) as gradebook:
        return {
            submission.student.id: marks_of(submission) for submission in gradebook.assignment_submissions(assignment)
        }


def read_penalties(root: Path, assignment: str) -> dict[str, float]:
    """The points that each student of the course in `root` loses for being late.

    Raises:
        CourseError: if the gradebook does not know the assignment.
    """
    with open_gradebook(root, assignment) as gradebook:
        submissions = gradebook.assignment_submissions(assignment)
        return {submission.student.id: submission.late_submission_penalty for submission in submissions}


def marks_of(submission: SubmittedAssignment) -> list[Mark]:
    """The marks of one submission of an open gradebook, in the notebooks' order."""
    return [
        Mark(
            notebook.name, grade.name, grade.cell.cell_type == "code", _score(grade), grade.max_score, _is_again(grade)
        )
        for notebook in sorted(submission.notebooks, key=lambda notebook: notebook.name)
        for grade in notebook.grades
    ]


def require_known(root: Path, assignment: str) -> None:
    """Refuse an assignment that the course's gradebook does not know.

    Raises:
        CourseError: saying what to do.
    """
    with open_gradebook(root, assignment):
        pass


@contextmanager
def open_gradebook(root: Path, assignment: str) -> Iterator[Gradebook]:
    """The gradebook of the course in `root`, while it is needed.

    Raises:
        CourseError: if there is none, it does not know the assignment, or something else keeps it locked.
    """
    if not (root / "gradebook.db").exists():  # opening it would make an empty one
        raise CourseError(f"There is no gradebook in {root}: run `make release` first, or go to your course.")
    try:
        with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
            known = [one.name for one in gradebook.assignments]
            gradebook.find_assignment(assignment)
            yield gradebook
    except MissingEntry:
        only = f", only {', '.join(known)}" if known else ""
        named = f"say --assignment={known[0]} if you mean that one, or " if known else ""
        raise CourseError(
            f"The gradebook in {root} does not know {assignment}{only}: {named}run `make release "
            f"ASSIGNMENT={assignment}` first."
        ) from None
    except OperationalError as error:
        raise CourseError(
            f"The gradebook in {root} cannot be read now ({error.orig}): close what else uses it, and try again."
        ) from None


def marks_table(root: Path, assignment: str) -> str:
    """One line per student: automatic points by notebook, written answers, total; under it what lost points and why.

    A bonus has a column of its own, if there is one, and counts in the total as far as points are missing there.

    A group stands there by its name, with its members under it. The total is what counts in the end: a penalty for
    being late is taken off, and stands in the line below, as do marks given by hand before the last grading.

    Raises:
        CourseError: if the gradebook does not know the assignment, or `groups.csv` cannot be right.
    """
    groups, penalties = read_groups(root), read_penalties(root, assignment)
    marks = dict(sorted(read_marks(root, assignment).items()))
    if not marks:
        return f"Nothing of {assignment} is graded yet."
    notebooks = sorted({mark.notebook for given in marks.values() for mark in given if mark.automatic})
    with_bonus = any(mark.bonus for given in marks.values() for mark in given)
    rows = [("student", *notebooks, "automatic", "written", *["bonus"] * with_bonus, "unmarked", "total")]
    rows += [_row(student, given, notebooks, with_bonus, penalties[student]) for student, given in marks.items()]
    remarks = {
        student: [
            *([f"members: {', '.join(groups.members[student])}"] if student in groups.members else []),
            *([f"late: {penalties[student]:g} points taken off"] if penalties[student] else []),
            *_ungraded(root, assignment, student),
            *_lost([mark for mark in given if mark.automatic and not mark.bonus]),
            *_to_look_at_again(given),
        ]
        for student, given in marks.items()
    }
    return _in_columns(rows, remarks)


def _row(student: str, given: list[Mark], notebooks: list[str], with_bonus: bool, penalty: float) -> tuple[str, ...]:
    automatic = [mark for mark in given if mark.automatic and not mark.bonus]
    written = [mark for mark in given if not mark.automatic]
    sums = [_sum(mark for mark in automatic if mark.notebook == name) for name in notebooks]
    bonus = [f"{sum(mark.score or 0.0 for mark in given if mark.bonus):g}"] * with_bonus
    waiting = str(sum(mark.score is None for mark in written))
    maximum = sum(mark.maximum for mark in given)
    total = f"{counted(sum(mark.score or 0.0 for mark in given), maximum, penalty):g}/{maximum:g}"
    return (student, *sums, _sum(automatic), _sum(written), *bonus, waiting, total)


def _in_columns(rows: list[tuple[str, ...]], remarks: dict[str, list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]))
        lines += [f"{' ' * widths[0]}    {remark}" for remark in remarks.get(row[0], [])]
    return "\n".join(lines)


def _ungraded(root: Path, assignment: str, student: str) -> list[str]:
    """Why notebooks of a student could not be graded, from their verdicts."""
    found = []
    for path in sorted((root / "verdicts" / assignment / student).glob("[0-9]*.json")):
        try:
            reason = json.loads(path.read_text(encoding="utf-8")).get("unreadable")
        except (OSError, ValueError):
            continue
        found += [f"not graded: {path.stem}: {reason}"] if reason else []
    return found


def _lost(automatic: list[Mark]) -> list[str]:
    lost = [mark for mark in automatic if (mark.score or 0.0) < mark.maximum]
    if not 0 < len(lost) < len(automatic):
        return []
    return ["lost at " + ", ".join(f"{mark.cell} {mark.score or 0:g} of {mark.maximum:g}" for mark in lost)]


def _to_look_at_again(given: list[Mark]) -> list[str]:
    cells = [f"{mark.notebook} {mark.cell}" for mark in given if mark.again]
    return [f"marked by hand before the last grading, look again: {', '.join(cells)}"] if cells else []


def _score(grade) -> float | None:
    return None if grade.needs_manual_grade and grade.manual_score is None else grade.score


def _is_again(grade) -> bool:
    return bool(grade.needs_manual_grade and grade.manual_score is not None)


def _sum(marks: Iterable[Mark]) -> str:
    given = list(marks)
    return f"{sum(mark.score or 0.0 for mark in given):g}/{sum(mark.maximum for mark in given):g}"
