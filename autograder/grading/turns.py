"""How the grading processes of a machine take turns: side by side as a rule, and one alone where it matters.

A limit of time or memory that a submission meets while others run may be the others' doing. Such a notebook is tried
again alone, so that a mark does not depend on who was graded beside it.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from segkit.errors import CourseError

TURNS = "segformer-course-"  # how the folder's name begins by which all graders of a machine know of one another


class Turns:
    """The turns of all graders of this user on this machine, in whatever course they work.

    Args:
        folder: of the files by which they know of one another; None: one of the machine's temporary ones.

    Raises:
        CourseError: if it belongs to somebody else, who could keep everybody waiting.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"{TURNS}{os.getuid()}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.lstat().st_uid != os.getuid() or self._folder.is_symlink():
            raise CourseError(
                f"Nothing was graded: {self._folder}, by which graders take turns, is not yours. Ask whoever made it "
                "to remove it, or set TMPDIR to a folder of your own."
            )

    @contextlib.contextmanager
    def beside_others(self) -> Iterator[None]:
        """Wait until nobody is or wants to be alone."""
        with self._opened("gate") as gate, self._opened("room") as room:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_SH)
            fcntl.flock(gate, fcntl.LOCK_UN)
            try:
                yield
            finally:
                fcntl.flock(room, fcntl.LOCK_UN)  # closing it is not enough while a forked process holds it as well

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from beginning, and wait until all that have begun are done."""
        with self._opened("gate") as gate, self._opened("room") as room:
            fcntl.flock(gate, fcntl.LOCK_EX)  # held while waiting, so that nobody overtakes
            fcntl.flock(room, fcntl.LOCK_EX)
            fcntl.flock(gate, fcntl.LOCK_UN)
            try:
                yield
            finally:
                fcntl.flock(room, fcntl.LOCK_UN)

    def _opened(self, name: str) -> IO:
        return (self._folder / name).open("a")
