"""Feedback and marks on their way back: everybody gets their own, members their group's, and nobody somebody else's."""

import json
import os
import shutil
import time
from zipfile import ZipFile

import nbformat
import pytest
from intro_course import BIASED, autograde, open_intro, worth
from nbformat.v4 import new_code_cell
from small_course import (
    ASSIGNMENT,
    FULL,
    NOTEBOOK,
    comment_on,
    enter,
    give_feedback,
    grade,
    make_course,
    open_gradebook,
)

from autograder.__main__ import main
from autograder.groups.file import GROUPS_FILE
from autograder.groups.membership import read_members
from autograder.groups.report import groups_report
from autograder.returning import folders
from autograder.returning.folders import return_feedback
from autograder.returning.moodle import match, read_worksheet
from autograder.returning.record import read_record
from autograder.sources import AUTOMATIC
from segkit.errors import CourseError

PAGE = f"{NOTEBOOK}.html"
WORKSHEET = """\ufeffIdentifier,"Full name","ID number","Email address",Status,Grade
"Participant 12345","Ada O'Lovelace_King",ada,ada@example.org,Submitted,
"Participant 12346","Grace / Hopper",,grace.h@example.org,Submitted,
"Participant 12347","Lin",lin,lin@example.org,Submitted,
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Graded, with feedback: the tigers, who are ada and grace, and lin, who works alone."""
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,grace\n")
    grade(root, "tigers")
    grade(root, "lin", FULL | {"pixel_linear": 0.5})
    monkeypatch.chdir(root)
    return root


def returned(root, student: str, name: str = PAGE) -> str:
    return (root / "returned" / student / ASSIGNMENT / name).read_text()


def regroup(root, rows: str) -> None:
    (root / GROUPS_FILE).write_text(f"group,student\n{rows}")


def test_each_member_gets_the_group_s_and_nobody_somebody_else_s(course):
    (course / "feedback" / "tigers" / ASSIGNMENT / "notes.html").write_text("no page of a notebook")
    run = return_feedback(course, ASSIGNMENT)
    assert run.folders == {"ada": "new", "grace": "new", "lin": "new"} and not run.problems
    files = {str(path.relative_to(course / "returned")) for path in (course / "returned").rglob("*") if path.is_file()}
    expected = {f"{who}/{ASSIGNMENT}/{name}" for who in ("ada", "grace", "lin") for name in (PAGE, "marks.txt")}
    assert files == {*expected, f".{ASSIGNMENT}.json"}
    assert returned(course, "ada") == returned(course, "grace")
    assert "the work of tigers" in returned(course, "ada") and "the work of lin" in returned(course, "lin")
    assert "handed in by tigers (ada, grace)" in returned(course, "grace", "marks.txt")
    assert "tigers" not in returned(course, "lin", "marks.txt")


def test_the_marks_sheet_has_tasks_bonus_penalty_and_the_capped_total(course):
    grade(course, "lin", FULL | {"q1": 2.0, "extra": 1.5, "image_to_patches": 2.5}, late=1.25)
    return_feedback(course, ASSIGNMENT)
    lines = [" ".join(line.split()) for line in returned(course, "lin", "marks.txt").splitlines()]
    assert lines[:3] == [ASSIGNMENT, "", NOTEBOOK]
    assert lines[3:8] == [
        "image_to_patches 2.5 of 3", "normalize_channels 3 of 3", "pixel_linear 2 of 2", "extra 1.5 (bonus)",
        "q1 2 of 2",
    ]  # fmt: skip
    assert lines[8:] == [
        "", "bonus, on top of the others 1.5", "handed in late -1.25", "total 8.75 of 10",
        "No more than 10 points count, bonus included.",
    ]  # fmt: skip


def test_what_waits_for_a_person_is_said(course, capsys):
    grade(course, "lin", FULL | {"q1": None})
    assert main(["return", "--assignment", ASSIGNMENT]) == 1
    assert f"lin: returned, but not marked yet: {NOTEBOOK} q1." in capsys.readouterr().out
    assert "1 answers are not marked yet" in returned(course, "lin", "marks.txt")


