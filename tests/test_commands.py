"""`python -m autograder` as a person meets it: sentences instead of tracebacks, and a bundle with nothing too much."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from intro_course import open_intro

from autograder.building import bundle
from autograder.building.audit import leaks
from autograder.building.bundle import write_bundle
from autograder.grading.examination import Examination
from autograder.paths import NOTEBOOKS, ROOT
from autograder.sources import assignments, read_sources
from segkit.errors import CourseError


def autograder(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Run the command line in a folder."""
    call = [sys.executable, "-m", "autograder", *arguments]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["notebooks", "--assignment", "nope"], "There is no assignment 'nope'"),
        (["audit", "--assignment", "nope"], "There is no assignment 'nope'"),
        (["bundle", "--assignment", "nope"], "There is no assignment 'nope'"),
        (["grade"], "There is nothing to grade"),
        (["marks"], "There is no gradebook"),
    ],
)
def test_bad_input_gives_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = autograder(*arguments, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"autograder: {sentence}") and result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())  # asking leaves nothing behind


def test_a_reader_that_has_read_enough_ends_a_command_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    call = [sys.executable, "-m", "autograder", "bundle", "--out", "bundle.zip"]
    result = subprocess.run(call, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, "")  # whoever relies on it (pipefail) must not take it for done


def test_without_an_assignment_all_are_meant(tmp_path: Path) -> None:
    result = autograder("bundle", "--out", "bundle.zip", folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        names = archive.namelist()
    assert all(any(f"/{assignment}/" in name for name in names) for assignment in assignments())


def test_bundle_is_complete_and_gives_nothing_away(tmp_path: Path) -> None:
    write_bundle(None, tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    sources = [source for assignment in assignments() for source in read_sources(assignment)]
    wanted = {f"{source.path.parent.name}/{source.name}.ipynb" for source in sources}
    wanted |= {
        "README.md",
        "transfer/README.md",
        "competition/README.md",
        "requirements.txt",
        "requirements-competition.txt",
        "course.toml",
        "segkit/__init__.py",
        "segkit/recorded/segformer/attention.safetensors",
    }
    assert {f"segformer-course/{name}" for name in wanted} <= names
    assert {Path(name).suffix for name in names} == {".ipynb", ".py", ".md", ".txt", ".toml", ".safetensors", ".json"}
    assert not any("hidden_tests" in name or "solutions" in name for name in names)
    assert leaks(sources, tmp_path / "unpacked") == []


def test_bundle_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_bundle("segformer", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_bundle_of_one_assignment_has_its_notebooks_and_the_whole_library(tmp_path: Path) -> None:
    files = bundle.bundle_files("intro")
    assert [path.as_posix() for path in files if path.suffix == ".ipynb"] == ["intro/01_warmup.ipynb"]
    others = {path for path in set(bundle.bundle_files()) - set(files) if path.suffix != ".ipynb"}
    assert others == {Path("transfer/README.md"), Path("competition/README.md")}  # the pages of other assignments


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `notebooks/` to put things into, which the bundle is made of."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns("__pycache__", "data", "checkpoints", "logs"))
    monkeypatch.setattr(bundle, "NOTEBOOKS", folder)
    return folder


def test_bundle_takes_nothing_that_only_lies_there(notebooks: Path) -> None:
    before = bundle.bundle_files()
    for name in (
        "grades.csv", ".course_secret", "segformer/solution.ipynb", "segformer/marks.db", "segformer/01_data.py",
        "segformer/predictions.csv", "segkit/recorded/segformer/old.safetensors", "segkit/notes.md",
        "segformer/.ipynb_checkpoints/01_data-checkpoint.ipynb", "segformer/checkpoints/last.ckpt",
    ):  # fmt: skip
        (notebooks / name).parent.mkdir(parents=True, exist_ok=True)
        (notebooks / name).write_text("private")
    assert bundle.bundle_files() == before


def test_bundle_refuses_a_notebook_that_was_edited(notebooks: Path, tmp_path: Path) -> None:
    path = notebooks / "segformer" / "02_modules.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].source += "\n# the solution is ..."
    nbformat.write(notebook, path)
    with pytest.raises(CourseError, match=r"^segformer/02_modules\.ipynb in notebooks/ was edited or run since"):
        write_bundle(None, tmp_path / "out" / "bundle.zip")
    assert not (tmp_path / "out").exists()


def test_bundle_refuses_to_be_incomplete(notebooks: Path, tmp_path: Path) -> None:
    (notebooks / "segkit" / "recorded" / "segformer" / "attention.safetensors").unlink()
    with pytest.raises(CourseError, match=r"lacks segkit/recorded/segformer/attention\.safetensors: run `make noteb"):
        write_bundle("intro", tmp_path / "bundle.zip")


def test_bundle_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CourseError, match="is a folder: name the zip to write"):
        write_bundle(None, tmp_path)
    with pytest.raises(CourseError, match="could not be written to"):
        write_bundle(None, tmp_path / "file" / "bundle.zip")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["grades.csv", "gradebook.db", "gradebook.db-journal", "gradebook.db-wal", "submitted/ada/x.ipynb"]
)
def test_git_ignores_what_a_running_course_makes(name: str) -> None:
    call = ["git", "-C", str(ROOT), "check-ignore", "--no-index", name]
    status = subprocess.run(call, capture_output=True, check=False).returncode
    if status == 128:
        pytest.skip("this is no git checkout")
    assert status == 0


def test_environment_yml_takes_the_same_pins() -> None:
    text = (ROOT / "environment.yml").read_text()
    assert "-r requirements-dev.txt" in text and "==" not in text
    students = ("notebooks/requirements.txt", "notebooks/requirements-competition.txt")
    files = [ROOT / name for name in ("requirements.txt", "requirements-dev.txt", *students)]
    lines = [line for path in files for line in path.read_text().splitlines()]
    pinned = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert pinned and all("==" in line for line in pinned)


def test_a_device_that_is_not_there_is_refused_before_grading(tmp_path: Path) -> None:
    course = open_intro(tmp_path / "course", {"ada": []})
    result = autograder("grade", "--assignment", "intro", "--device", "cuda:99", folder=course.root)
    assert result.returncode != 0
    assert "Nothing was graded: the device 'cuda:99' cannot be used here" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(course.root.glob("autograded/*/*/*.ipynb"))


def test_the_secret_is_never_printed() -> None:
    examination = Examination("segformer", {"02_modules": []}, b"top secret", 0)
    assert "top secret" not in repr(examination) + repr(examination.judge("attention", "test_heads"))
