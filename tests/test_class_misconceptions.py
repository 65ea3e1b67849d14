"""What the class got wrong, per question, from verdicts as grading writes them."""

import csv

import pytest
from answers import SECRET, assignment_of, cells_with, mistake_named

from autograder.course.misconceptions import misconceptions_table, write_misconceptions
from autograder.grading.diagnosis import Case
from autograder.grading.rehearsal import rehearse
from autograder.grading.verdicts import Basis, Finding, TaskVerdict, Verdict, unreadable_verdict
from autograder.misconceptions import edits
from segkit.errors import CourseError

BASIS = Basis("tests", "engine", "catalogue", {}, "cpu", {}, "bubblewrap", "fingerprint", 0)
SCALED, UNSCALED = "attention: scaled by all channels", "attention: not scaled"
STUB = edits("EfficientSelfAttention", "self.num_heads = num_heads", "raise NotImplementedError")
STRANGE = edits("EfficientSelfAttention", "1 / math.sqrt(channels // num_heads)", "0.41")


def hand_in(root, student: str, task: str, changes) -> None:
    assignment = assignment_of(task)
    verdict = rehearse(Case(assignment, task, SECRET, 0), cells_with(changes, assignment), points=12)
    path = root / "verdicts" / assignment / student / "02_modules.json"
    path.parent.mkdir(parents=True)
    Verdict(assignment, "02_modules", "content", BASIS, {task: verdict}, []).write(path)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for student in ("=ann", "bob"):
        hand_in(root, student, "attention", mistake_named(SCALED).changes)
    hand_in(root, "cy", "attention", mistake_named(UNSCALED).changes)
    hand_in(root, "di", "attention", STRANGE)
    hand_in(root, "eve", "attention", ())
    hand_in(root, "hal", "attention", STUB)
    lost = root / "verdicts" / "segformer" / "fay" / "02_modules.json"
    lost.parent.mkdir()
    unreadable_verdict("segformer", "02_modules", BASIS, {"attention": 12}, "It is empty.", []).write(lost)
    (root / "verdicts" / "segformer" / "gil").mkdir()
    (root / "verdicts" / "segformer" / "gil" / "02_modules.json").write_text("{")
    measured = TaskVerdict(
        "trained_model", 5, [Finding("mean_iou", "mean IoU", 1.0, None, 0.0, earned=0.5)], bonus=True
    )
    path = root / "verdicts" / "segformer" / "eve" / "04_results.json"
    Verdict("segformer", "04_results", "content", BASIS, {"trained_model": measured}, []).write(path)
    return root


def test_the_table_counts_misconceptions_per_question_the_most_frequent_first(course):
    lines = misconceptions_table(course, "segformer").splitlines()
    assert lines[0] == "attention: 5 of 6 lost points"
    assert lines[1].split(maxsplit=1)[1].startswith("scaled by all channels: The scores are divided by")
    assert [line.split()[0] for line in lines[1:]] == ["2", "1", "1", "1"]
    assert lines[3].endswith("not recognised") and lines[4].endswith("not written")
    assert not [line for line in lines if line.startswith("trained_model")], "measured, and no mistake to recognise"


def test_the_rows_say_who_has_which(course, tmp_path):
    path = tmp_path / "mistakes.csv"
    (course / "groups.csv").write_text("group,student\nbob,=kim\nbob,lin\n")
    assert write_misconceptions(course, "segformer", path) == 4
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [(row["student"], row["misconception"]) for row in rows] == [
        ("'=ann", "scaled by all channels"), ("bob", "scaled by all channels"), ("cy", "not scaled"), ("di", "")
    ]  # fmt: skip
    assert [row["members"] for row in rows] == ["", "'=kim lin", "", ""]
    assert rows[0]["points"] == "10.0" and rows[0]["of"] == "12.0"


def test_a_course_without_verdicts_and_a_file_that_cannot_be_written_are_sentences(course, tmp_path):
    with pytest.raises(CourseError, match=r"^Nothing of segformer has been graded in .*: run `nbgrader autograde"):
        misconceptions_table(tmp_path, "segformer")
    with pytest.raises(CourseError, match=r"cannot be written \(Is a directory\)\.$"):
        write_misconceptions(course, "segformer", tmp_path)
