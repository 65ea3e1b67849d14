"""What was returned to whom, so that a later run knows whose feedback lies in a student's folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.files import write_whole
from segkit.errors import CourseError


@dataclass(frozen=True)
class Given:
    """The files in a student's folder, and the submission that they are about: a group's or the student's own."""

    about: str
    files: list[str]


def record_path(returned: Path, assignment: str) -> Path:
    """Where it is kept: beside the students' folders, hidden."""
    return returned / f".{assignment}.json"


def read_record(returned: Path, assignment: str) -> dict[str, Given]:
    """By student what was returned before; nothing, if nothing was.

    Raises:
        CourseError: if the record is damaged, with what to do.
    """
    path = record_path(returned, assignment)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {student: Given(str(one["about"]), list(map(str, one["files"]))) for student, one in record.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CourseError(
            f"{path}, which says what was returned to whom, cannot be read: move the folder {returned} elsewhere and "
            "return everything anew."
        ) from None


def write_record(returned: Path, assignment: str, record: dict[str, Given]) -> None:
    """Keep it, whole or not at all."""
    entries = {student: asdict(given) for student, given in sorted(record.items())}
    write_whole(record_path(returned, assignment), json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
