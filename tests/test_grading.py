"""From hidden tests to points: who fails what loses what, and nobody loses a point to a mistake of ours."""

import json
import math
import os
import random
import stat
import textwrap
from dataclasses import replace

import pytest

from autograder.grading import hidden_session
from autograder.grading import notebook as grading
from autograder.grading.cases import POOL_SIZE, SECRET_FILE, case_number, case_seed, course_secret
from autograder.grading.feedback import notebook_html, task_html, task_text
from autograder.grading.kept import KeptFindings, KeptStore, fingerprint_of_test
from autograder.grading.notebook import Settings, earlier_cells, grade_notebook, task_points
from autograder.grading.verdicts import (
    FAULT,
    Basis,
    Finding,
    TaskVerdict,
    Verdict,
    changes,
    content_key,
    unreadable_verdict,
)
from autograder.paths import HIDDEN_TESTS
from autograder.sandbox import Limits
from autograder.sources import CHECKS, read_sources
from autograder.submissions import candidate_cells, notebook_cells
from segkit.errors import CourseError
from segkit.student import Cell, code_cells

BASIS = Basis("tests", "engine", "catalogue", {"torch": "2"}, "cpu", {"test": 30}, "bubblewrap", "fingerprint", 7)
SETTINGS = Settings(b"secret")

# --- points ---------------------------------------------------------------------------------------------------------


def task(maximum, *findings):
    """A verdict from (share, passed) pairs."""
    made = [
        Finding(f"test_{n}", f"property {n}", share, None if passed else "wrong", 0.1)
        for n, (share, passed) in enumerate(findings)
    ]
    return TaskVerdict("attention", maximum, made)


def test_points_are_the_shares_of_the_tests_that_passed():
    assert task(12, (3, True), (2, True), (1, True)).points == 12
    assert task(12, (3, False), (2, False), (1, False)).points == 0
    assert task(12, (3, True), (2, False), (1, False)).points == 6
    assert task(12, (3, False), (2, True), (1, True)).points == 6
    assert task(5, (1, True), (1, True), (1, False)).points == 3.33
    assert task(12).points == 0


def test_equal_fractions_of_shares_earn_equal_points_however_they_are_cut():
    assert task(6, (0.5, True), (0.5, True), (1, False)).points == task(6, (7, True), (7, False)).points == 3


def test_points_of_a_single_test():
    verdict = task(12, (3, True), (2, True), (1, False))
    assert [verdict.points_of(finding) for finding in verdict.findings] == [6, 4, 2]


def test_points_are_finite_and_in_range_for_any_shares():
    """nbgrader takes a hair above the maximum for a broken submission, and NaN for full credit."""
    generator = random.Random(5)
    maxima = [0.006, 0.125, 0.615, 2.675, 1 / 3, 12, 0.005, 1e-9]
    for _ in range(3000):
        maximum = generator.choice(maxima)
        outcomes = [(generator.choice([0.1, 0.3, 0.5, 1, 3, 1 / 3]), generator.random() < 0.6) for _ in range(5)]
        points = task(maximum, *outcomes).points
        assert math.isfinite(points)
        assert 0 <= points <= maximum
        if all(passed for _, passed in outcomes):
            assert points == maximum
        if not any(passed for _, passed in outcomes):
            assert points == 0


def test_passing_one_test_more_never_costs_points():
    generator = random.Random(6)
    for _ in range(300):
        outcomes = [(generator.choice([0.5, 1, 2, 3]), generator.random() < 0.5) for _ in range(6)]
        better = [(share, passed or number == 3) for number, (share, passed) in enumerate(outcomes)]
        assert task(7.5, *better).points >= task(7.5, *outcomes).points


# --- the words ------------------------------------------------------------------------------------------------------


def test_feedback_escapes_what_a_student_wrote():
    finding = Finding("test_a", "values", 1, "Your code raised ValueError: <script>alert(1)</script> & co.", 0.1)
    html = task_html(TaskVerdict("attention", 4, [finding]), ["cell 3: <img src=x onerror=alert(2)>"])
    assert "reported" not in html.split("</table>")[0]  # our own sentence
    assert "<script>" not in html and "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co." in html
    assert "&lt;img src=x" in html
    assert "<script>alert(1)</script> & co." in task_text(TaskVerdict("attention", 4, [finding]))


