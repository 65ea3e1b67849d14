"""`python -m autograder return`: one folder per student, `returned/<student>/<assignment>/`."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.files import write_whole
from autograder.groups.class_list import read_class_list
from autograder.groups.file import Groups, read_groups
from autograder.returning import sheet
from autograder.returning.pages import NotReturnableError, feedback_pages
from autograder.returning.record import Given, read_record, write_record
from autograder.returning.submissions import GradedSubmission, read_submissions
from autograder.triage.sentences import listing
from segkit.errors import CourseError

RETURNED = "returned"
_NAMED = 30  # people in one sentence
_CELLS = 5  # answers in one sentence


@dataclass
class Returned:
    """What a run did: by student the state of the folder; what somebody should look at, and what is only said."""

    folders: dict[str, str] = field(default_factory=dict)  # "new", "changed", "as before"
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def refuse(self, reason: str, assignment: str) -> None:
        """A submission is not returned, and what to do is said once."""
        self.problems.append(f"Not returned: {reason}")
        what_to_do = f"Run `nbgrader generate_feedback {assignment} --force`, and this again."
        self.remarks += [what_to_do] if what_to_do not in self.remarks else []

    def __str__(self) -> str:
        counts = Counter(self.folders.values())
        states = ", ".join(f"{counts[state]} {state}" for state in ("new", "changed", "as before"))
        return "\n".join([f"{RETURNED}/ has {len(self.folders)} students: {states}.", *self.problems, *self.remarks])


def return_feedback(root: Path, assignment: str) -> Returned:
    """Write into `returned/` what each student of the course in `root` gets: pages of feedback and `marks.txt`.

    Only what changed is written. Nothing is taken away but pages of a submission that is no longer the student's.

    Raises:
        CourseError: if the gradebook, `groups.csv` or the record of what was returned cannot be read, or `returned/`
            cannot be written to.
    """
    groups, submissions = read_groups(root), read_submissions(root, assignment)
    record, run = read_record(root / RETURNED, assignment), Returned()
    try:
        for name, students in _recipients(groups, submissions, run).items():
            try:
                files = _files(root, assignment, name, submissions[name], groups)
            except NotReturnableError as reason:
                run.refuse(f"{groups.described(name)}: {reason}.", assignment)
                continue
            for student in students:
                _give(root, assignment, student, Given(name, sorted(files)), files, record, run)
            _say_what_waits(groups.described(name), submissions[name], run)
        if _forget_deleted(root, assignment, record, run) or record:
            write_record(root / RETURNED, assignment, record)
    except OSError as error:
        raise CourseError(
            f"{error.filename or root / RETURNED} cannot be written ({error.strerror}): make room, or look at the "
            "permissions, and run this again."
        ) from None
    _say_who_left(groups, record, run)
    _say_who_has_nothing(groups, submissions, read_class_list(root, assignment).ids, run)
    return run


def _recipients(groups: Groups, submissions: Collection[str], run: Returned) -> dict[str, list[str]]:
    """By submission the students who get its feedback: everybody at most once."""
    found: dict[str, list[str]] = {}
    for name in submissions:
        group = groups.of(name)
        if group in submissions:
            run.remarks.append(f"{name} handed in alone, too, but is in {group}: that hand-in is not returned.")
            continue
        if group:
            run.remarks.append(f"{name} is in {group}, of which nothing is graded, and gets what was handed in alone.")
        found[name] = list(groups.who(name))
    folded = Counter(student.casefold() for students in found.values() for student in students)
    for name, students in found.items():
        odd = [one for one in students if not _is_folder_name(one) or not _is_folder_name(name)]
        twins = [one for one in students if folded[one.casefold()] > 1]
        run.problems += [f"Not returned: {one!r} of {name!r} is no name for a folder." for one in odd]
        run.problems += [f"Not returned: {one} and somebody else differ in capital letters only." for one in twins]
        found[name] = [one for one in students if one not in (*odd, *twins)]
    return {name: students for name, students in found.items() if students}


def _is_folder_name(name: str) -> bool:
    return name == Path(name).name and not name.startswith(".") and "\\" not in name and name.isprintable()


def _files(root: Path, assignment: str, name: str, submission: GradedSubmission, groups: Groups) -> dict[str, bytes]:
    pages = feedback_pages(root, assignment, name, submission.marks, submission.comments)
    group = groups.described(name) if name in groups.members else None
    text = sheet.marks_sheet(assignment, submission.marks, submission.late_penalty, group=group)
    return pages | {sheet.NAME: text.encode()}


def _give(
    root: Path, assignment: str, student: str, given: Given, files: dict[str, bytes], record: dict, run: Returned
) -> None:
    """Write a student's files, and take away those of another submission that lie there."""
    folder = root / RETURNED / student / assignment
    if folder.resolve() != root.resolve() / RETURNED / student / assignment:
        run.problems.append(f"Not returned: {student}: {folder} is, or lies behind, a link.")
        return
    before: Given | None = record.get(student)
    run.folders[student] = "changed" if before else "new"
    if before and before.about != given.about:
        run.remarks.append(f"{student} now has the feedback on {given.about} in place of that on {before.about}.")
    written = [_write_if_changed(folder / name, content) for name, content in files.items()]
    gone = set(before.files) - files.keys() if before else set()
    for name in filter(_is_folder_name, gone):
        (folder / name).unlink(missing_ok=True)
    if before and not any(written) and not gone:
        run.folders[student] = "as before"
    record[student] = given


def _write_if_changed(path: Path, content: bytes) -> bool:
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return False
    write_whole(path, content)
    return True


def _forget_deleted(root: Path, assignment: str, record: dict[str, Given], run: Returned) -> bool:
    """Take out of the record who gets nothing and whose folder somebody has deleted; whether there was anybody."""
    nobody = set(record) - run.folders.keys()
    deleted = [student for student in nobody if not (root / RETURNED / student / assignment).exists()]
    for student in deleted:
        del record[student]
    return bool(deleted)


def _say_what_waits(name: str, submission: GradedSubmission, run: Returned) -> None:
    if waiting := [f"{mark.notebook} {mark.cell}" for mark in submission.marks if mark.score is None]:
        run.problems.append(f"{name}: returned, but not marked yet: {listing(waiting, _CELLS)}.")
    if again := [f"{mark.notebook} {mark.cell}" for mark in submission.marks if mark.again]:
        run.remarks.append(f"{name}: marked by hand before the last grading, look again: {listing(again, _CELLS)}.")


def _say_who_left(groups: Groups, record: dict[str, Given], run: Returned) -> None:
    for student, given in record.items():
        if student not in run.folders and student not in groups.who(given.about):
            run.remarks.append(
                f"{student} is no longer in {given.about} and gets nothing new; what was returned stays."
            )


def _say_who_has_nothing(groups: Groups, submissions: Collection[str], known: Iterable[str], run: Returned) -> None:
    expected = [*groups.members, *(one for one in sorted(known) if not groups.of(one) and one not in groups.members)]
    missing = [groups.described(name) for name in expected if name not in submissions]
    if missing:
        run.remarks.append(f"Nothing is graded of {listing(missing, _NAMED)}.")
