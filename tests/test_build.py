"""Building notebooks: the same bytes every time, nobody's work overwritten, nothing left behind, refusals in words."""

import json
import os
import re

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.building import build
from autograder.building.build import (
    build_student_notebooks,
    digest,
    instructor_notebook,
    is_edited,
    release,
    write_instructor_notebooks,
)
from autograder.sources import assignments, read_source, read_sources
from segkit.errors import CourseError

FIRST = '''\
# %% [markdown]
# # First

# %%
import math

# %% [markdown]
# The same text twice.

# %% [markdown]
# The same text twice.

# %% role="stub" id="area" task="1.1"
def area(radius):
    """The area of a circle, for example 3.14... for radius 1."""
    ### BEGIN SOLUTION
    squared = radius**2
    return math.pi * squared
    ### END SOLUTION

# %% role="check" id="area" points=4
check("area")

# %% role="experiment"
print(area(2))

# %% [markdown] role="answer" id="q1" points=2.5
# ### BEGIN SOLUTION
# It grows with the square of the radius.
#
# **Marking scheme**: 2.5 points for the square.
# ### END SOLUTION
'''
SECOND = '# %%\nx = 1\n\n# %% role="check" id="x" points=3.5\ncheck("x")\n'


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two small notebooks in a folder of its own, and an empty working directory beside it."""
    root = tmp_path / "course"
    (root / "solutions" / "tiny").mkdir(parents=True)
    (root / "solutions" / "tiny" / "01_first.py").write_text(FIRST)
    (root / "solutions" / "tiny" / "02_second.py").write_text(SECOND)
    monkeypatch.setattr(build, "SOLUTIONS", root / "solutions")
    monkeypatch.setattr(build, "NOTEBOOKS", root / "notebooks")
    monkeypatch.setattr(build, "read_sources", lambda name: read_sources(name, root / "solutions"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return root


def files(folder):
    """Path, bytes and time of everything under a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edit(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def with_id(notebook, grade_id):
    [cell] = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id]
    return cell


# --- what is built --------------------------------------------------------------------------------------------------


def test_two_builds_are_byte_identical_and_leave_nothing_else(course, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # alembic is found all the same
    before = files(course)
    first = build_student_notebooks("tiny", course / "first")
    second = build_student_notebooks("tiny", course / "second")
    assert [path.name for path in first] == [path.name for path in second] == ["01_first.ipynb", "02_second.ipynb"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    made = set(files(course)) - set(before)
    assert made == {f"{folder}/{path.name}" for folder in ("first", "second") for path in first}
    assert os.listdir() == []  # no gradebook, no log where it was started
    assert b"\r" not in first[0].read_bytes() and first[0].read_bytes().endswith(b"}\n")


def test_a_student_notebook_has_stubs_and_locked_checks_and_no_solution(course):
    [path, _] = release("tiny")
    assert path == course / "notebooks" / "tiny" / "01_first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert with_id(notebook, "area-stub").source.splitlines() == [
        "def area(radius):",
        '    """The area of a circle, for example 3.14... for radius 1."""',
        '    raise NotImplementedError("Task 1.1: your code goes here")',
    ]
    assert with_id(notebook, "q1").source == "*Your answer here.*"
    check = with_id(notebook, "area")
    assert (check.source, check.metadata.tags) == ('check("area")', ["check"])
    about = check.metadata.nbgrader
    assert (about.grade, about.locked, about.solution, about.points) == (True, True, False, 4)
    [experiment] = [cell for cell in notebook.cells if cell.metadata.get("tags") == ["experiment"]]
    assert experiment.source == "print(area(2))"
    text = path.read_text()
    for secret in ("squared", "grows with", "Marking scheme", "BEGIN SOLUTION", "END SOLUTION"):
        assert secret not in text

    [instructors, _] = write_instructor_notebooks("tiny")
    assert instructors == course / "solutions" / "tiny" / "01_first.ipynb"
    ours = nbformat.read(instructors, as_version=4)
    assert [cell.id for cell in ours.cells] == [cell.id for cell in notebook.cells]
    assert "return math.pi * squared" in with_id(ours, "area-stub").source
    assert "Marking scheme" in with_id(ours, "q1").source
    for built in (instructors, path):  # what any Jupyter opens
        raw = json.loads(built.read_text(encoding="utf-8"))
        assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
        assert raw["metadata"]["kernelspec"]["name"] == "python3"
        assert raw["metadata"]["course"]["assignment"] == "tiny"


def test_ids_are_unique_and_depend_on_the_content_only(course, tmp_path):
    source = read_source(course / "solutions" / "tiny" / "01_first.py")
    ids = [cell.id for cell in instructor_notebook(source, "tiny").cells]
    assert len(set(ids)) == len(ids)
    assert ids[3] == f"{ids[2]}-2"  # the same text twice
    moved = tmp_path / "01_first.py"
    moved.write_text(FIRST.replace("# %%\nimport math", "# %%\nimport math\n\n# %%\ny = 2"))
    assert set(ids) < {cell.id for cell in instructor_notebook(read_source(moved), "tiny").cells}


def test_ids_that_become_equal_are_told_apart(tmp_path):
    names = ["a b", "a-b", "a-b-2", "a/b", "x" * 80, "x" * 90]
    path = tmp_path / "01.py"
    path.write_text("\n\n".join(f'# %% role="stub" id="{name}"\nx = 1' for name in names))
    ids = [cell.id for cell in instructor_notebook(read_source(path), "tiny").cells]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell_id) for cell_id in ids)


