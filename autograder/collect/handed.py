"""From the files that somebody handed in together to what grading reads of them, copied into a folder of ours."""

import errno
import tempfile
import zipfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from autograder.collect.entries import Entry, UnusableError, on_disk, open_zip
from autograder.collect.layouts import Pile, Sender
from autograder.collect.receipt import MAX_BYTES, Receipt, read_receipt
from autograder.competition.reading import MAX_ZIP, is_entry, is_member
from autograder.triage.finding import MAX_FILE, RESULTS, is_checkpoint, is_notebook, is_settings
from autograder.triage.sentences import listing, printable
from segkit.competition.entries import ABOUT, FOLDER
from segkit.handing_in import RECEIPT

ENTRY = "entry.zip"  # what an entry of the competition is called here, whatever it was called before
MAX_FILES = 100
MAX_TOTAL = 512 * 2**20
MAX_NAME = 150  # bytes
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class HandIn:
    """One attempt: its files in `folder`, sha256 by path, and what is known about it.

    `remarks`: what was left aside, and what is odd about it, in sentences. `entry`: whether it is an entry of the
    competition, whose only file is its zip.
    """

    label: str
    sender: Sender
    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    receipt: Receipt | None = None
    remarks: list[str] = field(default_factory=list)
    entry: bool = False

    @property
    def time(self) -> datetime | None:
        """When it was handed in: the platform's word before the student's own."""
        return self.sender.time or (self.receipt.time if self.receipt else None)

    @property
    def digest(self) -> str:
        """A name for exactly these files."""
        return digest_of(self.files)


def digest_of(files: dict[str, str]) -> str:
    """A name for files, given their sha256 by path."""
    return sha256("\n".join(f"{path}\0{files[path]}" for path in sorted(files)).encode()).hexdigest()


def hand_ins(pile: Pile, scratch: Path) -> list[HandIn]:
    """The attempts in a pile: each zip with a receipt is one, each entry of the competition, and all else together.

    Args:
        scratch: an empty folder of ours, for what is unpacked.

    Raises:
        UnusableError: if there is nothing in it that could be graded.
    """
    found: list[HandIn] = []
    refused: list[str] = []
    with ExitStack() as opened:
        loose = [entry for entry in pile.entries if not _is_zip(entry)]
        for number, entry in enumerate(filter(_is_zip, pile.entries), start=1):
            try:
                listed = opened.enter_context(open_zip(entry.copied(scratch)))
                refused += listed.refused
                if is_entry([inner.inner for inner in listed.entries]):
                    found.append(_entered(listed.zip, pile, f"/{entry.label}", scratch / str(number)))
                elif any(inner.name == RECEIPT for inner in listed.entries):
                    found.append(_unpacked(listed.entries, pile, f"/{entry.label}", scratch / str(number)))
                else:
                    loose += listed.entries
            except UnusableError as error:
                refused.append(str(error) if entry.label in str(error) else f"{entry.label}: {error}")
        found += _loose(loose, pile, scratch, refused)
    if not found:
        why = f" ({listing(refused)})" if refused else ""
        raise UnusableError(f"no notebook and no entry of the competition is in it{why}")
    found[-1].remarks += refused
    _share_receipt(found)
    return found


def _loose(loose: list[Entry], pile: Pile, scratch: Path, refused: list[str]) -> list[HandIn]:
    """The attempts in files that lie in no zip of their own."""
    found: list[HandIn] = []
    entries, others = _apart(loose)
    if any(entry.name == ABOUT for entry in others):
        refused.append(f"{ABOUT} is in it, and beside it not exactly the files of an entry")
    closed = [entry.label for entry in others if _is_zip(entry)]
    if closed:
        refused.append(f"{listing(closed)}: a zip in another one, which is not opened")
    left = MAX_ZIP
    for number, members in enumerate(entries[:MAX_FILES]):
        try:
            found.append(_entered(_packed(members, scratch, left), pile, "", scratch / f"entry-{number}"))
            left -= (found[-1].folder / ENTRY).stat().st_size
        except UnusableError as error:
            refused.append(str(error))
    if any(is_notebook(entry.name) for entry in others):
        try:
            found.append(_unpacked(others, pile, "", scratch / "0"))
        except UnusableError as error:
            refused.append(str(error))
    return found


def _apart(loose: list[Entry]) -> tuple[list[list[Entry]], list[Entry]]:
    """The files of each entry that a platform has unpacked, as Gradescope does, and all others."""
    others: list[Entry] = []
    folders: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in loose:
        depth = len(entry.parts) - (2 if entry.parts[-2:-1] == (FOLDER.rstrip("/"),) else 1)
        if is_member(entry.below(depth).inner) and _is_plain(entry.name):
            folders[entry.parts[:depth]].append(entry)
        else:
            others.append(entry)
    found = []
    for folder, members in folders.items():
        inside = [entry.below(len(folder)) for entry in members]
        if is_entry([entry.inner for entry in inside]):
            found.append(inside)
        else:
            others += members
    return found, others


