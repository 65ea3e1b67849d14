"""A bonus: points on top of an assignment's, and never above them, from the source to the table and the CSV.

A copy of the course in which a task of the warm-up, pixel_linear, is a bonus of 3 points. ada has everything right, bo
patches in the wrong order and channels around their mean, cy a bonus that is partly right, di no bonus cell any more,
eve nothing, and fay a file that is no notebook.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from intro_course import ASSIGNMENT, NOTEBOOK, ORDER, set_points, worth
from nbgrader.api import Gradebook

from autograder.completion import Mistake, complete_assignment
from autograder.course.marks import marks_table
from autograder.course.misconceptions import misconceptions_table
from autograder.exports.capped import CappedGrades
from autograder.paths import ROOT
from autograder.sources import AUTOMATIC, BY_HAND

BONUS = "pixel_linear"
FREED = worth(AUTOMATIC)[BONUS]  # its points, which two others get
POINTS = {task: worth(AUTOMATIC)[task] + FREED / 2 for task in ("image_to_patches", "normalize_channels")}
CODE, WORDS = (f"{sum(worth(role).values()):g}" for role in (AUTOMATIC, BY_HAND))  # that is, 8 and 2 of the 10
PARTLY = Mistake("float64", NOTEBOOK, "PixelLinear", ".permute(0, 3, 1, 2)", ".permute(0, 3, 1, 2).double()")
UNCENTRED = Mistake("no mean subtracted", NOTEBOOK, "normalize_channels", "(images - mean)", "images")
MISTAKES = {"ada": [], "bo": [ORDER, UNCENTRED], "cy": [ORDER, PARTLY], "di": []}
# sqlalchemy's are nbgrader's own
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


def run(root: Path, *command: str) -> subprocess.CompletedProcess:
    """A command of the copy, which imports the copy's own code."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    code = os.pathsep.join([str(root), str(root / "notebooks")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": code, "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-m", *command]
    return subprocess.run(call, cwd=root, env=environment, capture_output=True, text=True, timeout=300)


def autograde(root: Path, *options: str) -> subprocess.CompletedProcess:
    return run(root, "nbgrader", "autograde", ASSIGNMENT, *options)


def edit_source(root: Path, pattern: str, new: str) -> None:
    source = root / "solutions" / ASSIGNMENT / f"{NOTEBOOK}.py"
    text, count = re.subn(pattern, new, source.read_text(encoding="utf-8"))
    assert count == 1
    source.write_text(text, encoding="utf-8")


def gradebook(root: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}")


def grades(root: Path, student: str) -> dict[str, tuple[float | None, float | None]]:
    """By cell what the autograder and what a person gave."""
    with gradebook(root) as opened:
        [notebook] = opened.find_submission(ASSIGNMENT, student).notebooks
        return {grade.name: (grade.auto_score, grade.manual_score) for grade in notebook.grades}


