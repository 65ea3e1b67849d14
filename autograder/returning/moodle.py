"""Whose folder is which in the zip that Moodle's "Upload multiple feedback files in a zip" takes.

Moodle finds whose a file is by its folder, `<full name>_<number>_assignsubmission_file_`, the name of that student's
folder in "Download all submissions" (mod/assign/feedback/file/importziplib.php and its test). The number is the
assignment's own of the student: only that download and the assignment's grading worksheet ("Identifier", such as
"Participant 12345") have it.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from segkit.errors import CourseError

IDENTIFIER, FULL_NAME = "Identifier", "Full name"
PEOPLE = ("ID number", "Username", "Email address", FULL_NAME)  # columns by which a student is found


@dataclass(frozen=True)
class Participant:
    """A line of a grading worksheet; `called` is all that the student may be called here, in small letters."""

    number: int
    name: str
    called: frozenset[str]

    @property
    def folder(self) -> str:
        """The folder's name; Moodle splits it at underscores, and shows nobody the name in it."""
        name = " ".join(re.sub(r"[^\w.'-]|_", " ", self.name).split())
        return f"{name}_{self.number}_assignsubmission_file_"


def read_worksheet(path: Path) -> list[Participant]:
    """The participants in an assignment's grading worksheet ("Download grading worksheet").

    Raises:
        CourseError: if it cannot be read, or is none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read ({error}): download the grading worksheet again.") from None
    lines = csv.DictReader(io.StringIO(text, newline=""))
    if not {IDENTIFIER, FULL_NAME} <= set(lines.fieldnames or []):
        raise CourseError(
            f'{path} needs the columns "{IDENTIFIER}" and "{FULL_NAME}": download the grading worksheet of the '
            "assignment, in English, and without anonymous submissions."
        )
    found = [_participant(path, number, line) for number, line in enumerate(lines, start=2)]
    numbers = Counter(one.number for one in found)
    if twice := [number for number, count in numbers.items() if count > 1]:
        raise CourseError(f"{path}: participant {twice[0]} stands there more than once.")
    return found


def _participant(path: Path, number: int, line: Mapping[str, str | None]) -> Participant:
    identifier = re.fullmatch(r"\D*([0-9]+)", (line[IDENTIFIER] or "").strip())
    if not identifier:
        raise CourseError(f'{path}, line {number}: "{IDENTIFIER}" must be like "Participant 12345".')
    called = {(line.get(column) or "").strip().casefold() for column in PEOPLE} - {""}
    return Participant(int(identifier[1]), (line[FULL_NAME] or "").strip(), frozenset(called))


def match(
    students: Iterable[str], participants: Iterable[Participant], addresses: Mapping[str, str]
) -> tuple[dict[str, Participant], list[str]]:
    """Which participant each student is, and a sentence for each who is none, or may be several.

    Args:
        addresses: the e-mail addresses that the gradebook knows, by student.
    """
    students, participants = list(students), list(participants)
    found = {}
    for student in students:
        names = {student.casefold(), addresses.get(student, student).casefold()}
        found[student] = [one for one in participants if names & one.called]
    claims = Counter(one.number for those in found.values() if len(those) == 1 for one in those)
    certain = {
        student: those[0] for student, those in found.items() if len(those) == 1 and claims[those[0].number] == 1
    }
    columns = ", ".join(PEOPLE)
    return certain, [
        f"Not in the zip: {student} is {'several' if found[student] else 'none'} of the worksheet's participants, or "
        f"shares one with somebody ({columns})."
        for student in students
        if student not in certain
    ]
