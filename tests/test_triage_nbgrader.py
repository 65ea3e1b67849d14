"""What triage gives, nbgrader takes as it is: its own preprocessors change nothing more and do not stop."""

import copy
import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.preprocessors import CheckCellMetadata, DeduplicateIds, OverwriteCells, OverwriteKernelspec
from nbgrader.utils import determine_grade
from test_triage_honest import (
    ANSWER,
    ASSIGNMENT,
    NAMES,
    RELEASED,
    as_colab,
    completed,
    graded,
    index,
    plain,
    role,
    triage,
)

from autograder.building.build import build_student_notebooks


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory) -> str:
    """The address of a gradebook that knows the release."""
    root = tmp_path_factory.mktemp("gradebook")
    url = f"sqlite:///{root / 'gradebook.db'}"
    build_student_notebooks(ASSIGNMENT, root / "notebooks", url)
    return url


def untouched(name):
    return copy.deepcopy(RELEASED[name])


def stripped(name):
    saved = as_colab(completed(name))
    for cell in saved["cells"]:
        cell["metadata"] = {}
    return saved


def doubled(name):
    notebook = completed(name)
    notebook.cells += copy.deepcopy(notebook.cells)
    return notebook


def without_graded_cells(name):
    notebook = completed(name)
    notebook.cells = [cell for cell in notebook.cells if role(cell) == "other"]
    return notebook


def nonsense(name):
    saved = plain(completed(name))
    for number, cell in enumerate(saved["cells"]):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= [{"points": 99}, {"schema_version": 1}, {"grade": 3}, {"grade_id": ""}][
                number % 4
            ]
        cell["cell_type"] = ["code", "markdown", "raw"][number % 3]
    return saved


def hostile(name):
    notebook = completed(name)
    for cell in notebook.cells:
        if role(cell) in ("answer", "check"):
            cell.source += "<script>alert(1)</script>\ud83d"
    marks = {"grade": True, "grade_id": "x", "points": 9, "locked": False, "solution": False, "schema_version": 3}
    notebook.cells.insert(1, new_code_cell("1", metadata={"nbgrader": marks}))
    return json.loads(json.dumps(notebook))


@pytest.mark.parametrize("spoil", [untouched, completed, stripped, doubled, without_graded_cells, nonsense, hostile])
def test_nbgrader_changes_nothing_more(tmp_path, gradebook, spoil):
    submission = triage(tmp_path, {f"{ASSIGNMENT}/{name}.ipynb": spoil(name) for name in NAMES})
    for name, triaged in submission.notebooks.items():
        notebook = copy.deepcopy(triaged.notebook)
        resources = {"nbgrader": {"notebook": name, "assignment": ASSIGNMENT, "db_url": gradebook}}
        for step in (DeduplicateIds, OverwriteKernelspec, OverwriteCells, CheckCellMetadata):
            notebook, _ = step().preprocess(notebook, resources)
        assert notebook == triaged.notebook


def test_an_answer_that_was_not_given_earns_nothing_by_itself(tmp_path):
    notebook = completed("05_discussion")
    released = RELEASED["05_discussion"]
    graded(notebook, "q1").source = graded(released, "q1").source + " \n"
    notebook.cells = [cell for cell in notebook.cells if cell is not graded(notebook, "q2")]
    at = index(notebook, "q3")
    notebook.cells[at] = new_markdown_cell(graded(released, "q3").source)
    submission = triage(tmp_path, {f"{ASSIGNMENT}/05_discussion.ipynb": notebook})
    marks = [determine_grade(graded(submission.notebooks["05_discussion"].notebook, f"q{n}"))[0] for n in range(1, 5)]
    assert marks == [0, 0, 0, None]
    assert graded(submission.notebooks["05_discussion"].notebook, "q4").source == ANSWER
