"""A folder that is there whole or not at all."""

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from segkit.errors import CourseError

PLAN = "plan"


@contextmanager
def finished_folder(out, *, replaceable=None):
    """Give a new, empty folder beside `out` to write into; it gets its name `out` only when the block has ended well.

    If the block fails or is interrupted, what was written is removed and `out` is as it was.

    Args:
        out: the folder to make; an empty folder may already be there.
        replaceable: function that says whether the folder that is there may be thrown away; None never does.

    Raises:
        CourseError: if `out` is taken, or cannot be written (no permission, disk full).
    """
    out = Path(out).expanduser().resolve()
    require_free(out, replaceable)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        require_free(out, replaceable)  # somebody else may have made it meanwhile
        _move_into_place(partial, out)
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def resumable_folder(out, plan: str | None, *, replaceable=None):
    """As `finished_folder`, but what a block that failed or was interrupted has written is there for the next one.

    Gives the folder `.NAME.partial` beside `out`. One process at a time is let in; `out` may be finished when it is.

    Args:
        out: the folder to make.
        plan: what is to be made, as text; what was written for another plan is thrown away. With None, nothing is left
            of a block that failed.
        replaceable: as in `finished_folder`.

    Raises:
        CourseError: if `out` is taken, or cannot be written.
    """
    out = Path(out).expanduser().resolve()
    require_free(out, replaceable)
    partial = out.with_name(f".{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _alone(out):
            require_free(out, replaceable)  # somebody else may have made it meanwhile
            _begin_or_go_on(partial, plan)
            try:
                yield partial
                (partial / PLAN).unlink(missing_ok=True)
                _move_into_place(partial, out)
            finally:
                if plan is None:
                    shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror or error}.") from error


def _begin_or_go_on(partial: Path, plan: str) -> None:
    path = partial / PLAN
    if plan is not None and path.is_file() and path.read_text(encoding="utf-8") == plan:
        return
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
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
        Path(lock.lock_file).unlink(missing_ok=True)  # who waits for it finds `out` made, or goes on with the rest
        lock.release()


def require_free(out: Path, replaceable=None) -> None:
    """Raise CourseError if there is something at `out` that may not be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if replaceable is None:
        raise CourseError(f"{out} is already there: choose another folder, remove it, or ask for it to be replaced.")
    if not replaceable(out):
        raise CourseError(f"{out} holds something else, so it is not replaced: choose another folder.")


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