def test_a_deleted_student_is_not_named_any_more(course):
    return_feedback(course, ASSIGNMENT)
    with open_gradebook(course) as gradebook:
        gradebook.remove_student("lin")
    assert read_record(course / "returned", ASSIGNMENT)["lin"]
    return_feedback(course, ASSIGNMENT)
    assert "lin" in read_record(course / "returned", ASSIGNMENT), "as long as something of theirs is there"
    shutil.rmtree(course / "returned" / "lin")
    return_feedback(course, ASSIGNMENT)
    assert sorted(read_record(course / "returned", ASSIGNMENT)) == ["ada", "grace"]


def test_running_it_again_writes_only_what_changed(course):
    return_feedback(course, ASSIGNMENT)
    before = {path: path.stat().st_mtime_ns for path in (course / "returned").rglob("*.*") if path.name[0] != "."}
    grade(course, "lin", FULL | {"pixel_linear": 1.0})
    run = return_feedback(course, ASSIGNMENT)
    assert run.folders == {"ada": "as before", "grace": "as before", "lin": "changed"}
    changed = {path.parent.parent.name for path, then in before.items() if path.stat().st_mtime_ns != then}
    assert changed == {"lin"} and "1.0 / 2.0" in returned(course, "lin")


def test_without_feedback_or_with_older_feedback_nothing_is_returned(course):
    return_feedback(course, ASSIGNMENT)
    enter(course, "tigers", FULL | {"q1": 2.0})  # marked in formgrader, and no new feedback
    enter(course, "zoe")
    run = return_feedback(course, ASSIGNMENT)
    assert run.folders == {"lin": "as before"}
    assert run.problems == [
        f"Not returned: tigers (ada, grace): its feedback on {NOTEBOOK} is older than its marks.",
        f"Not returned: zoe: there is no feedback on {NOTEBOOK} yet.",
    ]
    assert run.remarks.count(f"Run `nbgrader generate_feedback {ASSIGNMENT} --force`, and this again.") == 1
    assert "1.5 / 2.0" in returned(course, "ada")  # what they had stays
    assert not (course / "returned" / "zoe").exists()


def test_a_comment_that_the_page_does_not_have_makes_it_older(course):
    comment_on(course, "lin", "Say *why* it is 3 < 4.")
    assert "lin: its feedback on" in str(return_feedback(course, ASSIGNMENT))
    give_feedback(course, "lin", FULL | {"pixel_linear": 0.5}, comment="Say <em>why</em> it is 3 &lt; 5.")
    assert "lin: its feedback on" in str(return_feedback(course, ASSIGNMENT))
    give_feedback(course, "lin", FULL | {"pixel_linear": 0.5}, comment="Say <em>why</em> it is 3 &lt; 4.")
    assert not return_feedback(course, ASSIGNMENT).problems


def test_feedback_from_before_the_last_grading_is_older(course):
    done = course / "verdicts" / ASSIGNMENT / "lin" / "graded.json"
    done.parent.mkdir(parents=True)
    done.write_text("{}")
    os.utime(done, (time.time() + 5,) * 2)
    run = return_feedback(course, ASSIGNMENT)
    assert run.problems == ["Not returned: lin: it was graded again after its feedback was written."]


def test_who_left_a_group_gets_nothing_new_and_it_is_said(course):
    return_feedback(course, ASSIGNMENT)
    regroup(course, "tigers,ada\n")
    grade(course, "tigers", FULL | {"pixel_linear": 0.0})
    run = return_feedback(course, ASSIGNMENT)
    assert "grace is no longer in tigers and gets nothing new; what was returned stays." in run.remarks
    assert "0.0 / 2.0" in returned(course, "ada") and "0.0 / 2.0" not in returned(course, "grace")


