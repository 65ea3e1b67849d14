"""Who is whom: the names that platforms have for people, and `roster.csv`, which says which student that is.

`roster.csv` stands in the course's folder: a column `student` and any of `name`, `email`, `sid` (Gradescope's student
id), `canvas_id` (the number in the names of Canvas's files) and `moodle_id` (the participant's number, which Moodle
gives anew in each assignment).
"""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.collect.entries import UnusableError
from segkit.errors import CourseError
from segkit.handing_in import ID

ROSTER_FILE = "roster.csv"
COLUMNS = ("name", "email", "sid", "canvas_id", "moodle_id")
NUMBERS = {"Canvas": "canvas_id", "Moodle": "moodle_id"}


@dataclass(frozen=True)
class Person:
    """Somebody as a platform names them; empty where it does not say."""

    name: str = ""
    email: str = ""
    sid: str = ""


@dataclass(frozen=True)
class Roster:
    """The students of a course, each with what its file has about them."""

    rows: dict[str, dict[str, str]]

    def student(self, name: str) -> str | None:
        """The student of that id, upper and lower case alike."""
        return next((student for student in self.rows if student.casefold() == name.casefold()), None)

    def with_number(self, system: str, account: str) -> str | None:
        """The student who has that number on a platform."""
        column = NUMBERS.get(system)
        rows = self.rows.items() if column and account else ()
        return next((student for student, row in rows if row[column] == account), None)

    def number(self, student: str, system: str) -> str:
        """The student's number on a platform; empty if the file does not say."""
        return self.rows[student].get(NUMBERS.get(system, ""), "")

    def find(self, person: Person) -> str | None:
        """The student who is that person: by id, else e-mail, else name.

        Raises:
            UnusableError: if it could be several.
        """
        tests = (
            (person.sid, lambda student, row: person.sid.casefold() in (student.casefold(), row["sid"].casefold())),
            (person.email, lambda student, row: person.email.casefold() == row["email"].casefold()),
            (
                person.name,
                lambda student, row: is_name_of(person.name, student, row["name"]),
            ),
        )
        for named, fits in tests:
            found = [student for student, row in self.rows.items() if named and fits(student, row)]
            if len(found) > 1:
                raise UnusableError(f"{named} could be {' or '.join(found[:3])} in {ROSTER_FILE}")
            if found:
                return found[0]
        return None


def read_roster(root: Path) -> Roster | None:
    """The roster of the course in that folder; None if it has none.

    Raises:
        CourseError: if it cannot be read, an id cannot be one, or one stands there twice.
    """
    path = root / ROSTER_FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read ({error}): save it as UTF-8 text.") from None
    lines = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    if "student" not in (lines.fieldnames or []):
        raise CourseError(f'{path} needs a column "student", and any of {", ".join(COLUMNS)}.')
    rows = [
        (number, {key: (line.get(key) or "").strip() for key in ("student", *COLUMNS)})
        for number, line in _numbered(lines)
    ]
    for number, row in rows:
        if not ID.fullmatch(row["student"]):
            raise CourseError(f"{path}, line {number}: {row['student']!r} cannot be a student's id.")
    for column in ("student", "email", "sid", *NUMBERS.values()):
        _require_once(path, column, (row[column] for _, row in rows))
    return Roster({row["student"]: row for _, row in rows})


def _numbered(lines: csv.DictReader) -> Iterable[tuple[int, dict]]:
    return ((lines.line_num, line) for line in lines)


def _require_once(path: Path, column: str, values: Iterable[str]) -> None:
    counts = Counter(value.casefold() for value in values if value)
    twice = [value for value, count in counts.items() if count > 1]
    if twice:
        raise CourseError(f"{path}: {twice[0]} stands more than once in the column {column}.")


def name_in_file(person: Person) -> str | None:
    """What a person is called where no roster says it: the first of id, e-mail and name that can be a student's id."""
    return next((named for named in (person.sid, person.email, person.name) if ID.fullmatch(named)), None)


def is_name_of(named: str, *names: str) -> bool:
    """Whether that is one of the names, however a platform writes it: order, spaces, accents and case left out."""
    return bool(squeezed(named)) and any(squeezed(named) in _spellings(name) for name in names)


def _spellings(name: str) -> set[str]:
    """A name as platforms write it, first or last name first, without spaces."""
    words = name.replace(",", " ").split()
    turned = (words[start:] + words[:start] for start in range(len(words)))
    return {squeezed("".join(order)) for order in turned}


def squeezed(name: str) -> str:
    """Letters and digits only, without accents and case."""
    plain = unicodedata.normalize("NFKD", name)
    return re.sub(r"[\W_]+", "", "".join(c for c in plain if not unicodedata.combining(c)).casefold())