@pytest.mark.parametrize(
    ("assignment", "source"),
    [(assignment, source) for assignment in assignments() for source in read_sources(assignment)],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_courses_own_notebooks_are_valid_and_their_ids_unique(assignment, source):
    notebook = instructor_notebook(source, assignment)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    graded = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert len(set(ids)) == len(ids)
    assert len(set(graded)) == len(graded)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('# %% role="stubb" id="x"\n', "has a cell of role 'stubb': the roles are"),
        ('# %% role="stub"\nx = 1', "has a cell of role 'stub' without an id"),
        ('# %% role="check" points=3\nx = 1', "has a cell of role 'check' without an id"),
        ('# %% role="bonus" points=3\nx = 1', "has a cell of role 'bonus' without an id"),
        ('# %% role="evaluated" points=3\nx = 1', "has a cell of role 'evaluated' without an id"),
        ('# %% role="evaluated" id="x" points=3\nx = 1', "role 'evaluated' without a model=\"NOTEBOOK.CLASS\""),
        ('# %% [markdown] role="answer" points=3\n# x', "has a cell of role 'answer' without an id"),
    ],
)
def test_a_source_that_makes_no_sense_is_said(course, text, words):
    (course / "solutions" / "tiny" / "02_second.py").write_text(text)
    with pytest.raises(CourseError, match=words) as error:
        build_student_notebooks("tiny", course / "built")
    assert str(error.value).startswith("02_second.py")
    assert not (course / "built").exists()


@pytest.mark.parametrize("role", ['"bonus"', '"evaluated" model="01_first.Model"'])
def test_a_bonus_is_a_locked_check_of_which_nbgrader_expects_no_points(course, role):
    source = course / "solutions" / "tiny" / "02_second.py"
    source.write_text(SECOND.replace('role="check" id="x" points=3.5', f'role={role} id="x" points=3'))
    _, built = build_student_notebooks("tiny", course / "built")
    bonus = with_id(nbformat.read(built, as_version=4), "x")
    assert (bonus.source, bonus.metadata.tags, bonus.metadata.course) == ('check("x")', ["check"], {"bonus": 3})
    about = bonus.metadata.nbgrader
    assert (about.grade, about.locked, about.solution, about.points) == (True, True, False, 0)


def test_an_assignment_that_does_not_exist_is_said(course):
    with pytest.raises(CourseError, match="There is no assignment 'huge'"):
        release("huge")


# --- nobody's work is overwritten: the instructor's notebooks, which need no nbgrader, stand for both kinds ----------


def test_what_did_not_change_is_not_touched(course):
    assert len(write_instructor_notebooks("tiny")) == 2
    before = files(course)
    assert write_instructor_notebooks("tiny") == []
    assert files(course) == before
    source = course / "solutions" / "tiny" / "02_second.py"
    source.write_text(source.read_text().replace("x = 1", "x = 2"))
    assert [path.name for path in write_instructor_notebooks("tiny")] == ["02_second.ipynb"]
    after = files(course)
    assert after["solutions/tiny/01_first.ipynb"] == before["solutions/tiny/01_first.ipynb"]
    assert b"x = 2" in after["solutions/tiny/02_second.ipynb"][0]


def a_new_line(notebook):
    notebook.cells[1].source += "\n# mine"


def an_output(notebook):
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [nbformat.v4.new_output("stream", text="42\n")]


def a_cell_more(notebook):
    notebook.cells.append(nbformat.v4.new_markdown_cell("my notes"))


def a_cell_less(notebook):
    del notebook.cells[0]


def another_order(notebook):
    notebook.cells.insert(0, notebook.cells.pop())


def change_both_sources(course):
    for name, text in (("01_first", FIRST), ("02_second", SECOND)):
        (course / "solutions" / "tiny" / f"{name}.py").write_text(text + "\n# %%\nlater = 1\n")


