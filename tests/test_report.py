"""The class report: what stands on it, about whom, and that nothing of a student's is active there."""

import json
import random
import re
import shutil
from dataclasses import replace
from urllib.parse import unquote

import pytest
from report_class import ASSIGNMENT, Member, disguised, make_class, stub_sources, with_mistake
from right_answers import RIGHT_ANSWERS
from test_leaderboard import Page, contrast

from autograder.__main__ import main
from autograder.course.marks import Mark
from autograder.leaderboard.entries import display_names
from autograder.misconceptions import misconceptions_of
from autograder.report import likeness
from autograder.report.answers import expected_code
from autograder.report.code import canonical, readable
from autograder.report.figures import distribution
from autograder.report.likeness import compare
from autograder.report.page import TEMPLATE, as_page, duration, percent
from autograder.report.reading import read_verdicts
from autograder.report.students import Student, names_of, student_rows
from autograder.report.writing import make_report, write_report

NASTY = '"><script>alert(1)<img src=x onerror=alert(2)>'
NOT_SCALED = next(one for one in misconceptions_of(ASSIGNMENT, "attention") if one.name == "not scaled")
BY_ALL = next(one for one in misconceptions_of(ASSIGNMENT, "attention") if one.name == "scaled by all channels")


def explained(mistake, remark: str = "by Zoe Smith") -> str:
    """An answer with a mistake, and with what may tell whose it is."""
    code = "\n".join(with_mistake(mistake).values())
    return code.replace("def forward", f"# {remark}\n    def forward").replace('"""', f'"""{remark} ', 1)


