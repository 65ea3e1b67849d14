"""Which students a course knows, from its gradebook and its roster, and whether a person has told it of them."""

from dataclasses import dataclass, field
from pathlib import Path

from autograder.collect.people import read_roster
from autograder.course.marks import open_gradebook


@dataclass(frozen=True)
class ClassList:
    """The ids of a course; `named` have a name or an address, `addresses` are those that it knows.

    `told`: somebody has entered the class. Grading alone adds ids, too, but only with a submission and without a name.
    """

    ids: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    told: bool = False
    addresses: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: "ClassList") -> "ClassList":
        addresses = self.addresses | other.addresses
        return ClassList(self.ids | other.ids, self.named | other.named, self.told or other.told, addresses)


def read_class_list(root: Path, assignment: str) -> ClassList:
    """The students of the course in `root`; where gradebook and `roster.csv` differ, the file counts.

    Raises:
        CourseError: if the gradebook does not know the assignment, or one of the two cannot be read.
    """
    return _in_gradebook(root, assignment) | _in_roster(root)


def _in_gradebook(root: Path, assignment: str) -> ClassList:
    if not (root / "gradebook.db").exists():
        return ClassList()
    with open_gradebook(root, assignment) as gradebook:
        students = list(gradebook.students)
        named = frozenset(one.id for one in students if one.first_name or one.last_name or one.email)
        told = bool(named) or any(not one.submissions for one in students)
        addresses = {one.id: one.email for one in students if one.email}
        return ClassList(frozenset(one.id for one in students), named, told, addresses)


def _in_roster(root: Path) -> ClassList:
    roster = read_roster(root)
    if roster is None:
        return ClassList()
    ids = frozenset(roster.rows)
    return ClassList(ids, ids, True, {student: row["email"] for student, row in roster.rows.items() if row["email"]})
