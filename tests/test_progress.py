"""What whoever grades a class sees while it runs, and at its end."""

import io
import logging
import sys
import threading
from contextlib import redirect_stderr
from types import SimpleNamespace

import pytest

from autograder.course.run_record import RunRecord
from autograder.grading.verdicts import Basis, Finding, TaskVerdict, Verdict
from autograder.parallel.progress import ClassProgress

BASIS = Basis("tests", "engine", "catalogue", {}, "cpu", {}, "bubblewrap", "fingerprint", 0)


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def ahead(graded: int, running: list[str]):
    return SimpleNamespace(graded=graded, running=lambda: running)


def verdict(points: float, seconds: float = 1.0, *, bonus: bool = False) -> Verdict:
    right, wrong = Finding("t", "t", points, None, 0.1), Finding("u", "u", 4.0 - points, "No.", 0.1)
    tasks = {"attention": TaskVerdict("attention", 4.0, [right, wrong])}
    if bonus:
        tasks["more"] = TaskVerdict("more", 3.0, [right], bonus=True)
    return Verdict("segformer", "02_modules", "content", BASIS, tasks, [], seconds=seconds)


def test_the_line_has_done_and_total_the_marks_so_far_and_what_is_running():
    with redirect_stderr(Terminal()) as terminal:
        progress = ClassProgress("segformer", 10, "auto")
        progress._bar.mininterval = 0
        progress.recorded("ada", [verdict(3.0, bonus=True)])
        progress.recorded("bo", [verdict(2.0)])
        progress.update(ahead(7, ["cy 01_data", "cy 02_modules", "di 01_data"]))
        line = terminal.getvalue().split("\r")[-1]
        assert line.startswith("segformer:  70%") and "7/10" in line
        assert "mean 2.5 of 4 automatic points in 2; now cy 01_data, cy 02_modules" in line and "di" not in line
        progress.close()


def test_the_line_never_counts_more_than_there_is():
    with redirect_stderr(Terminal()) as terminal:
        progress = ClassProgress("segformer", 3, "auto")
        progress._bar.mininterval = 0
        progress.update(ahead(5, []))
        assert "3/3" in terminal.getvalue().split("\r")[-1]
        progress.close()


@pytest.mark.parametrize(("mode", "total", "shown"), [("auto", 5, False), ("always", 5, True), ("always", 0, False)])
def test_without_a_terminal_the_line_is_shown_if_it_is_asked_for(mode, total, shown):
    with redirect_stderr(io.StringIO()) as file:
        ClassProgress("segformer", total, mode).close()
    assert bool(file.getvalue()) is shown


def test_no_thread_is_started_for_it():
    before = set(threading.enumerate())  # one that an earlier test left may end meanwhile
    with redirect_stderr(Terminal()):
        progress = ClassProgress("segformer", 3, "always")
        assert set(threading.enumerate()) <= before
        progress.close()


def test_routine_messages_are_left_out_and_warnings_stand_above_the_line():
    with redirect_stderr(Terminal()) as terminal:
        log = logging.Logger("nbgrader")
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(logging.INFO)
        log.addHandler(handler)
        progress = ClassProgress("segformer", 3, "auto")
        with progress.quiet(log):
            log.info("Converting notebook")
            log.warning("nobody knows this student")
        log.info("afterwards")
        progress.close()
        text = terminal.getvalue()
        assert "Converting" not in text and "nobody knows this student\n" in text
        assert "afterwards" in text and handler.stream is terminal and handler.level == logging.INFO


def test_the_summary_names_the_slowest_of_many(tmp_path):
    run = RunRecord("segformer")
    for student, seconds in (("ada", 1.0), ("bo", 3.25), ("cy", 2.0), ("di", 0.5)):
        run.record(student, verdict(3.0, seconds), tmp_path / "none.json")
        run.record(student, verdict(3.0, seconds), tmp_path / "none.json")
    assert "slowest: bo (6.5 s), cy (4.0 s), ada (2.0 s)" in run.summary()


def test_of_few_nobody_is_slow(tmp_path):
    run = RunRecord("segformer")
    run.record("ada", verdict(3.0), tmp_path / "none.json")
    assert not [line for line in run.summary() if line.startswith("slowest")]
