"""Who works with whom: the file that says so, and what is said about one that cannot be right."""

import pytest

from autograder.groups import GROUPS_FILE, add_group, read_groups
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