SCRIPT = "'</pre><script>alert(3)</script>'\n"
CLASS = [
    Member("ann", mistakes={"attention": NOT_SCALED}, code={"attention": explained(NOT_SCALED)}),
    Member("bob", mistakes={"attention": NOT_SCALED}, code={"attention": f"{explained(NOT_SCALED)}\nMORE = 1\n"}),
    Member("cy", mistakes={"attention": BY_ALL}, code={"attention": f"cy = 1\n{explained(BY_ALL)}"}),
    Member("di.berg", repairs={"01_data": ["A BOM was taken out."]}, stopped={"mix_ffn": "time"}, seconds=9.0),
    Member("eve", untouched={"attention", "decoder"}, written=None, feedback=False),
    Member("flo", unreadable={"02_modules": "It is empty."}),
    Member("gus", mistakes={"attention": BY_ALL}, code={"attention": f"LONG = {SCRIPT}{explained(BY_ALL)}\n"}),
    Member(NASTY, code={"attention": f"LONG = {SCRIPT}"}),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_class(tmp_path_factory.mktemp("made"), CLASS)


@pytest.fixture
def course(made, tmp_path, monkeypatch):
    """A course of its own for each test, which stands in it."""
    root = shutil.copytree(made, tmp_path / "course")
    monkeypatch.chdir(root)
    monkeypatch.setenv("COURSE_SECRET", "a secret")
    return root


@pytest.fixture(scope="module")
def report(made):
    return make_report(made, ASSIGNMENT, made / "report.html")


@pytest.fixture(scope="module")
def page(report) -> str:
    return as_page(report)


def row_of(report, student: str) -> Student:
    return next(row for row in report.students if row.id == student)


def mistake_of(report, name: str):
    return next(one for one in report.mistakes if one.name == name)


# ------------------------------------------------------------------------------------------------------- the command
def test_the_command_writes_one_page(course, capsys):
    assert main(["report", "segformer"]) == 0
    assert capsys.readouterr().out == "report.html\n"
    assert (course / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert main(["report", "--assignment", "segformer", "--out", "pages/class.html"]) == 0
    assert 'href="../feedback/ann/segformer/01_data.html"' in (course / "pages/class.html").read_text()
    assert main(["report", "--out", "submitted"]) == 2
    assert re.search(r"could not be written to submitted \(.*\)\.$", capsys.readouterr().err.strip())


def test_without_anything_graded_there_is_one_sentence(course, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 2
    assert re.fullmatch(
        r"autograder: Nothing of segformer has been graded in .*: run `.*`\.", capsys.readouterr().err.strip()
    )
    monkeypatch.chdir(course)
    (course / "verdicts/intro/ann").mkdir(parents=True)
    (course / "verdicts/intro/ann/01_warmup.json").write_text("{}")
    assert main(["report", "intro"]) == 2
    assert "does not know intro, only segformer: say --assignment=segformer if" in capsys.readouterr().err


def test_verdicts_that_cannot_be_read_are_left_out_and_counted(course):
    folder = course / "verdicts" / ASSIGNMENT
    (folder / "ann/01_data.json").write_text("{")
    (folder / "bob/01_data.json").write_text('{"tasks": {"label_mapping": {"points": 4}}}')
    (folder / "cy/01_data.json").write_text("[]")
    nan = json.loads((folder / "gus/01_data.json").read_text()) | {"seconds": float("nan")}
    (folder / "gus/01_data.json").write_text(json.dumps(nan))
    (folder / "last_run.json").write_text("broken")
    report = make_report(course, ASSIGNMENT, course / "report.html")
    assert report.last_run is None and row_of(report, "ann").notebooks["01_data"].points == 13
    assert [remark for remark in report.remarks if remark.startswith("4 verdict files could not be read")]
    assert report.remarks[0] in as_page(report).replace("&#39;", "'")


def test_without_the_released_notebooks_the_rest_is_shown(course):
    shutil.rmtree(course / "notebooks")
    report = make_report(course, ASSIGNMENT, course / "report.html")
    assert not report.comparisons and not any(one.example for one in report.mistakes) and len(report.students) == 8
    assert report.remarks[0].startswith("Code could be neither shown nor compared.")


# ------------------------------------------------------------------------------------------------------- the numbers
def test_rows_have_marks_bonus_signs_and_time(report):
    di, eve, flo = (row_of(report, name) for name in ("di.berg", "eve", "flo"))
    assert di.signs == ["stopped", "repaired"] and flo.signs == ["unreadable"]
    assert eve.notebooks["02_modules"].points == 36 - 12 - 6 and eve.notebooks["02_modules"].maximum == 36
    assert eve.waiting == 10 and di.waiting == 0
    assert (di.bonus, di.total) == (
        3,
        min(100, 36 - 6 + 13 + 15 + 8 + 0.75 * 28 + 3 + di.notebooks["02_modules"].points - 30),
    )
    assert flo.notebooks["02_modules"].points == 0


def test_being_late_is_taken_off_after_the_bonus_was_capped():
    given = [Mark("01_warmup", "a", True, 9.0, 10.0), Mark("01_warmup", "extra", True, 3.0, 0.0)]
    marks = {student: given for student in ("ada", "bo", "cy")}
    rows = student_rows(marks, [], {student: student for student in marks}, {}, {"bo": 2.5, "cy": 30.0})
    assert [row.total for row in rows] == [10, 7.5, 0]


def test_what_happened_comes_from_all_verdicts_not_from_the_last_run(course):
    (course / "verdicts" / ASSIGNMENT / "last_run.json").unlink()
    report = make_report(course, ASSIGNMENT, course / "report.html")
    assert [(one.student, one.notebook, one.kind) for one in report.incidents] == [
        ("flo", "02_modules", "unreadable"), ("di.berg", "02_modules", "stopped"), ("di.berg", "01_data", "repaired"),
    ]  # fmt: skip
    assert report.incidents[1].sentence.startswith("out of time: mix_ffn, ")


def test_time_is_that_of_the_verdict_or_else_that_of_its_tests(course):
    path = course / "verdicts" / ASSIGNMENT / "ann" / "01_data.json"
    record = json.loads(path.read_text())
    tests = sum(finding["seconds"] for task in record["tasks"].values() for finding in task["findings"])
    path.write_text(json.dumps(record | {"seconds": None}))
    before = {one.notebook: one for one in read_verdicts(course, ASSIGNMENT).results if one.student == "ann"}
    assert before["01_data"].seconds == pytest.approx(tests)
    path.write_text(json.dumps(record | {"seconds": 4000.5}))
    report = make_report(course, ASSIGNMENT, course / "report.html")
    slowest = report.times.slowest[0]
    assert (slowest.student, slowest.notebook, slowest.notebook_seconds) == ("ann", "01_data", 4000.5)
    assert report.times.total == pytest.approx(sum(row.seconds for row in report.students))


def test_tests_are_ordered_by_failure_rate_and_unreadable_notebooks_do_not_count(report):
    shares = [test.failed / test.tried for test in report.tests]
    assert shares == sorted(shares, reverse=True)
    attention = [test for test in report.tests if test.task == "attention"]
    assert {test.tried for test in attention} == {7} and attention[0].failed == 3
    assert all(test.title != "the whole task" for test in report.tests)


def test_points_per_task_have_means_and_a_bonus_its_worth(report):
    tasks = {task.name: task for task in report.tasks}
    assert tasks["attention"].full == 2 and tasks["attention"].none == 2 and tasks["attention"].marked == 8
    assert (tasks["fast_decoder"].maximum, tasks["fast_decoder"].kind) == (3, "bonus")
    assert (tasks["q1"].kind, tasks["q1"].marked, tasks["q1"].mean) == ("written", 7, 0.75 * 2.5)


def test_every_total_lies_in_one_interval():
    row = Student("x", "x", 0.0, 10.0, 0.0, 0, {}, 0.0)
    found = distribution([replace(row, total=total) for total in (0, 0.99, 1, 9.99, 10)])
    assert [interval.students for interval in found] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (found[0].low, found[-1].high) == (0, 10)


def test_numbers_in_words():
    assert [percent(share) for share in (0, 0.001, 0.125, 0.999, 1)] == ["0 %", "1 %", "13 %", "99 %", "100 %"]
    assert [duration(one) for one in (0.04, 14.4, 200, 7500)] == ["0.0 s", "14 s", "3 min 20 s", "2 h 5 min"]


# ---------------------------------------------------------------------------------------------------- misconceptions
def test_misconceptions_come_with_the_shortest_example_which_says_nothing_of_whose_it_is(report, page):
    first = mistake_of(report, "not scaled")
    assert (first.students, first.wrong) == (2, 5) and first.symptom == NOT_SCALED.symptom
    assert "self.scale = 1" in first.example.code and "MORE" not in first.example.code
    assert "#" not in first.example.code and '"""' not in first.example.code and "Smith" not in page
    assert first.example.code.count("\n") < 25 and first.example.left_out >= 0


def test_an_example_that_names_its_author_is_not_taken(report):
    example = mistake_of(report, "scaled by all channels").example
    assert example.code.startswith("LONG = "), "cy's comes first, but has cy's name in it"


def test_an_example_is_taken_from_an_answer_with_that_misconception_only(course):
    path = course / "verdicts" / ASSIGNMENT / "ann" / "02_modules.json"
    record = json.loads(path.read_text())
    record["tasks"]["attention"]["misconceptions"].append("no softmax")
    path.write_text(json.dumps(record))
    report = make_report(course, ASSIGNMENT, course / "report.html")
    assert (
        "MORE"
        in mistake_of(report, "not scaled").example.code + "MORE" * mistake_of(report, "not scaled").example.left_out
    )
    assert mistake_of(report, "not scaled").example.beside == 0
    assert mistake_of(report, "no softmax").example.beside == 1


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("def f(x):\n    '''É\n    doc'''\n    return x  # Ann\n\n\n\n# end", "def f(x):\n    return x\n"),
        ("class A:\n    'only this'\n", "class A:\n    ...\n"),
        ("'''a'''\nx = '# no comment'", "x = '# no comment'"),
        ("f'by {me}'\r\nx = 1", "x = 1"),
        ("def f(:", None),
        ("x = 1\0", None),
        ("(" * 5000, None),
        ("x = 1; 'y'; z = 2", "x = 1; ; z = 2"),
    ],
)  # fmt: skip
def test_comments_and_docstrings_are_taken_out_and_the_layout_stays(source, left):
    assert readable(source) == left


@pytest.mark.parametrize("source", ["def f(:", "x = 1\0", "(" * 5000, "-" * 9000 + "1", "x" + ".x" * 9000, "\ud800"])
def test_code_that_nobody_can_parse_is_no_error(source):
    assert isinstance(canonical(source), str)
    assert isinstance(likeness.passages(source), set)


# -------------------------------------------------------------------------------------------------- what is not shown
def test_nothing_on_the_page_is_active_and_nothing_asks_for_anything(page):
    found = Page(page)
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "src"]
    links = [value for name, value in found.attributes if name == "href"]
    assert all(link.startswith(("#", "feedback/")) for link in links)
    assert "url(" not in page and "@import" not in page
    assert NASTY in found.texts, "shown as it was typed"
    assert any("</pre><script>alert(3)</script>" in text for text in found.texts)


