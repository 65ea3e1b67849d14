"""A part of a split: some hundred pairs, built in one go, in one file, or there not at all."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from segkit.files import whole_file
from segkit.subset.classes import CLASS_NAMES
from segkit.subset.pairs import Dropped, Files, read_pair
from segkit.subset.pictures import Kept, ToLabels, examine_pair
from segkit.subset.sources import Source

PART_SIZE = 256  # pairs; each worker holds 64 MiB of planes in memory until its part is written


class Stopped(Exception):
    """The build was told to stop in the middle of a part."""


@dataclass(frozen=True)
class Work:
    """What all parts of a build have in common.

    folder, notes: where files and where records of parts are written.
    photographs: splits whose photographs are kept as they are, with labels of their size.
    """

    source: Source
    folder: Path
    notes: Path
    size: int
    to_labels: ToLabels
    photographs: tuple[str, ...]
    stopped: Callable[[], bool]
    progressed: Callable[[], None]


@dataclass
class Part:
    """What a part holds, and what was said about each of its pairs."""

    split: str
    number: int
    names: list[str] = field(default_factory=list)
    sizes: list[list[int]] = field(default_factory=list)
    dropped: list[list[str]] = field(default_factory=list)  # reason, name, detail
    remarks: list[list[str]] = field(default_factory=list)  # remark, name
    digests: list[str] = field(default_factory=list)
    pixels: list[int] = field(default_factory=lambda: [0] * len(CLASS_NAMES))
    pixels_before: list[int] = field(default_factory=lambda: [0] * len(CLASS_NAMES))
    files: list[dict] = field(default_factory=list)  # file, bytes, sha256: planes first, then photographs

    @property
    def file(self) -> str:
        """The name of its planes, without ending."""
        return f"{self.split}/{self.number:05d}"


def build_part(work: Work, split: str, number: int, pairs: dict[str, Files]) -> Part:
    """Write the part's files, and last its record; a part that was finished earlier is taken as it is.

    Raises:
        Stopped: if it was told to.
        OSError: if it cannot be written; nothing is left of it.
    """
    part = Part(split, number)
    earlier = _finished(work, part)
    if earlier:
        for _ in pairs:
            work.progressed()
        return earlier
    planes = np.empty((len(pairs), 4, work.size, work.size), np.uint8)
    with _photographs(work, part) as keep_photograph:
        for name, files in pairs.items():
            if work.stopped():
                raise Stopped
            _add(work, part, name, files, planes, keep_photograph)
            work.progressed()
    if part.names:
        with _new_file(work.folder / f"{part.file}.npy") as file:
            write_array(file, planes[: len(part.names)])
    else:
        (work.folder / f"{part.file}.zip").unlink(missing_ok=True)
    _record(work, part)
    return part


def _add(work: Work, part: Part, name: str, files: Files, planes: np.ndarray, keep_photograph) -> None:
    def counted(counts: np.ndarray) -> None:
        part.pixels_before = (counts + part.pixels_before).tolist()

    try:
        image, annotation = read_pair(work.source, part.split, name, files, part.digests)
        full_size = keep_photograph is not None
        kept = examine_pair(image, annotation, work.to_labels, work.size, full_size=full_size, counted=counted)
    except Dropped as drop:
        part.dropped.append([drop.reason, name, drop.detail])
        return
    if keep_photograph:
        keep_photograph(name, image, kept)
    planes[len(part.names)] = kept.planes
    part.pixels = (kept.counts + part.pixels).tolist()
    part.names.append(name)
    part.sizes.append(list(kept.size))
    part.remarks += [[remark, name] for remark in kept.remarks]


@contextmanager
def _photographs(work: Work, part: Part):
    """A function that keeps a photograph byte for byte, and its labels as PNG; None if they are not to be kept."""
    if part.split not in work.photographs:
        yield None
        return
    with _new_file(work.folder / f"{part.file}.zip") as file, zipfile.ZipFile(file, "w") as archive:

        def keep(name: str, image: bytes, kept: Kept) -> None:
            png = io.BytesIO()
            Image.fromarray(kept.labels).save(png, "PNG")
            archive.writestr(undated(f"images/{name}.jpg"), image)
            archive.writestr(undated(f"labels/{name}.png"), png.getvalue())

        yield keep


def write_array(file: BinaryIO, array: np.ndarray) -> None:
    """What `np.save` writes; but np.save says nothing of why it could not write all of it, as on a full disk."""
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    file.write(array.data)


@contextmanager
def _new_file(path: Path):
    """A file that gets its name when it is whole."""
    with whole_file(path) as part, open(part, "wb") as file:
        yield file


def undated(name: str) -> zipfile.ZipInfo:
    """An entry of a zip file that is the same whenever and wherever it is written."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the oldest date that a zip file can say
    entry.create_system = 3
    return entry


def _record(work: Work, part: Part) -> None:
    endings = [ending for ending in (".npy", ".zip") if (work.folder / f"{part.file}{ending}").exists()]
    part.files = [describe_file(work.folder, f"{part.file}{ending}") for ending in endings]
    with _new_file(_record_path(work, part)) as file:
        file.write(json.dumps(asdict(part)).encode())


def _finished(work: Work, part: Part) -> Part | None:
    try:
        earlier = Part(**json.loads(_record_path(work, part).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    # A record may have reached the disk and its files not, when the power went.
    return earlier if all(is_unchanged(work.folder, file) for file in earlier.files) else None


def _record_path(work: Work, part: Part) -> Path:
    return work.notes / f"{part.split}-{part.number:05d}.json"


def describe_file(folder: Path, file: str) -> dict:
    """Name, bytes and sha256 of a file that belongs to a subset."""
    path = folder / file
    with open(path, "rb") as opened:
        return {"file": file, "bytes": path.stat().st_size, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}


def is_unchanged(folder: Path, described: dict) -> bool:
    """Whether the file is there as `describe_file` saw it."""
    path = folder / described["file"]
    if not path.is_file() or path.stat().st_size != described["bytes"]:
        return False
    return describe_file(folder, described["file"]) == described
