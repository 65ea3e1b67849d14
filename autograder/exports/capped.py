"""`nbgrader export` with totals that no bonus lifts above an assignment's points, and groups' marks for all members."""

import csv
from pathlib import Path

from nbgrader.api import Assignment, Gradebook
from nbgrader.plugins import CsvExportPlugin, ExportPlugin

from autograder.collect.people import Roster, read_roster
from autograder.exports.spreadsheet import inert
from autograder.exports.totals import Total, read_totals
from autograder.groups.file import Groups, read_groups
from segkit.errors import CourseError

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score", "bonus", "group", "unmarked",
)  # fmt: skip


class CappedGrades(CsvExportPlugin):
    """nbgrader's columns, the bonus that was earned, the group that it was earned with, and what is unmarked.

    `raw_score` holds as much of the bonus as points are missing elsewhere; a late penalty is taken off after that.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write one row per assignment and student; 0 points for who has handed in nothing.

        Raises:
            SystemExit: with a sentence, if the file cannot be written, or `groups.csv` or `roster.csv` cannot be used.
        """
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        try:
            rows = self._rows(gradebook, groups_of_course(self), roster_of_course(self))
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
        except CourseError as error:
            raise SystemExit(f"autograder: {error}") from None
        except OSError as error:
            raise SystemExit(f"autograder: {path} cannot be written ({error.strerror}).") from None

    def _rows(self, gradebook: Gradebook, groups: Groups, roster: Roster | None) -> list[dict[str, object]]:
        rows = []
        for assignment in gradebook.assignments:
            if not self.assignment or assignment.name in map(str, self.assignment):
                totals = read_totals(gradebook, assignment, groups, map(str, self.student), roster)
                rows += [_row(assignment, total) for total in totals.of_students]
                for remark in totals.remarks:
                    self.log.warning(remark)
        return rows


def groups_of_course(plugin: ExportPlugin) -> Groups:
    """The groups of the course that a plug-in exports.

    Raises:
        CourseError: if their file cannot be used.
    """
    return read_groups(_course_of(plugin))


def roster_of_course(plugin: ExportPlugin) -> Roster | None:
    """The roster of the course that a plug-in exports, if it has one.

    Raises:
        CourseError: if its file cannot be used.
    """
    return read_roster(_course_of(plugin))


def _course_of(plugin: ExportPlugin) -> Path:
    return Path(plugin.parent.coursedir.root) if plugin.parent else Path.cwd()


def _number(score: float) -> float:
    """Without what adding binary fractions leaves behind the point: 88.21, not 88.21000000000001."""
    return round(score, 6)


def _row(assignment: Assignment, total: Total) -> dict[str, object]:
    person = total.person
    return {
        "assignment": assignment.name, "duedate": assignment.duedate, "timestamp": total.timestamp,
        "student_id": inert(person.id), "last_name": inert(person.last_name), "first_name": inert(person.first_name),
        "email": inert(person.email), "raw_score": _number(total.raw),
        "late_submission_penalty": _number(total.penalty), "score": _number(total.score),
        "max_score": total.maximum, "bonus": _number(total.bonus), "group": inert(total.group or ""),
        "unmarked": total.unmarked,
    }  # fmt: skip