def test_feedback_shows_points_per_test_and_problems_only_where_they_matter():
    mixed = task_html(task(12, (3, True), (1, False)), ["cell 3 failed"])
    assert "<b>9 of 12 points</b>" in mixed
    assert "9 of 9" in mixed and "0 of 3" in mixed and "cell 3 failed" in mixed
    assert "cell 3 failed" not in task_html(task(12, (3, True), (1, True)), ["cell 3 failed"])
    assert task_text(task(12, (3, True), (1, False))).splitlines() == [
        "attention: 9 of 12 points",
        "  ✓ property 0",
        "  ✗ property 1",
        "      wrong",
    ]


def test_words_of_the_students_process_are_marked_cut_and_without_control_characters():
    text = "Full marks, says your instructor. \x1b[2J\u202e" + "x" * 5000
    said = TaskVerdict("attention", 4, [Finding("test_a", "values", 1, text, 0.1, said=True)])
    html = task_html(said, [text])
    for page in (html, task_text(said)):
        assert "The process of your code reported:" in page
        assert "\x1b" not in page and "\u202e" not in page
        assert len(page) < 2000
    assert "While your notebook was loaded, the process of your code reported:" in html


def test_feedback_says_what_stopped_a_test():
    stopped = Finding("test_a", "values", 1, "Your code was stopped.", 30.0, stopped="memory")
    verdict = TaskVerdict("attention", 4, [stopped])
    assert "(stopped: out of memory)" in task_html(verdict, [])
    assert "values (stopped: out of memory)" in task_text(verdict)


def verdict(*findings, content="c0ffee", basis=BASIS):
    return Verdict("segformer", "02_modules", content, basis, {"attention": task(12, *findings)}, ["ü"])


def test_a_verdict_is_written_whole_with_its_points_and_its_case(tmp_path):
    path = tmp_path / "ada" / "02_modules.json"
    for _ in range(2):
        verdict((3, True), (1, False)).write(path)
    assert os.listdir(path.parent) == ["02_modules.json"]
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["basis"]["case"], record["content"], record["problems"]) == (7, "c0ffee", ["ü"])
    assert record["basis"]["sandbox"] == "bubblewrap"
    assert record["tasks"]["attention"]["points"] == 9
    assert record["tasks"]["attention"]["findings"][1]["message"] == "wrong"


def test_a_verdict_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "02_modules.json"
    verdict((3, True)).write(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        verdict((3, False)).write(path)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (before, [path.name])


def test_a_notebook_that_cannot_be_read_earns_nothing_and_says_why():
    unreadable = unreadable_verdict(
        "segformer", "02_modules", BASIS, {"a": 3.0, "b": 2.0}, "It is empty.", ["Renamed."]
    )
    assert [task.points for task in unreadable.tasks.values()] == [0, 0]
    assert "It is empty." in task_html(unreadable.tasks["a"], []) and "It is empty." in notebook_html(unreadable)
    assert "Renamed." in notebook_html(unreadable)
    assert notebook_html(verdict((1, True))) is None


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (verdict((1, True), content="other"), "the submission changed"),
        (verdict((1, True), basis=replace(BASIS, tests="new")), "the hidden tests changed"),
        (verdict((1, True), basis=replace(BASIS, engine="new")), "the engine or the reference changed"),
        (verdict((1, True), basis=replace(BASIS, versions={"torch": "3"})), "other library versions are installed"),
        (verdict((1, True), basis=replace(BASIS, device="cuda")), "it was graded on cuda, not on cpu"),
        (verdict((1, True), basis=replace(BASIS, limits={"test": 60})), "the limits of time, memory and so on changed"),
        (verdict((1, True), basis=replace(BASIS, secret="new")), "the course's secret changed"),
        (verdict((1, True)), "something that the verdict does not record"),
    ],
)
def test_a_mark_that_changes_is_said_with_its_reason(tmp_path, now, reason):
    path = tmp_path / "02_modules.json"
    assert changes(path, now) == []
    verdict((1, False)).write(path)
    assert changes(path, now) == [f"attention: 0 -> 12 of 12, because {reason}"]
    now.write(path)
    assert changes(path, now) == []


# --- the case -------------------------------------------------------------------------------------------------------


def test_the_case_depends_on_the_secret_and_on_the_content_and_on_nothing_else():
    contents = [f"content {number}" for number in range(400)]
    cases = [case_number(b"secret", content) for content in contents]
    assert cases == [case_number(b"secret", content) for content in contents]
    assert set(cases) == set(range(POOL_SIZE))  # the whole pool is used ...
    assert max(map(cases.count, range(POOL_SIZE))) < 135  # ... evenly: 100 each on average
    others = [case_number(b"another", content) for content in contents]
    assert 65 < sum(a == b for a, b in zip(cases, others, strict=True)) < 135  # as often as chance has it


