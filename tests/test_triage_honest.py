"""What was done as it should be comes out as it went in, whatever program saved it. Also: helpers of the other tests.

A released notebook and an honestly completed one must not be changed, and nothing must be said about them.
"""

import copy
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader.nbgraderformat import MetadataValidator

from autograder.completion import complete
from autograder.paths import NOTEBOOKS
from autograder.sources import read_sources
from autograder.triage import TriagedNotebook, TriagedSubmission, read_released, triage_submission
from segkit.errors import CourseError

ASSIGNMENT = "segformer"
RELEASED = read_released(NOTEBOOKS / ASSIGNMENT)
NAMES = list(RELEASED)
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ANSWER = "Because $a < b$ and $$\\sum_{i<j} x_i & y$$, *overlap* matters:\n\n> a quote\n\n* `x < y`\n* 3 > 2 & so on"


@cache
def _completed(name: str) -> NotebookNode:
    notebook = copy.deepcopy(RELEASED[name])
    complete(notebook, next(source for source in read_sources(ASSIGNMENT) if source.name == name))
    for cell in notebook.cells:
        if role(cell) == "answer":
            cell.source = ANSWER
    return notebook


def completed(name: str = "02_modules") -> NotebookNode:
    """The released notebook, honestly filled in; a copy to spoil."""
    return copy.deepcopy(_completed(name))


def role(cell: NotebookNode) -> str:
    marks = cell.metadata.get("nbgrader", {})
    if marks.get("solution"):
        return "answer" if marks.get("grade") else "stub"
    return "check" if marks.get("grade") else "other"


