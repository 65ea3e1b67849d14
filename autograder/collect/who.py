"""Whose an attempt is: a student, or a group, or nobody can tell."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.collect.entries import UnusableError
from autograder.collect.handed import HandIn
from autograder.collect.layouts import Sender
from autograder.collect.people import ROSTER_FILE, Roster, is_name_of, name_in_file
from autograder.groups.file import GROUPS_FILE, Groups, add_group
from autograder.triage.sentences import listing
from segkit.errors import CourseError


@dataclass
class Owners:
    """Finds whose an attempt is, by what the course knows and what this run has seen.

    Attributes:
        known: ids of students that the course has met, by `submitted/`.
        said: what an instructor should know about groups.
    """

    root: Path
    groups: Groups
    roster: Roster | None
    known: set[str]
    said: list[str] = field(default_factory=list)
    _accounts: dict[tuple, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    _latest: dict[str, HandIn] = field(default_factory=dict)

    def student(self, attempt: HandIn) -> str:
        """Who handed it in: a student's id, or a group's name where the platform knows that only.

        Raises:
            UnusableError: if that is not certain.
        """
        named = self._by_platform(attempt.sender)
        if attempt.receipt is None:
            return self._only(named, attempt.sender)
        claimed = self._claimed(attempt)
        # Without a roster a platform's names are no ids of ours, and cannot speak against a receipt.
        if self.roster and named and claimed not in named and not self._together({claimed, *named}):
            other = " and ".join(sorted(named))
            raise UnusableError(f"its receipt says {claimed}, and {attempt.sender.system or 'its name'} says {other}")
        return claimed

    def _claimed(self, attempt: HandIn) -> str:
        claimed, sender = attempt.receipt.student, attempt.sender
        if self.roster is None:
            return self._known(claimed)
        student = self.roster.student(claimed)
        if student is None:
            raise UnusableError(f"its receipt says {claimed}, who is not in {ROSTER_FILE}")
        number = self.roster.number(student, sender.system)
        if number and sender.account and number != sender.account and not self._group_called(sender):
            raise UnusableError(
                f"its receipt says {student}, whose number in {sender.system} is {number} and not {sender.account}"
            )
        return student

    def _by_platform(self, sender: Sender) -> set[str]:
        """Who a platform says it is; nobody if the course does not know these people."""
        if self.roster is None:
            found = {name_in_file(person) for person in sender.people} - {None}
            certain = sender.system or found <= self.known | set(self.groups.members)
            return self._groups_of(sender) or (found if certain else set())
        student = self.roster.with_number(sender.system, sender.account)
        if student is not None and self._fits(sender, student):
            return {student}
        return self._groups_of(sender) or {self.roster.find(person) for person in sender.people} - {None}

    def _fits(self, sender: Sender, student: str) -> bool:
        """A group of Moodle may have the number of a participant, but not the name."""
        name = self.roster.rows[student]["name"]
        return sender.system != "Moodle" or not name or any(is_name_of(person.name, name) for person in sender.people)

    def _group_called(self, sender: Sender) -> str | None:
        named = [person.name for person in sender.people]
        return next((group for group in self.groups.members if any(is_name_of(name, group) for name in named)), None)

    def _groups_of(self, sender: Sender) -> set[str]:
        group = self._group_called(sender)
        return {group} if group else set()

    def _only(self, named: set[str], sender: Sender) -> str:
        if len(named) == 1 or (named and self._together(named)):
            return min(named)
        if named:
            raise UnusableError(
                f"{' and '.join(sorted(named))} handed it in together, and no group in {GROUPS_FILE} has them all"
            )
        people = [person.name or person.email or person.sid for person in sender.people]
        if not people:
            raise UnusableError("it has no receipt, and nothing else says whose it is")
        missing = f"is not in {ROSTER_FILE}" if self.roster else "is no student that the course has met"
        raise UnusableError(f"it has no receipt, and {listing(people)} {missing}")

    def _together(self, names: set[str]) -> bool:
        """Whether these are one group and its members."""
        groups = {name if name in self.groups.members else self.groups.of(name) for name in names}
        return len(groups) == 1 and None not in groups

    def note(self, student: str, attempt: HandIn) -> None:
        """Remember an attempt before groups are formed: from which account, and what each one's latest receipt says."""
        self.known.add(student)
        if self.roster is None and attempt.sender.account:
            accounts = self._accounts[_platform(student, attempt, attempt.entry)]
            accounts[attempt.sender.account].add(attempt.digest)
        if attempt.receipt is not None:
            last = self._latest.get(student)
            if last is None or (attempt.time and (not last.time or attempt.time >= last.time)):
                self._latest[student] = attempt

    def place(self, student: str, attempt: HandIn) -> str:
        """The folder in `submitted/`: the student's or their group's; a group that a receipt names is added.

        Raises:
            UnusableError: if that is not certain.
        """
        for entry in {False, attempt.entry}:  # an entry may have its receipt from a submission of another's name
            accounts = self._accounts[_platform(student, attempt, entry)]
            if len(accounts) > 1 and len(set().union(*accounts.values())) > 1:  # members may upload the same zip each
                named = listing(sorted(accounts))
                raise UnusableError(f"several accounts of {attempt.sender.system} hand in as {student}: {named}")
        if student in self.groups.members:
            return student
        own, receipt = self.groups.of(student), attempt.receipt
        if receipt is None or receipt.group is None:
            return own or student
        if own is None:
            self._form(student, attempt)
            return receipt.group
        unlisted = sorted(set(self._ids(receipt.members)) - set(self.groups.members[own]))
        if own != receipt.group or unlisted:
            self._say(
                f"{student} hands in for {receipt.group} with {listing(receipt.members)}; {GROUPS_FILE} has them in "
                f"{own} with {listing(self.groups.members[own])}, and that counts."
            )
        return own

    def _form(self, student: str, attempt: HandIn) -> None:
        """Add the group of a receipt, if nobody and nothing speaks against it."""
        group, members = attempt.receipt.group, self._ids(attempt.receipt.members)
        if group in self.groups.members:
            raise UnusableError(f"{student} hands in for {group}, where {GROUPS_FILE} does not list them")
        if group.casefold() in {name.casefold() for name in (*self.known, *self._latest, *self._students())}:
            raise UnusableError(f"{student} hands in for {group}, which is the id of a student")
        if student not in members:
            raise UnusableError(f"{student} hands in for {group}, and is not among its members")
        if self.roster is not None and (strange := [name for name in members if name not in self.roster.rows]):
            raise UnusableError(f"{student} names {listing(strange)} in {group}, who is not in {ROSTER_FILE}")
        for member in members:
            last = self._latest.get(member)
            if last is not None and last.receipt.group != group:
                how = f"for {last.receipt.group}" if last.receipt.group else "alone"
                raise UnusableError(f"{student} names {member} in {group}, who hands in {how}")
        try:
            self.groups = add_group(self.root, group, members)
        except CourseError as error:
            raise UnusableError(f"{student} hands in for {group}, which cannot be added: {error}") from None
        self._say(f"{group} was added to {GROUPS_FILE}, as {student} says: {listing(members)}.")

    def _ids(self, members: Iterable[str]) -> list[str]:
        """As the course writes them."""
        return [((self.roster and self.roster.student(name)) or self._known(name)) for name in members]

    def _known(self, named: str) -> str:
        """That student as the course has written the id before, upper and lower case alike."""
        return next((name for name in self.known if name.casefold() == named.casefold()), named)

    def _students(self) -> set[str]:
        return set(self.roster.rows) if self.roster else set()

    def _say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.append(sentence)


def _platform(student: str, attempt: HandIn, entry: bool) -> tuple[str, str, str, bool]:
    """Where an account belongs to one student: Moodle's numbers are another's in the next assignment."""
    return student, attempt.sender.system, attempt.receipt.assignment if attempt.receipt else "", entry
