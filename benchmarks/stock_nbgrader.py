"""The same class as nbgrader grades it by itself: each notebook in a kernel of its own, one after the other.

Only what our grader loads is run: definitions and the cells between them. Experiments (training, plots) and checks, and
with them all tests, are taken out, in the assignment as in the submissions.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.building.build import write_instructor_notebooks
from autograder.paths import NOTEBOOKS

CONFIG = """c = get_config()
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.root = {root!r}
c.Exchange.course_id = "stock"
"""


def stock_course(root: Path, assignment: str, submissions: list[Path]) -> None:
    """A course with nbgrader's own settings in `root`, and these submissions (`submitted/<student>/<assignment>`)."""
    root.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root)))
    source = root / "source" / assignment
    write_instructor_notebooks(assignment, source)
    for path in source.glob("*.ipynb"):
        _strip(path, path)
    _nbgrader(root, "generate_assignment", assignment)
    for folder in submissions:
        for path in folder.glob("*.ipynb"):
            target = root / "submitted" / folder.parent.name / assignment / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            _strip(path, target)


def grade_stock(root: Path, assignment: str) -> float:
    """Seconds that `nbgrader autograde` takes."""
    started = time.monotonic()
    _nbgrader(root, "autograde", assignment)
    return time.monotonic() - started


def _strip(path: Path, target: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and (_is_check(cell) or cell.metadata.get("tags")):
            cell.source = "pass"
    nbformat.write(notebook, target)


def _is_check(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("grade")) and not about.get("solution")


def _nbgrader(root: Path, command: str, assignment: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(NOTEBOOKS), "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-m", "nbgrader", command, assignment]
    run = subprocess.run(call, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:  # also where it gave up one submission only: the time would be of less than the class
        raise SystemExit(f"nbgrader {command}: {run.stderr[-2000:]}")
