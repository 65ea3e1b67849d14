"""The receipt in a zip of `segkit.submit`. It is a student's file: believed as far as nothing else contradicts it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from autograder.collect.entries import UnusableError
from segkit.assignments import NOTEBOOKS
from segkit.handing_in import FORMAT, ID, RECEIPT

MAX_BYTES = 2**20
MAX_MEMBERS = 20


@dataclass(frozen=True)
class Receipt:
    """Who handed in what and when, in the student's own words; `files`: sha256 by name."""

    assignment: str
    student: str
    group: str | None
    members: tuple[str, ...]
    time: datetime | None
    files: dict[str, str]


def read_receipt(data: bytes) -> Receipt:
    """The receipt in the bytes of a `handin.json`.

    Raises:
        UnusableError: with what is wrong with it.
    """
    try:
        about = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise UnusableError(f"{RECEIPT} is damaged") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UnusableError(f"{RECEIPT} is no receipt that this version of the course can read")
    assignment, group, members = about.get("assignment"), about.get("group"), about.get("members") or []
    if not isinstance(assignment, str) or assignment not in NOTEBOOKS:
        raise UnusableError(f"{RECEIPT} names no assignment of this course")
    if not isinstance(members, list) or len(members) > MAX_MEMBERS:
        raise UnusableError(f"{RECEIPT} lists its members in a way that cannot be read")
    for name in (about.get("student"), *([] if group is None else [group]), *members):
        if not isinstance(name, str) or not ID.fullmatch(name):
            raise UnusableError(f"{RECEIPT} names a student or group that cannot be one")
    files = about.get("files")
    known = (
        {name: digest for name, digest in files.items() if isinstance(digest, str)} if isinstance(files, dict) else {}
    )
    return Receipt(assignment, about["student"], group, tuple(members), as_time(about.get("time")), known)


def as_time(value: object) -> datetime | None:
    """A time with a zone as one in UTC; None if it is no such thing."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(time, datetime) or time.tzinfo is None or not 2000 < time.year < 2200:
            return None
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