def give(root: Path, student: str, cell: str, points: float) -> None:
    """Give a mark by hand, as formgrader does."""
    with gradebook(root) as opened:
        grade = opened.find_grade(cell, NOTEBOOK, ASSIGNMENT, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        opened.db.commit()


def give_full_marks_for_words(root: Path, student: str) -> None:
    for cell, points in worth(BY_HAND).items():
        give(root, student, cell, points)


def verdict(root: Path, student: str) -> dict:
    path = root / "verdicts" / ASSIGNMENT / student / f"{NOTEBOOK}.json"
    return json.loads(path.read_text(encoding="utf-8"))["tasks"][BONUS]


def marks(root: Path) -> dict[str, list[str]]:
    """The table of marks: its head, and a row per student."""
    rows = [line.split() for line in marks_table(root, ASSIGNMENT).splitlines() if not line.startswith(" ")]
    return {row[0]: row[1:] for row in rows}


def read_rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def export(root: Path, **options) -> dict[str, dict[str, str]]:
    """What `nbgrader export` writes, by student."""
    with gradebook(root) as opened:
        CappedGrades(to=str(root / "exported.csv"), **options).export(opened)
    return read_rows(root / "exported.csv")


def hand_in(root: Path) -> None:
    submitted = root / "submitted"
    for student, mistakes in MISTAKES.items():
        folder = submitted / student / ASSIGNMENT
        complete_assignment(ASSIGNMENT, folder, mistakes, released=root / "notebooks" / ASSIGNMENT)
    deleted = submitted / "di" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(deleted, as_version=4)
    kept = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != BONUS]
    assert len(kept) == len(notebook.cells) - 1
    notebook.cells = kept
    nbformat.write(notebook, deleted)
    shutil.copytree(root / "notebooks" / ASSIGNMENT, submitted / "eve" / ASSIGNMENT)
    (submitted / "fay" / ASSIGNMENT).mkdir(parents=True)
    (submitted / "fay" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").write_text("no notebook")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, released, handed in to and graded."""
    root = tmp_path_factory.mktemp("bonus")
    ignored = shutil.ignore_patterns("__pycache__", "*.ckpt", "data", "checkpoints", "logs")
    for name in ("autograder", "notebooks", "solutions/intro"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    edit_source(root, f'role="check" id="{BONUS}"', f'role="bonus" id="{BONUS}"')
    set_points(root, {**POINTS, BONUS: 3})
    released = run(root, "autograder", "release", "--assignment", ASSIGNMENT)
    assert (released.returncode, released.stderr) == (0, "")
    hand_in(root)
    graded = autograde(root)
    assert graded.returncode == 1 and "6 submissions graded in this run" in graded.stderr, graded.stderr
    assert re.findall(r"could not be graded: (\w+)", graded.stderr) == ["fay"]
    return root


def test_the_audit_has_nothing_against_a_bonus(course) -> None:
    audited = run(course, "autograder", "audit", "--assignment", ASSIGNMENT)
    assert (audited.returncode, audited.stdout) == (0, f"{ASSIGNMENT}: nothing to complain about.\n")


def test_the_gradebook_s_maximum_has_no_bonus_in_it(course) -> None:
    with gradebook(course) as opened:
        assert opened.find_assignment(ASSIGNMENT).max_score == 10
        assert opened.find_grade_cell(BONUS, NOTEBOOK, ASSIGNMENT).max_score == 0


def test_everybody_gets_the_bonus_of_their_code(course) -> None:
    assert {student: grades(course, student)[BONUS] for student in ("ada", "bo", "di", "eve", "fay")} == {
        "ada": (3, None), "bo": (3, None), "di": (3, None), "eve": (0, None), "fay": (0, None)
    }  # fmt: skip
    assert 0 < grades(course, "cy")[BONUS][0] < 3
    for student in (*MISTAKES, "eve", "fay"):
        found = verdict(course, student)
        assert (found["bonus"], found["max_points"]) == (True, 3)
        assert found["points"] == grades(course, student)[BONUS][0]


def test_the_table_has_a_column_for_it_and_a_capped_total(course) -> None:
    give_full_marks_for_words(course, "ada")
    table = marks(course)
    assert table["student"] == [NOTEBOOK, "automatic", "written", "bonus", "unmarked", "total"]
    assert table["ada"] == [f"{CODE}/{CODE}", f"{CODE}/{CODE}", f"{WORDS}/{WORDS}", "3", "0", "10/10"]
    assert table["bo"][-1] == f"{float(table['bo'][1].split('/')[0]) + 3:g}/10" != "10/10"
    assert table["eve"] == [f"0/{CODE}", f"0/{CODE}", f"0/{WORDS}", "0", "0", "0/10"]
    shown = marks_table(course, ASSIGNMENT)
    assert f"lost at {BONUS}" not in shown and "lost at image_to_patches" in shown


def test_the_exported_scores_are_capped_and_say_what_was_earned(course) -> None:
    give_full_marks_for_words(course, "ada")
    with gradebook(course) as opened:
        opened.update_or_create_student("gil", last_name="Gil, the second")
        assert opened.find_submission(ASSIGNMENT, "ada").score == 13  # nbgrader's own sum
    exported = run(course, "nbgrader", "export", "--to", "grades.csv")
    assert exported.returncode == 0, exported.stderr
    rows = read_rows(course / "grades.csv")
    assert all(float(row["score"]) <= float(row["max_score"]) == 10 for row in rows.values())
    assert all(float(row["raw_score"]) <= 10 for row in rows.values())
    assert (rows["ada"]["score"], rows["ada"]["bonus"]) == ("10.0", "3.0")
    assert float(rows["bo"]["score"]) == float(marks(course)["bo"][-1].split("/")[0]) and rows["bo"]["bonus"] == "3.0"
    assert (rows["gil"]["score"], rows["gil"]["bonus"]) == ("0.0", "0.0")
    assert rows["gil"]["last_name"] == "Gil, the second"


def test_an_export_can_be_of_one_student_and_refuses_with_a_sentence(course) -> None:
    assert list(export(course, student=["bo"], assignment=[ASSIGNMENT])) == ["bo"]
    assert list(export(course, student=["bo"], assignment=["another"])) == []
    with (
        gradebook(course) as opened,
        pytest.raises(SystemExit, match=r"submitted cannot be written \(Is a directory\)"),
    ):
        CappedGrades(to=str(course / "submitted")).export(opened)


def test_a_late_penalty_is_taken_off_the_capped_score(course) -> None:
    give_full_marks_for_words(course, "ada")
    with gradebook(course) as opened:
        [notebook] = opened.find_submission(ASSIGNMENT, "ada").notebooks
        notebook.late_submission_penalty = 1.1 + 2.2  # 3.3000000000000003
        opened.db.commit()
    row = export(course)["ada"]
    assert (row["raw_score"], row["late_submission_penalty"], row["score"]) == ("10.0", "3.3", "6.7")


def test_the_page_that_formgrader_shows_and_the_feedback_say_what_it_is(course) -> None:
    folder = course / "autograded" / "cy" / ASSIGNMENT
    notebook = nbformat.read(folder / f"{NOTEBOOK}.ipynb", as_version=4)
    [cell] = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == BONUS]
    earned = grades(course, "cy")[BONUS][0]
    assert cell.metadata.nbgrader.points == 3  # formgrader writes it beside the box
    assert cell.outputs[0].data["text/plain"] == repr(earned)
    assert run(course, "nbgrader", "generate_feedback", ASSIGNMENT, "--force").returncode == 0
    page = (course / "feedback" / "cy" / ASSIGNMENT / f"{NOTEBOOK}.html").read_text(encoding="utf-8")
    assert f"{earned:g} of 3 bonus points, on top of the others" in page
    assert f"Score: {earned} / 0.0" in page  # nbgrader's own line


def test_a_deleted_bonus_cell_is_put_back_and_said(course) -> None:
    path = course / "verdicts" / ASSIGNMENT / "di" / f"{NOTEBOOK}.json"
    repairs = json.loads(path.read_text(encoding="utf-8"))["repairs"]
    assert any(BONUS in repair for repair in repairs), repairs


def test_misconceptions_of_the_class_name_a_bonus(course) -> None:
    table = misconceptions_table(course, ASSIGNMENT)
    assert f"{BONUS}: 2 of 5 do not have all points of this bonus\n" in table


def test_grading_again_keeps_what_a_person_gave(course) -> None:
    give(course, "bo", BONUS, 1)
    assert autograde(course, "--force").returncode == 1
    assert grades(course, "bo")[BONUS] == (3, 1)
    assert marks(course)["bo"][3] == "1"
    again = autograde(course)
    assert again.returncode == 0 and "0 submissions graded in this run" in again.stderr
    assert grades(course, "bo")[BONUS] == (3, 1)


def test_another_bonus_and_another_submission_change_the_mark_with_a_reason(course) -> None:
    edit_source(course, f'id="{BONUS}" points=3', f'id="{BONUS}" points=2')
    released = run(course, "autograder", "release", "--assignment", ASSIGNMENT)
    assert (released.returncode, released.stderr) == (0, "")
    graded = autograde(course)
    assert (
        f"changed: ada: {NOTEBOOK}, {BONUS}: 3 -> 2 of 2, because the points that tasks carry changed" in graded.stderr
    )
    assert grades(course, "ada")[BONUS] == (2, None) and grades(course, "bo")[BONUS] == (2, 1)
    complete_assignment(
        ASSIGNMENT, course / "submitted" / "cy" / ASSIGNMENT, released=course / "notebooks" / ASSIGNMENT
    )
    assert f"changed: cy: {NOTEBOOK}, {BONUS}: " in autograde(course).stderr
    assert grades(course, "cy")[BONUS] == (2, None)


def test_a_task_that_becomes_a_bonus_is_said_to_need_grading_again(course) -> None:
    patches, normalized = POINTS.values()
    edit_source(course, 'role="check" id="image_to_patches"', 'role="bonus" id="image_to_patches"')
    set_points(course, {"image_to_patches": 1, "normalize_channels": patches + normalized})
    released = run(course, "autograder", "release", "--assignment", ASSIGNMENT)
    assert released.returncode == 0
    changed = f"normalize_channels {normalized:g} -> {patches + normalized:g}, image_to_patches {patches:g} -> bonus"
    assert f"The points of intro changed ({changed})" in released.stderr
    assert "run `nbgrader autograde intro --force`" in released.stderr
