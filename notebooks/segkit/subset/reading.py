"""The files of a built subset, read item by item; nothing is opened before it is asked for."""

import os
import zipfile
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import numpy as np

from segkit.errors import CourseError


class _Files:
    """What the files of one kind of a split hold, one after the other.

    Goes to other processes without what is open: each opens the files for itself.
    """

    ending = ""

    def __init__(self, folder: Path, manifest: dict, split: str):
        parts = manifest["splits"][split]["parts"]
        self.names = [name for part in parts for name in part["names"]]
        self._folder = folder
        self._files = [file for part in parts for file in part["files"] if file["file"].endswith(self.ending)]
        self._names = [part["names"] for part in parts]
        self._starts = [0, *accumulate(map(len, self._names))][:-1]
        self._opened = {}
        for file in self._files:
            _require_size(folder, file)

    def __len__(self) -> int:
        return len(self.names)

    def _find(self, index: int) -> tuple[int, int]:
        """(part, place in it) of an item."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no item {index}, there are {len(self)}")  # a for loop ends with this
        index %= len(self)
        part = bisect_right(self._starts, index) - 1
        return part, index - self._starts[part]

    def _path(self, part: int) -> Path:
        return self._folder / self._files[part]["file"]

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_opened": {}}


class PlaneFiles(_Files):
    """Item i is a read-only array, uint8 (4, size, size), that lies in the file: red, green, blue, label."""

    ending = ".npy"

    def __getitem__(self, index: int) -> np.ndarray:
        part, place = self._find(index)
        if part not in self._opened:
            self._opened[part] = _mapped(self._path(part))
        return self._opened[part][place]


class PhotographFiles(_Files):
    """Item i is (JPEG as published, PNG of its labels), in bytes."""

    ending = ".zip"

    def __getitem__(self, index: int) -> tuple[bytes, bytes]:
        part, place = self._find(index)
        name = self._names[part][place]
        try:
            archive = self._archive(part)
            return archive.read(f"images/{name}.jpg"), archive.read(f"labels/{name}.png")
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise _damaged(self._path(part), error) from error

    def _archive(self, part: int) -> zipfile.ZipFile:
        # A forked worker shares its parent's position in the file, so that both would read nonsense: one handle each.
        key = (part, os.getpid())
        if key not in self._opened:
            self._opened[key] = zipfile.ZipFile(self._path(part))
        return self._opened[key]


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except OSError as error:
        raise _damaged(path, error) from error
    except ValueError as error:
        raise CourseError(f"{path} holds no array any more: build the data set again.") from error


def _require_size(folder: Path, file: dict) -> None:
    path = folder / file["file"]
    size = path.stat().st_size if path.is_file() else None
    if size != file["bytes"]:
        found = "is missing" if size is None else f"has {size:,} bytes and not {file['bytes']:,}"
        raise CourseError(f"{folder} is damaged: {file['file']} {found}; build the data set again.")


def _damaged(path: Path, error: Exception) -> CourseError:
    return CourseError(f"{path} cannot be read ({error}): build the data set again.")
