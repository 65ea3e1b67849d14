"""Putting attempts into `submitted/<id>/<assignment>/`: the latest counts, and nothing that was there is lost.

What gives way, and with `--attempts all` what is older, is kept under `collected/<assignment>/<id>/`. Entries of the
competition all count: each one comes to `entries/<id>/`.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from nbgrader.utils import parse_utc

from autograder.collect.entries import UnusableError
from autograder.collect.handed import ENTRY, HandIn, digest_of

TIMESTAMP = "timestamp.txt"
KEPT = "collected"
ENTRIES = "entries"
_FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"  # as nbgrader writes and reads it
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Placed:
    """What was done, in sentences; `unchanged`, `entered`: how many stood there already."""

    new: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    unchanged: int = 0
    entered: int = 0


@dataclass(frozen=True)
class _Standing:
    """What is in `submitted/` already; `time`: None if it has none that can be read."""

    folder: Path
    digest: str
    time: datetime | None


def place(root: Path, name: str, assignment: str, attempts: Iterable[HandIn], done: Placed, *, keep_all: bool) -> None:
    """Put the latest attempt of a student or group into `submitted/`, and note in `done` what that meant.

    Args:
        keep_all: keep the older ones as well.

    Raises:
        UnusableError: if what stands there is a link, or nobody can tell which attempt is the latest.
    """
    ordered = sorted(attempts, key=lambda attempt: (attempt.time or _NEVER, attempt.label))
    latest = ordered[-1]
    if latest.time is None and len({attempt.digest for attempt in ordered}) > 1:
        raise UnusableError("several attempts, and none says when it was handed in: leave the one that counts")
    about = _about(latest) + (f", the latest of {len(ordered)}" if len(ordered) > 1 else "")
    standing = _standing(root / "submitted" / name / assignment)
    kept = root / KEPT / assignment / name
    if standing is None:
        _write(latest, root / "submitted" / name / assignment)
        done.new.append(f"{name}: {about}")
    elif standing.digest == latest.digest:
        done.unchanged += 1
        if standing.time is None and latest.time is not None:
            (standing.folder / TIMESTAMP).write_text(f"{latest.time:{_FORMAT}}\n")
            done.replaced.append(f"{name}: the same files; when they were handed in is known now, {said(latest.time)}")
    elif _gives_way(standing, latest):
        old = _free(kept, standing.time, standing.digest)
        _replace(standing.folder, latest, old)
        before = f"what stood there ({said(standing.time)}) is in {old.relative_to(root).as_posix()}"
        done.replaced.append(f"{name}: {about}; {before}")
    else:
        ordered.append(latest)  # it is an older one now
        done.left.append(f"{name}: {about}, is not newer than what stands there ({said(standing.time)})")
    for attempt in ordered[:-1] if keep_all else ():
        _keep(attempt, kept, standing)


def place_entries(root: Path, name: str, attempts: Iterable[HandIn], done: Placed) -> None:
    """Put entries of the competition into `entries/<name>/`: all of them, each content once.

    A file's time of change becomes that of its hand-in, by which `compete` orders attempts; without one it is now.

    Raises:
        UnusableError: if what stands there is a link or a file.
    """
    folder = root / ENTRIES / name
    _is_there(folder)
    for attempt in sorted(attempts, key=lambda attempt: (attempt.time is None, attempt.time or _NEVER, attempt.label)):
        if any(folder.glob(f"*-{_short(attempt.digest)}.zip")):
            done.entered += 1
            continue
        handed_in, path = attempt.folder / ENTRY, folder / f"{_stamp(attempt.time, attempt.digest)}.zip"
        os.utime(handed_in, None if attempt.time is None else (attempt.time.timestamp(),) * 2)
        folder.mkdir(parents=True, exist_ok=True)
        handed_in.rename(path)
        done.entries.append(f"{name}: {path.name}, {said(attempt.time)}, from {attempt.label}")


def _replace(folder: Path, latest: HandIn, old: Path) -> None:
    """Move what stands there to `old` and the latest into its place; interrupted, it stands there again."""
    old.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(old)
    try:
        _write(latest, folder)
    except BaseException:
        if not folder.exists():
            old.rename(folder)
        raise


def _gives_way(standing: _Standing, latest: HandIn) -> bool:
    """A time beats none; what has the same time was corrected by hand, and stays."""
    if latest.time is None or standing.time is None:
        return standing.time is None
    return latest.time > standing.time


def _standing(folder: Path) -> _Standing | None:
    if not (_is_there(folder.parent) and _is_there(folder)):
        return None
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            files[name] = f"link to {path.readlink()}"
        elif path.is_file() and name != TIMESTAMP and not name.startswith(".ipynb_checkpoints/"):
            with path.open("rb") as file:
                files[name] = file_digest(file, "sha256").hexdigest()
    return _Standing(folder, digest_of(files), _read_time(folder / TIMESTAMP))


def _is_there(folder: Path) -> bool:
    """Whether there is such a folder; raises UnusableError if it is something else."""
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(mode):
        raise UnusableError(f"{folder} is a link or a file, and is not written to: move it away")
    return True


def _read_time(path: Path) -> datetime | None:
    try:
        return parse_utc(path.read_text(encoding="utf-8").strip()).replace(tzinfo=UTC)
    except (OSError, ValueError, OverflowError):
        return None


def _write(attempt: HandIn, folder: Path) -> None:
    """The attempt's own folder becomes the one in its place."""
    if attempt.time is not None:
        (attempt.folder / TIMESTAMP).write_text(f"{attempt.time:{_FORMAT}}\n")
    folder.parent.mkdir(parents=True, exist_ok=True)
    attempt.folder.rename(folder)


def _keep(attempt: HandIn, kept: Path, standing: _Standing | None) -> None:
    there = kept / _stamp(attempt.time, attempt.digest)
    if attempt.folder.exists() and not there.exists() and not (standing and standing.digest == attempt.digest):
        kept.mkdir(parents=True, exist_ok=True)
        _write(attempt, there)


def _free(kept: Path, time: datetime | None, digest: str) -> Path:
    """A name that nothing has yet; the same content once more does not hide what was kept before."""
    name, number = _stamp(time, digest), 2
    path = kept / name
    while path.exists():
        path, number = kept / f"{name}-{number}", number + 1
    return path


def _stamp(time: datetime | None, digest: str) -> str:
    return f"{time:%Y%m%dT%H%M%SZ}-{_short(digest)}" if time else f"undated-{_short(digest)}"


def _short(digest: str) -> str:
    return digest[:8]


def said(time: datetime | None) -> str:
    """A time in a sentence."""
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "no time known"


def _about(attempt: HandIn) -> str:
    notebooks = sum(path.endswith(".ipynb") for path in attempt.files)
    results = " and a trained model" if any(".safetensors" in path for path in attempt.files) else ""
    return f"{notebooks} notebook{'s' if notebooks != 1 else ''}{results}, {said(attempt.time)}, from {attempt.label}"
