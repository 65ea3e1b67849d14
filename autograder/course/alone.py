"""One run at a time in a course: whoever changes `submitted/` or the gradebook holds its lock."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from segkit.errors import CourseError

LOCK = ".grading.lock"


@contextlib.contextmanager
def alone(root: Path, nothing: str = "Nothing was graded") -> Iterator[None]:
    """Hold the course's lock. The system releases it when this process ends, however it ends.

    Args:
        nothing: how a sentence begins that says why this run cannot work.

    Raises:
        CourseError: if another run holds it, or `root` may not be written to.
    """
    try:
        file = (root / LOCK).open("a")
    except OSError as error:
        raise CourseError(f"{nothing}: the folder {root} may not be written to ({error.strerror}).") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(
                f"Another run is grading in {root}: wait until it has ended, then run this again."
            ) from None
        yield
