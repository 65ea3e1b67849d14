"""The audit finds what it is there for: each test breaks one thing and sees it said."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.building import audit, record
from autograder.sources import AUTOMATIC, SourceCell, assignments, read_source, read_sources
from segkit.checking.public import Outcome

SOURCE = '''\
# %% [markdown]
# # A notebook

# %%
from segkit import check

# %% role="stub" id="double" task="1.1"
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return sum([x, x], start=0 * x)
    ### END SOLUTION

# %% role="check" id="mix_ffn" points=60
check("mix_ffn")

# %% [markdown] role="answer" id="q1" points=40
# ### BEGIN SOLUTION
# One point for naming the receptive field.
# ### END SOLUTION
'''


@pytest.fixture
def source_with(tmp_path: Path):
    """A small source in which one piece of text is replaced by another."""

    def make(old: str = "", new: str = ""):
        assert old in SOURCE
        path = tmp_path / "02_modules.py"
        path.write_text(SOURCE.replace(old, new) if old else SOURCE)
        return [read_source(path)]

    return make


def test_stub_must_hide_something_and_show_none_of_it(source_with) -> None:
    assert audit.solution_lines_in_stubs(source_with()) == []
    empty = source_with("    return sum([x, x], start=0 * x)\n", "")
    assert "no solution between its markers" in audit.solution_lines_in_stubs(empty)[0]
    shown = source_with('"""Twice x."""', '"""Twice x.\n\n    return sum([x, x], start=0 * x)\n    """')
    assert audit.solution_lines_in_stubs(shown) == [
        '02_modules.py: the stub "double" shows `return sum([x, x], start=0 * x)`.'
    ]


def test_solution_region_in_given_code_is_reported(source_with) -> None:
    wrong = source_with('# %% role="stub" id="double" task="1.1"', "# %%")
    assert 'a cell of role "given" has a solution region' in audit.solution_lines_in_stubs(wrong)[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("helper.py", "def twice(x):\n        return sum([x, x], start=0 * x)\n"),
        ("hints.md", "One point for naming the receptive field.\n"),
        ("one_liner.py", "def twice(x): return sum([x, x], start=0 * x)  # as in the lecture\n"),
        ("quoted.md", "> Marks: *One point for naming the receptive field.*\n"),
        ("page.ipynb", '{"cells": [{"cell_type": "markdown", "metadata": {}, "id": "a", "source": '
         '["Hint:\\n", "    return sum([x, x], start=0 * x)"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'),
    ],
)  # fmt: skip
def test_leaks_are_found_in_any_file(source_with, tmp_path: Path, name: str, text: str) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "clean.py").write_text("x = 1\n")
    assert audit.leaks(source_with(), given) == []
    (given / name).write_text(text)
    [problem] = audit.leaks(source_with(), given)
    assert problem.startswith(f"{name} gives away a line of 02_modules")


@pytest.mark.parametrize(
    "cell", ["print('fine')", "check('decoder')", "check(task)", "# check('mix_ffn')\npass", "x = check('mix_ffn')"]
)
def test_check_cell_must_call_its_check(source_with, cell: str) -> None:
    sources = source_with('check("mix_ffn")', cell)
    [problem] = audit.checks_that_assert_nothing("segformer", sources)
    assert problem == '02_modules.py: the check cell "mix_ffn" does not consist of `check("mix_ffn")`.'


def test_check_that_an_untouched_stub_passes_is_reported(source_with, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit.checks_that_assert_nothing("segformer", source_with()) == []
    monkeypatch.setattr("segkit.checking.notebook.run_check", lambda check, *_: Outcome(check.title, None))
    assert "is passed by the untouched stub" in audit.checks_that_assert_nothing("segformer", source_with())[0]


def test_missing_hidden_test_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = read_sources("segformer")
    assert audit.missing_tests("segformer", sources) == []
    shutil.copytree(audit.HIDDEN_TESTS / "segformer", tmp_path / "segformer")
    (tmp_path / "segformer" / "test_decoder.py").rename(tmp_path / "segformer" / "test_decoders.py")
    monkeypatch.setattr(audit, "HIDDEN_TESTS", tmp_path)
    assert audit.missing_tests("segformer", sources) == [
        'The task "decoder" lacks hidden tests or public checks.',
        'There are tests or checks of "decoders", which is no task.',
    ]


def test_a_task_of_two_assignments_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = {"intro": {"mix_ffn": None}, "segformer": audit.tasks_of("segformer")}
    monkeypatch.setattr(audit, "tasks_of", lambda name: tasks.get(name, {}))
    assert audit.missing_tests("segformer", read_sources("segformer")) == [
        'The assignment intro has a task "mix_ffn" as well: give one of them another id.'
    ]


def test_edited_or_stale_notebook_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(audit.NOTEBOOKS / "segformer", tmp_path / "segformer")
    monkeypatch.setattr(audit, "NOTEBOOKS", tmp_path)
    assert audit.differences_from_rebuild("segformer") == []
    edited = tmp_path / "segformer" / "02_modules.ipynb"
    edited.write_text(edited.read_text().replace("your code goes here", "your code goes there", 1))
    (tmp_path / "segformer" / "01_data.ipynb").unlink()
    assert [problem.split(":")[0] for problem in audit.differences_from_rebuild("segformer")] == [
        "notebooks/segformer/01_data.ipynb was not built from its source",
        "notebooks/segformer/02_modules.ipynb was edited by hand",
    ]


def test_stale_recording_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "intro"
    shutil.copytree(audit.RECORDED / "intro", folder)
    monkeypatch.setattr(audit, "RECORDED", tmp_path)
    assert audit.stale_recordings("intro") == []
    shutil.copyfile(folder / "normalize_channels.safetensors", folder / "pixel_linear.safetensors")
    (folder / "image_to_patches.safetensors").unlink()
    problems = audit.stale_recordings("intro")
    assert [problem.split(":")[0] for problem in problems] == [
        "The recorded answers image_to_patches.safetensors are missing",
        "The recorded answers pixel_linear.safetensors are not the reference's",
    ]


def test_recording_with_other_points_is_reported_as_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(audit.RECORDED / "intro", tmp_path / "intro")
    monkeypatch.setattr(audit, "RECORDED", tmp_path)

    def revalued(cell: SourceCell) -> SourceCell:
        return replace(cell, points=cell.points + 3) if cell.id == "pixel_linear" else cell

    # Copies: what read_sources has read, it keeps for others.
    sources = [replace(source, cells=[*map(revalued, source.cells)]) for source in read_sources("intro")]
    monkeypatch.setattr(record, "read_sources", lambda assignment: sources)
    [worth] = [source.points(AUTOMATIC)["pixel_linear"] for source in read_sources("intro")]
    assert audit.stale_recordings("intro") == [
        f"The recorded answers pixel_linear.safetensors are right, but carry {worth:g} points, the notebook's source "
        f"says {worth + 3:g}: run `make notebooks`."
    ]


def test_recording_with_other_hints_is_reported_as_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As after an edit of a symptom, which is the catalogue's and not the reference's."""
    shutil.copytree(audit.RECORDED / "intro", tmp_path / "intro")
    monkeypatch.setattr(audit, "RECORDED", tmp_path)
    catalogue = record.misconceptions_of

    def reworded(assignment: str, task: str) -> tuple:
        return tuple(
            replace(one, hint="Why?") if task == "pixel_linear" else one for one in catalogue(assignment, task)
        )

    monkeypatch.setattr(record, "misconceptions_of", reworded)
    assert audit.stale_recordings("intro") == [
        "The recorded answers pixel_linear.safetensors are right, but what they say about misconceptions is not that "
        "of the catalogue: run `make notebooks`."
    ]


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("## Task 1.1 · Twice (60 points, 6 minutes)", None),
        ("## Task 1.1 · Twice", None),
        ("## Task 1.1 · Twice (6 points)", "6 points, the cells below it carry 60"),
        ("## Task 1.1 · Twice (1 point, 2 minutes)", "1 points, the cells below it carry 60"),
    ],
)
def test_heading_with_other_points_than_its_check_is_reported(source_with, heading: str, said: str | None) -> None:
    answer = '# %% [markdown] role="answer"'
    headed = source_with(answer, f"# %% [markdown]\n# ## In words\n\n{answer}")[0].path.read_text()
    headed = headed.replace("# # A notebook", f"# {heading}")
    source = source_with(SOURCE, headed)
    title = heading.removeprefix("## ")
    assert audit.headings_with_other_points(source) == (
        [f'02_modules.py: the heading "{title}" says {said}.'] if said else []
    )


def test_the_course_itself_is_clean(tmp_path: Path) -> None:
    """As the command says it, of all assignments: their recorded answers and hints are made anew once, and here."""
    call = [sys.executable, "-m", "autograder", "audit"]
    run = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [f"{name}: nothing to complain about." for name in assignments()]
    assert run.returncode == 0
    assert not list(tmp_path.iterdir())