def _packed(members: list[Entry], scratch: Path, left: int) -> Entry:
    """These files as one zip again: the same files are the same zip.

    Raises:
        UnusableError: if they cannot be read, or have more than `left` bytes.
    """
    with (
        tempfile.NamedTemporaryFile(dir=scratch, suffix=".zip", delete=False) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        for member in sorted(members, key=lambda member: member.parts):
            with archive.open(zipfile.ZipInfo(member.inner), "w") as target:
                for chunk in member.chunks(left):
                    left -= target.write(chunk)
    return on_disk(Path(file.name), (ENTRY,))


def _entered(entry: Entry, pile: Pile, within: str, folder: Path) -> HandIn:
    """An entry of the competition: its zip is copied as it is, and read by `compete` alone."""
    attempt = HandIn(pile.label + within, pile.sender, folder, entry=True)
    _copy(entry, attempt, ENTRY, MAX_ZIP)
    if entry.path.parent == folder.parent:  # a copy of ours, which may be as large again
        entry.path.unlink()
    return attempt


def _share_receipt(found: list[HandIn]) -> None:
    """An entry has no receipt: the latest one in the same hand-in is about it, too, if all name one student."""
    receipts = [attempt.receipt for attempt in found if attempt.receipt]
    if len({receipt.student for receipt in receipts}) == 1:
        latest = max(receipts, key=lambda receipt: (receipt.time is not None, receipt.time))
        for attempt in found:
            attempt.receipt = latest if attempt.entry else attempt.receipt


def _is_zip(entry: Entry) -> bool:
    return entry.name.casefold().endswith(".zip")


def _is_wanted(entry: Entry) -> bool:
    return is_notebook(entry.name) or is_checkpoint(entry.name) or is_settings(entry.name)


def _unpacked(entries: list[Entry], pile: Pile, within: str, folder: Path) -> HandIn:
    """What grading reads of these files, copied into a folder of ours.

    Raises:
        UnusableError: if that leaves no notebook.
    """
    attempt = HandIn(pile.label + within, pile.sender, folder)
    _take_receipt(entries, attempt)
    wanted = [entry for entry in entries if _is_wanted(entry)]
    base = min((entry.parts[:-1] for entry in wanted if is_notebook(entry.name)), key=len, default=())
    left = MAX_TOTAL
    for entry in wanted[:MAX_FILES]:
        left -= _take(entry, attempt, _place(entry.parts, base), min(left, MAX_FILE))
    if len(wanted) > MAX_FILES:
        attempt.remarks.append(f"more than {MAX_FILES} files: the others were not taken")
    if not any(is_notebook(path.rpartition("/")[2]) for path in attempt.files):
        raise UnusableError(f"no notebook is in it that could be taken ({listing(attempt.remarks)})")
    changed = [path for path, digest in attempt.files.items() if _receipt_says(attempt, path) not in (None, digest)]
    if changed:
        attempt.remarks.append(f"{listing(changed)} changed after the receipt was written")
    return attempt


def _take(entry: Entry, attempt: HandIn, parts: tuple[str, ...], limit: int) -> int:
    """Copy a file, unless something speaks against it; the number of its bytes."""
    path = "/".join(parts)
    if not all(map(_is_plain, parts)):
        attempt.remarks.append(f"{entry.label} has a name that no file should have, and was not taken")
        return 0
    if path in attempt.files:
        attempt.remarks.append(f"{entry.label} is in it more than once; the last one counts")
    try:
        return _copy(entry, attempt, path, limit)
    except UnusableError as error:
        attempt.remarks.append(f"{error}, and was not taken")
        return 0


def _take_receipt(entries: list[Entry], attempt: HandIn) -> None:
    receipts = [entry for entry in entries if entry.name == RECEIPT]
    if receipts:
        try:
            attempt.receipt = read_receipt(min(receipts, key=lambda entry: len(entry.parts)).read(MAX_BYTES))
        except UnusableError as error:
            attempt.remarks.append(f"{error}, so it tells nothing")


def _receipt_says(attempt: HandIn, path: str) -> str | None:
    return attempt.receipt.files.get(path) if attempt.receipt else None


def _place(parts: tuple[str, ...], base: tuple[str, ...]) -> tuple[str, ...]:
    """Where a file goes: beside the notebooks as it was, and a trained model from elsewhere into its usual folder."""
    if parts[: len(base)] == base:
        return parts[len(base) :]
    return parts if is_notebook(parts[-1]) else (RESULTS, parts[-1])


def _is_plain(part: str) -> bool:
    try:
        return part.isprintable() and part not in ("", ".", "..") and len(part.encode()) <= MAX_NAME
    except UnicodeEncodeError:  # what a file system made of bytes that are no text
        return False


def _copy(entry: Entry, attempt: HandIn, path: str, limit: int) -> int:
    """Write a file's bytes below the attempt's folder; their number."""
    target = attempt.folder / path
    digest, size = sha256(), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in entry.chunks(limit):
                digest.update(chunk)
                size += file.write(chunk)
    except UnusableError:
        target.unlink(missing_ok=True)
        attempt.files.pop(path, None)
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise
        raise UnusableError(f"{printable(path)} cannot be written ({error.strerror})") from None
    attempt.files[path] = digest.hexdigest()
    return size