def graded(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell with that grade id."""
    [cell] = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id]
    return cell


def index(notebook: NotebookNode, grade_id: str) -> int:
    return next(i for i, cell in enumerate(notebook.cells) if cell is graded(notebook, grade_id))


def hand_in(root: Path, files: dict[str, NotebookNode | dict | str | bytes], student: str = "anna") -> Path:
    """Put files, by path below the student's folder, under `submitted/<student>`; the assignment's folder."""
    base = root / "submitted" / student
    for place, content in files.items():
        path = base / place
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return base / ASSIGNMENT


def valid(submission: TriagedSubmission, names: Sequence[str] = NAMES) -> TriagedSubmission:
    """The submission, after looking at all that must hold whatever was handed in."""
    assert list(submission.notebooks) == list(names)
    for name, triaged in submission.notebooks.items():
        notebook = triaged.notebook
        assert triaged.name == name
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        checked = copy.deepcopy(notebook)
        nbformat.validate(checked)
        assert checked == notebook  # nbformat may set right what it validates
        MetadataValidator().validate_nb(notebook)
        ids = [cell.id for cell in notebook.cells]
        assert len(set(ids)) == len(ids)
        nbformat.writes(notebook).encode("utf-8")
        assert notebook.metadata == RELEASED[name].metadata
        expected = {cell.metadata.nbgrader.grade_id: cell for cell in RELEASED[name].cells if role(cell) != "other"}
        found = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
        for grade_id, cell in expected.items():
            if grade_id in found or role(cell) != "stub":
                assert found[grade_id].metadata.nbgrader == cell.metadata.nbgrader
                assert found[grade_id].cell_type == cell.cell_type
                assert found[grade_id].metadata.get("tags") == cell.metadata.get("tags")
                if role(cell) == "check":
                    assert found[grade_id].source == cell.source
                    assert found[grade_id].outputs == []
        assert set(found) <= set(expected)
        if triaged.unreadable is not None:
            assert triaged.notebook == RELEASED[name]
            assert triaged.notebook is not RELEASED[name]
            assert triaged.repairs == []
        for sentence in [*triaged.repairs, *([triaged.unreadable] if triaged.unreadable else [])]:
            is_sentence(sentence)
    for note in submission.notes:
        is_sentence(note)
    return submission


def is_sentence(text: str) -> None:
    assert text.isprintable() and text.endswith(".") and not text.startswith(" "), text
    assert len(text) < 1500
    assert "please report this" not in text, text
    text.encode("utf-8")


def triage(root: Path, files: dict, student: str = "anna") -> TriagedSubmission:
    """Hand in and triage; nothing of what was handed in is changed."""
    folder = hand_in(root, files, student)
    before = {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    submission = valid(triage_submission(folder, RELEASED))
    assert before == {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    return submission


def triage_one(root: Path, content: NotebookNode | dict | str | bytes, name: str = "02_modules") -> TriagedNotebook:
    """Hand in one file under its right name."""
    return triage(root, {f"{ASSIGNMENT}/{name}.ipynb": content}).notebooks[name]


def sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def plain(notebook: NotebookNode) -> dict:
    """The notebook as the JSON of a file."""
    return json.loads(nbformat.writes(notebook))


def as_is(notebook: NotebookNode) -> dict:
    return plain(notebook)


def as_format_4_4(notebook: NotebookNode) -> dict:
    saved = plain(notebook)
    saved["nbformat_minor"] = 4
    for cell in saved["cells"]:
        del cell["id"]
    return saved


def as_colab(notebook: NotebookNode) -> dict:
    """Colab's keys: no cell ids, an id in the metadata, ids of outputs, its own entry for the notebook."""
    saved = as_format_4_4(notebook)
    saved["nbformat_minor"] = 0
    saved["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True, "gpuType": "T4"},
        "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(saved["cells"]):
        cell["metadata"] |= {"id": f"Ab{number}_xY-z"}
        if cell["cell_type"] == "code":
            cell["metadata"] |= {
                "outputId": "6f1e-4c", "executionInfo": {"status": "ok", "timestamp": 17, "user": {"userId": "0"}},
                "colab": {"base_uri": "https://localhost:8080/"},
            }  # fmt: skip
            cell["execution_count"] = number
    return saved


def as_vs_code(notebook: NotebookNode) -> dict:
    saved = plain(notebook)
    saved["metadata"] |= {
        "kernelspec": {"display_name": "segformer-env", "language": "python", "name": "python3"},
        "language_info": {"codemirror_mode": {"name": "ipython", "version": 3}, "name": "python", "version": "3.12.4"},
        "vscode": {"interpreter": {"hash": "31f2aee4"}},
    }
    for cell in saved["cells"]:
        cell["metadata"] |= {"vscode": {"languageId": "python"}}
    return saved


def as_windows(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).replace("\n", "\r\n").encode("utf-8")


@pytest.mark.parametrize("save", [as_is, as_format_4_4, as_colab, as_vs_code, as_windows])
@pytest.mark.parametrize("work", [lambda name: copy.deepcopy(RELEASED[name]), completed], ids=["released", "completed"])
def test_honest_notebooks_are_left_as_they_are(tmp_path, save, work):
    notebooks = {name: work(name) for name in NAMES}
    submission = triage(tmp_path, {f"{ASSIGNMENT}/{name}.ipynb": save(work(name)) for name in NAMES})
    assert submission.notes == [] and submission.refused_files == []
    for name, notebook in notebooks.items():
        triaged = submission.notebooks[name]
        assert triaged.unreadable is None and triaged.repairs == []
        assert sources(triaged.notebook) == sources(notebook)
        assert [cell.metadata for cell in triaged.notebook.cells] == [cell.metadata for cell in notebook.cells]
        assert [cell.id for cell in triaged.notebook.cells] == [cell.id for cell in notebook.cells]


def test_plots_logs_and_own_cells_stay(tmp_path):
    notebook = completed()
    table = '<table border="1" class="dataframe"><thead><tr><th></th><th>loss</th></tr></thead></table>'
    outputs = [
        new_output("stream", text="epoch 3, loss \x1b[31m0.1\x1b[0m\n"),
        new_output("stream", name="stderr", text="100%|████| 3/3\n"),
        new_output("display_data", data={"image/png": PNG + "\n", "text/plain": "<Figure size 640x480>"}),
        new_output("execute_result", data={"text/html": table, "text/plain": "   loss"}, execution_count=3),
        new_output("error", ename="ValueError", evalue="a\nb", traceback=["\x1b[0;31mValueError\x1b[0m", "a < b"]),
    ]
    cell = next(cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", []))
    cell.outputs, cell.execution_count = copy.deepcopy(outputs), 7
    notebook.cells.insert(9, new_code_cell("mine = 3", id="mine", metadata={"tags": ["experiment"]}))
    notebook.cells.insert(10, new_markdown_cell("My note: $x<y$, see ![figure](attachment:a.png).", id="note"))
    notebook.cells[10].attachments = {"a.png": {"image/png": PNG}}
    triaged = triage_one(tmp_path, notebook)
    assert triaged.repairs == []
    assert triaged.notebook.cells == notebook.cells


def test_the_same_input_gives_the_same_output(tmp_path):
    notebook = as_format_4_4(completed())
    notebook["cells"] = notebook["cells"][::-1] + notebook["cells"][:9]
    first = triage_one(tmp_path / "a", notebook)
    assert first == triage_one(tmp_path / "b", notebook)


def test_a_notebook_takes_well_under_a_tenth_of_a_second(tmp_path):
    folder = hand_in(tmp_path, {f"{ASSIGNMENT}/{name}.ipynb": plain(completed(name)) for name in NAMES})
    triage_submission(folder, RELEASED)
    started = time.thread_time()
    triage_submission(folder, RELEASED)
    assert time.thread_time() - started < 0.1 * len(NAMES)


def test_a_release_that_cannot_be_read_stops_with_a_sentence(tmp_path):
    with pytest.raises(CourseError, match=r"There are no released notebooks in .* run `make release`"):
        read_released(tmp_path / "nothing")
    (tmp_path / "01_data.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match=r"01_data.ipynb cannot be read .* run `make release`"):
        read_released(tmp_path)
