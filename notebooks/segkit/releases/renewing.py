"""A release takes the place of an older one in a student's folder: all of it or nothing, and no work is lost.

First everything that is to be written is put into `.renewal`, with a plan; then it is moved to its places. Whatever
interrupts the first leaves the folder as it was; what interrupts the second is gone on with by the next call, or by the
next import of segkit.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from segkit.errors import CourseError
from segkit.releases.bundle import DESCRIPTION, Description, Release, is_notebook, read_description
from segkit.releases.merging import merge
from segkit.releases.notebooks import parse_notebook, stamp_of, wants_drive, with_drive, written

RENEWAL = ".renewal"
LOCK = ".renewal.lock"
PLAN = "plan.json"
KEPT = "kept"  # where notebooks are put as they were before a correction
EARLIER = ".releases"  # descriptions of the releases before this one


@dataclass
class Renewal:
    """What was done: `first`: there was no release before. `words`: one sentence for each notebook that needs one."""

    first: bool = False
    changed: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def renew(home: Path, release: Release, *, only_notebooks: bool = False, drive: bool = False) -> Renewal:
    """Put a release into the folder `home`, in place of the one that is there.

    Files of the course are replaced. A notebook that was worked on keeps the student's answers, own cells and
    outputs, gets what the course corrected, and is kept as it was in `kept/`.

    Args:
        only_notebooks: leave all other files out: they are elsewhere.
        drive: the notebooks are to use Google Drive when they start, and are written in place: Drive, and the pages
            that show it, know a file by its identity and not by its name.

    Raises:
        CourseError: if the folder cannot be written; then nothing in it has changed, or the next call goes on. Or if
            another process renews it.
    """
    with _in_a_sentence(home):
        home.mkdir(parents=True, exist_ok=True)
        with nullcontext() if drive else _alone(home):  # other machines see no lock in Drive
            finish(home)
            plan = _Plan(home, release, drive)
            for path in release.files:
                if is_notebook(path):
                    plan.add_notebook(path)
                elif not only_notebooks:
                    plan.add_file(path)
            if not only_notebooks:
                plan.remove_dropped()
            plan.carry_out()
    return plan.done


def finish(home: Path) -> None:
    """Go on with a renewal that was interrupted when everything was prepared; nothing happens if there is none.

    Raises:
        CourseError: if the folder cannot be written; the next call goes on.
    """
    workplace = home / RENEWAL
    with _in_a_sentence(home):
        try:
            plan = json.loads((workplace / PLAN).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return
        for path in plan["write"]:
            new, target = workplace / "files" / path, home / path
            with suppress(FileNotFoundError):  # an earlier call has moved it, or another kernel that goes on as well
                later = home / plan["kept"] / f"later-{target.name}"
                _keep_if_saved_since(target, plan["was"].get(path), new.read_bytes(), later)
                _move(new, target, plan["in_place"])
        for path in plan["remove"]:
            (home / path).unlink(missing_ok=True)
        shutil.rmtree(workplace, ignore_errors=True)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one process at a time renew a folder; the system takes the lock from one that has ended, however it did.

    Where `filelock` is not installed, nothing that the course needs is: nobody works in the folder yet.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError:
        yield
        return
    try:
        with FileLock(home / LOCK, timeout=0):
            yield
    except Timeout:
        raise CourseError(f"Another update of {home} is running: wait until it has ended, then try again.") from None


@contextmanager
def _in_a_sentence(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"The course cannot be written to {home} ({error.strerror or error}): make room or choose another folder, "
            "then run this again, which goes on."
        ) from None


def _move(new: Path, target: Path, in_place: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if (in_place or target.is_symlink()) and target.exists():
        shutil.copyfile(new, target)
        new.unlink()
    else:
        os.replace(new, target)


def _keep_if_saved_since(target: Path, was: str | None, new: bytes, kept: Path) -> None:
    """A notebook that was saved after the plan was made, while the renewal was interrupted, is put aside."""
    if was is None or not target.is_file():
        return
    found = target.read_bytes()
    if _sha256(found) not in (was, _sha256(new)):
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, kept)
        print(f"{target} was saved while it was being corrected: as you saved it, it is {kept}.")


def _sha256(content: bytes) -> str:
    return sha256(content).hexdigest()


class _Plan:
    """What is to be written and removed, in this order."""

    def __init__(self, home: Path, release: Release, drive: bool):
        self.home, self.release, self.drive = home, release, drive
        self.before = read_description(home)
        self.done = Renewal(first=self.before is None)
        self.kept = f"{KEPT}/before-{release.about.version}"
        self.write: dict[str, bytes] = {}
        self.was: dict[str, str] = {}  # sha256 of the notebooks that are there; "": none
        self.remove: list[str] = []

    @property
    def known(self) -> Description:
        return self.before or Description("", {}, {}, {})

    def add_file(self, path: str) -> None:
        """A file of the course; one that somebody has changed is kept beside."""
        new, old = self.release.files[path], self._there(path)
        if old == new:
            return
        if old is not None and self.before and _sha256(old) != self.before.files.get(path):
            self._keep(path, old)
        self._write(path, new)

    def add_notebook(self, path: str) -> None:
        """A notebook, as it is released or with the student's work in it."""
        new, old = parse_notebook(self.release.files[path]), self._there(path)
        self.was[path] = "" if old is None else _sha256(old)
        if old is None:
            self._write(path, written(with_drive(new, True)) if self.drive else self.release.files[path])
            return
        student, cells_differ = parse_notebook(old), self.known.cells.get(path) != self.release.about.cells[path]
        if cells_differ or (student and stamp_of(student) and stamp_of(student) != stamp_of(new)):
            self._correct(path, old, student, new)

    def _correct(self, path: str, old: bytes, student: dict | None, new: dict) -> None:
        if student is None:
            beside = f"{path.removesuffix('.ipynb')}.new.ipynb"
            self._write(beside, self.release.files[path])
            self.done.words.append(f"{path} cannot be read as a notebook: the course's new one is {beside}.")
            return
        chosen = wants_drive(student)
        drive = self.drive if chosen is None else chosen
        merged = merge(student, self._cells_before(path, student), with_drive(new, drive))
        if not merged.work:
            self._write(path, written(merged.notebook) if drive else self.release.files[path])
            self.done.words.append(f"{path} was corrected.")
            return
        content = written(merged.notebook)
        if content != written(student):
            kept = self._keep(path, old)
            self._write(path, content)
            look = f" Look at it: {'; '.join(merged.look)}." if merged.look else ""
            self.done.words.append(f"{path} was corrected, with your work in it; as it was, it is {kept}.{look}")

    def _cells_before(self, path: str, student: dict) -> Mapping[str, str]:
        """The cells of the release that a notebook is of: an earlier one if a page was saved over a correction."""
        earlier = (read_description(folder) for folder in (self.home / EARLIER).glob("*"))
        abouts = [self.known, self.release.about, *(about for about in earlier if about)]
        stamp = stamp_of(student)
        same = (about for about in abouts if stamp is None or about.stamps.get(path) == stamp)
        return next(same, Description("", {}, {}, {})).cells.get(path, {})

    def remove_dropped(self) -> None:
        """What was in the release before and is not in this one, unless somebody has changed it."""
        for path in set(self.known.files) - set(self.release.files):
            old = self._there(path)
            if old is not None and _sha256(old) == self.known.files[path]:
                self.remove.append(path)

    def carry_out(self) -> None:
        """Prepare everything, then do it; the description of the release is written last."""
        if self.known == self.release.about and not self.write and not self.remove:
            return
        if self.before and self.before.version != self.release.about.version:
            self._write(f"{EARLIER}/{self.before.version}/{DESCRIPTION}", self.before.written())
        self._write(DESCRIPTION, self.release.about.written())
        self.done.changed = [*self.write, *self.remove]
        for left in self.home.glob(f"{RENEWAL}-*"):  # by a process that was killed while it prepared
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{RENEWAL}-", dir=self.home))
        try:
            for path, content in self.write.items():
                (scratch / "files" / path).parent.mkdir(parents=True, exist_ok=True)
                (scratch / "files" / path).write_bytes(content)
            plan = {"write": list(self.write), "remove": self.remove, "was": self.was}
            plan |= {"in_place": self.drive, "kept": self.kept}
            (scratch / PLAN).write_text(json.dumps(plan), encoding="utf-8")
            shutil.rmtree(self.home / RENEWAL, ignore_errors=True)  # one without a plan
            scratch.rename(self.home / RENEWAL)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        finish(self.home)

    def _there(self, path: str) -> bytes | None:
        target = self.home / path
        return target.read_bytes() if target.is_file() else None

    def _write(self, path: str, content: bytes) -> None:
        self.write[path] = content

    def _keep(self, path: str, content: bytes) -> str:
        """Where a file is kept as it was; never in place of another one."""
        kept = Path(self.kept, path)
        number = 1
        while (self.home / kept).exists() and self._there(kept.as_posix()) != content:
            number += 1
            kept = kept.with_name(f"{Path(path).stem}-{number}{Path(path).suffix}")
        self._write(kept.as_posix(), content)
        return kept.as_posix()
