"""Grading again: marks and comments given by hand stay, and every mark that changes is said with its reason."""

import csv
import json
import subprocess
import sys

import nbformat
import pytest
from intro_course import (
    ASSIGNMENT,
    NOTEBOOK,
    ORDER,
    autograde,
    environment,
    gradebook_contents,
    hand_in,
    open_intro,
    worth,
)
from nbgrader.api import Gradebook

from autograder.course.run_record import LAST_RUN
from autograder.sources import AUTOMATIC, BY_HAND

STUDENTS = {"ada": [], "bo": [ORDER]}
PATCHES = worth(AUTOMATIC)["image_to_patches"]
CODE, WORDS = (sum(worth(role).values()) for role in (AUTOMATIC, BY_HAND))


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A graded course in which a person has marked and commented the written answers, and overruled one check."""
    course = open_intro(tmp_path_factory.mktemp("regrading") / "course", STUDENTS)
    assert autograde(course).returncode == 0
    with Gradebook(course.db_url) as gradebook:
        for student, share in (("ada", 0.75), ("bo", 0.25)):
            for answer, points in worth(BY_HAND).items():
                grade = gradebook.find_grade(answer, NOTEBOOK, ASSIGNMENT, student)
                grade.manual_score, grade.needs_manual_grade = share * points, False
            gradebook.find_comment("q1", NOTEBOOK, ASSIGNMENT, student).manual_comment = f"Well argued, {student}."
        overruled = gradebook.find_grade("pixel_linear", NOTEBOOK, ASSIGNMENT, "bo")
        overruled.manual_score, overruled.extra_credit = 1.0, 0.5
        gradebook.db.commit()
    return course


def by_hand(course) -> dict:
    return {key: value[1:3] if len(value) == 4 else value[1:] for key, value in gradebook_contents(course).items()}


def last_run(course) -> dict:
    return json.loads((course.root / "verdicts" / ASSIGNMENT / LAST_RUN).read_text())


def test_forced_regrading_keeps_what_was_given_by_hand(marked):
    before, contents = by_hand(marked), gradebook_contents(marked)
    assert before["ada", "q1"][0] == 0.75 * worth(BY_HAND)["q1"] and before["bo", "comment on q1"] == (
        "Well argued, bo.",
    )
    assert before["bo", "pixel_linear"] == (1.0, 0.5)
    run = autograde(marked, "--force")
    assert run.returncode == 0
    assert by_hand(marked) == before
    assert {key: value[0] for key, value in gradebook_contents(marked).items()} == {
        key: value[0] for key, value in contents.items()
    }
    assert "2 submissions graded in this run: 0 repaired" in run.stderr and "0 with changed marks" in run.stderr


def test_a_changed_mark_is_said_with_its_reason(marked):
    before = by_hand(marked)
    hand_in(marked, "bo", [])
    run = autograde(marked)
    assert "1 submissions graded in this run" in run.stderr
    assert run.returncode == 0
    assert "changed: bo: 01_warmup, image_to_patches: " in run.stderr
    assert f"-> {PATCHES:g} of {PATCHES:g}, because the submission changed" in run.stderr
    assert list(last_run(marked)["changed"]) == ["bo"]
    assert by_hand(marked) == before
    assert gradebook_contents(marked)["bo", "image_to_patches"][0] == PATCHES


def test_another_secret_is_a_reason_too_and_changes_no_right_answer(marked):
    (marked.root / ".course_secret").write_text("another secret\n")
    run = autograde(marked)
    assert "2 submissions graded in this run" in run.stderr
    assert run.returncode == 0
    assert last_run(marked)["changed"] == {}
    verdict = json.loads((marked.root / "verdicts" / ASSIGNMENT / "ada" / f"{NOTEBOOK}.json").read_text())
    assert verdict["tasks"]["image_to_patches"]["points"] == PATCHES


def test_what_has_not_changed_is_not_graded_again(marked):
    run = autograde(marked)
    assert run.returncode == 0 and "0 submissions graded in this run" in run.stderr


def test_what_was_found_is_not_tried_again_unless_forced(marked):
    """Kept findings: a new run on the same content starts no process for student code."""
    for student in STUDENTS:
        autograded = marked.root / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        autograded.chmod(0o644)
        autograded.unlink()
        autograded.parent.rmdir()
    before = gradebook_contents(marked)
    run = autograde(marked, "--log-level=DEBUG")
    assert run.returncode == 0 and "2 submissions graded in this run" in run.stderr
    assert "test_image_to_patches.py::" not in run.stderr
    assert gradebook_contents(marked) == before
    forced = autograde(marked, "--force", "--log-level=DEBUG")
    assert "test_image_to_patches.py::" in forced.stderr


def test_a_students_own_outputs_are_still_there(marked):
    path = hand_in(marked, "ada")
    notebook = nbformat.read(path, as_version=4)
    experiment = next(cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", []))
    experiment.outputs = [nbformat.v4.new_output("stream", text="my own training log")]
    nbformat.write(notebook, path)
    assert autograde(marked, "--student=ada").returncode == 0
    text = (marked.root / "autograded" / "ada" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text()
    assert "my own training log" in text


API = """
import json, sys
from nbgrader.apps import NbGraderAPI
from nbgrader.apps.baseapp import NbGrader
app = NbGrader()
app.load_config_file()
api = NbGraderAPI(config=app.config)
result = api.autograde("intro", "ada", force=True)
submission = api.get_submission("intro", "ada")
print(json.dumps({"result": result["success"], "submission": submission}, default=str))
"""


def test_formgraders_way_to_autograde_and_nbgraders_export_work_as_always(marked):
    """Formgrader calls nbgrader's API in its own process; `nbgrader export` writes what the gradebook holds."""
    run = subprocess.run(
        [sys.executable, "-c", API], cwd=marked.root, env=environment(), capture_output=True, text=True, timeout=120
    )
    answer = json.loads(run.stdout.splitlines()[-1])
    assert answer["result"], run.stderr
    assert answer["submission"]["autograded"] and answer["submission"]["score"] == CODE + 0.75 * WORDS
    export = [sys.executable, "-m", "nbgrader", "export", "--to", "grades.csv"]
    subprocess.run(export, cwd=marked.root, env=environment(), check=True, capture_output=True, timeout=120)
    rows = list(csv.DictReader((marked.root / "grades.csv").open()))
    assert {row["student_id"]: float(row["score"]) for row in rows}["ada"] == CODE + 0.75 * WORDS


def test_the_table_of_marks_has_written_points_and_total(marked):
    head, *rows = marked.marks_table().splitlines()
    assert head.split() == ["student", NOTEBOOK, "automatic", "written", "unmarked", "total"]
    code, words, total = f"{CODE:g}/{CODE:g}", f"{0.75 * WORDS:g}/{WORDS:g}", f"{CODE + 0.75 * WORDS:g}/10"
    assert rows[0].split() == ["ada", code, code, words, "0", total]
