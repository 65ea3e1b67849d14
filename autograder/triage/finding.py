"""Which files a student handed in: a bounded walk that follows no link, opens no device and writes nothing.

Every folder and file is opened through the descriptor of the folder above it with O_NOFOLLOW, so that nothing that
stands in `submitted/` can lead out of it.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autograder.triage.sentences import listing, printable

MAX_DEPTH = 6
MAX_ENTRIES = 2_000
MAX_FILE = 256 * 2**20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# Browsers and mail programs append .txt or .json to what they do not know.
_NOTEBOOK = re.compile(r"(?s)(?!\.)(.*)\.ipynb(?:\.txt|\.json)?", re.IGNORECASE)
_CHECKPOINT = re.compile(r"(?s)(?!\.).*\.safetensors.*", re.IGNORECASE)
_SETTINGS = re.compile(r"(?s)settings.*\.json.*", re.IGNORECASE)
RESULTS = "results"  # the folder of a trained model
_ARCHIVE = re.compile(r"(?s).*\.(zip|7z|rar|tar|gz|tgz|bz2|xz)", re.IGNORECASE)
_NOT_SEARCHED = {".ipynb_checkpoints", "__macosx", "__pycache__", ".git", ".trash"}


class UnreadableError(Exception):
    """A sentence that says why nothing of a file can be used."""


@dataclass(frozen=True)
class HandedFile:
    """A regular file that may be a notebook.

    `parts` lead to it from `student` (`submitted/<student>`); `place` is 0 directly in the assignment's folder, 1 below
    it, 2 in a folder of nearly that name or below one of that name, 3 directly in the student's folder.
    """

    student: Path
    parts: tuple[str, ...]
    place: int
    size: int

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return _NOTEBOOK.fullmatch(self.parts[-1])[1]

    @property
    def rank(self) -> tuple:
        """Nearer files first."""
        return (self.place, len(self.parts), self.parts)

    @property
    def label(self) -> str:
        """The path below the assignment's folder, or below the student's for what stands beside it, printable."""
        return printable("/".join(self.parts if self.place > 1 else self.parts[1:]), 160)

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
            UnreadableError: if it is no regular file any more, too large, or may not be read.
        """
        try:
            with _opened(self.student, self.parts, _FILE) as descriptor:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise UnreadableError(f"{self.label} is not an ordinary file.")
                if status.st_size > MAX_FILE:
                    raise UnreadableError(too_large(self.label))
                with open(descriptor, "rb", closefd=False) as file:
                    return file.read(status.st_size)
        except OSError as error:
            raise UnreadableError(f"{self.label} could not be opened ({error.strerror}).") from None


def too_large(label: str) -> str:
    """What is said of a file above the limit."""
    return (
        f"{label} is larger than {MAX_FILE // 2**20} MiB: clear its outputs "
        "(Edit > Clear Outputs of All Cells), save it and hand it in again."
    )


@dataclass
class HandedIn:
    """What was found of a student: notebook files, sentences, and what may not be copied or followed.

    `results`: files that may be a trained model or its settings; `no_checkpoints`: what is only called like one.
    """

    files: list[HandedFile] = field(default_factory=list)
    results: list[HandedFile] = field(default_factory=list)
    no_checkpoints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[Path] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)  # a name directly in the folder -> why it cannot be used


def find_files(folder: Path, expected: Sequence[str]) -> HandedIn:
    """What a student handed in for the assignment of `folder`, which is `submitted/<student>/<assignment>`.

    Looks into `folder` and, for what was put beside it, into the student's folder. The names of `expected` are looked
    for even in a folder with more files than are looked at.
    """
    found = HandedIn()
    student, assignment = folder.parent, folder.name
    if os.path.islink(student):  # unlike Path.is_symlink it never raises
        found.notes.append(f"The folder {printable(student.name)} is a symbolic link, which is not followed.")
        found.refused.append(folder)
        return found
    inside = _Walk(folder, expected, found, inside=True)
    inside.entry((assignment,))
    beside = _Walk(folder, expected, found, inside=False)
    beside.folder(())
    for walk in (inside, beside):
        found.notes += [f"{why}: {listing(labels)}." for why, labels in walk.set_aside.items()]
    return found


