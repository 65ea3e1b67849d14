"""The demo's class through `nbgrader autograde`: everybody loses points where their mistake is and nowhere else."""

from pathlib import Path

import pytest

from autograder.course.misconceptions import misconceptions_table
from autograder.demo import ASSIGNMENT, CLASSMATES, UNTOUCHED, hand_in, open_course
from autograder.grading.feedback import APART
from autograder.misconceptions import misconceptions_of
from autograder.sources import read_sources

LOST = {
    "ada_full_solution": set(),
    "bo_scaled_by_all_channels": {"attention"},
    "cy_flips_image_and_mask_apart": {"joint_transform"},
    "di_counts_absent_classes_as_zero": {"mean_iou"},
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory):
    """The class, graded, with feedback."""
    course = open_course(tmp_path_factory.mktemp("class") / "course")
    hand_in(course)
    assert course.autograde() == 0
    assert course.generate_feedback() == 0
    return course


def automatic(course, student: str) -> list:
    return [mark for mark in course.marks()[student] if mark.automatic]


def test_reference_gets_every_point(graded) -> None:
    marks = automatic(graded, "ada_full_solution")
    assert sum(mark.maximum for mark in marks) == 72
    regular = [mark for mark in marks if not mark.bonus]
    assert [mark.score for mark in regular] == [mark.maximum for mark in regular]
    # of the bonuses the exercise, whole; no model is evaluated without images of the instructor's
    assert {mark.cell: mark.score for mark in marks if mark.bonus} == {"fast_decoder": 3, "trained_model": 0}


def test_untouched_release_gets_no_point(graded) -> None:
    assert {mark.score for mark in automatic(graded, UNTOUCHED)} == {0.0}
    assert {mark.score for mark in graded.marks()[UNTOUCHED]} == {0.0}  # empty written answers need no marking


@pytest.mark.parametrize("student", CLASSMATES)
def test_points_are_lost_where_the_mistake_is(graded, student: str) -> None:
    lost = {mark.cell: mark.score for mark in automatic(graded, student) if mark.score < mark.maximum}
    assert set(lost) == LOST[student]
    assert all(score > 0 for score in lost.values())  # what the mistake does not concern still counts


def test_written_answers_wait_for_a_person(graded) -> None:
    waiting = [mark for mark in graded.marks()["ada_full_solution"] if mark.score is None]
    assert sum(mark.maximum for mark in waiting) == 28


def test_feedback_says_what_is_wrong_and_shows_no_test(graded) -> None:
    page = graded.root / "feedback" / "bo_scaled_by_all_channels" / ASSIGNMENT / "02_modules.html"
    text = page.read_text(encoding="utf-8")
    assert "several heads, no reduction: the values" in text
    (mistake,) = [one for one in misconceptions_of(ASSIGNMENT, "attention") if one.name == "scaled by all channels"]
    assert mistake.symptom in text and mistake.hint in text and APART in text
    for hidden in ("judge.same", "draw.choose", "hidden_tests", "Marking scheme"):
        assert hidden not in text


def test_the_class_s_misconceptions_are_counted(graded) -> None:
    table = misconceptions_table(graded.root, ASSIGNMENT)
    assert "attention: 2 of 5 lost points\n     1  scaled by all channels: " in table
    for name in ("a coin for the image and another one for the mask", "absent classes counted as 0"):
        assert f"     1  {name}: " in table


def test_marks_table_names_the_lost_task(graded) -> None:
    table = graded.marks_table()
    assert "lost at mean_iou" in table and "72/72" in table


def test_a_verdict_records_its_case(graded) -> None:
    verdicts = sorted(Path(graded.root / "verdicts" / ASSIGNMENT).glob("*/[0-9]*.json"))
    assert len(verdicts) == 5 * len(read_sources(ASSIGNMENT))
    assert '"case":' in verdicts[0].read_text()
