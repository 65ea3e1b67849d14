"""nbgrader's feedback pages: those of a submission, and whether they say what the gradebook says."""

import html
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nbconvert.filters import markdown2html

from autograder.course.marks import Mark
from autograder.course.up_to_date import DONE

# From nbgrader's template: a list of all graded cells and comments at the top, before anything of a student's.
_CONTENTS = re.compile(r'<div id="toc">.*?</ol>', re.DOTALL)
_SCORE = re.compile(r'<a href="#([^"]*)">[^<]*</a> \(Score: (\S+) / \S+\)')
_COMMENT = re.compile(r'<a href="#comment-([^"]*)">Comment</a>')
_TAG = re.compile(r"<[^>]*>")


class NotReturnableError(Exception):
    """A sentence that says why the feedback on a submission cannot be returned now."""


def feedback_pages(
    root: Path, assignment: str, name: str, marks: Iterable[Mark], comments: Mapping[tuple[str, str], str]
) -> dict[str, bytes]:
    """The pages of `feedback/<name>/<assignment>` by file name, one per notebook, and no other file that lies there.

    Args:
        marks: the submission's, as the gradebook has them.
        comments: by notebook and cell what a person wrote on it.

    Raises:
        NotReturnableError: if one is missing, is not where it should be, or is older than the marks.
    """
    marks, pages = list(marks), {}
    for notebook in dict.fromkeys(mark.notebook for mark in marks):
        content = _read(root, assignment, name, f"{notebook}.html")
        about = {cell: text for (place, cell), text in comments.items() if place == notebook}
        if not _agrees(content.decode(errors="replace"), [one for one in marks if one.notebook == notebook], about):
            raise NotReturnableError(f"its feedback on {notebook} is older than its marks")
        pages[f"{notebook}.html"] = content
    graded = root / "verdicts" / assignment / name / DONE
    written = [root / "feedback" / name / assignment / page for page in pages]
    if graded.exists() and any(path.stat().st_mtime_ns < graded.stat().st_mtime_ns for path in written):
        raise NotReturnableError("it was graded again after its feedback was written")
    return pages


def _read(root: Path, assignment: str, name: str, page: str) -> bytes:
    path = root / "feedback" / name / assignment / page
    try:
        # A link on the way could lead to what is somebody else's.
        if path.resolve(strict=True) != root.resolve() / "feedback" / name / assignment / page or not path.is_file():
            raise NotReturnableError(f"{path} is a link or no file")
        return path.read_bytes()
    except FileNotFoundError:
        raise NotReturnableError(f"there is no feedback on {Path(page).stem} yet") from None
    except (OSError, RuntimeError) as error:  # a circle of links raises the second
        raise NotReturnableError(f"{path} cannot be read ({getattr(error, 'strerror', error)})") from None


def _agrees(page: str, marks: Iterable[Mark], comments: Mapping[str, str]) -> bool:
    """Whether a page shows these scores and these comments."""
    contents = _CONTENTS.search(page)
    if not contents:
        return False
    shown = {cell: float(score) for cell, score in _SCORE.findall(contents[0])}
    given = {mark.cell: round(mark.score, 2) for mark in marks if mark.score is not None}
    if any(shown.get(cell) != score for cell, score in given.items()):
        return False
    if set(_COMMENT.findall(contents[0])) != set(comments):
        return False
    text = _letters(page[contents.end() :]) if comments else ""
    return all(_letters(markdown2html(comment)) in text for comment in comments.values())


def _letters(page: str) -> str:
    """The letters and digits of what a page shows."""
    return re.sub(r"\W+", "", html.unescape(_TAG.sub("", page)))