class _Walk:
    """A walk bounded in depth and in entries, `inside` the assignment's folder or beside it in the student's."""

    def __init__(self, folder: Path, expected: Sequence[str], found: HandedIn, *, inside: bool) -> None:
        self.student, self.assignment, self.inside = folder.parent, folder.name, inside
        self.expected, self.found = expected, found
        self.entries = 0
        self.set_aside: dict[str, list[str]] = {}

    def folder(self, parts: tuple[str, ...], *, search: bool = True) -> None:
        """Look at what stands in a folder."""
        if len(parts) > MAX_DEPTH + 1:
            self.refuse(parts, "Folders nested too deeply were not searched")
            return
        try:
            with _opened(self.student, parts, _FOLDER) as descriptor:
                names = self._names(descriptor)
        except OSError as error:
            if parts:
                self.refuse(parts, f"Folders that could not be opened ({error.strerror})")
            return
        if names is None:
            self.refuse(parts, f"More than {MAX_ENTRIES:,} files: folders not searched to their end")
            names = list(self.expected)
        for name in names:
            if parts or name != self.assignment:
                self.entry((*parts, name), search=search and name.casefold() not in _NOT_SEARCHED)

    def _names(self, descriptor: int) -> list[str] | None:
        """The sorted names in a folder; None if there are more than may be looked at."""
        names = []
        with os.scandir(descriptor) as listed:
            for entry in listed:
                self.entries += 1
                if self.entries > MAX_ENTRIES:
                    return None
                names.append(entry.name)
        return sorted(names)

    def entry(self, parts: tuple[str, ...], *, search: bool = True) -> None:
        """Look at one name: go into a folder, remember a file that may be a notebook, refuse all else."""
        try:
            with _opened(self.student, parts[:-1], _FOLDER) as above:
                status = os.stat(parts[-1], dir_fd=above, follow_symlinks=False)
                regular = stat.S_ISREG(status.st_mode)
                readable = not regular or os.access(parts[-1], os.R_OK, dir_fd=above)
        except OSError:
            return  # there is no such thing: nothing was handed in here
        name = printable(parts[-1])
        if stat.S_ISDIR(status.st_mode):
            if self.inside and _NOTEBOOK.fullmatch(parts[-1]):
                self.block(parts, f"{name} is a folder, not a notebook: hand in the notebook itself.")
                self.remember(parts, "Folders called like notebooks")
            self.note_checkpoint(parts)
            self.folder(parts, search=search)
        elif not readable and not _NOTEBOOK.fullmatch(parts[-1]):
            self.refuse(parts, "Files that may not be read")
        elif not regular:
            what = "symbolic link" if stat.S_ISLNK(status.st_mode) else "pipe, socket or device"
            self.refuse(parts, f"Not followed or opened, because it is a {what}")
            self.block(parts, f"{name} is a {what}, which is not opened: hand in the notebook itself.")
        elif status.st_size > MAX_FILE:
            self.refuse(parts, f"Larger than {MAX_FILE // 2**20} MiB")
            self.block(parts, too_large(name))
        elif search:
            self.file(parts, status.st_size)

    def file(self, parts: tuple[str, ...], size: int) -> None:
        """Remember a regular file, if it may be a notebook of this assignment, or belong to a trained model."""
        place = self.place(parts)
        if (is_checkpoint(parts[-1]) or is_settings(parts[-1])) and (place is not None or _plain(parts[0]) == RESULTS):
            self.found.results.append(HandedFile(self.student, parts, 3 if place is None else place, size))
        if place is None:
            return
        if _NOTEBOOK.fullmatch(parts[-1]):
            self.found.files.append(HandedFile(self.student, parts, place, size))
        elif _ARCHIVE.fullmatch(parts[-1]):
            self.remember(parts, "Archives were not opened (unpack them if notebooks are missing)")

    def place(self, parts: tuple[str, ...]) -> int | None:
        """Where a file stands (see HandedFile); None in what is another assignment's folder."""
        if self.inside:
            return 0 if len(parts) == 2 else 1
        if any(_plain(part) == _plain(self.assignment) for part in parts[:-1]):
            return 2
        return 3 if len(parts) == 1 else None

    def block(self, parts: tuple[str, ...], sentence: str) -> None:
        """Remember why a name directly in the assignment's folder is no notebook."""
        if self.inside and len(parts) == 2:
            self.found.blocked[parts[-1]] = sentence

    def refuse(self, parts: tuple[str, ...], why: str) -> None:
        """Nobody may copy or follow this; beside the assignment's folder nobody would, and only notebooks are named."""
        self.note_checkpoint(parts)
        if self.inside:
            self.found.refused.append(self.student.joinpath(*parts))
        if self.inside or (parts and _NOTEBOOK.fullmatch(parts[-1])):
            self.remember(parts, why)

    def note_checkpoint(self, parts: tuple[str, ...]) -> None:
        """Keep the name of what is called like a trained model and cannot be one."""
        if parts and is_checkpoint(parts[-1]):
            self.found.no_checkpoints.append(printable(parts[-1]))

    def remember(self, parts: tuple[str, ...], why: str) -> None:
        """Keep a path for the sentence that begins with `why`."""
        shown = parts[1:] or parts if self.inside else parts
        self.set_aside.setdefault(why, []).append(printable("/".join(shown), 160))


def is_notebook(name: str) -> bool:
    """Whether a file is called like a notebook, also as browsers and mail programs rename it."""
    return bool(_NOTEBOOK.fullmatch(name))


def is_checkpoint(name: str) -> bool:
    """Whether a file is called like a safetensors file, also as browsers and mail programs rename it."""
    return bool(_CHECKPOINT.fullmatch(name))


def is_settings(name: str) -> bool:
    """Whether a file is called like the settings of a trained model."""
    return bool(_SETTINGS.fullmatch(name))


def _plain(name: str) -> str:
    """A folder's name as people may vary it: case, spaces, underscores and a copy's number left out."""
    return re.sub(r"[\W_]+", "", re.sub(r"\s*\(\d+\)\s*$", "", name.casefold()))


@contextmanager
def _opened(root: Path, parts: tuple[str, ...], flags: int) -> Iterator[int]:
    """A descriptor of `parts` below `root`, opened step by step without following a link."""
    descriptor = os.open(root, _FOLDER)
    try:
        for number, part in enumerate(parts, start=1):
            below = os.open(part, flags if number == len(parts) else _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
