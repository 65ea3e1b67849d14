"""`python -m autograder groups`: who works with whom, and what does not fit together."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from autograder.groups.class_list import read_class_list
from autograder.groups.file import GROUPS_FILE, Groups, read_groups
from autograder.groups.membership import changed_members, misnamed, read_members
from autograder.triage import TriagedSubmission, read_released, triage_submission
from autograder.triage.sentences import listing, printable

HandIns = dict[str, TriagedSubmission]
"""By id in `submitted/`, what of it can be used; who handed in nothing of the assignment is not among them."""


@dataclass(frozen=True)
class GroupsReport:
    """Lines about each group, and a sentence for everything that somebody should look at."""

    lines: list[str]
    findings: list[str]

    def __str__(self) -> str:
        found = [f"  {finding}" for finding in self.findings]
        return "\n".join([*self.lines, *(["to look at:", *found] if found else ["Nothing to look at."])])


def groups_report(root: Path, assignment: str) -> GroupsReport:
    """What `groups.csv`, hand-ins, verdicts and gradebook of the course in `root` say, held against each other.

    Raises:
        CourseError: if `groups.csv` cannot be right, there are no released notebooks, or the gradebook does not know
            the assignment.
    """
    groups = read_groups(root)
    hand_ins = _hand_ins(root, assignment)
    verdicts = root / "verdicts" / assignment
    findings = [
        *_without_hand_in(groups, hand_ins),
        *_alone_too(groups, hand_ins, assignment),
        *(sentence for name, one in hand_ins.items() for sentence in misnamed(groups, name, one.named)),
        *_changed(groups, verdicts),
        *_unknown(groups, hand_ins, root, assignment),
        *_duplicates(groups, verdicts),
    ]
    return GroupsReport(_lines(groups, hand_ins, verdicts), [printable(one, 1000) for one in findings])


def _hand_ins(root: Path, assignment: str) -> HandIns:
    released = read_released(root / "notebooks" / assignment)
    folders = [one for one in sorted((root / "submitted").glob("*")) if one.is_dir() and not one.name.startswith(".")]
    bar = tqdm(folders, desc="reading submissions", unit="submission", disable=None)
    triaged = {folder.name: triage_submission(folder / assignment, released) for folder in bar}
    return {name: submission for name, submission in triaged.items() if submission.handed_in}


def _lines(groups: Groups, hand_ins: HandIns, verdicts: Path) -> list[str]:
    if not groups.members:
        return [f"There are no groups: {GROUPS_FILE} is missing or names nobody (docs/groups.md)."]
    alone = [name for name in hand_ins if name not in groups.members and not groups.of(name)]
    lines = [f"Groups: {len(groups.members)}. Hand-ins of students who are in none: {len(alone)}."]
    widths = [max(len(name) for name in groups.members), max(len(", ".join(one)) for one in groups.members.values())]
    for name, members in groups.members.items():
        graded = read_members(verdicts / name) if _is_name(name) else None
        state = f"graded {graded.when}" if graded else "handed in" if name in hand_ins else "nothing handed in"
        lines.append(f"{name.ljust(widths[0])}  {', '.join(members).ljust(widths[1])}  {state}")
    return lines


def _is_name(name: str) -> bool:
    return Path(name).name == name


def _without_hand_in(groups: Groups, hand_ins: HandIns) -> Iterator[str]:
    for name, members in groups.members.items():
        if name not in hand_ins and not any(member in hand_ins for member in members):
            yield f"Nothing was handed in as {name} ({listing(members)})."


def _alone_too(groups: Groups, hand_ins: HandIns, assignment: str) -> Iterator[str]:
    """Hand-ins of members of groups under their own names, and whether they are the group's."""
    for name, members in groups.members.items():
        alone = [member for member in members if member in hand_ins]
        if name not in hand_ins and alone:
            yield (
                f"Nothing was handed in as {name}, but {listing(alone)} handed in alone: move what counts to "
                f"submitted/{name}/{assignment}."
            )
        first, *others = [one for one in (name, *alone) if one in hand_ins] or [name]
        for other in others:
            places = _differences(hand_ins[first], hand_ins[other])
            compared = f"other than {first}'s in {listing(places)}" if places else f"the same as {first}'s"
            yield f"{other} is in {name} and handed in alone: {compared}."


def _differences(one: TriagedSubmission, other: TriagedSubmission) -> list[str]:
    """The notebooks in which two hand-ins differ, outputs aside."""

    def sources(submission: TriagedSubmission, name: str) -> list[str]:
        return [cell.source for cell in submission.notebooks[name].notebook.cells]

    return [name for name in one.notebooks if sources(one, name) != sources(other, name)]


def _changed(groups: Groups, verdicts: Path) -> Iterator[str]:
    for folder in sorted(path for path in verdicts.glob("*") if path.is_dir() and not path.name.startswith(".")):
        graded = read_members(folder)
        yield from changed_members(groups, folder.name, graded) if graded else []


def _unknown(groups: Groups, hand_ins: HandIns, root: Path, assignment: str) -> Iterator[str]:
    """Ids that nobody knows, if somebody has entered the class."""
    known = read_class_list(root, assignment)
    if known.told:
        for name, members in groups.members.items():
            if strangers := [member for member in members if member not in known.ids]:
                puts = f"{GROUPS_FILE} puts {listing(strangers)} into {name}"
                yield f"{puts}; gradebook and roster know nobody of that id."
    if known.named:
        for name in hand_ins:
            if name not in known.named and name not in groups.members:
                yield f"submitted/{name} is no group of {GROUPS_FILE} and no student whom gradebook or roster name."


def _duplicates(groups: Groups, verdicts: Path) -> Iterator[str]:
    """Submissions of different people with the same code, cell by cell, where it earned something."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(verdicts.glob("*/[0-9]*.json")):
        if content := _content(path):
            owners[path.stem, content].append(path.parent.name)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (notebook, _), names in owners.items():
        if len({groups.of(name) or name for name in names}) > 1:
            alike[tuple(names)].append(notebook)
    for names, notebooks in alike.items():
        yield f"{listing(names)} handed in the same code: {listing(notebooks)}."


def _content(path: Path) -> str | None:
    """What was handed in, by the verdict; None where it earned nothing, as an untouched notebook does."""
    try:
        verdict = json.loads(path.read_text(encoding="utf-8"))
        points = sum(float(task["points"]) for task in verdict["tasks"].values())
        return str(verdict["content"]) if points > 0 and not verdict["unreadable"] else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
