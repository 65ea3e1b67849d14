"""Marks for Moodle: what is filled into an offline grading worksheet, and what is made up for the gradebook."""

import csv
from functools import partial
from shutil import copyfile

import pytest
from small_gradebook import SCORES, exported, write_gradebook

from autograder.collect.people import ROSTER_FILE
from autograder.exports.moodle import MoodleGrades
from autograder.groups.file import GROUPS_FILE

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
# As Moodle's mod/assign/feedback/offline offers it, with dates as it writes them.
TEMPLATE = (
    '\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 11","Ada Lovelace",ada@uni.example,"Submitted for grading",,10.00,Yes,'
    '"Monday, 2 November 2026, 10:15 PM",-,"<p>Well, ""done""</p>"\n'
    '"Participant 12",@Bo,bo@uni.example,"Submitted for grading",,10.00,Yes,-,-,\n'
    '"Participant 13",Cy,cy@uni.example,"No submission",,10.00,Yes,-,-,\n'
    '"Participant 14",Eve,eve@uni.example,"No submission",,10.00,No,-,-,\n'
    '"Participant 15",Zoe,zoe@uni.example,"No submission",,10.00,Yes,-,-,"Where are\nyou?"\n'
)
EMPTY = "Submitted for grading"
FILLED = (
    TEMPLATE.replace(f'{EMPTY}",,10.00,Yes,"Monday', f'{EMPTY}",10.00,10.00,Yes,"Monday')
    .replace(f'bo@uni.example,"{EMPTY}",,10.00,Yes,-,-,', f'bo@uni.example,"{EMPTY}",3.50,10.00,Yes,-,-,{{late}}')
    .replace('cy@uni.example,"No submission",,10.00,Yes,-,-,', 'cy@uni.example,"No submission",7.00,10.00,Yes,-,-,{cy}')
    .format(
        late="1.00 points were taken off for lateness. Not final: marked by hand so far are all answers but 1.",
        cy="Handed in by the group tigers.",
    )
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    with write_gradebook(root):
        return root


@pytest.fixture
def export(root, tmp_path, monkeypatch, caplog):
    """Runs the plug-in on a worksheet; what it wrote, and its remarks."""
    monkeypatch.chdir(root)
    return partial(exported, plugin=MoodleGrades, root=root, scratch=tmp_path, caplog=caplog)


def test_grades_and_empty_comments_are_filled_and_nothing_else(export):
    text, remarks = export(TEMPLATE)
    assert text == FILLED
    assert "Zoe stands in Moodle's file, and not in the gradebook" in remarks
    assert "dan stands in the gradebook, and not in Moodle's file: 7.00 of 10.00 points are not exported." in remarks
    assert "Moodle has locked the grade of eve: left as it is." in remarks
    assert "1 of 5 totals are not final" in remarks


def test_addresses_that_only_the_roster_has_find_their_students(export, root, tmp_path, monkeypatch):
    for name in ("gradebook.db", GROUPS_FILE):
        copyfile(root / name, tmp_path / name)
    (tmp_path / ROSTER_FILE).write_text("student,name,email\ndan,Dan,dan@uni.example\nada,Ada,other@uni.example\n")
    monkeypatch.chdir(tmp_path)
    text, remarks = export(TEMPLATE.replace("Zoe,zoe@", "Dan,dan@"))
    assert 'Dan,dan@uni.example,"No submission",7.00,' in text
    assert 'ada@uni.example,"Submitted for grading",10.00,' in text, "what the gradebook has counts"
    assert "not in Moodle's file" not in remarks


def test_anonymous_worksheets_are_filled_by_identifier_if_asked_to(export, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / GROUPS_FILE).write_text("group,student\ntigers,12345\n")
    template = "Identifier,Status,Grade,Last modified (grade)\nParticipant 12345,,,-\nParticipant 6,,,-\n"
    assert export(template)[0] == template
    assert export(template, student_column="Identifier")[0] == template.replace("12345,,,", "12345,,7.00,")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (TEMPLATE.replace("10.00,Yes,-", "100.00,Yes,-"), "maximum grade is 100.00 in Moodle, and 10 in the gradebook"),
        (TEMPLATE.replace(",Grade,", ",Bewertung,"), "lacks columns Identifier, Grade, .* in English"),
        (TEMPLATE.replace('you?"', "you?"), "cannot be read as CSV"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(export, tmp_path, template, sentence):
    with pytest.raises(SystemExit, match=sentence):
        export(template)
    assert not (tmp_path / "out.csv").exists()


def test_without_a_worksheet_rows_are_made_up_by_address(export):
    text, remarks = export()
    header, *rows = csv.reader(text.removeprefix("\ufeff").splitlines())
    assert text.startswith("\ufeff") and header == ["First name", "Last name", "Email address", "intro"]
    assert {row[2].split("@")[0].lower(): row[3] for row in rows} == {
        student: score for student, score in SCORES.items() if student != "dan"
    }
    assert ['\'=HYPERLINK("http://x")', "'+Bo", "bo@uni.example", "3.50"] in rows
    assert "The gradebook has no email address of dan: left out." in remarks and "totals are not final" in remarks
