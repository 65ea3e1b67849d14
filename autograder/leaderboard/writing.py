"""Writes the leaderboard of a course."""

from pathlib import Path

from autograder.files import write_whole
from autograder.grading.cases import course_secret
from autograder.groups.file import read_groups
from autograder.leaderboard.entries import read_entries
from autograder.leaderboard.page import as_page
from autograder.leaderboard.table import as_csv
from segkit.errors import CourseError

PAGE, TABLE = "index.html", "leaderboard.csv"


def write_leaderboard(
    root: Path, assignment: str, out: Path, *, names: bool = False, with_ids: bool = False, baseline: str | None = None
) -> list[Path]:
    """Write page and CSV of the course in `root` into the folder `out`; the files written.

    Args:
        names: show the students' ids in place of the names that they chose. Not for the public.
        with_ids: columns with the ids, and with the members of groups, in the CSV.
        baseline: id under which the instructor's own model was handed in.

    Raises:
        CourseError: if there is nothing to show, or `out` cannot be written.
    """
    entries = read_entries(root, assignment, course_secret(root), ids=names, baseline=baseline)
    files = {
        PAGE: as_page(entries, f"Leaderboard of {assignment}"),
        TABLE: as_csv(entries, read_groups(root) if with_ids else None),
    }
    try:
        for name, text in files.items():
            write_whole(out / name, text)
    except OSError as error:
        raise CourseError(f"The leaderboard could not be written to {out} ({error.strerror}).") from None
    return [out / name for name in files]
