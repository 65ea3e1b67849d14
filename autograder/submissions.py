"""Reading what was handed in: the cells that define something, by notebook."""

import json
from pathlib import Path

from autograder.paths import ROOT
from autograder.reference import reference_cells
from segkit.errors import CourseError
from segkit.student import Cell, code_cells


def candidate_cells(folder: Path, assignment: str) -> dict[str, list[Cell]]:
    """The cells of a folder of notebooks, or of a folder of sources such as `solutions`.

    Raises:
        CourseError: if there is neither in it.
    """
    folder = folder if folder.exists() else ROOT / folder
    inner = folder / assignment if (folder / assignment).is_dir() else folder
    if list(inner.glob("[0-9]*.py")):
        return reference_cells(inner.name, inner.parent)
    cells = notebook_cells(inner)
    if not cells:
        raise CourseError(f"There are no notebooks in {inner}: give the folder that holds 01_*.ipynb and so on.")
    return cells


def notebook_cells(folder: Path) -> dict[str, list[Cell]]:
    """The cells of each readable notebook of a folder; a broken file counts as one without cells."""
    return {path.stem: code_cells(_read(path)) for path in sorted(folder.glob("*.ipynb"))}


def _read(path: Path) -> dict:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return notebook if isinstance(notebook, dict) else {}
