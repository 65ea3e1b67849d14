"""What was returned as one zip, to be uploaded."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from autograder.groups.class_list import read_class_list
from autograder.returning.folders import RETURNED
from autograder.returning.moodle import match, read_worksheet
from autograder.returning.record import read_record
from segkit.errors import CourseError
from segkit.files import whole_file


def zip_returned(root: Path, assignment: str, students: Iterable[str], out: Path, worksheet: Path | None) -> list[str]:
    """Write the folders of these students into the zip `out`; a sentence for everybody who is not in it.

    Args:
        worksheet: Moodle's grading worksheet of the assignment, which says what the folders must be called there;
            without it they are called `<student>/<assignment>`.

    Raises:
        CourseError: if the worksheet cannot be read, or the zip not written; what was there before stays.
    """
    record = read_record(root / RETURNED, assignment)
    if worksheet:
        addresses = read_class_list(root, assignment).addresses
        found, missing = match(students, read_worksheet(worksheet), addresses)
        folders = {student: participant.folder for student, participant in found.items()}
    else:
        folders, missing = {student: f"{student}/{assignment}" for student in students}, []
    files = {
        f"{folder}/{name}": root / RETURNED / student / assignment / name
        for student, folder in folders.items()
        for name in record[student].files
    }
    _write(out, files)
    return missing


def _write(out: Path, files: Mapping[str, Path]) -> None:
    try:
        with whole_file(out, shared=True) as part:
            part.touch(mode=0o600)  # marks and feedback of all: nobody else's to read
            with ZipFile(part, "w", ZIP_DEFLATED) as archive:
                for name, path in sorted(files.items()):
                    archive.write(path, name)
    except OSError as error:
        raise CourseError(f"{out} could not be written ({error.strerror}).") from None
