"""A course with the assignment `intro` and a few submissions, for tests of the grader as a whole.

They name three tasks of it and its first written answer. What these are worth, and what else there is, `worth` says: a
task or a question more breaks no test.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.completion import Mistake, complete_assignment
from autograder.course.course import Course
from autograder.demo import open_course
from autograder.sources import read_sources

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
ORDER = Mistake("patches column by column", NOTEBOOK, "image_to_patches", "0, 2, 4, 1, 3, 5", "0, 4, 2, 1, 3, 5")
BIASED = Mistake("the other variance", NOTEBOOK, "normalize_channels", "correction=0", "correction=1")
LAYERLESS = Mistake("no layer", NOTEBOOK, "PixelLinear", "nn.Linear(in_channels, out_channels)", "nn.Identity()")
CLASS = {"ada": [], "bo": [ORDER], "cy": [BIASED], "di": [LAYERLESS], "eve": [ORDER, BIASED, LAYERLESS]}


def worth(*roles: str) -> dict[str, float]:
    """The points of the warm-up's cells of those roles, by their names in the order of the notebook."""
    [source] = [source for source in read_sources(ASSIGNMENT) if source.name == NOTEBOOK]
    return source.points(*roles)


def set_points(root: Path, points: dict[str, float]) -> None:
    """Give graded cells other points, in their `# %%` line and in their task's heading, in the copy of a repository."""
    path = root / "solutions" / ASSIGNMENT / f"{NOTEBOOK}.py"
    text = path.read_text(encoding="utf-8")
    for name, value in points.items():
        task = rf'(## Task [^\n]* \()\S+ points?((?:(?!## Task ).)* id="{name}" points=)\S+'
        text, count = re.subn(task, rf"\g<1>{value:g} points\g<2>{value:g}", text, flags=re.DOTALL)
        assert count == 1, name
    path.write_text(text, encoding="utf-8")


def open_intro(root: Path, students: dict[str, list[Mistake]] = CLASS) -> Course:
    """A new course in `root` with submissions of `students`, each the reference with its mistakes."""
    course = open_course(root, ASSIGNMENT)
    for student, mistakes in students.items():
        hand_in(course, student, mistakes)
    return course


def hand_in(course: Course, student: str, mistakes: list[Mistake] = ()) -> Path:
    """Put the reference with those mistakes into `submitted/`; the notebook's path."""
    folder = course.root / "submitted" / student / ASSIGNMENT
    complete_assignment(ASSIGNMENT, folder, mistakes, released=course.root / "notebooks" / ASSIGNMENT)
    return folder / f"{NOTEBOOK}.ipynb"


def autograde_command(*options: str) -> list[str]:
    """`nbgrader autograde intro`, as an instructor runs it."""
    return [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, *options]


def environment() -> dict[str, str]:
    """nbgrader starts `alembic` by name; one thread, so that several graders share the machine."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def autograde(course: Course, *options: str) -> subprocess.CompletedProcess:
    """Run it to its end; output as text."""
    return subprocess.run(
        autograde_command(*options), cwd=course.root, env=environment(), capture_output=True, text=True, timeout=300
    )


def gradebook_contents(course: Course) -> dict[tuple[str, str], tuple]:
    """All that the gradebook holds of each student's cells: marks, comments, what waits for a person."""
    found = {}
    with Gradebook(course.db_url) as gradebook:
        for submission in gradebook.assignment_submissions(course.assignment):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    key = (submission.student.id, grade.name)
                    found[key] = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                for comment in notebook.comments:
                    key = (submission.student.id, f"comment on {comment.name}")
                    found[key] = (comment.auto_comment, comment.manual_comment)
    return found