def test_the_case_of_a_submission_is_the_same_in_years_to_come():
    assert case_number(b"secret", "content") == 0
    assert case_seed(b"secret", "segformer", 3, "attention/test_one_head") == 2522027627


def test_each_test_of_each_case_has_its_own_seed():
    seeds = {
        case_seed(secret, assignment, number, test)
        for secret in (b"a", b"b")
        for assignment in ("segformer", "intro")
        for number in range(POOL_SIZE)
        for test in ("x/test_a", "x/test_b", "y/test_a")
    }
    assert len(seeds) == 2 * 2 * POOL_SIZE * 3
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_SECRET", raising=False)
    old = os.umask(0)
    try:
        secret = course_secret(tmp_path)
    finally:
        os.umask(old)
    assert os.listdir(tmp_path) == [SECRET_FILE]
    path = tmp_path / SECRET_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(secret) == 64
    written = path.stat().st_mtime_ns
    assert course_secret(tmp_path) == secret == path.read_bytes().strip()
    assert path.stat().st_mtime_ns == written
    (tmp_path / "other").mkdir()
    assert course_secret(tmp_path / "other") != secret


def test_the_environment_may_carry_the_secret_and_no_file_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "from the environment")
    assert course_secret(tmp_path) == b"from the environment"
    assert os.listdir(tmp_path) == []


def test_an_empty_secret_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_SECRET", raising=False)
    (tmp_path / SECRET_FILE).write_text("\n")
    with pytest.raises(CourseError, match="is empty: delete it"):
        course_secret(tmp_path)


# --- the content ----------------------------------------------------------------------------------------------------


def notebook(*sources, outputs=(), count=None, tags=()):
    def cell(source, tags=()):
        metadata = {"tags": list(tags)}
        return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": list(outputs),
                "execution_count": count}  # fmt: skip

    return {"cells": [*map(cell, sources), *(cell(f"print({tag!r})", [tag]) for tag in tags)]}


def key(**notebooks):
    return content_key({name: code_cells(given) for name, given in notebooks.items()})


def test_what_was_run_printed_or_tried_out_does_not_change_the_content():
    plain = key(a=notebook("x = 1", "y = 2"))
    assert key(a=notebook("x = 1", "y = 2", outputs=[{"output_type": "stream", "text": "42"}], count=9)) == plain
    assert key(a=notebook("x = 1", "y = 2", tags=["experiment", "check"])) == plain
    assert key(a=notebook(["x = ", "1"], "y = 2")) == plain


def test_every_line_that_defines_something_changes_the_content():
    plain = notebook("x = 1", "y = 2")
    variants = [
        key(a=plain),
        key(a=notebook("x = 1", "y = 3")),
        key(a=notebook("y = 2", "x = 1")),
        key(a=notebook("x = 1\ny = 2")),
        key(a=notebook("x = 1")),
        key(b=plain),
        key(a=plain, b=notebook()),
        key(a=plain, b=plain),
        key(a=notebook("x = 1 "), b=plain),
    ]
    assert len(set(variants)) == len(variants)
    assert key(a=plain, b=notebook("z")) == key(b=notebook("z"), a=plain)  # the order of files is the disk's business


def test_a_broken_file_counts_as_a_notebook_without_cells(tmp_path):
    contents = {"01": b"{", "02": b"[]", "03": b"", "04": b"\xff", "05": b"[" * 10**5, "06": b'{"cells": [1]}'}
    for name, content in contents.items():
        (tmp_path / f"{name}.ipynb").write_bytes(content)
    (tmp_path / "07.ipynb").write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook("x = 1")).encode())
    cells = notebook_cells(tmp_path)
    assert cells == {name: [] for name in contents} | {"07": [Cell(1, "x = 1")]}
    assert len(content_key(cells)) == 64


def test_a_folder_without_notebooks_is_said(tmp_path):
    with pytest.raises(CourseError, match="There are no notebooks in"):
        candidate_cells(tmp_path, "segformer")


# --- running hidden tests -------------------------------------------------------------------------------------------

PREAMBLE = """
import pytest
from autograder.grading.examination import WrongAnswer
from autograder.testing import graded
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Grade a submission with hidden tests written here: `run(task="text of its tests")`."""
    monkeypatch.setattr(hidden_session, "HIDDEN_TESTS", tmp_path)
    (tmp_path / "segformer").mkdir()
    for name in ("conftest.py", "pytest.ini"):
        (tmp_path / name).write_text((HIDDEN_TESTS / name).read_text())

    def grade(settings=SETTINGS, **tests):
        monkeypatch.setattr(grading, "task_points", lambda *_: dict.fromkeys(tests, 6.0))
        for name, text in tests.items():
            (tmp_path / "segformer" / f"test_{name}.py").write_text(PREAMBLE + textwrap.dedent(text))
        cells, store = {"02_modules": [Cell(1, "x = 1")]}, KeptStore(settings.kept)
        kept = KeptFindings(store.read(content_key(cells)), fresh=settings.fresh)
        verdict = grade_notebook("segformer", "02_modules", cells, settings, kept=kept)
        store.write(content_key(cells), kept.record)
        return verdict

    return grade


