"""Who works with whom: the file that says so, what is said about one that cannot be right, and what does not fit."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from small_course import ASSIGNMENT, NOTEBOOK, enter, hand_in, judge, make_course, open_gradebook

from autograder.__main__ import main
from autograder.course.marks import marks_table
from autograder.groups.file import GROUPS_FILE, Groups, add_group, read_groups
from autograder.groups.membership import record_members
from autograder.groups.report import groups_report
from autograder.misconceptions import misconceptions_of
from autograder.report.mistakes import mistake_figures
from autograder.report.reading import NotebookResult, TaskResult
from autograder.report.students import names_of
from autograder.triage.naming import named_group
from segkit.errors import CourseError


def written(tmp_path, text):
    (tmp_path / GROUPS_FILE).write_bytes(text.encode())
    return tmp_path


def test_without_a_file_everybody_works_alone(tmp_path):
    groups = read_groups(tmp_path)
    assert groups.of("ada") is None and groups.who("ada") == ("ada",)


def test_members_are_found_whatever_else_a_spreadsheet_writes(tmp_path):
    text = '\ufeffstudent, group ,group,note\r\nada,x,tigers,\r\n grace ,x, tigers ,late\r\nlin,x,"owls, two",\r\n'
    groups = read_groups(written(tmp_path, text))
    assert groups.members == {"tigers": ("ada", "grace"), "owls, two": ("lin",)}
    assert groups.of("grace") == "tigers" and groups.who("tigers") == ("ada", "grace")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,student\na,b\n", 'needs a first line "group,student"'),
        ("", "needs a first line"),
        ("group,student\na,ada\n,grace\n", "line 3: every line needs a group and a student"),
        ("group,student\na\n", "line 2: every line needs"),
        ("group,student\na,ada\nb,ada\n", "ada stands there more than once"),
        ("group,student\nada,ada\n", "ada is a group and a student"),
    ],
)
def test_what_cannot_be_right_is_said(tmp_path, text, words):
    with pytest.raises(CourseError, match=words):
        read_groups(written(tmp_path, text))


def test_a_file_in_another_encoding_is_said(tmp_path):
    (tmp_path / GROUPS_FILE).write_bytes("group,student\nlöwen,ada\n".encode("utf-16"))
    with pytest.raises(CourseError, match=r"cannot be read .* save it as UTF-8"):
        read_groups(tmp_path)


def test_a_group_is_added_and_the_rest_stays_as_it_was(tmp_path):
    written(tmp_path, "student,note,group\nada,first,tigers")
    assert add_group(tmp_path, "tigers", ["ada", "grace", "grace"]).members == {"tigers": ("ada", "grace")}
    add_group(tmp_path, "owls, two", ["lin"])
    text = 'student,note,group\nada,first,tigers\ngrace,,tigers\nlin,,"owls, two"\n'
    assert (tmp_path / GROUPS_FILE).read_text() == text
    with pytest.raises(CourseError, match="ada stands there more than once"):
        add_group(tmp_path, "owls, two", ["ada"])
    assert (tmp_path / GROUPS_FILE).read_text() == text


def test_the_first_group_makes_the_file(tmp_path):
    assert add_group(tmp_path, "tigers", ["ada"]) == read_groups(tmp_path)


def findings(root) -> list[str]:
    return groups_report(root, ASSIGNMENT).findings


def test_a_class_in_which_everything_fits(tmp_path, monkeypatch, capsys):
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,grace\n")
    hand_in(root, "tigers", code="A = 1", group='GROUP = ["Grace", "ada"]')
    hand_in(root, "lin", code="A = 2", group='GROUP = "lin"')
    record_members(root / "verdicts" / ASSIGNMENT / "tigers", ["ada", "grace"])
    monkeypatch.chdir(root)
    assert main(["groups", "--assignment", ASSIGNMENT]) == 0
    printed = capsys.readouterr().out
    assert "Groups: 1. Hand-ins of students who are in none: 1." in printed
    assert "tigers  ada, grace  graded 20" in printed and "Nothing to look at." in printed


def test_members_who_handed_in_alone_and_groups_that_did_not(tmp_path, monkeypatch, capsys):
    groups = "tigers,ada\ntigers,grace\nowls,lin\nowls,mei\nbears,zoe\n"
    root = make_course(tmp_path / "course", groups)
    hand_in(root, "tigers", code="A = 1")
    hand_in(root, "ada", code="A = 1")
    hand_in(root, "grace", code="A = 2")
    hand_in(root, "lin", code="A = 3")
    hand_in(root, "mei", code="A = 4")
    (root / "submitted" / "bears" / ASSIGNMENT).mkdir(parents=True)  # and nothing in it
    assert findings(root) == [
        "Nothing was handed in as bears (zoe).",
        "ada is in tigers and handed in alone: the same as tigers's.",
        f"grace is in tigers and handed in alone: other than tigers's in {NOTEBOOK}.",
        "Nothing was handed in as owls, but lin, mei handed in alone: move what counts to submitted/owls/intro.",
        f"mei is in owls and handed in alone: other than lin's in {NOTEBOOK}.",
    ]
    monkeypatch.chdir(root)
    assert main(["groups", "--assignment", ASSIGNMENT]) == 1
    assert "to look at:\n  Nothing was handed in as bears" in capsys.readouterr().out


def test_late_members_and_changed_groups(tmp_path):
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,mei\nowls,lin\n")
    for group in ("tigers", "owls"):
        hand_in(root, group, code=f"NAME = {group!r}")
    verdicts = root / "verdicts" / ASSIGNMENT
    for group, members in {"tigers": ["ada", "grace"], "owls": ["owls"], "bears": ["zoe", "kim"]}.items():
        record_members(verdicts / group, members)
    (verdicts / "no_record").mkdir()
    said = [re.sub(r"\(20.*? UTC\)", "(then)", finding) for finding in findings(root)]
    assert said == [
        "bears was graded (then) for zoe, kim, and is no group any more.",
        "lin joined owls after it was graded (then).",
        "mei joined tigers after it was graded (then).",
        "grace left tigers after it was graded (then).",
    ]


def test_ids_that_nobody_knows_are_said_once_the_class_is_entered(tmp_path):
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,grcae\n")
    for name in ("tigers", "tiger", "lin"):
        hand_in(root, name, code=f"NAME = {name!r}")
        enter(root, name)
    assert findings(root) == []  # grading alone has put these ids there
    with open_gradebook(root) as gradebook:
        for name in ("ada", "grace"):
            gradebook.add_student(name)
    assert findings(root) == ["groups.csv puts grcae into tigers; gradebook and roster know nobody of that id."]
    with open_gradebook(root) as gradebook:
        for name in ("ada", "grace", "lin"):
            gradebook.update_or_create_student(name, last_name="Somebody")
    assert findings(root)[1:] == [
        "submitted/tiger is no group of groups.csv and no student whom gradebook or roster name."
    ]


def test_a_roster_says_who_is_known_too(tmp_path):
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,grcae\n")
    hand_in(root, "tigers")
    (root / "roster.csv").write_text("student\nada\ngrace\n")
    assert findings(root) == ["groups.csv puts grcae into tigers; gradebook and roster know nobody of that id."]


def test_the_same_code_of_two_groups_is_found_where_it_earned_something(tmp_path):
    root = make_course(tmp_path / "course", "tigers,ada\nowls,lin\n")
    for name in ("tigers", "owls", "zoe", "ada"):
        judge(root, name, content="the same")
    for name in ("kim", "mei"):
        judge(root, name, content="untouched", points=0.0)
    (root / "verdicts" / ASSIGNMENT / "kim" / "02_more.json").write_text("[]")
    assert [one for one in findings(root) if "same code" in one] == [
        f"ada, owls, tigers, zoe handed in the same code: {NOTEBOOK}."
    ]
    for name in ("owls", "zoe"):
        judge(root, name, content="another")
    assert [one for one in findings(root) if "same code" in one] == [
        f"owls, zoe handed in the same code: {NOTEBOOK}."
    ]  # ada's own hand-in is that of her group


def test_what_notebooks_say_is_held_against_the_file(tmp_path):
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,grace\n")
    hand_in(root, "tigers", code="A = 1", group='GROUP = ["ada", "lin\\n"]')
    hand_in(root, "ada", code="A = 1", group='GROUP = "Tigers"')
    hand_in(root, "lin", code="A = 2", group="GROUP = ['lin', 'ada']")
    assert [one for one in findings(root) if "names the group" in one] == [
        f"{NOTEBOOK} of lin names the group lin, ada; in groups.csv lin works alone.",
        f"{NOTEBOOK} of tigers names the group ada, lin; in groups.csv tigers is ada, grace.",
    ]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ('GROUP = ["ada", "grace"]', ("ada", "grace")),
        ('# we are\nOTHER = GROUP = ("ada", " grace ", "ada", "")', ("ada", "grace")),
        ('GROUP = "tigers"', ("tigers",)),
        ('GROUP = ["ada"]\nGROUP = ["lin", 3]', ("lin",)),
        ('GROUP = [open("/etc/passwd").read()]', ()),
        ('GROUP = ["ada"] * 10**9', ()),
        ("GROUP = " + "[" * 2000, ()),
        ("GROUP = " + "-" * 4000 + "1", ()),
        ('GROUP = ["ada"', ()),
        ("GROUP = None", ()),
        ('GROUP = {"ada": 1}', ()),
        ('def f():\n    GROUP = ["ada"]', ()),
        ('"\\d"; GROUP = ["' + "x" * 6000 + '"]', ()),
        ("GROUP = '\ud800'", ()),
    ],
)
def test_the_group_that_a_notebook_names_is_read_and_never_executed(source, named):
    assert named_group(new_notebook(cells=[new_markdown_cell('GROUP = ["mei"]'), new_code_cell(source)])) == named


def test_marks_show_the_members_of_a_group(tmp_path):
    root = make_course(tmp_path / "course", "tigers,ada\ntigers,grace\n")
    enter(root, "tigers")
    enter(root, "lin")
    [_, *lines] = marks_table(root, ASSIGNMENT).splitlines()
    assert lines[0].startswith("lin ") and lines[1].startswith("tigers ")
    assert [line.strip() for line in lines[2:]] == ["members: ada, grace"]


def test_the_report_calls_a_group_with_its_members_but_for_anonymous_names():
    groups = Groups({"tigers": ("ada", "grace")})
    assert names_of(["tigers", "lin"], groups=groups) == {"tigers": "tigers (ada, grace)", "lin": "lin"}
    assert "ada" not in names_of(["tigers"], b"a secret", ASSIGNMENT, groups)["tigers"]


def test_no_example_of_a_misconception_holds_a_member_s_name():
    task = "image_to_patches"
    judged = TaskResult(0.0, 3.0, False, [], [misconceptions_of(ASSIGNMENT, task)[0].name])
    results = [NotebookResult("tigers", NOTEBOOK, {task: judged}, [], None, 0.0)]
    answers = {"tigers": {NOTEBOOK: {task: "patches_of_grace = 1"}}}
    [figures] = mistake_figures(results, answers, ASSIGNMENT, Groups())
    assert figures.example.code == "patches_of_grace = 1"
    [figures] = mistake_figures(results, answers, ASSIGNMENT, Groups({"tigers": ("ada", "grace")}))
    assert figures.example is None
