"""`python -m autograder collect`: one run over folders and zips, and what it says at its end."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.collect.entries import Listing, UnusableError, list_folder, on_disk, open_zip
from autograder.collect.handed import HandIn, hand_ins
from autograder.collect.layouts import Pile, Sender, piles
from autograder.collect.people import read_roster
from autograder.collect.placing import ENTRIES, KEPT, Placed, place, place_entries, said
from autograder.collect.who import Owners
from autograder.competition.reading import is_entry
from autograder.course.alone import alone
from autograder.groups.file import read_groups
from autograder.triage.sentences import listing
from segkit.errors import CourseError

LEAST_FREE = 2**30  # bytes: what one hostile zip can take, twice
_CLOCKS_DIFFER = timedelta(hours=1)
_SCRATCH = ".part-"
_TITLES = {
    "new": "Put into submitted/",
    "replaced": "Replaced in submitted/",
    "left": "Left aside",
    "entries": "Put into entries/",
    "groups": "Groups",
    "remarks": "To look at",
    "unplaced": "Not placed",
}


@dataclass
class Summary(Placed):
    """What a run did, in sentences.

    Attributes:
        groups: groups that were added, and what contradicts `groups.csv`.
        remarks: what was left aside of an attempt, and what is odd about one.
        unplaced: what could not be placed, with the reason.
    """

    groups: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = []
        for name, title in _TITLES.items():
            sentences = getattr(self, name)
            if sentences:
                lines += [f"{title}: {len(sentences)}", *(f"  {sentence}" for sentence in sentences)]
        if self.unchanged:
            lines.append(f"Already in submitted/, unchanged: {self.unchanged}")
        if self.entered:
            lines.append(f"Already in entries/: {self.entered}")
        return "\n".join(lines) or "Nothing was handed in there."


def collect(root: Path, sources: Sequence[Path], assignment: str, *, keep_all: bool = False) -> Summary:
    """Put what was handed in into `submitted/<id>/<assignment>/` of the course in `root`, or into `entries/<id>/`.

    Args:
        sources: zips of `segkit.submit`, downloads of Canvas, Moodle or Gradescope, or folders that hold such.
        assignment: what is handed in without a receipt that says it.
        keep_all: keep older attempts under `collected/`, too.

    Raises:
        CourseError: if `root` is no course, a source, `groups.csv` or `roster.csv` cannot be read, another run works in
            the course, or the disk is full. What was placed until then stays.
    """
    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(f"{root} is no course (it has no nbgrader_config.py): go to the folder of yours.")
    missing = [source for source in sources if not source.exists()]
    if missing:
        raise CourseError(f"There is no {missing[0]}: name zips, or folders that hold what was downloaded.")
    roster, groups = read_roster(root), read_groups(root)
    submitted = root / "submitted"
    known = {path.name for path in submitted.glob("[!.]*") if path.is_dir()} - set(groups.members)
    owners, summary = Owners(root, groups, roster, known), Summary()
    with alone(root, "Nothing was collected"), _scratch(root) as scratch, _disk(root):
        attempts = _identified(_unpacked(sources, scratch, summary), owners, summary)
        for (name, about), theirs in _by_place(attempts, assignment, owners, summary).items():
            _remark(name, theirs, summary)
            try:
                if about == ENTRIES:
                    place_entries(root, name, (attempt for _, attempt in theirs), summary)
                else:
                    place(root, name, about, (attempt for _, attempt in theirs), summary, keep_all=keep_all)
            except UnusableError as error:
                summary.unplaced += [f"{attempt.label}: {error} ({name})" for _, attempt in theirs]
            summary.remarks += _also_alone(root, name, about, owners)
        summary.groups += owners.said
    return summary


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """A folder of ours beside what is kept, on the same disk; what a killed run left is removed."""
    kept = root / KEPT
    there = kept.exists()
    kept.mkdir(exist_ok=True)
    for left in kept.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=kept))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not there and not any(kept.iterdir()):
            kept.rmdir()


@contextmanager
def _disk(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"Collecting into {root} stopped ({error.strerror}): put that right and run this again. What was placed "
            "stays."
        ) from None


def _unpacked(sources: Sequence[Path], scratch: Path, summary: Summary) -> list[HandIn]:
    """Every attempt in the sources, unpacked into folders of its own."""
    found: list[HandIn] = []
    for source in sources:
        try:
            if source.is_dir():
                _take(list_folder(source), source.name or str(source), None, scratch, found, summary)
            else:
                with open_zip(source) as listed:
                    _take(listed, source.name, source.stem, scratch, found, summary)
        except UnusableError as error:
            summary.unplaced.append(f"{source}: {error}")
    return found


def _take(
    listed: Listing, label: str, stem: str | None, scratch: Path, found: list[HandIn], summary: Summary, depth: int = 0
) -> None:
    summary.remarks += [f"{label}: {sentence}" for sentence in listed.refused]
    if stem is not None and not listed.entries:
        raise UnusableError("nothing is in it")
    if listed.zip and is_entry([entry.inner for entry in listed.entries]):  # the zip itself is what was handed in
        listed = Listing([on_disk(listed.zip.path, (f"{stem}.zip",))])
    for pile in piles(listed.entries, label, stem):
        try:
            entry, *others = pile.entries
            if pile.sender == Sender() and not others and depth < 2 and entry.name.casefold().endswith(".zip"):
                with open_zip(entry.copied(scratch)) as inner:
                    _take(inner, pile.label, entry.name[: -len(".zip")], scratch, found, summary, depth + 1)
            else:
                _unpack(pile, scratch, found, summary)
        except UnusableError as error:
            summary.unplaced.append(f"{pile.label}: {error}")


def _unpack(pile: Pile, scratch: Path, found: list[HandIn], summary: Summary) -> None:
    free = shutil.disk_usage(scratch).free
    if free < LEAST_FREE:
        raise CourseError(f"Only {free / 2**20:.0f} MiB are left on the disk of {scratch.parents[1]}: make room first.")
    own = Path(tempfile.mkdtemp(dir=scratch))
    found += hand_ins(pile, own)


def _identified(attempts: list[HandIn], owners: Owners, summary: Summary) -> list[tuple[str, HandIn]]:
    found = []
    for attempt in attempts:
        try:
            found.append((owners.student(attempt), attempt))
        except UnusableError as error:
            summary.unplaced.append(f"{attempt.label}: {error}")
    for student, attempt in found:
        owners.note(student, attempt)
    return found


def _by_place(
    attempts: list[tuple[str, HandIn]], assignment: str, owners: Owners, summary: Summary
) -> dict[tuple[str, str], list[tuple[str, HandIn]]]:
    """The attempts of each student or group for each assignment, or for ENTRIES, and which member handed it in."""
    found = defaultdict(list)
    # Groups that receipts name are formed first: a member's attempt without a receipt belongs to the group, too.
    for student, attempt in sorted(attempts, key=lambda pair: pair[1].receipt is None):
        try:
            name = owners.place(student, attempt)
        except UnusableError as error:
            summary.unplaced.append(f"{attempt.label}: {error}")
        else:
            about = attempt.receipt.assignment if attempt.receipt else assignment
            # Entries stay with whoever made them: `compete` knows who is in which group.
            found[(student, ENTRIES) if attempt.entry else (name, about)].append((student, attempt))
    return dict(sorted(found.items()))


def _remark(name: str, theirs: Iterable[tuple[str, HandIn]], summary: Summary) -> None:
    """What an instructor should know about the attempts of one student or group."""
    theirs = list(theirs)
    now, members = datetime.now(UTC), sorted({student for student, _ in theirs})
    if len(members) > 1:
        each = listing(f"{student} ({said(attempt.time)})" for student, attempt in theirs)
        summary.groups.append(f"{name}: handed in by {each}; the latest counts.")
    for _, attempt in theirs:
        summary.remarks += [f"{name}: {remark}" for remark in attempt.remarks]
        if attempt.time is not None and attempt.time > now + _CLOCKS_DIFFER:
            summary.remarks.append(f"{name}: handed in at {said(attempt.time)}, which is in the future")
        if attempt.sender.late:
            whose = "" if attempt.time is None else ", by the student's own receipt"
            summary.remarks.append(f"{name}: Canvas marks it late; {said(attempt.time)}{whose}")
        elif attempt.time is None and attempt.entry:
            summary.remarks.append(f"{name}: nothing says when an entry was handed in, so it counts as of now")
        elif attempt.time is None:
            summary.remarks.append(f"{name}: nothing says when it was handed in, so it counts as on time")


def _also_alone(root: Path, name: str, assignment: str, owners: Owners) -> list[str]:
    """Members of a group who stand in `submitted/` on their own as well, and would be graded twice."""
    members = owners.groups.members.get(name, ())
    twice = [member for member in members if (root / "submitted" / member / assignment).exists()]
    return [f"{member} is in {name}, and submitted/{member}/{assignment} is there as well" for member in twice]
