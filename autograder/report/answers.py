"""What students wrote for each task: the cells of its stubs, as triage finds them in what was handed in."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nbformat import NotebookNode
from tqdm import tqdm

from autograder.triage import read_released, triage_submission
from segkit.errors import CourseError

Answers = dict[str, dict[str, dict[str, str]]]
"""By student, notebook and task: source. An untouched stub is no answer."""


def stubs_of(notebook: NotebookNode) -> dict[str, str]:
    """By the id of each stub of a released notebook, its task: the first check after it, which gives the points."""
    found, waiting = {}, []
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and marks.get("solution"):
            waiting.append(marks["grade_id"])
        elif cell.cell_type == "code" and marks.get("grade"):
            found |= dict.fromkeys(waiting, marks["grade_id"])
            waiting = []
    return found


def cells_by_id(notebook: NotebookNode) -> dict[str, str]:
    """The sources of a notebook's cells that nbgrader knows, by its id of them."""
    marked = ((cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source) for cell in notebook.cells)
    return {name: source for name, source in marked if name}


def read_answers(root: Path, assignment: str, students: Iterable[str]) -> tuple[Answers, Mapping[str, str]]:
    """The answers of these students, and the released text of each notebook's stubs.

    Raises:
        CourseError: if there are no released notebooks to compare with.
    """
    released = read_released(root / "notebooks" / assignment)
    stubs = {name: stubs_of(notebook) for name, notebook in released.items()}
    given = {name: cells_by_id(notebook) for name, notebook in released.items()}
    answers: Answers = {}
    for student in tqdm(list(students), desc="reading submissions", unit="submission"):
        if Path(student).name != student:
            continue  # no folder of the course
        triaged = triage_submission(root / "submitted" / student / assignment, released)
        answers[student] = {
            name: _answers(cells_by_id(one.notebook), stubs[name], given[name])
            for name, one in triaged.notebooks.items()
            if one.unreadable is None
        }
    texts = {name: "\n".join(given[name][cell] for cell in stubs[name]) for name in released}
    return answers, texts


def _answers(cells: dict[str, str], stubs: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for cell, task in stubs.items():
        source = cells.get(cell, "")
        if source.strip() and source.strip() != given[cell].strip():
            found[task] = f"{found[task]}\n\n\n{source}" if task in found else source
    return found


def expected_code(assignment: str, notebook: str) -> str:
    """What the reference writes in a notebook's stubs; nothing if the course has no source of it."""
    from autograder.sources import read_sources

    try:
        sources = read_sources(assignment)
    except CourseError:
        return ""
    return "\n".join(
        cell.source for source in sources if source.name == notebook for cell in source.cells if cell.role == "stub"
    )
