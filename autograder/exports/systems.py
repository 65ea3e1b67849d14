"""What the exports for learning management systems share: one assignment, a file of the system's that is filled."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Assignment, Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets import Unicode

from autograder.exports.capped import groups_of_course, roster_of_course
from autograder.exports.spreadsheet import FORMULA, Sheet
from autograder.exports.totals import Person, Total, listed, read_totals
from autograder.files import write_whole
from segkit.errors import CourseError


@dataclass(frozen=True)
class Exported:
    """A file's text, and what has to be said about it."""

    text: str
    remarks: list[str] = field(default_factory=list)


class LmsGrades(ExportPlugin):
    """Writes the totals of one assignment as another system reads them."""

    template = Unicode("", help="The system's own file, which is filled; empty: a file is made up").tag(config=True)
    student_column = Unicode(
        "", help="The template's column with the students' ids in the gradebook; empty: the documented ones"
    ).tag(config=True)

    file_name: str
    system: str

    def export(self, gradebook: Gradebook) -> None:
        """Write the file, and log a sentence about everything that somebody has to look at.

        Raises:
            SystemExit: with a sentence, if the template does not fit the assignment, or a file cannot be used.
        """
        path = Path(self.to or self.file_name)
        try:
            self._require_other_file(path)
            assignment = self._chosen(gradebook)
            groups, roster = groups_of_course(self), roster_of_course(self)
            totals = read_totals(gradebook, assignment, groups, map(str, self.student), roster)
            fill_or_make = self.filled if self.template else self.made_up
            exported = fill_or_make(assignment, totals.of_students)
            write_whole(path, exported.text)
        except CourseError as error:
            raise SystemExit(f"autograder: {error}") from None
        except OSError as error:
            raise SystemExit(f"autograder: {path} cannot be written ({error.strerror}).") from None
        self.log.info("Exported %s for %s to %s", assignment.name, self.system, path)
        for remark in [*totals.remarks, *exported.remarks]:
            self.log.warning(remark)

    @abstractmethod
    def filled(self, assignment: Assignment, totals: Sequence[Total]) -> Exported:
        """The template with these totals.

        Raises:
            CourseError: if it is none, or does not fit the assignment.
        """

    @abstractmethod
    def made_up(self, assignment: Assignment, totals: Sequence[Total]) -> Exported:
        """A file of our own."""

    def _chosen(self, gradebook: Gradebook) -> Assignment:
        """The assignment that was named, or the only one that anybody handed in."""
        known = {assignment.name: assignment for assignment in gradebook.assignments}
        named = list(map(str, self.assignment)) or [name for name in known if known[name].submissions]
        if len(named) != 1:
            raise CourseError(
                f"{self.system} gets one assignment at a time: name it, --assignment={next(iter(known), 'NAME')}."
            )
        if named[0] not in known:
            raise CourseError(f"The gradebook does not know {named[0]}, only {', '.join(known) or 'no assignment'}.")
        return known[named[0]]

    def _require_other_file(self, path: Path) -> None:
        if self.template and path.exists() and path.samefile(self.template):
            raise CourseError(f"{path} is the template, which is not overwritten: name another file with --to.")


@dataclass(frozen=True)
class Matching:
    """Which row of a template is whose, and a sentence about each of those that have no counterpart, or too many."""

    rows: dict[int, Total]
    remarks: list[str]


def match(rows: dict[int, set[str]], labels: dict[int, str], totals: Sequence[Total], system: str) -> Matching:
    """Who stands in which row, as far as there is no doubt.

    Args:
        rows: by row the ids of students in the gradebook that its cells stand for, without regard to letter case.
        labels: what a row is called in a remark.
    """
    whose = {row: [total for total in totals if total.person.id in ids] for row, ids in rows.items()}
    times = Counter(total.person.id for found in whose.values() for total in found)
    sure = {row: found[0] for row, found in whose.items() if len(found) == 1 and times[found[0].person.id] == 1}
    remarks = [
        f"{labels[row]} stands in {system}'s file, and not in the gradebook: left as it is."
        for row, found in whose.items()
        if not found
    ]
    remarks += [
        f"{labels[row]} in {system}'s file may be {listed(total.person.id for total in found)}, or another row may be: "
        "left as it is."
        for row, found in whose.items()
        if found and row not in sure
    ]
    remarks += [
        f"{listed([total.person.id])} stands in the gradebook, and not in {system}'s file: "
        f"{points(total.score)} of {points(total.maximum)} points are not exported."
        for total in totals
        if not times[total.person.id]
    ]
    return Matching(sure, remarks)


def students_by(totals: Iterable[Total], *names: str) -> dict[str, set[str]]:
    """By id, `email` or `lms_id` (whichever are named, in lower case) the ids of the students who have it."""
    found: dict[str, set[str]] = {}
    for total in totals:
        for name in names:
            key = getattr(total.person, name).strip().casefold()
            if key:
                found.setdefault(key, set()).add(total.person.id)
    return found


def points(number: float) -> str:
    """With two digits, as the systems write and show them."""
    return f"{number:.2f}"


def number_in(cell: str) -> float | None:
    """The number in a cell, whose decimal point may be a comma; None if it holds none."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def require_column(sheet: Sheet, name: str) -> int:
    """The number of a column that an option names.

    Raises:
        CourseError: if the template has none of that name.
    """
    number = sheet.column(name)
    if number is None:
        raise CourseError(f"{sheet.path} has no column {name}, only {', '.join(sheet.columns)}.")
    return number


def spoiled(persons: Iterable[Person], system: str) -> list[str]:
    """A remark about ids that a spreadsheet would take for formulas: made harmless, the system does not know them."""
    names = [person.id for person in persons if FORMULA.match(person.email or person.id)]
    if not names:
        return []
    return [
        f"{listed(names)}: begins as a formula does, and got an apostrophe before it; {system} will not know whom it "
        "is about, so enter these marks by hand."
    ]
