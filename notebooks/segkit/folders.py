"""A folder that is there whole or not at all."""

import os
import shutil
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from segkit.errors import CourseError


@contextmanager
def finished_folder(out):
    """Give a new, empty folder beside `out` to write into; it gets its name `out` only when the block has ended well.

    If the block fails or is interrupted, what was written is removed and `out` is as it was.

    Args:
        out: the folder to make; an empty folder may already be there.

    Raises:
        CourseError: if `out` is taken, or cannot be written (no permission, disk full).
    """
    out = Path(out).expanduser().resolve()
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    with _explained(out):
        require_free(out)
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            yield partial
            require_free(out)  # somebody else may have made it meanwhile
            _move_into_place(partial, out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@dataclass(frozen=True)
class Workplace:
    """Where a folder is made.

    content: becomes the folder. notes: what a later call needs to go on; gone in the end.
    """

    content: Path
    notes: Path

    def discard(self) -> None:
        """Throw away what is there: a later call begins anew."""
        shutil.rmtree(self.content.parent, ignore_errors=True)


@contextmanager
def resumable_folder(out, plan: str | None, *, replaceable=None):
    """As `finished_folder`, but what a block that failed or was interrupted has written is there for the next one.

    Gives a `Workplace` in `.NAME.partial` beside `out`. One process at a time is let in.

    Args:
        out: the folder to make.
        plan: what is to be made, as text; what was written for another plan is thrown away. With None, nothing is left
            of a block that failed.
        replaceable: function that says whether the folder that is there may be thrown away; None never does.

    Raises:
        CourseError: if `out` is taken, or cannot be written.
    """
    out = Path(out).expanduser().resolve()
    partial = out.with_name(f".{out.name}.partial")
    with _explained(out):
        require_free(out, replaceable)
        out.parent.mkdir(parents=True, exist_ok=True)
        with _alone(out):
            require_free(out, replaceable)  # who was let in before may have made it
            place = Workplace(partial / "content", partial / "notes")
            _begin_or_go_on(place, plan)
            try:
                yield place
                require_free(out, replaceable)  # it has taken a while
                _move_into_place(place.content, out)
                place.discard()
            finally:
                if plan is None:
                    place.discard()


def require_free(out: Path, replaceable=None) -> None:
    """Raise CourseError if there is something at `out` that may not be replaced."""
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
    except OSError as error:
        raise CourseError(f"{out} cannot be written ({error.strerror}): choose another folder.") from error
    if replaceable is None:
        raise CourseError(f"{out} is already there: choose another folder, or remove it.")
    if not replaceable(out):
        raise CourseError(f"{out} holds something else as well, so it is not replaced: choose another folder.")


@contextmanager
def _explained(out: Path):
    try:
        yield
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror or error}.") from error


def _begin_or_go_on(place: Workplace, plan: str | None) -> None:
    path = place.notes / "plan"
    if path.is_file():
        if path.read_text(encoding="utf-8") == plan:
            return
        words = "What is left of an unfinished run with other settings or data is thrown away"
        print(f"{words}: {place.content.parent}", file=sys.stderr)
    place.discard()
    place.content.mkdir(parents=True)
    place.notes.mkdir()
    if plan is not None:
        path.write_text(plan, encoding="utf-8")


@contextmanager
def _alone(out: Path):
    """Let one process at a time work on `out`; the others wait, and are told so."""
    lock = FileLock(out.with_name(f".{out.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        print(f"Another process is making {out}: waiting for it.", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        # Who waits for it finds `out` made, or goes on with the rest. Windows removes it when it is released.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def _move_into_place(partial: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    if out.exists():
        out.rename(old)  # a folder cannot be renamed onto another one on Windows
    try:
        partial.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
