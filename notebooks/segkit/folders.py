"""A folder that is there whole or not at all."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from segkit.errors import CourseError


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
