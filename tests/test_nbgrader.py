"""One notebook through the real `nbgrader autograde` and `generate_feedback`: marks, words, and what stays as it was.

Four students hand in 02_modules alone: ada all of the reference; bo a mistake in attention and a MixFFN that raises
something nasty; cy the reference with noise on stderr; di no attention, and the output of its check cell deleted.
"""

import json
import shutil
import stat

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

from autograder.building import build
from autograder.completion import Mistake, complete
from autograder.course.course import Course
from autograder.grading.cases import POOL_SIZE, SECRET_FILE
from autograder.paths import HIDDEN_TESTS, ROOT
from autograder.sources import AUTOMATIC, Source, read_sources, solution_regions

ASSIGNMENT, NOTEBOOK = "segformer", "02_modules"
LOG = "epoch 3: my own training log, loss 0.1234"
FIGURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
NASTY = "<script>alert(1)</script>"
FORGED = [new_output("execute_result", data={"text/plain": "1000000.0"}, execution_count=1)]
STDERR = [new_output("stream", name="stderr", text="UserWarning: something old\n")]

MISTAKES = {
    "ada": [],
    "bo": [
        Mistake("all channels", NOTEBOOK, "EfficientSelfAttention", "channels // num_heads)", "channels)"),
        Mistake(
            "raises", NOTEBOOK, "MixFFN", "return self.contract(", f'raise ValueError("{NASTY}")\n        return ('
        ),
    ],
    "cy": [],
    "di": [],
}


@pytest.fixture(scope="module")
def source() -> Source:
    return next(source for source in read_sources(ASSIGNMENT) if source.name == NOTEBOOK)