def test_links_lead_to_feedback_that_is_there(made, page):
    links = {value for name, value in Page(page).attributes if name == "href" and not value.startswith("#")}
    assert len(links) == 7 * 5 and not [link for link in links if "/eve/" in link]
    assert all((made / unquote(link)).is_file() for link in links)


def test_an_anonymous_page_has_made_up_names_and_no_way_to_anybody(course):
    text = write_report(course, ASSIGNMENT, course / "report.html", anonymous=True).read_text()
    found = Page(text)
    assert not [value for name, value in found.attributes if name == "href" and not value.startswith("#")]
    shown = " ".join(found.texts)
    assert not [member.id for member in CLASS if re.search(rf"(?<!\w){re.escape(member.id)}(?!\w)", shown)]
    assert "BOM" not in shown, "a sentence may hold the name of a file"
    assert len(set(re.findall(r"Student [0-9A-F]{6}", shown))) == 8
    assert "Private" not in text and "Not for the public" in text


def test_made_up_names_stay_the_same_and_are_not_those_of_the_leaderboard():
    names = names_of(["bo", "ann"], b"a secret", ASSIGNMENT)
    assert names == {student: names_of(["cy", "ann", "bo"], b"a secret", ASSIGNMENT)[student] for student in names}
    assert names != names_of(["bo", "ann"], b"another", ASSIGNMENT)
    board = display_names({"bo": None}, b"a secret", ASSIGNMENT)["bo"]
    assert names["bo"].split()[1] != board.split()[1]


