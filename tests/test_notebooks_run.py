"""Every student notebook, completed with the reference, runs top to bottom from the bundle alone.

`test_student_in_jupyterlab.py` runs those that are named there.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from executed import IN_JUPYTERLAB, require_clean_run
from nbformat.v4 import new_code_cell

from autograder.building.bundle import write_bundle
from autograder.completion import complete_assignment
from autograder.sources import assignments, read_sources

NOTEBOOKS = [
    (assignment, source.name)
    for assignment in assignments()
    for source in read_sources(assignment)
    if assignment != "segformer" or source.name not in IN_JUPYTERLAB
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked student bundle with the completed notebooks of all assignments; the data is the drawn sample."""
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(None, folder / "bundle.zip")
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        archive.extractall(folder)
    for assignment in assignments():
        complete_assignment(assignment, folder / "segformer-course" / assignment)
    return folder / "segformer-course"


def run(notebook: Path) -> subprocess.CompletedProcess:
    """`jupyter execute`, in the notebook's folder, without this repository's settings."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DATA", "PYTHONPATH")}
    call = [sys.executable, "-m", "jupyter", "execute", "--inplace", "--timeout=600", notebook.name]
    return subprocess.run(call, cwd=notebook.parent, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("assignment", "name"), NOTEBOOKS)  # in order: a later one builds on what an earlier one saved
def test_notebook_runs_top_to_bottom(bundle: Path, assignment: str, name: str) -> None:
    result = run(bundle / assignment / f"{name}.ipynb")
    assert result.returncode == 0, result.stderr[-3000:]
    executed = nbformat.read(bundle / assignment / f"{name}.ipynb", as_version=4)
    require_clean_run(executed)


def test_segkit_comes_from_the_bundle(bundle: Path) -> None:
    folder = bundle / "segformer"
    notebook = nbformat.read(folder / "02_modules.ipynb", as_version=4)
    first = next(index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    question = "import segkit\nprint(segkit.__file__)"
    notebook.cells = [*notebook.cells[: first + 1], new_code_cell(question)]
    nbformat.write(notebook, folder / "where.ipynb")
    assert run(folder / "where.ipynb").returncode == 0
    answer = nbformat.read(folder / "where.ipynb", as_version=4).cells[-1].outputs[0].text
    assert Path(answer.strip()).is_relative_to(bundle)


def test_wrong_answer_gives_a_sentence_and_no_traceback_of_ours(bundle: Path) -> None:
    folder = bundle / "segformer"
    notebook = nbformat.read(folder / "02_modules.ipynb", as_version=4)
    last = next(index for index, cell in enumerate(notebook.cells) if cell.source == 'check("attention")')
    notebook.cells = notebook.cells[: last + 1]
    for cell in notebook.cells:
        if cell.source.startswith("class EfficientSelfAttention"):
            cell.source = cell.source.replace("channels // num_heads", "channels")
    nbformat.write(notebook, folder / "wrong.ipynb")
    call = [sys.executable, "-m", "jupyter", "execute", "--inplace", "--allow-errors", "wrong.ipynb"]
    subprocess.run(call, cwd=folder, capture_output=True, text=True, check=True)
    cells = nbformat.read(folder / "wrong.ipynb", as_version=4).cells
    outputs = next(cell.outputs for cell in cells if cell.source == 'check("attention")')
    error = next(output for output in outputs if output.output_type == "error")
    assert "four heads" in error.evalue and "times the spread" in error.evalue
    assert error.traceback == [error.evalue]
    table = next(output.data for output in outputs if output.output_type == "display_data")
    assert "✓ one head, no reduction" in table["text/plain"] and "<table>" in table["text/html"]