def graded_cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def experiments(notebook):
    return [cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", [])]


def checks(notebook):
    return [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]


def hand_in(course: Course, student: str, source: Source) -> None:
    """Complete the released notebook as that student did."""
    notebook = nbformat.read(course.root / "notebooks" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
    untouched = graded_cell(notebook, "EfficientSelfAttention-stub").source
    complete(notebook, source, MISTAKES[student])
    for cell in experiments(notebook):
        cell.outputs = [
            new_output("stream", text=LOG),
            new_output("display_data", data={"image/png": FIGURE}),
            *STDERR,
        ]
        cell.execution_count = 7
    for cell in checks(notebook):
        cell.outputs, cell.execution_count = (FORGED if student == "ada" else STDERR), 8
    if student == "cy":
        noise = "import sys, warnings\n_ = print('noise', file=sys.stderr)\n_ = warnings.warn('something old')"
        notebook.cells.insert(3, new_code_cell(noise, outputs=STDERR))
    if student == "di":
        graded_cell(notebook, "EfficientSelfAttention-stub").source = untouched
        graded_cell(notebook, "attention").outputs = []
    folder = course.root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, source: Source):
    """The course after one `nbgrader autograde` and one `nbgrader generate_feedback`."""
    course = Course(tmp_path_factory.mktemp("nbgrader") / "course", ASSIGNMENT)
    course.root.mkdir()
    shutil.copyfile(ROOT / "nbgrader_config.py", course.root / "nbgrader_config.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "read_sources", lambda _: [source])
        patch.setattr(build, "SOLUTIONS", course.root / "solutions")
        build.write_instructor_notebooks(ASSIGNMENT)
        build.build_student_notebooks(ASSIGNMENT, course.root / "notebooks" / ASSIGNMENT, course.db_url)
    for student in MISTAKES:
        hand_in(course, student, source)
    before = {path: path.read_bytes() for path in (course.root / "submitted").rglob("*.ipynb")}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_SECRET", raising=False)
        assert course.autograde() == 0
        assert course.generate_feedback() == 0
    assert before == {path: path.read_bytes() for path in (course.root / "submitted").rglob("*.ipynb")}
    return course


def scores(course: Course, student: str) -> dict[str, float]:
    return {mark.cell: mark.score for mark in course.marks()[student]}


def autograded(course: Course, student: str):
    return nbformat.read(course.root / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)


def page(course: Course, student: str) -> str:
    return (course.root / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html").read_text(encoding="utf-8")


def test_everybody_gets_the_marks_of_their_code(graded, source):
    full = source.points(AUTOMATIC)
    assert scores(graded, "ada") == full  # whatever they wrote into the outputs of the check cells
    assert scores(graded, "cy") == full  # whatever is printed on stderr
    assert scores(graded, "di") == full | {"attention": 0.0}  # an empty output is no full mark
    bo = scores(graded, "bo")
    assert 0 < bo["attention"] < full["attention"]  # one head is right
    assert bo == full | {"attention": bo["attention"], "mix_ffn": 0.0}  # and what composes them is not concerned


def test_points_in_the_notebook_are_plain_numbers_in_range(graded, source):
    for student in MISTAKES:
        for cell in checks(autograded(graded, student)):
            [output] = cell.outputs
            points = float(output.data["text/plain"])
            assert repr(points) == output.data["text/plain"]
            assert 0 <= points <= source.points(AUTOMATIC)[cell.metadata.nbgrader.grade_id]
            assert "1000000" not in str(output)


def test_what_students_drew_and_logged_is_still_there(graded):
    for student in MISTAKES:
        cells = experiments(autograded(graded, student))
        assert cells
        for cell in cells:
            assert cell.outputs[0].text == LOG
            assert cell.outputs[1].data["image/png"].strip() == FIGURE
            assert cell.execution_count == 7
        assert LOG in page(graded, student) and FIGURE in page(graded, student)


def test_feedback_says_what_was_wrong_and_escapes_it(graded):
    text = page(graded, "bo")
    assert "✗" in text and "several heads, no reduction: the values" in text
    assert "Your code raised ValueError: &lt;script&gt;alert(1)&lt;/script&gt;" in text
    # The student's source is on the page as well, and there nbconvert escapes it.
    assert NASTY not in text
    assert "This part is not written yet (Task 2.2: your code goes here)" in page(graded, "di")
    assert "✗" not in page(graded, "ada") and "✗" not in page(graded, "cy")


def test_feedback_shows_no_line_of_a_hidden_test(graded, source):
    lines = {
        line.strip()
        for task in source.points(AUTOMATIC)
        for line in (HIDDEN_TESTS / ASSIGNMENT / f"test_{task}.py").read_text().splitlines()
        if len(line.strip()) >= 20 and not line.startswith("@graded")
    }
    assert len(lines) > 50
    for student in MISTAKES:
        text = page(graded, student)
        assert [line for line in lines if line in text] == []
        assert "judge.same" not in text


def test_feedback_shows_no_line_of_a_solution_that_was_not_written(graded, source):
    [attention] = [cell for cell in source.cells if cell.id == "EfficientSelfAttention"]
    lines = [line.strip() for region in solution_regions(attention.source) for line in region if len(line.strip()) > 15]
    assert len(lines) > 8
    kept = {line.strip() for cell in autograded(graded, "di").cells for line in cell.source.splitlines()}
    assert [line for line in lines if line in kept] == []
    assert "Marking scheme" not in page(graded, "di")


def test_verdicts_are_kept_with_their_case_and_a_secret_was_made(graded):
    contents = set()
    for student in MISTAKES:
        verdict = json.loads((graded.root / "verdicts" / ASSIGNMENT / student / f"{NOTEBOOK}.json").read_text())
        assert {task: record["points"] for task, record in verdict["tasks"].items()} == scores(graded, student)
        assert 0 <= verdict["basis"]["case"] < POOL_SIZE
        assert verdict["basis"]["sandbox"] == "bubblewrap"
        contents.add(verdict["content"])
    assert len(contents) == len(MISTAKES)
    assert stat.S_IMODE((graded.root / SECRET_FILE).stat().st_mode) == 0o600


def test_the_table_of_marks_names_what_was_lost(graded, source):
    total = sum(source.points(AUTOMATIC).values())
    lines = graded.marks_table().splitlines()
    ada = next(line for line in lines if line.startswith("ada"))
    assert f"{total:g}/{total:g}" in ada
    at = next(number for number, line in enumerate(lines) if line.startswith("di"))
    assert lines[at + 1].strip() == f"lost at attention 0 of {source.points(AUTOMATIC)['attention']:g}"
