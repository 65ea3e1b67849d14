"""Who works with whom: `groups.csv` in the course's folder, one row per member, columns `group` and `student`.

A group hands in once, and is graded once, under its name: that is its id in `submitted/` and in the gradebook. What it
earns goes to each of its members. Who is in no group hands in under their own id.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.files import write_whole
from segkit.errors import CourseError

GROUPS_FILE = "groups.csv"
COLUMNS = ["group", "student"]


@dataclass(frozen=True)
class Groups:
    """The members of each group, in the order of the file."""

    members: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, student: str) -> str | None:
        """The group that a student is in, None if it is none."""
        return next((group for group, members in self.members.items() if student in members), None)

    def who(self, name: str) -> tuple[str, ...]:
        """Whose marks those of `submitted/<name>` are: the members of that group, or that student."""
        return self.members.get(name, (name,))

    def described(self, name: str) -> str:
        """`tigers (ada, grace)` for a group, and the id alone for a student."""
        return f"{name} ({', '.join(self.members[name])})" if name in self.members else name

    def fits(self, name: str, named: Iterable[str]) -> bool:
        """Whether somebody who names these people means `submitted/<name>`: by its name, or by all of its members."""
        said = {one.casefold() for one in named}
        return said in ({name.casefold()}, {member.casefold() for member in self.who(name)})


def read_groups(root: Path) -> Groups:
    """The groups of the course in that folder; without a file there are none.

    Raises:
        CourseError: if the file cannot be read, a line names no group or no student, somebody is in two groups, or a
            group is called as a student.
    """
    path = root / GROUPS_FILE
    members: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path, _read(path)), start=2):
        group, student = ((line[column] or "").strip() for column in COLUMNS)
        if not group or not student:
            raise CourseError(f"{path}, line {number}: every line needs a group and a student.")
        members.setdefault(group, []).append(student)
    _require_distinct(path, members)
    return Groups({group: tuple(students) for group, students in members.items()})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark at its beginning
    except FileNotFoundError:
        return ",".join(COLUMNS) + "\n"
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read ({error}): save it as UTF-8 text.") from None


def _lines(path: Path, text: str) -> csv.DictReader:
    lines = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    if not set(COLUMNS) <= set(lines.fieldnames or []):
        raise CourseError(f'{path} needs a first line "{",".join(COLUMNS)}" and then one line per member.')
    return lines


def _require_distinct(path: Path, members: Mapping[str, Sequence[str]]) -> None:
    counts = Counter(student for students in members.values() for student in students)
    twice = [student for student, count in counts.items() if count > 1]
    if twice:
        raise CourseError(f"{path}: {twice[0]} stands there more than once; everybody is in one group at most.")
    both = sorted(set(members) & set(counts))
    if both:
        raise CourseError(f"{path}: {both[0]} is a group and a student; give the group another name.")


def add_group(root: Path, name: str, students: Iterable[str]) -> Groups:
    """Write one more group into the file, or further members of one that is there; the other lines stay as they are.

    Raises:
        CourseError: if one of them is in another group, or it is called as a student; the file stays as it was.
    """
    path, groups = root / GROUPS_FILE, read_groups(root)
    known = groups.members.get(name, ())
    new = [student for student in dict.fromkeys(students) if student not in known]
    members = groups.members | {name: (*known, *new)}
    _require_distinct(path, members)
    text = _read(path)
    added = io.StringIO(newline="")
    writer = csv.DictWriter(added, _lines(path, text).fieldnames, restval="", lineterminator="\n")
    writer.writerows({"group": name, "student": student} for student in new)
    write_whole(path, text + "\n" * (not text.endswith("\n")) + added.getvalue())
    return Groups(members)