def test_who_changed_groups_gets_the_new_one_s_and_keeps_no_page_of_the_old(course):
    return_feedback(course, ASSIGNMENT)
    record = course / "returned" / f".{ASSIGNMENT}.json"
    entries = json.loads(record.read_text())
    entries["grace"]["files"] += ["00_more.html", "../../lin/intro/marks.txt"]
    record.write_text(json.dumps(entries))
    (course / "returned" / "grace" / ASSIGNMENT / "00_more.html").write_text("of the tigers")
    regroup(course, "tigers,ada\nowls,grace\n")
    grade(course, "owls")
    run = return_feedback(course, ASSIGNMENT)
    assert run.remarks == ["grace now has the feedback on owls in place of that on tigers."]
    assert "the work of owls" in returned(course, "grace") and "the work of tigers" in returned(course, "ada")
    assert not (course / "returned" / "grace" / ASSIGNMENT / "00_more.html").exists()
    assert returned(course, "lin", "marks.txt")


def test_a_member_s_own_hand_in_and_who_has_none_are_said(course):
    grade(course, "grace", FULL | {"pixel_linear": 0.0})
    regroup(course, "tigers,ada\ntigers,grace\nowls,lin\nowls,mei\n")
    with open_gradebook(course) as gradebook:
        gradebook.add_student("zoe")
    run = return_feedback(course, ASSIGNMENT)
    assert run.remarks == [
        "grace handed in alone, too, but is in tigers: that hand-in is not returned.",
        "lin is in owls, of which nothing is graded, and gets what was handed in alone.",
        "Nothing is graded of owls (lin, mei), zoe.",
    ]
    assert "the work of tigers" in returned(course, "grace") and "the work of lin" in returned(course, "lin")
    assert not (course / "returned" / "mei").exists()


@pytest.mark.parametrize("place", [f"feedback/lin/{ASSIGNMENT}/{PAGE}", f"feedback/lin/{ASSIGNMENT}", "feedback/lin"])
def test_no_link_leads_to_the_feedback_of_somebody_else(course, place):
    target = course / place.replace("lin", "tigers")
    shutil.rmtree(course / place) if target.is_dir() else (course / place).unlink()
    (course / place).symlink_to(target)
    enter(course, "lin")  # so that the marks would agree
    assert "is a link or no file" in str(return_feedback(course, ASSIGNMENT))
    assert not (course / "returned" / "lin").exists()


def test_no_link_leads_into_the_folder_of_somebody_else(course):
    return_feedback(course, ASSIGNMENT)
    shutil.rmtree(course / "returned" / "lin")
    (course / "returned" / "lin").symlink_to(course / "returned" / "ada")
    assert "or lies behind, a link" in str(return_feedback(course, ASSIGNMENT))
    assert "the work of tigers" in returned(course, "ada")


def test_names_that_are_no_folders_or_only_differ_in_capitals(course):
    regroup(course, "tigers,../lin\ntigers,ada\nowls,LIN\n")
    grade(course, "owls")
    run = return_feedback(course, ASSIGNMENT)
    assert run.folders == {"ada": "new"}
    assert "Not returned: '../lin' of 'tigers' is no name for a folder." in run.problems
    assert "Not returned: lin and somebody else differ in capital letters only." in run.problems


