"""What the table of marks and the exports say alike: penalties, and marks that were given before another grading."""

import csv
import logging

import pytest
from small_course import ASSIGNMENT, FULL, NOTEBOOK, enter, make_course, open_gradebook

from autograder.course.marks import marks_table
from autograder.exports.capped import CappedGrades

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


def mark_by_hand(root, student: str, *, graded_again: bool) -> None:
    """A mark of 2 for the written answer; nbgrader asks for another look after the next grading."""
    with open_gradebook(root) as gradebook:
        grade = gradebook.find_grade("q1", NOTEBOOK, ASSIGNMENT, student)
        grade.manual_score, grade.needs_manual_grade = 2.0, graded_again
        gradebook.db.commit()


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = make_course(tmp_path / "course")
    monkeypatch.chdir(root)
    return root


def exported(root) -> dict[str, dict[str, str]]:
    exporter = CappedGrades(to=str(root / "grades.csv"))
    exporter.log = logging.getLogger("export")
    with open_gradebook(root) as gradebook:
        exporter.export(gradebook)
    return {row["student_id"]: row for row in csv.DictReader((root / "grades.csv").read_text().splitlines())}


def test_a_late_penalty_is_in_the_total_of_the_table_as_of_the_export(root):
    enter(root, "ada", FULL, late=1.25)
    mark_by_hand(root, "ada", graded_again=False)
    _, row, remark = marks_table(root, ASSIGNMENT).splitlines()
    shown = row.split()[-1]
    assert remark.strip() == "late: 1.25 points taken off"
    assert float(shown.split("/")[0]) == float(exported(root)["ada"]["score"])


def test_a_mark_from_before_another_grading_counts_and_is_named(root, caplog):
    enter(root, "ada")
    enter(root, "bo", FULL | {"q1": None})
    mark_by_hand(root, "ada", graded_again=True)
    lines = [line.split() for line in marks_table(root, ASSIGNMENT).splitlines()]
    assert (lines[1][-2], lines[-1][-2]) == ("0", "1")
    assert " ".join(lines[2]) == f"marked by hand before the last grading, look again: {NOTEBOOK} q1"
    assert {student: row["unmarked"] for student, row in exported(root).items()} == {"ada": "0", "bo": "1"}
    assert "count 0 until then: bo." in caplog.text
    assert "graded again after marks were given by hand, which still count" in caplog.text
    assert "look at them again in formgrader: ada." in caplog.text
