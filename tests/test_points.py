"""Points: they add up before anybody is told of them, and marks that were given for other points are not forgotten."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from intro_course import BIASED, set_points, worth
from nbgrader.api import Gradebook

from autograder.building.points import outdated_marks, wrong_points
from autograder.completion import complete_assignment
from autograder.paths import ROOT, find_programs_beside_interpreter
from autograder.sources import AUTOMATIC, BONUSES, BY_HAND, assignments, read_source, read_sources

SOURCE = """\
# %% role="check" id="one" points=6
check("one")

# %% [markdown] role="answer" id="q1" points=4
# ### BEGIN SOLUTION
# Words.
# ### END SOLUTION
"""
# sqlalchemy's are nbgrader's own
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture
def sources_with(tmp_path: Path):
    """A small assignment in which one piece of text is replaced by another."""

    def make(old: str = "points=6", new: str = "points=6"):
        path = tmp_path / "01_small.py"
        path.write_text(SOURCE.replace(old, new))
        return [read_source(path)]

    return make


def test_points_add_up_to_100_or_10(sources_with) -> None:
    assert wrong_points(sources_with()) == []
    assert wrong_points(sources_with("points=6", "points=96")) == []
    assert wrong_points(sources_with("points=6", "points=5.5")) == [
        "The points add up to 9.5, not to 100 or 10: one 5.5, q1 4."
    ]
    assert 'The cell "q1" carries no points.' in wrong_points(sources_with("points=4", "points=0"))


@pytest.mark.parametrize("role", ['"bonus"', '"evaluated" model="01_small.Model"'])
def test_a_bonus_comes_on_top_of_the_sum_and_carries_points_too(sources_with, role: str) -> None:
    bonus = f'id="one" points=6\ncheck("one")\n\n# %% role={role} id="more" points=3'
    assert wrong_points(sources_with('id="one" points=6', bonus)) == []
    assert wrong_points(sources_with('id="one" points=6', bonus.replace("points=3", "points=0"))) == [
        'The cell "more" carries no points.'
    ]
    assert wrong_points(sources_with('id="one" points=6', bonus.replace('id="more"', 'id="q1"'))) == [
        'Two graded cells are called "q1".'
    ]


def test_graded_ids_are_unique(sources_with) -> None:
    assert wrong_points(sources_with('id="q1"', 'id="one"')) == ['Two graded cells are called "one".']


@pytest.mark.parametrize(("assignment", "total"), [("segformer", 100), ("intro", 10)])
def test_points_of_the_course_s_own_assignments(assignment: str, total: float) -> None:
    assert assignment in assignments()
    cells = [cell for source in read_sources(assignment) for cell in source.cells]
    assert sum(cell.points for cell in cells if cell.role not in BONUSES) == total


@pytest.fixture
def gradebook_url(tmp_path: Path) -> str:
    """A gradebook that knows the small assignment."""
    find_programs_beside_interpreter()
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("small")
        gradebook.add_notebook("01_small", "small")
        gradebook.add_grade_cell("one", "01_small", "small", max_score=6, cell_type="code")
        gradebook.add_grade_cell("q1", "01_small", "small", max_score=4, cell_type="markdown")
    return url


def test_points_may_change_before_anything_is_graded(sources_with, gradebook_url: str) -> None:
    assert outdated_marks(sources_with("points=6", "points=96"), "small", gradebook_url) is None
    assert outdated_marks(sources_with(), "another", gradebook_url) is None


def test_a_bonus_is_not_taken_for_changed_points_unless_it_was_none(sources_with, gradebook_url: str) -> None:
    bonus = 'role="bonus" id="one" points=6'
    with Gradebook(gradebook_url) as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("small", "ada")
    assert "(one 6 -> bonus)" in outdated_marks(
        sources_with('role="check" id="one" points=6', bonus), "small", gradebook_url
    )
    with Gradebook(gradebook_url) as gradebook:
        gradebook.find_grade_cell("one", "01_small", "small").max_score = 0
        gradebook.db.commit()
    assert outdated_marks(sources_with('role="check" id="one" points=6', bonus), "small", gradebook_url) is None


def test_marks_for_other_points_are_named_with_what_to_do(sources_with, gradebook_url: str) -> None:
    with Gradebook(gradebook_url) as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("small", "ada")
    assert outdated_marks(sources_with(), "small", gradebook_url) is None
    assert outdated_marks(sources_with("points=6", "points=96"), "small", gradebook_url) == (
        "The points of small changed (one 6 -> 96) and 1 graded submission(s) have marks for the old ones: "
        "run `nbgrader autograde small --force`."
    )
    by_hand = outdated_marks(sources_with("points=4", "points=94"), "small", gradebook_url)
    assert by_hand.endswith("(q1 4 -> 94) and 1 graded submission(s) have marks for the old ones: "
                            "give the marks for written answers again in formgrader.")  # fmt: skip


# --- a whole course in a copy of the repository, whose points change ------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the repository that a running course needs, with the warm-up handed in by one student."""
    root = tmp_path_factory.mktemp("course")
    for name in ("autograder", "notebooks", "solutions/intro"):
        ignored = shutil.ignore_patterns("__pycache__", "*.ckpt", "data", "checkpoints", "logs")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    complete_assignment("intro", root / "submitted" / "ada" / "intro", [BIASED])
    return root


