"""How the downloads of learning platforms are laid out, and what that says of who handed in which file.

* Canvas, "Download Submissions": one zip of files `lovelaceada_12345_67890_name.ext`: the sortable name without
  anything but letters and digits, the user's number, the file's, its name; `lovelaceada_LATE_12345_67890_name.ext` if
  it was late; `anon_Ab3dE_67890_name.ext` where students are anonymous; in a group assignment the group's name and the
  number of a member. As in `lib/content_zipper.rb` of Canvas.
* Moodle, "Download all submissions": a zip of folders `Ada Lovelace_12345_assignsubmission_file`, in older versions
  with one more underscore at the end; `Ada Lovelace_12345_assignsubmission_file_name.ext` without folders. The number
  is the participant's in this assignment; if groups hand in, name and number are the group's. As in
  `mod/assign/classes/downloader.php` of Moodle.
* Gradescope, "Export submissions": a zip with a folder `submission_123456` for each and `submission_metadata.yml`
  (`autograder.collect.gradescope`).
* Zips of `segkit.submit`, which hold a receipt.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from autograder.collect.entries import Entry
from autograder.collect.gradescope import METADATA, Submission, read_metadata
from autograder.collect.people import Person
from autograder.triage.sentences import printable
from segkit.handing_in import RECEIPT

_DEEPEST = 3  # folders above what a platform wrote: unpacking adds one or two
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?")
_MOODLE_FLAT = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>file)_(?P<file>.+)")
_CANVAS = re.compile(r"(?P<name>\w+?)(?P<late>_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)")
_CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<number>\w+?)_\d+_(?P<file>.+)")


@dataclass(frozen=True)
class Sender:
    """What a platform says of who handed something in, and when.

    Attributes:
        system: its name; empty: no platform, and the people are known by the name of a file alone.
        account: who it is there; the same for whatever the same person hands in.
        late: it is marked as late there.
    """

    system: str = ""
    account: str = ""
    people: tuple[Person, ...] = ()
    time: datetime | None = None
    late: bool = False


@dataclass
class Pile:
    """Files that somebody handed in together; `label` says where they are."""

    label: str
    sender: Sender
    entries: list[Entry] = field(default_factory=list)


def piles(entries: Iterable[Entry], label: str, stem: str | None) -> Iterator[Pile]:
    """The files of a download by who handed them in.

    Args:
        label: what the download is called in sentences.
        stem: the name of the zip they are in, without its ending; None for a folder.

    Raises:
        UnusableError: if Gradescope's metadata cannot be read.
    """
    entries = list(entries)
    found: dict[tuple, Pile] = {}

    def add(key: tuple, sender: Sender, entry: Entry) -> None:
        where = printable("/".join((label, *key)), 200)
        found.setdefault(key, Pile(where, sender)).entries.append(entry)

    exported = _gradescope(entries)
    receipts = sorted({entry.parts[:-1] for entry in entries if entry.name == RECEIPT}, key=len)
    if stem is None and any(_is_zip(entry) or _named_by_platform(entry) for entry in entries):
        receipts = [folder for folder in receipts if folder]  # one that lies beside downloads is not about them
    for entry in entries:
        for parts, submission in exported.items():
            if entry.parts[: len(parts)] == parts:
                sender = Sender("Gradescope", submission.account, submission.people, submission.time)
                add(parts, sender, entry.below(len(parts)))
                break
        else:
            if not (exported and entry.name == METADATA):
                add(*_placed(entry, receipts, stem))
    yield from found.values()


def _gradescope(entries: list[Entry]) -> dict[tuple[str, ...], Submission]:
    """By folder what the export says of it; a student may have handed in a file of that name, deeper down."""
    about = [entry for entry in entries if entry.name == METADATA and len(entry.parts) <= _DEEPEST]
    top = min((len(entry.parts) for entry in about), default=0)
    return {
        (*entry.parts[:-1], folder): submission
        for entry in about
        if len(entry.parts) == top
        for folder, submission in read_metadata(entry).items()
    }


def _placed(entry: Entry, receipts: list[tuple], stem: str | None) -> tuple[tuple, Sender, Entry]:
    """By what its path looks like: which pile, whose, and the path in it."""
    for depth, part in enumerate(entry.parts[: min(_DEEPEST, len(entry.parts) - 1)], start=1):
        if match := _MOODLE.fullmatch(part):
            key = (*entry.parts[: depth - 1], f"{match['name']}_{match['number']}")
            return key, _moodle(match), entry.below(depth)
    for folder in receipts:
        if entry.parts[: len(folder)] == folder and (stem is not None or not _is_zip(entry)):
            return folder, Sender(), entry.below(len(folder))
    if named := _named_by_platform(entry):
        match, sender = named
        who = "_".join(part for part in (match.groupdict().get("name"), match["number"]) if part)
        return (*entry.parts[:-1], who), sender(match), replace(entry, parts=(match["file"],))
    if stem is not None:
        return (), Sender(people=(Person(name=stem),)), entry
    if _is_zip(entry):
        return entry.parts, Sender(), entry.below(len(entry.parts) - 1)
    if len(entry.parts) == 1:
        return (), Sender(), entry
    return entry.parts[:1], Sender(people=(Person(name=entry.parts[0]),)), entry.below(1)


def _named_by_platform(entry: Entry) -> tuple[re.Match, Callable[[re.Match], Sender]] | None:
    """How a platform named a file, and what that makes of its sender.

    A student chose the end of the name, and may have made it look like another's: what stands first is the platform's.
    """
    if len(entry.parts) > _DEEPEST:
        return None
    patterns = ((_CANVAS, _canvas), (_CANVAS_ANONYMOUS, _anonymous), (_MOODLE_FLAT, _moodle))
    found = [(match, sender) for pattern, sender in patterns if (match := pattern.fullmatch(entry.name))]
    return min(found, key=lambda pair: pair[0].start("number"), default=None)


def _is_zip(entry: Entry) -> bool:
    return entry.name.casefold().endswith(".zip")


def _moodle(match: re.Match) -> Sender:
    return Sender("Moodle", match["number"], (Person(name=match["name"]),))


def _canvas(match: re.Match) -> Sender:
    return Sender("Canvas", match["number"], (Person(name=match["name"]),), late=bool(match["late"]))


def _anonymous(match: re.Match) -> Sender:
    return Sender("Canvas, anonymous", match["number"], late=bool(match["late"]))
