"""What an assignment counts for each student: capped, a late penalty taken off, a group's for all of its members."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nbgrader.api import Assignment, Gradebook, Student, SubmittedAssignment

from autograder.collect.people import Roster
from autograder.course.marks import capped, marks_of
from autograder.groups.file import Groups


@dataclass(frozen=True)
class Person:
    """A student as the gradebook or a group knows them; `lms_id`: what nbgrader calls `lms_user_id`."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""


@dataclass(frozen=True)
class Total:
    """What an assignment counts for one student.

    `handed_in_as`: the id under which it was handed in, theirs or their group's; None: nothing was, which counts 0.
    `raw`: as much of the bonus as points are missing elsewhere is in it; `unmarked`: cells that wait for a person;
    `again`: cells that were marked by hand before the submission was graded again.
    """

    person: Person
    maximum: float
    raw: float = 0.0
    penalty: float = 0.0
    bonus: float = 0.0
    unmarked: int = 0
    again: int = 0
    timestamp: datetime | None = None
    handed_in_as: str | None = None

    @property
    def score(self) -> float:
        """What counts in the end."""
        return max(0.0, self.raw - self.penalty)

    @property
    def group(self) -> str | None:
        """The group whose work this is."""
        return self.handed_in_as if self.handed_in_as != self.person.id else None


@dataclass(frozen=True)
class Totals:
    """The totals of an assignment, one per student, and what somebody who takes them elsewhere must know."""

    of_students: list[Total]
    remarks: list[str] = field(default_factory=list)


def read_totals(
    gradebook: Gradebook,
    assignment: Assignment,
    groups: Groups,
    students: Iterable[str] = (),
    roster: Roster | None = None,
) -> Totals:
    """The totals of everybody whom the gradebook or a group knows, in the gradebook's order, groups' members after.

    Args:
        students: only these ids; empty: everybody.
        roster: gives addresses and Canvas's numbers that the gradebook does not have.
    """
    handed_in = {submission.student.id: submission for submission in gradebook.assignment_submissions(assignment.name)}
    only = set(students)
    found = [
        _total(person, assignment, _whose(person.id, groups, handed_in), handed_in)
        for person in _people(gradebook, groups, roster)
        if not only or person.id in only
    ]
    return Totals(found, _remarks(assignment.name, found, handed_in))


def _people(gradebook: Gradebook, groups: Groups, roster: Roster | None) -> list[Person]:
    """Students, without the groups that the gradebook takes for some, and with members whom it does not know."""
    known = {student.id: _person(student) for student in gradebook.students if student.id not in groups.members}
    members = [member for group in groups.members.values() for member in group]
    people = [*known.values(), *(Person(member) for member in members if member not in known)]
    return [_completed(person, roster.rows.get(person.id, {})) for person in people] if roster else people


def _person(student: Student) -> Person:
    about = (student.first_name, student.last_name, student.email, student.lms_user_id)
    return Person(student.id, *(value or "" for value in about))


def _completed(person: Person, row: Mapping[str, str]) -> Person:
    """With what the roster knows and the gradebook does not."""
    return replace(person, email=person.email or row.get("email", ""), lms_id=person.lms_id or row.get("canvas_id", ""))


def _whose(student: str, groups: Groups, handed_in: Mapping[str, SubmittedAssignment]) -> str | None:
    """Whose submission counts for a student: the group's, or their own where the group has none."""
    return next((name for name in (groups.of(student), student) if name in handed_in), None)


def _total(
    person: Person, assignment: Assignment, whose: str | None, handed_in: Mapping[str, SubmittedAssignment]
) -> Total:
    if whose is None:
        return Total(person, assignment.max_score)
    submission = handed_in[whose]
    marks = marks_of(submission)
    return Total(
        person,
        assignment.max_score,
        raw=capped(submission.score, assignment.max_score),
        penalty=submission.late_submission_penalty,
        bonus=sum(mark.score or 0.0 for mark in marks if mark.bonus),
        unmarked=sum(mark.score is None for mark in marks),
        again=sum(mark.again for mark in marks),
        timestamp=submission.timestamp,
        handed_in_as=whose,
    )


def _remarks(assignment: str, totals: list[Total], handed_in: Mapping[str, SubmittedAssignment]) -> list[str]:
    not_final = [total.person.id for total in totals if total.unmarked]
    again = [total.person.id for total in totals if total.again]
    twice = [total.person.id for total in totals if total.group and total.person.id in handed_in]
    nothing = [total.person.id for total in totals if total.handed_in_as is None]
    remarks = []
    if not_final:
        remarks.append(
            f"{assignment}: {len(not_final)} of {len(totals)} totals are not final, since cells wait for a mark by "
            f"hand, which count 0 until then: {listed(not_final)}."
        )
    if again:
        remarks.append(
            f"{assignment}: graded again after marks were given by hand, which still count; look at them "
            f"again in formgrader: {listed(again)}."
        )
    if twice:
        remarks.append(f"{assignment}: handed in alone as well; the group's marks count: {listed(twice)}.")
    if nothing:
        remarks.append(f"{assignment}: nothing was handed in, which counts 0: {listed(nothing)}.")
    return remarks


def listed(names: Iterable[str], most: int = 20) -> str:
    """The names, the first of them if there are many; nothing in them that a terminal would act on."""
    given = ["".join(letter if letter.isprintable() else "?" for letter in name) for name in names]
    rest = [f"and {len(given) - most} more"] if len(given) > most else []
    return ", ".join(given[:most] + rest)
