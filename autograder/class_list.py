"""Which students a course's gradebook knows, and whether a person has told it of them."""

from dataclasses import dataclass, field
from pathlib import Path

from autograder.marks import open_gradebook


@dataclass(frozen=True)
class ClassList:
    """The ids in a gradebook; `named` have a name or an address there, `addresses` are those that it knows.

    `told`: somebody has entered the class. Grading alone adds ids, too, but only with a submission and without a name.
    """

    ids: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    told: bool = False
    addresses: dict[str, str] = field(default_factory=dict)


def read_class_list(root: Path, assignment: str) -> ClassList:
    """The students of the course in `root`; without a gradebook nobody.

    Raises:
        CourseError: if the gradebook does not know the assignment, or cannot be read now.
    """
    if not (root / "gradebook.db").exists():
        return ClassList()
    with open_gradebook(root, assignment) as gradebook:
        students = list(gradebook.students)
        named = frozenset(one.id for one in students if one.first_name or one.last_name or one.email)
        told = bool(named) or any(not one.submissions for one in students)
        addresses = {one.id: one.email for one in students if one.email}
        return ClassList(frozenset(one.id for one in students), named, told, addresses)
