"""The files of a folder or of a zip, alike: bounded in number, no link followed, no path that leads out."""

import mmap
import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from autograder.competition.reading import MAX_ZIP
from autograder.triage.sentences import printable

MAX_ENTRIES = 100_000
MAX_DEPTH = 12
_CENTRAL = re.compile(rb"PK\x01\x02")  # begins each entry in a zip's directory
_CHUNK = 2**20
_NOT_SEARCHED = {"__macosx", "__pycache__"}


class UnusableError(Exception):
    """A sentence that says why something cannot be collected."""


@dataclass(frozen=True)
class Entry:
    """A regular file: the parts of its path, and how it is opened; `path`: where it is, if not in a zip."""

    parts: tuple[str, ...]
    open: Callable[[], BinaryIO] = field(repr=False)
    path: Path | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.parts[-1]

    @property
    def inner(self) -> str:
        """Its whole path, to be compared and never shown."""
        return "/".join(self.parts)

    @property
    def label(self) -> str:
        """Its path on one line."""
        return printable("/".join(self.parts), 160)

    def below(self, start: int) -> "Entry":
        """The same file with a path that begins at that part."""
        return replace(self, parts=self.parts[start:])

    def chunks(self, limit: int) -> Iterator[bytes]:
        """Its bytes, piece by piece.

        Raises:
            UnusableError: if there are more than `limit`, or it cannot be read.
        """
        size = 0
        try:
            with self.open() as file:
                while chunk := file.read(_CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise UnusableError(f"{self.label} is larger than {limit / 2**20:g} MiB")
                    yield chunk
        except (UnusableError, MemoryError, GeneratorExit):
            raise
        except Exception as error:  # a damaged zip makes zipfile and its decoders raise very many kinds
            raise UnusableError(f"{self.label} cannot be read ({printable(str(error), 80)})") from None

    def read(self, limit: int) -> bytes:
        """All its bytes; raises as `chunks`."""
        return b"".join(self.chunks(limit))

    def copied(self, scratch: Path) -> Path:
        """Where this zip is on the disk: its own place, or a copy in `scratch`; raises as `chunks`.

        One in a platform's download has MAX_ZIP bytes at most, which is what an entry of the competition may have.
        """
        if self.path is not None:
            return self.path
        with tempfile.NamedTemporaryFile(dir=scratch, suffix=".zip", delete=False) as file:
            for chunk in self.chunks(MAX_ZIP):
                file.write(chunk)
        return Path(file.name)


@dataclass
class Listing:
    """What stands in a folder or zip, and what of it was refused: sentences; `zip`: the zip itself, as one file."""

    entries: list[Entry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    zip: Entry | None = None


def list_folder(folder: Path) -> Listing:
    """The files below a folder, hidden ones left out."""
    found = Listing()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(folder.joinpath(*parts)) as scanned:
                here = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            found.refused.append(f"{printable('/'.join(parts)) or folder} cannot be opened ({error.strerror})")
            continue
        for entry in here:
            path = (*parts, entry.name)
            if not _is_searched(entry.name):
                continue
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                found.refused.append(f"{printable('/'.join(path))} is a link or no ordinary file, and is not followed")
            elif entry.is_file():
                found.entries.append(on_disk(Path(entry.path), path))
            elif len(path) < MAX_DEPTH:
                waiting.append(path)
        if len(found.entries) > MAX_ENTRIES:
            raise UnusableError(f"it holds more than {MAX_ENTRIES:,} files")
    return found


def on_disk(path: Path, parts: tuple[str, ...]) -> Entry:
    """A file that is not in a zip, with a path of these parts."""
    return Entry(parts, lambda: open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb"), path)


@contextmanager
def open_zip(source: Path) -> Iterator[Listing]:
    """The files in a zip, as long as the block runs.

    Raises:
        UnusableError: if it is no zip that can be opened, or holds far too many files.
    """
    try:
        _require_few_entries(source)
        archive = zipfile.ZipFile(source)
    except (UnusableError, MemoryError):
        raise
    except Exception as error:  # as above
        raise UnusableError(f"it cannot be opened as a zip ({printable(str(error), 80)})") from None
    with archive:
        yield replace(_listed(archive), zip=on_disk(source, (source.name,)))


def _require_few_entries(source: Path) -> None:
    """Refuse a zip with millions of entries before zipfile makes an object of each."""
    size = source.stat().st_size
    if not 0 < size <= MAX_ZIP:  # only a platform's own download is larger
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if sum(1 for _ in _CENTRAL.finditer(data)) > MAX_ENTRIES:
            raise UnusableError(f"it holds more than {MAX_ENTRIES:,} files")


def _listed(archive: zipfile.ZipFile) -> Listing:
    found = Listing()
    for info in archive.infolist():
        raw = info.filename.replace("\\", "/")
        parts = tuple(part for part in raw.split("/") if part not in ("", "."))
        if info.is_dir() or not parts or not all(map(_is_searched, parts)):
            if ".." in parts:
                found.refused.append(f"{printable(raw)} leads out of its folder, and is not taken")
            continue
        mode = info.external_attr >> 16
        if raw.startswith("/") or re.match("[A-Za-z]:", parts[0]):
            found.refused.append(f"{printable(raw)} names a place of its own on a disk, and is not taken")
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            found.refused.append(f"{printable(raw)} is a link or no ordinary file, and is not taken")
        elif len(parts) <= MAX_DEPTH:
            found.entries.append(Entry(parts, lambda info=info: archive.open(info)))
    return found


def _is_searched(name: str) -> bool:
    return not name.startswith(".") and name.casefold() not in _NOT_SEARCHED
