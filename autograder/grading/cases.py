"""Secret cases: a pool per course, from which a submission's content draws one that can be reproduced later.

The secret is a random file `.course_secret` in the course's folder, made when it is first needed, or the environment
variable COURSE_SECRET. Whoever does not know it cannot tell which sizes and numbers a hidden test will use; the same
submission always meets the same ones.
"""

import contextlib
import hmac
import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

from segkit.errors import CourseError

POOL_SIZE = 4  # the reference and every misconception run once per case and grading process
SECRET_FILE = ".course_secret"


def course_secret(course_root: Path) -> bytes:
    """The course's secret; made on first use, readable by its owner only.

    Raises:
        CourseError: if its file is empty, or can be neither read nor made.
    """
    if os.environ.get("COURSE_SECRET"):
        return os.environ["COURSE_SECRET"].encode()
    path = course_root / SECRET_FILE
    try:
        if not path.exists():
            _create(path, secrets.token_hex(32) + "\n")
        secret = path.read_bytes().strip()
    except OSError as error:
        raise CourseError(f"The course's secret {path} cannot be read or made ({error.strerror}).") from None
    if not secret:
        raise CourseError(f"The course's secret {path} is empty: delete it, and the next run makes a new one.")
    return secret


def _create(path: Path, text: str) -> None:
    """Make the file whole or not at all; if another grader was faster, its file stays."""
    descriptor, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)


def case_number(secret: bytes, content: str) -> int:
    """Which case of the pool a submission gets: depends on the secret and on what was handed in."""
    return _number(secret, f"submission/{content}") % POOL_SIZE


def case_seed(secret: bytes, assignment: str, number: int, test: str) -> int:
    """The seed, below 2**32, from which one test of case `number` draws its sizes and numbers."""
    return _number(secret, f"case/{assignment}/{number}/{test}") % 2**32


def _number(secret: bytes, text: str) -> int:
    return int.from_bytes(hmac.new(secret, text.encode(), sha256).digest()[:8], "big")