@pytest.mark.parametrize("change", [a_new_line, an_output, a_cell_more, a_cell_less, another_order])
def test_an_edited_or_executed_notebook_is_never_overwritten_and_nothing_is_written(course, change):
    [_, second] = write_instructor_notebooks("tiny")
    edit(second, change)
    change_both_sources(course)
    before = files(course)
    with pytest.raises(CourseError) as error:
        write_instructor_notebooks("tiny")
    sentence = str(error.value)
    assert sentence.startswith(f"02_second.ipynb in {second.parent} was edited or run since it was built")
    assert "01_first" not in sentence and "move it elsewhere or delete it" in sentence
    assert files(course) == before
    second.unlink()
    assert len(write_instructor_notebooks("tiny")) == 2


def test_students_notebooks_are_protected_too(course):
    paths = release("tiny")
    for path in paths:
        edit(path, an_output)
    change_both_sources(course)
    before = files(course)
    with pytest.raises(CourseError, match=r"^01_first\.ipynb, 02_second\.ipynb in .* was edited or run"):
        release("tiny")
    assert files(course) == before


def test_what_jupyter_itself_writes_is_no_work(course):
    [path, _] = write_instructor_notebooks("tiny")

    def open_and_save(notebook):
        notebook.metadata.language_info = {"name": "python", "version": "3.12.1"}
        notebook.metadata.widgets = {}
        notebook.cells[1].metadata.collapsed = False
        notebook.cells[1].execution_count = 3

    edit(path, open_and_save)
    assert not is_edited(path)
    assert write_instructor_notebooks("tiny") == [path]  # and is as it was built again


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 10**5, b'{"cells": 1, "nbformat": 4, "nbformat_minor": 5}'],
    ids=lambda content: repr(content[:20]),
)
def test_a_file_that_is_no_notebook_is_somebodys_work(course, content):
    [path, _] = write_instructor_notebooks("tiny")
    path.write_bytes(content)
    assert is_edited(path)
    with pytest.raises(CourseError, match=r"^01_first\.ipynb in"):
        write_instructor_notebooks("tiny")
    assert path.read_bytes() == content


def test_a_notebook_of_somebody_else_is_somebodys_work(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    nbformat.write(notebook, tmp_path / "01.ipynb")
    assert is_edited(tmp_path / "01.ipynb")
    notebook.metadata.course = {"built": digest(notebook)}
    nbformat.write(notebook, tmp_path / "01.ipynb")
    assert not is_edited(tmp_path / "01.ipynb")


def test_files_of_other_names_stay_where_they_are(course):
    notes = course / "solutions" / "tiny" / "my_notes.ipynb"
    notes.write_text("not even a notebook")
    assert notes not in write_instructor_notebooks("tiny")
    assert notes.read_text() == "not even a notebook"


# --- nbgrader -------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_the_gradebook_learns_of_the_assignment_and_refusals_become_a_sentence(course):
    url = f"sqlite:///{course / 'gradebook.db'}"
    release("tiny", url)
    with Gradebook(url) as gradebook:
        assert {notebook.name for notebook in gradebook.find_assignment("tiny").notebooks} == {"01_first", "02_second"}
        assert gradebook.find_assignment("tiny").max_score == 10
        gradebook.add_student("ada")
        gradebook.add_submission("tiny", "ada")
    before = files(course / "notebooks")
    assert release("tiny", url) == []  # once there are submissions, the same again is still allowed

    source = course / "solutions" / "tiny" / "02_second.py"
    source.write_text(SECOND.replace('id="x"', 'id="y"'))
    with pytest.raises(CourseError) as error:
        release("tiny", url)
    sentence = str(error.value)
    assert sentence.startswith("nbgrader could not generate the assignment tiny: ")
    assert "\n" not in sentence and "Traceback" not in sentence
    assert len(sentence) > len("nbgrader could not generate the assignment tiny: ") + 20  # it says why
    assert files(course / "notebooks") == before


def test_two_graded_cells_of_one_name_are_refused_in_words(course):
    path = course / "solutions" / "tiny" / "02_second.py"
    path.write_text(SECOND + '\n# %% role="check" id="x" points=2\ncheck("x")\n')
    with pytest.raises(CourseError, match=r"nbgrader could not generate the assignment tiny: .*x"):
        release("tiny")
    assert not (course / "notebooks").exists()


def test_a_solution_that_is_not_closed_is_refused_in_words(course):
    path = course / "solutions" / "tiny" / "01_first.py"
    path.write_text(FIRST.replace("    ### END SOLUTION\n", "", 1))
    with pytest.raises(CourseError, match=r"nbgrader could not generate the assignment tiny: .*no end solution"):
        release("tiny")