def test_contrast_is_enough_for_everybody_in_both_colour_schemes():
    """WCAG 2.2, 1.4.3 (text: 4.5) and 1.4.11 (bars: 3)."""
    schemes = [
        scheme for scheme in re.findall(r":root \{(.*?)\}", TEMPLATE.read_text(), re.DOTALL) if "--ink" in scheme
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for text in ("ink", "soft", "mark", "lost"):
            assert min(contrast(colours[text], colours[ground]) for ground in ("page", "band")) >= 4.5
        assert min(contrast(colours["ink"], colours[ground]) for ground in ("alert", "found")) >= 4.5
        for bar in ("mark", "lost", "written", "bonus"):
            assert min(contrast(colours[bar], colours[ground]) for ground in ("page", "band")) >= 3


# ------------------------------------------------------------------------------------------------------------- alike
def class_of(notebook: str) -> dict[str, str]:
    """As many students as the notebook's tasks have independent right answers, each with other ones."""
    tasks = [task for task in stub_sources() if task in TASKS[notebook]]
    styles = {task: [code.text for (one, _), code in RIGHT_ANSWERS.items() if one == task] for task in tasks}
    count = min(len(answers) for answers in styles.values())
    return {f"student {n}": "\n\n".join(styles[task][n] for task in tasks) for n in range(count)}


TASKS = {
    "01_data": ("label_mapping", "joint_transform", "class_balance"),
    "02_modules": ("patch_merging", "attention", "mix_ffn", "encoder_layer", "decoder"),
    "03_model": ("segformer", "mean_iou", "training_step", "fast_decoder"),
    "04_results": ("prediction", "per_class_iou", "worst_images"),
}


def alike(notebook: str, codes: dict[str, str]) -> list[set[str]]:
    return [set(pair.students) for pair in compare(notebook, codes, [expected_code(ASSIGNMENT, notebook)]).pairs]


@pytest.mark.parametrize("notebook", TASKS)
def test_independent_right_answers_are_not_listed_and_a_disguised_copy_is(notebook):
    codes = class_of(notebook)
    assert len(codes) >= 6 and not alike(notebook, codes)
    functions = re.split(r"(?m)^(?=def |class )", disguised(codes["student 0"]))
    random.Random(0).shuffle(functions)
    assert alike(notebook, codes | {"copy": "\n".join(functions)}) == [{"copy", "student 0"}]


def test_all_styles_of_one_task_are_not_listed():
    codes = {style: code.text for (task, style), code in RIGHT_ANSWERS.items() if task == "attention"}
    assert len(codes) > 30 and not alike("02_modules", codes)


def test_what_was_released_and_what_the_reference_says_counts_for_nothing():
    codes = class_of("02_modules")
    given = "\n".join(source for task in TASKS["02_modules"] for source in stub_sources()[task].values())
    assert not alike("02_modules", codes | {"one": given, "other": given})


def test_a_way_that_many_go_is_no_sign():
    codes = class_of("02_modules")
    many = {f"like {n}": codes["student 0"] for n in range(8)}
    assert not alike("02_modules", codes | many)


def test_among_few_students_and_little_code_nothing_is_said():
    codes = dict(list(class_of("02_modules").items())[:4])
    assert not compare("02_modules", codes).pairs and compare("02_modules", codes).students == 4
    short = {f"short {n}": "x = [1, 2, 3]" for n in range(9)}
    assert compare("02_modules", short).students == 0


def test_a_pair_stands_on_the_page_with_its_code_and_a_warning(tmp_path):
    codes = class_of("02_modules")
    codes["copy"] = disguised(codes["student 0"])
    found = compare("02_modules", codes)
    lines = found.pairs[0].code
    assert all(sum(marked for _, marked in side) > 0.5 * len(side) for side in lines)
    assert "\n".join(line for line, _ in lines[0]) in {canonical(code) for code in codes.values()}
