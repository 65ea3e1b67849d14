"""`nbgrader export --exporter=autograder.exports.moodle.MoodleGrades`: the totals as a CSV that Moodle imports.

The template is an assignment's offline grading worksheet, with the columns `Identifier`, `Full name`, `Email address`,
`Status`, `Grade`, `Maximum Grade`, `Grade can be changed`, `Last modified (submission)`, `Last modified (grade)` and
`Feedback comments`; with anonymous submissions it has neither names nor addresses. Moodle finds rows by `Identifier`,
and skips grades above the maximum, locked ones, and those changed since `Last modified (grade)`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from nbgrader.api import Assignment

from autograder.exports.spreadsheet import Sheet, inert, invented, read_sheet
from autograder.exports.systems import (
    Exported,
    LmsGrades,
    match,
    number_in,
    points,
    require_column,
    spoiled,
    students_by,
)
from autograder.exports.totals import Person, Total, listed
from segkit.errors import CourseError

NEEDED = ("Identifier", "Grade", "Last modified (grade)")
WHAT = "the offline grading worksheet that Moodle offers (assignment > Submissions > Download grading worksheet)"
GRADE, MAXIMUM, CHANGEABLE, FEEDBACK = "Grade", "Maximum Grade", "Grade can be changed", "Feedback comments"
HEADER = ("First name", "Last name", "Email address")  # of Moodle's import into the gradebook, which asks what is what
IDENTIFIER = re.compile(r".*\D(\d+)")  # Participant 12345, in whatever language


class MoodleGrades(LmsGrades):
    """Grades and empty comments of a grading worksheet are filled; without one, rows are made up by email address."""

    file_name, system = "moodle.csv", "Moodle"

    def filled(self, assignment: Assignment, totals: Sequence[Total]) -> Exported:
        """The worksheet with grades, and a comment where none stands and a total needs one."""
        sheet = read_sheet(Path(self.template), NEEDED, WHAT)
        rows = [row for row in range(len(sheet)) if sheet.get(row, "Identifier")]
        labels = {row: listed([sheet.get(row, "Full name") or sheet.get(row, "Identifier")]) for row in rows}
        matching = match(self._ids(sheet, rows, totals), labels, totals, self.system)
        grade, feedback, locked = sheet.column(GRADE), sheet.column(FEEDBACK), []
        for row, total in matching.rows.items():
            if sheet.get(row, CHANGEABLE) == "No":
                locked.append(total.person.id)
                continue
            _require_maximum(sheet, row, assignment)
            sheet.put(row, grade, points(total.score))
            comment = _comment(total)
            if comment and feedback is not None and not sheet.get(row, feedback):
                sheet.put(row, feedback, comment)
        remarks = [f"Moodle has locked the grade of {listed(locked)}: left as it is."] if locked else []
        return Exported(sheet.text, remarks + matching.remarks)

    def made_up(self, assignment: Assignment, totals: Sequence[Total]) -> Exported:
        """A row per student with an email address, for Grades > Import > CSV file."""
        addresses = {total.person.id: _address(total.person) for total in totals}
        rows = [
            [inert(total.person.first_name), inert(total.person.last_name), inert(address), points(total.score)]
            for total in totals
            if (address := addresses[total.person.id])
        ]
        without = [student for student, address in addresses.items() if not address]
        remarks = [f"The gradebook has no email address of {listed(without)}: left out."] if without else []
        remarks += spoiled([total.person for total in totals if addresses[total.person.id]], self.system)
        return Exported(invented([*HEADER, inert(assignment.name)], rows), remarks)

    def _ids(self, sheet: Sheet, rows: Sequence[int], totals: Sequence[Total]) -> dict[int, set[str]]:
        by_id, by_address = students_by(totals, "id"), students_by(totals, "id", "email")
        known = {"Email address": by_address, "ID number": by_id, "Username": by_id}
        if self.student_column:
            require_column(sheet, self.student_column)
            known = {self.student_column: by_id}
        return {
            row: {
                student
                for column, ids in known.items()
                for key in _keys(sheet.get(row, column))
                for student in ids.get(key, ())
            }
            for row in rows
        }


def _keys(cell: str) -> set[str]:
    """What a cell may be called in the gradebook: an identifier also by its number alone, as in Moodle's downloads."""
    number = IDENTIFIER.fullmatch(cell) if " " in cell else None
    return {cell.casefold(), number[1]} if number else {cell.casefold()}


def _require_maximum(sheet: Sheet, row: int, assignment: Assignment) -> None:
    """Moodle skips what is above its maximum, without a word."""
    cell = sheet.get(row, MAXIMUM)
    if sheet.column(MAXIMUM) is not None and number_in(cell) != assignment.max_score:
        raise CourseError(
            f"{sheet.path}: the maximum grade is {cell or 'not given'} in Moodle, and {assignment.max_score:g} in the "
            "gradebook. Make them equal in Moodle, and download the worksheet again."
        )


def _comment(total: Total) -> str:
    """What the total alone does not say."""
    parts = [
        f"Handed in by the group {total.group}." if total.group else "",
        f"A bonus of {points(total.bonus)} points is taken into account." if total.bonus else "",
        f"{points(total.penalty)} points were taken off for lateness." if total.penalty else "",
        f"Not final: marked by hand so far are all answers but {total.unmarked}." if total.unmarked else "",
    ]
    return " ".join(filter(None, parts))


def _address(person: Person) -> str:
    return person.email or (person.id if "@" in person.id else "")
