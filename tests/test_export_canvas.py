"""Marks for Canvas: what is filled into a gradebook that it exported, what is made up, and what nobody guesses."""

import csv
import os
import shutil
import subprocess
import sys
from functools import partial

import pytest
from small_gradebook import ASSIGNMENT, SCORES, exported, write_gradebook

from autograder.exports.canvas import CanvasGrades
from autograder.exports.capped import CappedGrades
from autograder.paths import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
# As Canvas's lib/gradebook_exporter.rb writes it: a line about manual posting, points after four spaces, sums.
TEMPLATE = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,intro (77),Exam (78),Current Score,Final Score\n"
    ",,,,,,Manual Posting,,\n"
    "    Points Possible,,,,,10.00,60.00,(read only),(read only)\n"
    '"Lovelace, Ada",101,"S-1",al7,"One, ""A"" and Two",,51.00,"85,5",85.50\r\n'
    "=cmd|' /C calc'!A0,102,,BO@uni.example,One,2.00,,,\n"
    '"Löwe, Cy",103,cy,,One,N/A,,,\n'
    "Dan,104,dan,dan@elsewhere.example,One,,,,\n"
    '"Student, Test",199,,f1e2,One,,,,\n'
)
FILLED = TEMPLATE.replace('Two",,51.00', 'Two",10.00,51.00').replace("One,2.00,", "One,3.50,")
FILLED = FILLED.replace("elsewhere.example,One,,", "elsewhere.example,One,7.00,")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    with write_gradebook(root):
        return root


@pytest.fixture
def export(root, tmp_path, monkeypatch, caplog):
    """Runs the plug-in on a template; what it wrote, and its remarks."""
    monkeypatch.chdir(root)
    return partial(exported, plugin=CanvasGrades, root=root, scratch=tmp_path, caplog=caplog)


def test_only_the_column_of_the_assignment_is_filled(export):
    text, remarks = export(TEMPLATE)
    assert text == FILLED
    assert "1 of 5 totals are not final, since cells wait for a mark by hand, which count 0 until then: bo." in remarks
    assert "Student, Test stands in Canvas's file, and not in the gradebook" in remarks
    assert "eve stands in the gradebook, and not in Canvas's file" in remarks
    assert "Canvas has N/A for cy: left as it is." in remarks
    assert "handed in alone as well; the group's marks count: cy." in remarks
    assert "nothing was handed in, which counts 0: eve." in remarks


def test_semicolons_and_decimal_commas_of_other_countries_stay(export):
    template = "Student;ID;SIS Login ID;Section;intro (77);Exam\n    Points Possible;;;;10,00;8\n"
    assert export(template + '"Dan; D.";4;dan;One;;1,5')[0] == template + '"Dan; D.";4;dan;One;7.00;1,5'


def test_an_assignment_that_canvas_does_not_know_gets_a_column_at_the_end(export):
    text, remarks = export(TEMPLATE.replace("intro (77)", "Quiz (77)"))
    rows = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    assert [row[-1] for row in rows] == ["intro", "", "10.00", "10.00", "3.50", "7.00", "7.00", ""]
    assert "Canvas will ask whether to make a new assignment" in remarks
    assert [row[:-1] for row in rows] == list(
        csv.reader(TEMPLATE.removeprefix("\ufeff").replace("intro (77)", "Quiz (77)").splitlines())
    )
    named, _ = export(TEMPLATE.replace("intro (77)", "Warm-up (77)"), column="Warm-up")
    assert named == FILLED.replace("intro (77)", "Warm-up (77)")


def test_who_is_who_is_not_guessed(export):
    twice = TEMPLATE + '"Other, Ada",105,,ada@uni.example,One,,,,\n'
    text, remarks = export(twice)
    assert text == FILLED.replace('Two",10.00,', 'Two",,') + '"Other, Ada",105,,ada@uni.example,One,,,,\n'
    assert "Other, Ada in Canvas's file may be ada, or another row may be: left as it is." in remarks
    text, _ = export(TEMPLATE.replace(",al7,", ",dan,").replace(",101,", ",ada,"), student_column="ID")
    assert text == TEMPLATE.replace(",al7,", ",dan,").replace(",101,", ",ada,").replace('Two",,', 'Two",10.00,')


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (TEMPLATE.replace("10.00,60", "100.00,60"), "intro .77. has 100.00 points in Canvas, and 10 in the gradebook"),
        (TEMPLATE.replace("Exam (78)", "intro (78)"), r"several columns intro: .* intro \(77\), intro \(78\)"),
        (TEMPLATE.replace("Points", "Punkte"), "needs one line Points Possible"),
        ("name,points\nada,3\n", "lacks columns ID, SIS Login ID, Section"),
        (TEMPLATE.replace('"Löwe', 'x"Löwe').replace('"S-1"', '"S-1'), "cannot be read as CSV"),
        (TEMPLATE.encode("utf-16"), "is not in UTF-8"),
        ("", "lacks columns"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(export, tmp_path, template, sentence):
    with pytest.raises(SystemExit, match=sentence):
        export(template)
    assert not (tmp_path / "out.csv").exists()


def test_without_a_template_names_are_no_formulas(export):
    text, remarks = export()
    assert text.startswith(
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,intro\r\n    Points Possible,,,,,10.00\r\n"
    )
    rows = {row[3]: row for row in csv.reader(text.splitlines()[2:])}
    assert rows["Ada@uni.example"] == ["Lovelace, Ada", "101", "", "Ada@uni.example", "", "10.00"]
    assert rows["bo@uni.example"][0] == '\'+Bo, =HYPERLINK("http://x")'
    assert [row[-1] for row in rows.values()] == [SCORES[login.split("@")[0].lower()] for login in rows]
    assert "totals are not final" in remarks and "only if the addresses or ids are their logins" in remarks


def test_the_csv_of_the_course_gives_groups_marks_to_all_members(export):
    rows = {row["student_id"]: row for row in csv.DictReader(export(plugin=CappedGrades)[0].splitlines())}
    assert {student: f"{float(row['score']):.2f}" for student, row in rows.items()} == SCORES
    assert (rows["dan"]["group"], rows["bo"]["unmarked"], rows["bo"]["last_name"]) == ("tigers", "1", "'+Bo")


def test_nbgrader_export_finds_it_and_never_overwrites_the_template(root):
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    (root / "in.csv").write_bytes(TEMPLATE.encode())
    path = os.pathsep.join([str(ROOT), str(ROOT / "notebooks")])
    command = [sys.executable, "-m", "nbgrader", "export", "--exporter=autograder.exports.canvas.CanvasGrades"]
    options = [f"--assignment={ASSIGNMENT}", "--CanvasGrades.template=in.csv"]

    def run(to):
        return subprocess.run(
            [*command, *options, "--to", to],
            cwd=root,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
        )

    refused, done = run("in.csv"), run("out.csv")
    assert refused.returncode == 1 and "in.csv is the template, which is not overwritten" in refused.stderr
    assert done.returncode == 0 and "1 of 5 totals are not final" in done.stderr, done.stderr
    assert (root / "in.csv").read_bytes().decode() == TEMPLATE
    assert (root / "out.csv").read_bytes().decode() == FILLED