def test_a_damaged_record_and_a_folder_that_cannot_be_written_are_said(course, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch, pytest.raises(CourseError, match=r"cannot be written \(No space left"):
        patch.setattr(folders, "write_whole", full)
        return_feedback(course, ASSIGNMENT)
    return_feedback(course, ASSIGNMENT)
    (course / "returned" / f".{ASSIGNMENT}.json").write_text('{"ada": 3}')
    with pytest.raises(CourseError, match="cannot be read: move the folder"):
        return_feedback(course, ASSIGNMENT)


def test_a_zip_with_a_folder_for_each_student(course, capsys):
    assert main(["return", "--assignment", ASSIGNMENT, "--zip", "out.zip"]) == 0
    assert "Moodle takes it with --moodle only" in capsys.readouterr().out
    assert os.stat("out.zip").st_mode & 0o077 == 0, "nobody else's to read"
    with ZipFile("out.zip") as archive:
        names = {f"{who}/{ASSIGNMENT}/{name}" for who in ("ada", "grace", "lin") for name in (PAGE, "marks.txt")}
        assert set(archive.namelist()) == names


def test_a_zip_as_moodle_takes_it(course, capsys):
    (course / "worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    options = ["return", "--assignment", ASSIGNMENT, "--zip", "out.zip", "--moodle", "worksheet.csv"]
    assert main(options) == 1
    assert "Not in the zip: grace is none of the worksheet's participants" in capsys.readouterr().out
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("grace", email="Grace.H@example.org")
    assert main(options) == 0
    with ZipFile("out.zip") as archive:
        owners = {"Ada O'Lovelace King_12345": "tigers", "Grace Hopper_12346": "tigers", "Lin_12347": "lin"}
        found = {name.split("/")[0].removesuffix("_assignsubmission_file_") for name in archive.namelist()}
        assert found == owners.keys() and len(archive.namelist()) == 6
        for owner, work in owners.items():
            assert f"the work of {work}".encode() in archive.read(f"{owner}_assignsubmission_file_/{PAGE}")


def test_two_who_may_be_the_same_participant_are_in_no_zip(tmp_path):
    path = tmp_path / "worksheet.csv"
    path.write_text(f"{WORKSHEET}Participant 12348,Lin,other,other@example.org,Submitted,\n", encoding="utf-8")
    found, missing = match(["ada", "ada@example.org", "Lin", "other"], read_worksheet(path), {})
    assert found.keys() == {"other"} and len(missing) == 3 and "Lin is several" in missing[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kennung,Name\n1,Ada\n", 'needs the columns "Identifier" and "Full name"'),
        ("Identifier,Full name\nada,Ada\n", 'line 2: "Identifier" must be like "Participant 12345"'),
        ("Identifier,Full name\nParticipant 1,Ada\nParticipant 1,Lin\n", "participant 1 stands there more than once"),
    ],
)
def test_a_worksheet_that_is_none_is_said(tmp_path, text, words):
    (tmp_path / "worksheet.csv").write_text(text)
    with pytest.raises(CourseError, match=words):
        read_worksheet(tmp_path / "worksheet.csv")


def test_moodle_s_worksheet_without_a_zip_is_refused_before_anything_is_written(course, capsys):
    assert main(["return", "--assignment", ASSIGNMENT, "--moodle", "worksheet.csv"]) == 2
    assert "with --zip FILE" in capsys.readouterr().err and not (course / "returned").exists()


def test_from_hand_in_to_returned_feedback_through_nbgrader(tmp_path):
    course = open_intro(tmp_path / "course", {"tigers": [], "cy": [BIASED]})
    regroup(course.root, "tigers,ada\ntigers,grace\n")
    path = course.root / "submitted" / "tigers" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell('GROUP = ["ada", "mei"]'))
    nbformat.write(notebook, path)
    done = autograde(course)
    assert done.returncode == 0, done.stderr
    assert f"note: tigers: {NOTEBOOK} of tigers names the group ada, mei; in groups.csv tigers is ada" in done.stderr
    assert read_members(course.root / "verdicts" / ASSIGNMENT / "tigers").members == ("ada", "grace")
    assert course.generate_feedback() == 0

    run = return_feedback(course.root, ASSIGNMENT)
    assert run.folders == {"ada": "new", "grace": "new", "cy": "new"}
    feedback = course.root / "feedback" / "tigers" / ASSIGNMENT / PAGE
    assert returned(course.root, "ada") == returned(course.root, "grace") == feedback.read_text()
    points = worth(AUTOMATIC)["normalize_channels"]
    assert f"normalize_channels  {points:g} of {points:g}" in returned(course.root, "ada", "marks.txt")

    comment_on(course.root, "tigers", "**Well** argued: `3 < 4` & so on.\n\n* but why?")
    assert not return_feedback(course.root, ASSIGNMENT).folders.keys() & {"ada", "grace"}
    assert course.generate_feedback() == 0
    assert return_feedback(course.root, ASSIGNMENT).folders["grace"] == "changed"

    regroup(course.root, "tigers,ada\ntigers,kim\n")
    found = "\n".join(groups_report(course.root, ASSIGNMENT).findings)
    assert "kim joined tigers after" in found and "grace left tigers after" in found

    regroup(course.root, "tigers\n")
    refused = autograde(course)
    assert refused.returncode == 1 and "line 2: every line needs a group and a student" in refused.stderr
    assert "Traceback" not in refused.stderr
