"""`nbgrader export --exporter=autograder.exports.canvas.CanvasGrades`: the totals as a CSV that Canvas imports.

The columns are those of Canvas's own export and import of a gradebook: `Student`, `ID`, `SIS User ID`, `SIS Login ID`,
`Section`, then one per assignment, `Title (id)`; between them and the students a line `    Points Possible`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from nbgrader.api import Assignment
from traitlets import Unicode

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

HEADER = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
NEEDED = ("ID", "SIS Login ID", "Section")
WHAT = "the gradebook that Canvas exports (Grades > Export > Export Entire Gradebook)"
POINTS = "Points Possible"
TITLE = re.compile(r"(.*?)\s+\(\d+\)")  # of an assignment that Canvas knows
KEPT = ("EX", "N/A")  # excused; not assigned to that student


class CanvasGrades(LmsGrades):
    """One column of a gradebook that was exported from Canvas is filled; without one, rows are made up by login."""

    column = Unicode(
        "", help='The assignment\'s column in Canvas, "Title" or "Title (id)"; empty: called as in the gradebook'
    ).tag(config=True)

    file_name, system = "canvas.csv", "Canvas"

    def filled(self, assignment: Assignment, totals: Sequence[Total]) -> Exported:
        """The template with the column of the assignment filled; Canvas makes one that it does not know."""
        sheet = read_sheet(Path(self.template), NEEDED, WHAT)
        points_row = _points_row(sheet)
        column, remarks = self._column(sheet, assignment, points_row)
        below = range(points_row + 1, len(sheet))
        students = [row for row in below if any(sheet.get(row, name) for name in sheet.columns)]
        labels = {row: _label(sheet, row) for row in students}
        matching = match(self._ids(sheet, students, totals), labels, totals, self.system)
        kept = {name: [] for name in KEPT}
        for row, total in matching.rows.items():
            now = sheet.get(row, column).upper()
            if now in kept:
                kept[now].append(total.person.id)
            else:
                sheet.put(row, column, points(total.score))
        remarks += [f"Canvas has {name} for {listed(who)}: left as it is." for name, who in kept.items() if who]
        return Exported(sheet.text, remarks + matching.remarks)

    def made_up(self, assignment: Assignment, totals: Sequence[Total]) -> Exported:
        """A row per student, known by email address or, without one, by id."""
        title = inert(self.column or assignment.name)
        rows = [[f"    {POINTS}", "", "", "", "", points(assignment.max_score)]]
        for total in totals:
            person = total.person
            login = inert(person.email or person.id)
            rows.append([inert(_name(person)), inert(person.lms_id), "", login, "", points(total.score)])
        remark = (
            "Canvas will know these students only if the addresses or ids are their logins; with its own export as "
            "--CanvasGrades.template nothing depends on that."
        )
        return Exported(
            invented([*HEADER, title], rows), [remark, *spoiled([total.person for total in totals], "Canvas")]
        )

    def _column(self, sheet: Sheet, assignment: Assignment, points_row: int) -> tuple[int, list[str]]:
        wanted = self.column or assignment.name
        found = [number for number, title in enumerate(sheet.columns) if _is_called(title, wanted)]
        if len(found) > 1:
            titles = ", ".join(sheet.columns[number] for number in found)
            raise CourseError(
                f"{sheet.path} has several columns {wanted}: name one with --CanvasGrades.column: {titles}."
            )
        if not found and self.column:
            require_column(sheet, self.column)
        if not found:
            number = sheet.add_column(inert(wanted))
            sheet.put(points_row, number, points(assignment.max_score))
            remark = (
                f"{sheet.path} has no column {wanted}: it was added, and Canvas will ask whether to make a new "
                "assignment. If it is called otherwise there, name it with --CanvasGrades.column."
            )
            return number, [remark]
        [number] = found
        _require_points(sheet, number, points_row, assignment)
        return number, []

    def _ids(self, sheet: Sheet, students: Sequence[int], totals: Sequence[Total]) -> dict[int, set[str]]:
        if self.student_column:
            require_column(sheet, self.student_column)
            known = {self.student_column: students_by(totals, "id")}
        else:
            known = {
                "ID": students_by(totals, "lms_id"),
                "SIS User ID": students_by(totals, "id"),
                "SIS Login ID": students_by(totals, "id", "email"),
            }
        return {
            row: {
                student for column, ids in known.items() for student in ids.get(sheet.get(row, column).casefold(), ())
            }
            for row in students
        }


def _points_row(sheet: Sheet) -> int:
    found = [row for row in range(len(sheet)) if POINTS in sheet.get(row, 0)]
    if len(found) != 1:
        raise CourseError(f"{sheet.path} needs one line {POINTS} before the students: it has to be {WHAT}, in English.")
    return found[0]


def _is_called(title: str, wanted: str) -> bool:
    named = TITLE.fullmatch(title)
    return title == wanted or bool(named and named[1] == wanted)


def _require_points(sheet: Sheet, column: int, points_row: int, assignment: Assignment) -> None:
    """Canvas takes over what stands there, so that another number would change all marks."""
    cell = sheet.get(points_row, column)
    if number_in(cell) != assignment.max_score:
        raise CourseError(
            f"{sheet.path}: {sheet.columns[column]} has {cell or 'no'} points in Canvas, and {assignment.max_score:g} "
            "in the gradebook. Make them equal in Canvas, and export its gradebook again."
        )


def _label(sheet: Sheet, row: int) -> str:
    name = sheet.get(row, "Student") or f"{sheet.get(row, 'LastName')}, {sheet.get(row, 'FirstName')}".strip(" ,")
    return listed([name or f"Row {row + 2}"], 1)


def _name(person: Person) -> str:
    return ", ".join(filter(None, (person.last_name, person.first_name))) or person.id
