"""A gradebook of a few students as grading leaves it, for tests of what is made of it, in a second.

ada has everything and a bonus that must not count above the maximum, bo is late and waits for a mark by hand, the group
tigers (cy, who also handed in alone, and dan, whom the gradebook does not know) has handed in together, eve nothing.
"""

import logging
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder.groups.file import GROUPS_FILE
from autograder.paths import find_programs_beside_interpreter

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
CELLS = {"patches": (8, "code"), "q1": (2, "markdown"), "extra": (0, "code")}
STUDENTS = {
    "ada": {"first_name": "Ada", "last_name": "Lovelace", "email": "Ada@uni.example", "lms_user_id": "101"},
    "bo": {"first_name": '=HYPERLINK("http://x")', "last_name": "+Bo", "email": "bo@uni.example"},
    "cy": {"first_name": "Cy", "last_name": "Löwe, the younger", "email": "cy@uni.example"},
    "tigers": {},
    "eve": {"email": "eve@uni.example"},
}
EARNED = {"ada": (8, 2, 3), "bo": (4.5, None, 0), "tigers": (6, 1, 0), "cy": (0, 0, 0)}  # None: not marked yet
SCORES = {"ada": "10.00", "bo": "3.50", "cy": "7.00", "dan": "7.00", "eve": "0.00"}


def write_gradebook(root: Path) -> Gradebook:
    """The gradebook of a course in `root`, whose groups stand beside it. Use it as a context manager."""
    find_programs_beside_interpreter()
    (root / GROUPS_FILE).write_text("group,student\ntigers,cy\ntigers,dan\n")
    gradebook = Gradebook(f"sqlite:///{root / 'gradebook.db'}")
    gradebook.add_assignment(ASSIGNMENT)
    gradebook.add_notebook(NOTEBOOK, ASSIGNMENT)
    for name, (maximum, kind) in CELLS.items():
        gradebook.add_grade_cell(name, NOTEBOOK, ASSIGNMENT, max_score=maximum, cell_type=kind)
    for student, about in STUDENTS.items():
        gradebook.add_student(student, **about)
    for student, earned in EARNED.items():
        _hand_in(gradebook, student, dict(zip(CELLS, earned, strict=True)))
    return gradebook


def _hand_in(gradebook: Gradebook, student: str, earned: dict[str, float | None]) -> None:
    [notebook] = gradebook.add_submission(ASSIGNMENT, student).notebooks
    notebook.late_submission_penalty = 1 if student == "bo" else 0
    for grade in notebook.grades:
        grade.manual_score, grade.needs_manual_grade = earned[grade.name], earned[grade.name] is None
    gradebook.db.commit()


def exported(
    template: str | bytes | None = None,
    *,
    plugin: type,
    root: Path,
    scratch: Path,
    caplog: pytest.LogCaptureFixture,
    **options: str,
) -> tuple[str, str]:
    """What an export plug-in writes about the course in `root`, on a template if there is one, and its remarks."""
    if template is not None:
        (scratch / "in.csv").write_bytes(template if isinstance(template, bytes) else template.encode())
        options["template"] = str(scratch / "in.csv")
    exporter = plugin(to=str(scratch / "out.csv"), **options)
    exporter.log = logging.getLogger("export")
    caplog.clear()
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        exporter.export(gradebook)
    return (scratch / "out.csv").read_bytes().decode(), caplog.text
