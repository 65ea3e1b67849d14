"""An entry's zip file, read on the trusted side: exact names and sizes before anything is unpacked, in memory only."""

import os
import stat
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from autograder.grading.verdicts import content_key
from segkit.competition.entries import (
    ABOUT,
    CELLS,
    CODE,
    FOLDER,
    MAX_ABOUT,
    MAX_CELLS,
    MAX_CHECKPOINT,
    PICTURES,
    ZOO,
    About,
    read_about,
    read_cells,
)
from segkit.competition.zoo import configuration
from segkit.errors import CourseError
from segkit.evaluation.checkpoint import CHECKPOINT, read_checkpoint, too_large
from segkit.student import Cell
from segkit.subset.limits import DAMAGE, in_words, is_passing

MAX_ZIP = 400 * 2**20
MAX_MEMBERS = 2000
MAX_TABLE = 2**20  # bytes of a zip's table of members: some 500 for each
MAX_PICTURE = 16 * 2**20
_END, _END_64 = struct.Struct("<4s8xLL2s"), struct.Struct("<4s16x")  # the last bytes of a zip, and ZIP64's before them
_EXPECTED = {CODE: {ABOUT, CELLS, CHECKPOINT}, ZOO: {ABOUT, CHECKPOINT}}
_LIMITS = {ABOUT: MAX_ABOUT, CELLS: MAX_CELLS, CHECKPOINT: MAX_CHECKPOINT}


@dataclass(frozen=True)
class HandedEntry:
    """What an entry consists of.

    `content` names it: the same for the same weights, code, settings and pictures, whatever it is called and however it
    was packed. `model` names the weights alone; None if there are none.
    """

    about: About
    content: str
    model: str | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)
    cells: dict[str, list[Cell]] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)


def is_member(name: str) -> bool:
    """Whether a file in an entry may be called that."""
    return name in _LIMITS or _is_picture(name)


def is_entry(names: Sequence[str]) -> bool:
    """Whether files of these names are an entry, of whatever kind: none is missing, none too many, none there twice."""
    found = set(names)
    if ABOUT not in found or not len(found) == len(names) <= MAX_MEMBERS:
        return False
    others = found - {ABOUT}
    return found in _EXPECTED.values() or (bool(others) and all(map(_is_picture, others)))


def _is_picture(name: str) -> bool:
    return name.startswith(FOLDER) and name.endswith(".png") and "/" not in name.removeprefix(FOLDER)


def read_entry(path: Path) -> HandedEntry:
    """The entry in a zip file.

    Raises:
        CourseError: why it is none, in one sentence for the team.
    """
    files = _files(path)
    if ABOUT not in files:
        raise CourseError(f"There is no {ABOUT} in it: hand in the zip file that one of the functions enter_... wrote.")
    about = read_about(files.pop(ABOUT))
    _require_names(about.kind, files)
    if about.kind == PICTURES:
        pictures = {name.removeprefix(FOLDER): data for name, data in sorted(files.items())}
        content = _digest(PICTURES, *(part for name, data in pictures.items() for part in (name, data)))
        return HandedEntry(about, content, pictures=pictures)
    if about.kind == ZOO:
        configuration(about.model)
    weights = read_checkpoint(files[CHECKPOINT], MAX_CHECKPOINT)
    cells = read_cells(files[CELLS]) if about.kind == CODE else {}
    if about.kind == CODE and about.model not in cells:
        raise CourseError(f"{CELLS} lacks the cells of {about.model}: make the entry anew with enter_code.")
    model = _name_of(weights)
    asked = repr((about.kind, about.model, sorted(about.settings.arguments.items()), about.settings.image_size))
    return HandedEntry(about, _digest(asked, content_key(cells), model), model, weights, cells)


def _files(path: Path) -> dict[str, bytes]:
    """The members of a zip, by name; folders among them are left out."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_ZIP:
                raise CourseError(f"It is no ordinary file of at most {MAX_ZIP // 2**20} MiB.")
            _require_small_table(file)
            with zipfile.ZipFile(file) as archive:
                return _members(archive)
    except DAMAGE as error:
        if is_passing(error):
            raise CourseError(f"It could not be read here ({in_words(error)}): score the entries again.") from None
        raise CourseError("It is no zip file, or a damaged one: hand in the one that enter_... wrote.") from None


def _require_small_table(file: BinaryIO) -> None:
    """zipfile keeps a whole table of members in memory, at many times its size, before anybody can count them.

    Raises:
        zipfile.BadZipFile: if it is too large, or the last bytes are not those of a plain zip without a comment.
    """
    file.seek(-min(_END_64.size + _END.size, os.fstat(file.fileno()).st_size), os.SEEK_END)
    last = file.read()
    kind, table, _, comment = _END.unpack(last[-_END.size :])
    if (kind, comment) != (b"PK\5\6", b"\0\0") or table > MAX_TABLE or last.startswith(b"PK\6\7"):
        raise zipfile.BadZipFile


def _members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    found = archive.infolist()
    if len(found) > MAX_MEMBERS:
        raise CourseError(f"It holds {len(found):,} files, and an entry has at most {MAX_MEMBERS:,}.")
    kept = [one for one in found if not one.is_dir()]
    for member in kept:
        _require_member(member)
    names = [member.filename for member in kept]
    if len(set(names)) < len(names):
        raise CourseError("It holds two files of the same name: make the entry anew.")
    if sum(member.file_size for member in kept) > MAX_ZIP:
        raise CourseError("Its files are larger together than those of an entry may be.")
    return {member.filename: _unpacked(archive, member) for member in kept}


def _require_member(member: zipfile.ZipInfo) -> None:
    """Require a name that an entry has, of a size that such a file may have, packed in a plain way."""
    name = member.filename
    if not is_member(name):
        raise CourseError(
            f"It holds {name[:80]!r}, which belongs to no entry: leave out all that enter_... did not write."
        )
    if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CourseError(f"{name[:80]} is encrypted, or packed in an unusual way: make the entry anew.")
    limit = _LIMITS.get(name, MAX_PICTURE)
    if member.file_size > limit:
        raise CourseError(
            too_large(member.file_size, limit) if name == CHECKPOINT else f"{name[:80]} is larger than it may be."
        )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Its bytes: never more than the table says, whatever comes out of the compression."""
    with archive.open(member) as file:
        data = file.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise CourseError(f"{member.filename[:80]} is not as large as the zip file says: make the entry anew.")
    return data


def _require_names(kind: str, files: dict[str, bytes]) -> None:
    if kind == PICTURES:
        strange = sorted(name for name in files if not name.startswith(FOLDER))
        if strange or not files:
            raise CourseError(f"An entry of pictures holds {FOLDER}NAME.png and nothing else: make it anew.")
        return
    if {ABOUT, *files} != _EXPECTED[kind]:
        raise CourseError(f"An entry of the kind {kind!r} holds {', '.join(sorted(_EXPECTED[kind]))} and nothing else.")


def _name_of(weights: dict[str, Tensor]) -> str:
    """The same for the same tensors under the same names."""
    parts = []
    for name in sorted(weights):
        tensor = weights[name].contiguous()
        parts += [name, f"{tensor.dtype} {tuple(tensor.shape)}", tensor.reshape(-1).view(torch.uint8).numpy().tobytes()]
    return _digest(*parts)


def _digest(*parts: str | bytes) -> str:
    """A name for these parts, each with its length, so that no two lists of parts have the same."""
    digest = sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