def autograder(course: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The copy's command line."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(course), str(course / "notebooks")])}
    call = [sys.executable, "-m", "autograder", *arguments, "--assignment", "intro"]
    return subprocess.run(call, cwd=course, env=environment, capture_output=True, text=True, check=False)


def marks(course: Path) -> dict[str, tuple[float, float]]:
    """Score and maximum of each graded cell."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        [notebook] = gradebook.find_submission("intro", "ada").notebooks
        return {grade.name: (grade.score, grade.max_score) for grade in notebook.grades}


def test_points_change_after_grading_and_grading_again_makes_the_marks_right(course: Path) -> None:
    old = worth(AUTOMATIC, BY_HAND)
    patches, normalized, written = (old[name] for name in ("image_to_patches", "normalize_channels", "q1"))
    set_points(course, {"image_to_patches": patches + 1})
    refused = autograder(course, "release")
    each = ", ".join(f"{name} {points:g}" for name, points in (old | {"image_to_patches": patches + 1}).items())
    assert (refused.returncode, refused.stderr) == (
        2,
        f"autograder: intro was not released: The points add up to 11, not to 100 or 10: {each}.\n",
    )
    assert not (course / "gradebook.db").exists()

    set_points(course, {"image_to_patches": patches})
    released = autograder(course, "release")
    assert (released.returncode, released.stderr) == (0, "")
    assert autograder(course, "grade").returncode == 0
    before = marks(course)
    assert before["image_to_patches"] == (patches, patches)
    assert before["normalize_channels"] == (round(normalized * 5 / 6, 2), normalized)  # BIASED costs 0.5 of 3 shares

    new = {
        "image_to_patches": patches / 2, "normalize_channels": normalized + patches / 4, "q1": written + patches / 4,
    }  # fmt: skip
    set_points(course, new)
    again = autograder(course, "release")
    assert again.returncode == 0
    assert again.stderr == (
        f"The points of intro changed ({', '.join(f'{name} {old[name]:g} -> {new[name]:g}' for name in new)}) and 1 "
        "graded submission(s) have marks for the old ones: run `nbgrader autograde intro --force`, and give the marks "
        "for written answers again in formgrader.\n"
    )
    assert marks(course)["image_to_patches"] == (patches, patches / 2)  # this is what the sentence is about
    assert autograder(course, "grade", "--force").returncode == 0
    right = {name: (points, points) for name, points in (old | new).items()}
    assert marks(course) == right | {
        "normalize_channels": (round(new["normalize_channels"] * 5 / 6, 2), new["normalize_channels"]),
        **{name: (0, (old | new)[name]) for name in worth(BY_HAND)},
    }