def test_findings_carry_title_share_and_words(run):
    verdict = run(
        mixed="""
        @graded("the values", share=2)
        def test_values(): pass

        @graded("the gradient", share=1)
        def test_gradient(): raise WrongAnswer("It is twice too large.")
        """,
        none="""
        @graded("everything", share=1)
        def test_all(): raise WrongAnswer("No.")
        """,
    )
    assert list(verdict.tasks) == ["mixed", "none"]
    assert (verdict.tasks["mixed"].points, verdict.tasks["none"].points) == (4, 0)
    found = [(finding.title, finding.share, finding.message) for finding in verdict.tasks["mixed"].findings]
    assert found == [("the values", 2, None), ("the gradient", 1, "It is twice too large.")]
    assert verdict.content == content_key({"02_modules": [Cell(1, "x = 1")]})
    assert verdict.basis.case == case_number(b"secret", verdict.content)
    assert run(again='@graded("a", share=1)\ndef test_a(): pass').basis.case == verdict.basis.case


GOOD = '@graded("a", share=1)\ndef test_good(): pass\n'
BROKEN = {
    "error": "def test_bad(): 1 / 0",
    "assertion": "def test_bad(): assert False",
    "skip": "def test_bad(): pytest.skip('not today')",
    "fail": "def test_bad(): pytest.fail('so')",
    "setup": "def test_bad(no_such_fixture): pass",
    "teardown": "@pytest.fixture\ndef bad():\n    yield\n    1 / 0\n@graded('b', share=1)\ndef test_bad(bad): pass",
    "look_alike": "def test_bad(): raise type('MyWrongAnswer', (Exception,), {})",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_hidden_test_that_breaks_by_itself_is_a_fault_and_stops_nothing(run, name):
    text = BROKEN[name] if "@graded" in BROKEN[name] else f"@graded('b', share=1)\n{BROKEN[name]}"
    verdict = run(**{f"broken_{name}": GOOD + text})
    good, bad = verdict.tasks[f"broken_{name}"].findings
    assert (good.message, bad.stopped) == (None, FAULT)
    assert "your instructor has to look at" in bad.message
    assert verdict.stopped == [FAULT]
    assert verdict.tasks[f"broken_{name}"].points == 3


def test_a_fault_of_the_course_ends_the_run_with_its_sentence(run):
    text = "@graded('b', share=1)\ndef test_bad(): raise CourseError('No process can be started.')"
    with pytest.raises(CourseError, match="No process can be started"):
        run(course="from segkit.errors import CourseError\n" + text)


# --- what is kept ---------------------------------------------------------------------------------------------------


COUNTED = """
@graded("a", share=1)
def test_a(): HELPER(__file__)

@graded("b", share=1)
def test_b(): HELPER(__file__); raise WrongAnswer("No.")

def HELPER(path): open(path + ".runs", "a").write("x")
"""


def runs(tmp_path, name):
    return len((tmp_path / "segformer" / f"test_{name}.py.runs").read_text())


def test_nothing_is_tried_twice_until_it_changes(run, tmp_path):
    kept = replace(SETTINGS, kept=tmp_path / "kept")
    first = run(kept, counted=COUNTED)
    assert runs(tmp_path, "counted") == 2
    assert run(kept, counted=COUNTED).tasks == first.tasks
    assert runs(tmp_path, "counted") == 2
    run(replace(kept, fresh=True), counted=COUNTED)
    assert runs(tmp_path, "counted") == 4
    run(replace(kept, secret=b"another"), counted=COUNTED)
    assert runs(tmp_path, "counted") == 6
    run(replace(kept, limits=Limits(test=60)), counted=COUNTED)
    assert runs(tmp_path, "counted") == 8
    run(SETTINGS, counted=COUNTED)
    assert runs(tmp_path, "counted") == 10


def test_points_that_a_task_carries_are_a_reason_too(tmp_path):
    path = tmp_path / "02_modules.json"
    verdict((1, True)).write(path)
    fewer = replace(verdict((1, True)), tasks={"attention": task(6, (1, True))})
    assert changes(path, fewer) == ["attention: 12 -> 6 of 6, because the points that tasks carry changed"]


def test_a_changed_test_changes_its_own_fingerprint_only(tmp_path):
    def prints(text):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "test_x.py"
        path.parent.mkdir()
        path.write_text(textwrap.dedent(text))
        return [fingerprint_of_test(path, name) for name in ("test_a", "test_b")]

    first = prints(COUNTED)
    assert prints(COUNTED) == first
    assert prints("\n\n" + COUNTED) == first
    a, b = prints(COUNTED.replace('"No."', '"Yes."'))
    assert a == first[0] and b != first[1]
    a, b = prints(COUNTED.replace('@graded("a", share=1)', '@graded("a", share=2)'))
    assert a != first[0] and b == first[1]
    a, b = prints(COUNTED.replace('"x")', '"y")'))
    assert a != first[0] and b != first[1]


@pytest.mark.parametrize("stopped", ["time", "memory", "cpu", FAULT])
def test_what_the_machine_may_have_caused_is_not_kept(tmp_path, stopped):
    kept, store = KeptFindings(), KeptStore(tmp_path)
    kept.put("one", Finding("t", "t", 1, "stopped", 1.0, stopped=stopped), [])
    kept.put("two", Finding("t", "t", 1, "crashed", 1.0, stopped="crash"), ["problem"])
    store.write("k" * 64, kept.record)
    again = KeptFindings(store.read("k" * 64))
    assert again.get("one") is None
    assert again.get("two").message == "crashed" and again.problems == ["problem"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"findings": {"a": {}}, "problems": []}', '{"findings": {"a": 3}}'])
def test_a_damaged_file_of_kept_findings_counts_as_none(tmp_path, text):
    path = tmp_path / "kk" / f"{'k' * 64}.json"
    path.parent.mkdir()
    path.write_text(text)
    assert KeptFindings(KeptStore(tmp_path).read("k" * 64)).get("a") is None


def test_a_notebook_builds_on_earlier_ones_only():
    cells = {name: [] for name in ("01_a", "02_b", "03_c")}
    assert list(earlier_cells(cells, "02_b")) == ["01_a", "02_b"]


# --- hidden tests that are of no use --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("unmarked", GOOD + "def test_bad(): pass", "test_bad has no @graded mark"),
        ("syntax", "def test_bad(:", r"could not be run \(pytest"),
        ("import", "import no_such_module", r"could not be run \(pytest"),
        ("nothing", "x = 1", "There is no hidden test of unusable_nothing"),
    ],
)
def test_hidden_tests_that_cannot_be_run_are_said(run, name, text, words):
    with pytest.raises(CourseError, match=words):
        run(**{f"unusable_{name}": text})


