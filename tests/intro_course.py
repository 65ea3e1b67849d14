"""A course with the assignment `intro` and a few submissions, for tests of the grader as a whole."""

import os
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.completion import Mistake, complete_assignment
from autograder.course.course import Course
from autograder.demo import open_course

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
ORDER = Mistake("patches column by column", NOTEBOOK, "image_to_patches", "0, 2, 4, 1, 3, 5", "0, 4, 2, 1, 3, 5")
BIASED = Mistake("the other variance", NOTEBOOK, "normalize_channels", "correction=0", "correction=1")
LAYERLESS = Mistake("no layer", NOTEBOOK, "PixelLinear", "nn.Linear(in_channels, out_channels)", "nn.Identity()")
CLASS = {"ada": [], "bo": [ORDER], "cy": [BIASED], "di": [LAYERLESS], "eve": [ORDER, BIASED, LAYERLESS]}


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
