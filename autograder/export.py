"""`nbgrader export` with totals that no bonus lifts above an assignment's points."""

import csv

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student, SubmittedAssignment
from nbgrader.plugins import CsvExportPlugin

from autograder.marks import capped

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score", "bonus",
)  # fmt: skip


class CappedGrades(CsvExportPlugin):
    """nbgrader's columns, and the bonus that was earned.

    `raw_score` holds as much of the bonus as points are missing elsewhere; a late penalty is taken off after that.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write one row per assignment and student; 0 points for who has handed in nothing.

        Raises:
            SystemExit: with a sentence, if the file cannot be written.
        """
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        rows = [
            _row(gradebook, assignment, student)
            for assignment in gradebook.assignments
            if not self.assignment or assignment.name in map(str, self.assignment)
            for student in gradebook.students
            if not self.student or student.id in map(str, self.student)
        ]
        try:
            with open(path, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
        except OSError as error:
            raise SystemExit(f"autograder: {path} cannot be written ({error.strerror}).") from None


def _row(gradebook: Gradebook, assignment: Assignment, student: Student) -> dict[str, object]:
    about = {
        "assignment": assignment.name, "duedate": assignment.duedate, "student_id": student.id,
        "last_name": student.last_name, "first_name": student.first_name, "email": student.email,
        "max_score": assignment.max_score,
    }  # fmt: skip
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return about | {"raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0, "bonus": 0.0}
    raw, penalty = capped(submission.score, assignment.max_score), submission.late_submission_penalty
    return about | {
        "timestamp": submission.timestamp, "raw_score": raw, "late_submission_penalty": penalty,
        "score": max(0.0, raw - penalty), "bonus": _bonus(submission),
    }  # fmt: skip


def _bonus(submission: SubmittedAssignment) -> float:
    """What the submission earned in code that is graded with a maximum of 0."""
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return sum(grade.score for grade in grades if grade.cell.cell_type == "code" and grade.max_score == 0)