def test_ctrl_c_stops_the_grading_and_not_just_this_submission(run):
    with pytest.raises(KeyboardInterrupt):
        run(interrupted="@graded('b', share=1)\ndef test_slow(): raise KeyboardInterrupt")


def test_a_task_whose_file_holds_no_test_is_no_task_with_zero_points(run):
    with pytest.raises(CourseError, match="There is no hidden test of empty_b"):
        run(empty_a=GOOD, empty_b="x = 1")


def test_a_missing_file_of_hidden_tests_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(hidden_session, "HIDDEN_TESTS", tmp_path)
    with pytest.raises(CourseError, match=r"The hidden tests test_patch_merging\.py, .* are missing from"):
        grade_notebook("segformer", "02_modules", {"02_modules": []}, SETTINGS)


@pytest.mark.parametrize("foreign", ["-x", "-k good", "--maxfail=1", "-p no:such", "--collect-only"])
def test_the_graders_own_pytest_settings_do_not_reach_the_hidden_tests(run, monkeypatch, tmp_path, foreign):
    monkeypatch.setenv("PYTEST_ADDOPTS", foreign)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "pytest.ini").write_text("[pytest]\naddopts = -x -k good\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    name = f"foreign_{''.join(filter(str.isalpha, foreign))}"
    verdict = run(**{name: "@graded('b', share=3)\ndef test_bad(): raise WrongAnswer('x')\n" + GOOD})
    assert verdict.tasks[name].points == 1.5
    assert os.environ["PYTEST_ADDOPTS"] == foreign


def test_a_notebook_without_tasks_needs_no_tests():
    verdict = grade_notebook("segformer", "05_discussion", {"05_discussion": []}, SETTINGS)
    assert (verdict.tasks, verdict.problems) == ({}, [])


def test_points_stand_in_the_notebooks_source():
    for source in read_sources("segformer"):
        assert task_points("segformer", source.name) == source.points(*CHECKS)
    assert task_points("segformer", "no_such_notebook") == {}
