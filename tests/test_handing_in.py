"""`segkit.submit`: what is in the zip that a student hands in, and what the student is told before."""

import json
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime
from hashlib import sha256

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autograder.completion import complete
from autograder.paths import NOTEBOOKS
from autograder.sources import assignments, read_sources
from segkit import CourseError, handing_in, submit
from segkit.assignments import NOTEBOOKS as EXPECTED


def run_through(notebook):
    """Give the cells of a notebook the numbers that running them from the top gives."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count


@pytest.fixture
def warmup(tmp_path):
    """A folder with the warm-up completed and run, and the notebook in it."""
    source = read_sources("intro")[0]
    notebook = nbformat.read(NOTEBOOKS / "intro/01_warmup.ipynb", as_version=4)
    complete(notebook, source)
    run_through(notebook)
    save(tmp_path, notebook)
    return tmp_path, notebook


def save(folder, notebook):
    nbformat.write(notebook, folder / "01_warmup.ipynb")


def cell_named(notebook, name):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def only_zip(folder):
    (path,) = folder.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_expects_the_notebooks_that_the_course_has():
    assert {name: tuple(source.name for source in read_sources(name)) for name in assignments()} == EXPECTED


def test_a_finished_notebook_is_handed_in_as_it_is_and_without_a_warning(warmup, capsys):
    folder, _ = warmup
    submit(student="ada", folder=folder)
    files, said = only_zip(folder), capsys.readouterr().out
    assert next(folder.glob("*.zip")).stat().st_mode & 0o077 == 0, "nobody else's to read"
    receipt = json.loads(files["handin.json"])
    assert files["01_warmup.ipynb"] == (folder / "01_warmup.ipynb").read_bytes()
    assert receipt["files"] == {"01_warmup.ipynb": sha256(files["01_warmup.ipynb"]).hexdigest()}
    assert (receipt["format"], receipt["assignment"], receipt["student"]) == (1, "intro", "ada")
    assert receipt["group"] is None and datetime.fromisoformat(receipt["time"]).tzinfo is not None
    assert "intro of ada" in said and "Look at" not in said


def test_nothing_but_notebooks_receipt_and_a_wanted_model_is_in_it(warmup):
    folder, _ = warmup
    for name in ("results", "data"):
        (folder / name).mkdir()
        (folder / name / "model.safetensors").write_bytes(b"weights")
        (folder / name / "settings.json").write_text("{}")
    submit(student="ada", folder=folder)
    assert set(only_zip(folder)) == {"handin.json", "01_warmup.ipynb"}
    next(folder.glob("*.zip")).unlink()
    submit(student="ada", folder=folder, checkpoint=True)
    results = {"results/model.safetensors", "results/settings.json"}
    assert set(only_zip(folder)) == {"handin.json", "01_warmup.ipynb", *results}
    shutil.rmtree(folder / "results")
    with pytest.raises(CourseError, match=r"no trained model .*run save_results"):
        submit(student="ada", folder=folder, checkpoint=True)


def test_the_id_may_be_given_without_its_name(warmup):
    folder, _ = warmup
    submit("ada", folder=folder)
    assert json.loads(only_zip(folder)["handin.json"])["student"] == "ada"


def test_the_group_stands_in_the_receipt_with_all_members(warmup, capsys):
    folder, _ = warmup
    submit(student="ada", group="tigers", members=["grace", "ada"], folder=folder)
    receipt = json.loads(only_zip(folder)["handin.json"])
    assert (receipt["group"], receipt["members"]) == ("tigers", ["ada", "grace"])
    assert "group tigers (ada, grace)" in capsys.readouterr().out


def unwritten(notebook):
    released = nbformat.read(NOTEBOOKS / "intro/01_warmup.ipynb", as_version=4)
    cell_named(notebook, "PixelLinear-stub").source = cell_named(released, "PixelLinear-stub").source


def unanswered(notebook):
    cell_named(notebook, "q1").source = " *Your answer here.*\n"


def out_of_order(notebook):
    first, second = (cell for cell in notebook.cells if cell.get("execution_count") in (2, 3))
    first.execution_count, second.execution_count = 3, 2


def not_run(notebook):
    next(cell for cell in notebook.cells if cell.get("execution_count") == 4).execution_count = None


def cleared(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = None


def failed(notebook):
    cell = cell_named(notebook, "pixel_linear")
    cell.outputs = [nbformat.v4.new_output("error", ename="CheckFailed", evalue="", traceback=[])]


@pytest.mark.parametrize(
    ("change", "cell", "words"),
    [
        (unwritten, "PixelLinear-stub", "PixelLinear in cell {} is not written yet."),
        (unanswered, "q1", "The answer q1 in cell {} is empty."),
        (out_of_order, None, "ran before cell"),
        (not_run, None, "was not run."),
        (cleared, None, "No cell was run"),
        (failed, "pixel_linear", "Cell {} ended with an error."),
    ],
)
def test_what_may_be_missing_is_said_and_handed_in_all_the_same(warmup, capsys, change, cell, words):
    folder, notebook = warmup
    if cell:
        words = words.format(notebook.cells.index(cell_named(notebook, cell)) + 1)
    change(notebook)
    save(folder, notebook)
    submit(student="ada", folder=folder)
    said = capsys.readouterr().out
    assert "Look at 1 thing before" in said and words in said
    assert "01_warmup.ipynb" in only_zip(folder)


def test_a_bonus_need_not_be_written_and_the_cell_that_hands_in_need_not_have_run(tmp_path, capsys):
    source = next(source for source in read_sources("segformer") if source.name == "03_model")
    notebook = nbformat.read(NOTEBOOKS / "segformer/03_model.ipynb", as_version=4)
    stub = cell_named(notebook, "FastMLPDecoder-stub").source
    complete(notebook, source)
    cell_named(notebook, "FastMLPDecoder-stub").source = stub
    run_through(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell('from segkit import submit\nsubmit(student="ada")'))
    nbformat.write(notebook, tmp_path / "03_model.ipynb")
    submit(student="ada", folder=tmp_path)
    said = capsys.readouterr().out
    assert "01_data.ipynb is missing" in said and "03_model.ipynb:" not in said


@pytest.fixture
def shell(monkeypatch):
    """A session of IPython, as a notebook has it; afterwards this process is none any more."""
    for prompt in ("ps1", "ps2", "ps3"):
        monkeypatch.setattr(sys, prompt, "", raising=False)
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"hist_file": ":memory:"}}))
    yield shell
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


def test_a_cell_edited_after_it_ran_in_this_session_is_said(tmp_path, capsys, shell):
    ran = [nbformat.v4.new_code_cell(f"x = {number}") for number in range(4)]
    for count, cell in enumerate(ran, start=1):
        shell.run_cell(cell.source, store_history=True)
        cell.execution_count = count
    save(tmp_path, nbformat.v4.new_notebook(cells=ran))
    submit(student="ada", folder=tmp_path)
    assert "Look at" not in capsys.readouterr().out
    ran[2].source = "x = 200"
    save(tmp_path, nbformat.v4.new_notebook(cells=ran))
    submit(student="ada", folder=tmp_path)
    assert "01_warmup.ipynb: Cell 3 was edited after running" in capsys.readouterr().out
    for cell in ran:
        cell.source = "another notebook's"
    save(tmp_path, nbformat.v4.new_notebook(cells=ran))
    submit(student="ada", folder=tmp_path)
    assert "edited after running" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[]", b'{"cells": 3}', b"[" * 100_000])
def test_a_broken_notebook_is_said_and_handed_in(tmp_path, capsys, content):
    (tmp_path / "01_warmup.ipynb").write_bytes(content)
    submit(student="ada", folder=tmp_path)
    assert "cannot be read as a notebook" in capsys.readouterr().out
    assert only_zip(tmp_path)["01_warmup.ipynb"] == content


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"student": "../ada"}, "cannot be the id"),
        ({"student": ""}, "cannot be the id"),
        ({"student": 4711}, "4711 cannot be the id"),
        ({"student": "ada", "group": "a/b"}, "cannot be the id of a student or the name of a group"),
        ({"student": "ada", "members": ["bo"]}, "no group"),
        ({"student": "ada", "group": "tigers", "members": "bo"}, "list of ids"),
        ({"student": "ada", "assignment": "outro"}, 'no assignment "outro"'),
        ({"student": "ada", "folder": "nowhere"}, "no notebook of the course"),
        ({"student": "ada", "assignment": "segformer"}, "None of the notebooks of segformer"),
    ],
)
def test_what_cannot_be_handed_in_is_one_sentence_and_writes_nothing(warmup, arguments, words):
    folder, _ = warmup
    with pytest.raises(CourseError, match=words):
        submit(**{"folder": folder} | arguments)
    assert not list(folder.glob("*.zip"))


def test_large_outputs_are_left_out_only_where_the_zip_would_be_too_large(warmup, capsys, monkeypatch):
    folder, notebook = warmup
    noise = "".join(sha256(str(number).encode()).hexdigest() for number in range(5_000))
    cell_named(notebook, "pixel_linear").outputs = [nbformat.v4.new_output("stream", text=noise)]
    save(folder, notebook)
    submit(student="ada", folder=folder)
    assert noise.encode() in only_zip(folder)["01_warmup.ipynb"]
    next(folder.glob("*.zip")).unlink()
    monkeypatch.setattr(handing_in, "MAX_BYTES", 100_000)
    submit(student="ada", folder=folder)
    handed_in = nbformat.reads(only_zip(folder)["01_warmup.ipynb"].decode(), as_version=4)
    assert "was left out" in cell_named(handed_in, "pixel_linear").outputs[0].text
    assert [cell.source for cell in handed_in.cells] == [cell.source for cell in notebook.cells]
    assert "1 very large outputs were left out" in capsys.readouterr().out


def test_what_is_too_large_even_so_is_refused(warmup, monkeypatch):
    folder, _ = warmup
    monkeypatch.setattr(handing_in, "MAX_BYTES", 1_000)
    with pytest.raises(CourseError, match=r"01_warmup\.ipynb is the largest"):
        submit(student="ada", folder=folder)
    assert [path.name for path in folder.iterdir()] == ["01_warmup.ipynb"]


def test_an_interrupted_run_leaves_nothing(warmup, monkeypatch):
    folder, _ = warmup

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "writestr", interrupted)
    with pytest.raises(KeyboardInterrupt):
        submit(student="ada", folder=folder)
    assert [path.name for path in folder.iterdir()] == ["01_warmup.ipynb"]


def test_it_works_without_the_autograder_and_without_torch(warmup):
    folder, _ = warmup
    code = (
        "import sys; sys.modules['torch'] = sys.modules['autograder'] = None\n"
        "from segkit import submit; submit(student='ada')"
    )
    environment = {"PYTHONPATH": str(NOTEBOOKS)}
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "") and "01_warmup.ipynb" in only_zip(folder)
