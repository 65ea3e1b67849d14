"""A course of the warm-up without grading: hand-ins, verdicts, a gradebook and feedback, made up in a moment."""

import json
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.groups.file import GROUPS_FILE
from autograder.paths import NOTEBOOKS, find_programs_beside_interpreter

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
CELLS = {"image_to_patches": 3, "normalize_channels": 3, "pixel_linear": 2, "extra": 0, "q1": 2}  # name -> maximum
FULL = {"image_to_patches": 3.0, "normalize_channels": 3.0, "pixel_linear": 2.0, "extra": 0.0, "q1": 1.5}


def make_course(root: Path, groups: str = "") -> Path:
    """A course of the released warm-up, and a gradebook that knows it; `groups` is what stands in groups.csv."""
    shutil.copytree(NOTEBOOKS / ASSIGNMENT, root / "notebooks" / ASSIGNMENT)
    if groups:
        (root / GROUPS_FILE).write_text(f"group,student\n{groups}")
    (root / "gradebook.db").write_bytes(_gradebook())
    return root


@cache
def _gradebook() -> bytes:
    """A gradebook that knows the assignment; nbgrader starts a program to make one, so it is made once."""
    find_programs_beside_interpreter()
    with tempfile.TemporaryDirectory() as folder:
        with open_gradebook(Path(folder)) as gradebook:
            gradebook.add_assignment(ASSIGNMENT)
            gradebook.add_notebook(NOTEBOOK, ASSIGNMENT)
            for name, maximum in CELLS.items():
                cell_type = "markdown" if name == "q1" else "code"
                gradebook.add_grade_cell(name, NOTEBOOK, ASSIGNMENT, max_score=maximum, cell_type=cell_type)
            gradebook.add_solution_cell("q1", NOTEBOOK, ASSIGNMENT)
        return (Path(folder) / "gradebook.db").read_bytes()


def open_gradebook(root: Path) -> Gradebook:
    """The course's gradebook, to change something in it."""
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}")


def hand_in(root: Path, name: str, *, code: str = "", group: str = "") -> None:
    """Put a notebook into `submitted/`: as released, with `code` in place of the first stub and a cell `group`."""
    notebook = nbformat.read(NOTEBOOKS / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
    for cell in notebook.cells:
        if code and cell.metadata.get("nbgrader", {}).get("grade_id") == "image_to_patches-stub":
            cell.source = code
    notebook.cells += [new_code_cell(group)] if group else []
    folder = root / "submitted" / name / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")


def judge(root: Path, name: str, *, content: str, points: float = 3.0) -> None:
    """Write a verdict."""
    path = root / "verdicts" / ASSIGNMENT / name / f"{NOTEBOOK}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    tasks = {"image_to_patches": {"points": points}}
    path.write_text(json.dumps({"content": content, "tasks": tasks, "unreadable": None}))


def enter(root: Path, name: str, scores: dict[str, float | None] = FULL, *, late: float = 0.0) -> None:
    """Write a submission's marks into the gradebook; None waits for a person."""
    with warnings.catch_warnings(), open_gradebook(root) as gradebook:
        warnings.simplefilter("ignore", SAWarning)  # of nbgrader's add_submission, on every call
        gradebook.update_or_create_student(name)
        [notebook] = gradebook.update_or_create_submission(ASSIGNMENT, name).notebooks
        notebook.late_submission_penalty = late
        for grade in notebook.grades:
            grade.needs_manual_grade = scores[grade.name] is None
            if grade.name == "q1":
                grade.manual_score = scores[grade.name]
            elif grade.name == "extra":
                grade.auto_score, grade.extra_credit = 0.0, scores[grade.name]
            else:
                grade.auto_score = scores[grade.name]
        gradebook.db.commit()


def comment_on(root: Path, name: str, text: str) -> None:
    """Write a comment on the written answer into the gradebook."""
    with open_gradebook(root) as gradebook:
        gradebook.find_comment("q1", NOTEBOOK, ASSIGNMENT, name).manual_comment = text
        gradebook.db.commit()


def give_feedback(root: Path, name: str, scores: dict[str, float | None] = FULL, *, comment: str = "") -> Path:
    """Write a feedback page as nbgrader's template does: a list of scores and comments, then the notebook."""
    page = root / "feedback" / name / ASSIGNMENT / f"{NOTEBOOK}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(
        f'<li><a href="#{cell}">Test cell</a> (Score: {float(score or 0)} / {float(CELLS[cell])})</li>\n'
        for cell, score in scores.items()
    )
    about = '<li><a href="#comment-q1">Comment</a></li>' if comment else ""
    footer = f"<b>Comments:</b> <p>{comment}</p>" if comment else ""
    page.write_text(f'<div id="toc">\n<ol>{lines}{about}</ol></div> the work of {name} {footer}')
    return page


def grade(root: Path, name: str, scores: dict[str, float | None] = FULL, *, late: float = 0.0) -> None:
    """Marks in the gradebook, and the feedback that says them."""
    enter(root, name, scores, late=late)
    give_feedback(root, name, scores)
