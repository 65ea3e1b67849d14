"""`python -m autograder` as a person meets it: sentences instead of tracebacks, and a bundle with nothing too much."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.audit import leaks
from autograder.bundle import write_bundle
from autograder.examination import Examination
from autograder.grading import grade_notebook
from autograder.paths import ROOT
from autograder.sources import read_sources
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
        (["bundle", "--assignment", "nope"], "There are no notebooks in notebooks/nope"),
        (["grade"], "There is nothing to grade"),
        (["marks"], "There is no gradebook"),
    ],
)
def test_bad_input_gives_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = autograder(*arguments, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"autograder: {sentence}") and result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())  # asking leaves nothing behind


def test_bundle_is_complete_and_gives_nothing_away(tmp_path: Path) -> None:
    write_bundle("segformer", tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    sources = read_sources("segformer")
    wanted = {f"segformer/{source.name}.ipynb" for source in sources}
    wanted |= {"README.md", "requirements.txt", "segkit/__init__.py", "segkit/recorded/segformer/attention.safetensors"}
    assert {f"segformer-course/{name}" for name in wanted} <= names
    assert {Path(name).suffix for name in names} == {".ipynb", ".py", ".md", ".txt", ".safetensors"}
    assert not any("hidden_tests" in name or "solutions" in name for name in names)
    assert leaks(sources, tmp_path / "unpacked") == []


def test_bundle_is_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_bundle("segformer", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_environment_yml_takes_the_same_pins() -> None:
    text = (ROOT / "environment.yml").read_text()
    assert "-r requirements-dev.txt" in text and "==" not in text
    files = [ROOT / name for name in ("requirements.txt", "requirements-dev.txt", "notebooks/requirements.txt")]
    lines = [line for path in files for line in path.read_text().splitlines()]
    pinned = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert pinned and all("==" in line for line in pinned)


@pytest.mark.parametrize("device", ["cuda:99", "gpu7"])
def test_a_device_that_is_not_there_is_refused_before_grading(device: str) -> None:
    with pytest.raises(CourseError, match="Nothing was graded"):
        grade_notebook("segformer", "02_modules", {"02_modules": []}, b"secret", device=device)


def test_the_secret_is_never_printed() -> None:
    examination = Examination("segformer", {"02_modules": []}, b"top secret", 0)
    assert "top secret" not in repr(examination) + repr(examination.judge("attention", "test_heads"))
