"""ADE20K as its authors publish it, a folder or a zip file, and as dataset hubs do: sources that are read alike.

Folder and zip hold `images/` (JPEG) and `annotations/` (PNG of class ids), each with `training/` and `validation/`, and
stand either at the top or inside one folder, as `ADEChallengeData2016/` does in the published archive.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from segkit.errors import CourseError
from segkit.subset.classes import KINDS, SPLITS
from segkit.subset.limits import DAMAGE, is_wanted, require_size
from segkit.subset.parquet import ParquetSource, is_parquet

ORIGIN = "subset.json"  # in a zip file that `pack_subset` wrote: what it was made from
_BLOCK = 2**20


class Source(Protocol):
    """Where pairs come from. `read` may be called from several threads at once."""

    name: str
    kind: str
    origin: dict | None

    def files(self, kind: str, split: str) -> list[str]:
        """Names of the files of `kind` (images, annotations) in `split`, sorted; [] if there are none."""

    def read(self, kind: str, split: str, name: str) -> bytes:
        """The content of one file."""

    def identity(self) -> str:
        """A digest that changes when the source does; nothing is decoded for it."""

    def md5(self, stopped: Callable[[], bool] = bool) -> str | None:
        """The checksum under which the source is published, if it is one file; None once `stopped()`."""

    def close(self) -> None:
        """Let go of what is held open."""


class FolderSource:
    """A folder in the ADE20K layout."""

    kind = "folder"
    origin = None

    def __init__(self, root: Path):
        self.name = root.name
        self._root = root if (root / "images").is_dir() else root / "ADEChallengeData2016"

    def files(self, kind: str, split: str) -> list[str]:
        """Names of the files of `kind` (images, annotations) in `split`, sorted; [] if there is no such folder."""
        return sorted(entry.name for entry in self._entries(kind, split))

    def read(self, kind: str, split: str, name: str) -> bytes:
        """The content of one file."""
        path = self._root / kind / split / name
        require_size(path.stat().st_size)
        return path.read_bytes()

    def identity(self) -> str:
        """A digest of names, sizes and times of change."""
        digest = hashlib.sha256()
        for kind, split in _places():
            for entry in sorted(self._entries(kind, split), key=lambda entry: entry.name):
                line = f"{kind}/{split}/{entry.name} {_size_and_time(entry)}\n"
                digest.update(line.encode(errors="surrogateescape"))  # names need not be UTF-8
        return digest.hexdigest()

    def md5(self, stopped: Callable[[], bool] = bool) -> None:
        """None: a folder is not one file."""

    def close(self) -> None:
        """Nothing is held open."""

    def _entries(self, kind: str, split: str) -> list[os.DirEntry]:
        try:
            with os.scandir(self._root / kind / split) as entries:
                return [entry for entry in entries if _is_file(entry) and is_wanted(entry.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []


class ZipSource:
    """A zip file in the ADE20K layout, read without unpacking it."""

    kind = "zip"

    def __init__(self, path: Path):
        self.name = path.name
        self._path = path
        self._archive = None
        self._owner = None
        self._names = {place: [] for place in _places()}
        self._entries = {}
        for entry in self._opened().infolist():
            place, name = _place_in_archive(entry.filename)
            if place in self._names and not entry.is_dir() and is_wanted(name):
                self._names[place].append(name)
                self._entries[*place, name] = entry
        self.origin = self._read_origin()

    def files(self, kind: str, split: str) -> list[str]:
        """Names of the files of `kind` (images, annotations) in `split`, sorted; a name may occur twice in a zip."""
        return sorted(self._names[kind, split])

    def read(self, kind: str, split: str, name: str) -> bytes:
        """The content of one file."""
        entry = self._entries[kind, split, name]
        return self._read(entry)

    def identity(self) -> str:
        """A digest of the archive's table (names, sizes, checksums), size and time of change, as they are now."""
        with zipfile.ZipFile(self._path) as archive:
            table = sorted((entry.filename, entry.file_size, entry.CRC) for entry in archive.infolist())
        status = self._path.stat()
        return hashlib.sha256(json.dumps([table, status.st_size, status.st_mtime_ns]).encode()).hexdigest()

    def md5(self, stopped: Callable[[], bool] = bool) -> str | None:
        """The checksum of the file."""
        digest = hashlib.md5(usedforsecurity=False)
        with open(self._path, "rb") as file:
            while block := file.read(_BLOCK):
                if stopped():
                    return None
                digest.update(block)
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file; reading again opens it again."""
        if self._archive is not None:
            self._archive.close()
            self._archive = None

    def _read(self, entry: zipfile.ZipInfo) -> bytes:
        require_size(entry.file_size)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("it is compressed in a way that ADE20K is not")  # and that could not be stopped in time
        with self._opened().open(entry) as file:
            return file.read(entry.file_size)  # `ZipFile.read` unpacks all there is and looks at the size afterwards

    def _read_origin(self) -> dict | None:
        for entry in self._opened().infolist():
            if _base(entry.filename) == ORIGIN and entry.filename.count("/") <= 1:
                try:
                    origin = json.loads(self._read(entry))
                except DAMAGE:
                    return None
                return origin if isinstance(origin, dict) else None
        return None

    def _opened(self) -> zipfile.ZipFile:
        # A forked worker shares its parent's position in the file, so that both would read nonsense: one handle each.
        if self._archive is None or self._owner != os.getpid():
            self._archive = zipfile.ZipFile(self._path)
            self._owner = os.getpid()
        return self._archive

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_archive": None}


def open_source(path) -> Source:
    """Open ADE20K as a folder, a zip file or parquet files; `close()` it when done.

    Raises:
        CourseError: if there is nothing at `path`, or it holds no ADE20K.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise CourseError(f"There is no {path}: give the ADEChallengeData2016 folder or its zip file.")
    source = _opened(path)
    missing = [f"{kind}/{split}" for kind, split in _places() if not source.files(kind, split)]
    if missing:
        source.close()
        raise CourseError(
            f"{path} is not in the ADE20K layout: it has no files in {', '.join(missing)}; give the "
            "ADEChallengeData2016 folder or its zip file."
        )
    return source


def _opened(path: Path) -> Source:
    if is_parquet(path):
        return ParquetSource(path)
    if path.is_dir():
        return FolderSource(path)
    try:
        return ZipSource(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CourseError(f"{path} is neither a folder nor a zip file that can be read ({error}).") from error


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file() or (entry.is_symlink() and not entry.is_dir())
    except OSError:  # a link in a circle: reading it says so
        return True


def _size_and_time(entry: os.DirEntry) -> str:
    try:
        status = entry.stat()
    except OSError:  # a link that leads nowhere
        return "-"
    return f"{status.st_size} {status.st_mtime_ns}"


def _places() -> list[tuple[str, str]]:
    return [(kind, split) for kind in KINDS for split in SPLITS]


def _base(entry: str) -> str:
    return entry.rsplit("/", 1)[-1]


def _place_in_archive(entry: str) -> tuple[tuple[str, str] | None, str]:
    """((kind, split), name) of an entry KIND/SPLIT/NAME or FOLDER/KIND/SPLIT/NAME; (None, name) of any other.

    The name of an entry that would unpack to some other place is its whole path, which the pairs refuse.
    """
    parts = entry.split("/")
    if ".." in parts or parts[0] == "":
        return next((pair for pair in pairwise(parts) if pair in _places()), None), entry
    if len(parts) in (3, 4) and parts[0] != "__MACOSX":
        return (parts[-3], parts[-2]), parts[-1]
    return None, parts[-1]
