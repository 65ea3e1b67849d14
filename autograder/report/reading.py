"""What the report is made from: the verdicts of the course, and what the last run of the grader said."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.run_record import LAST_RUN
from segkit.errors import CourseError


@dataclass(frozen=True)
class TestResult:
    """One hidden test on one submission; `stopped`: what ended it, if something did."""

    __test__ = False  # no test of pytest's

    title: str
    failed: bool
    stopped: str | None


@dataclass(frozen=True)
class TaskResult:
    """How an answer was judged; `misconceptions` are only told where it lost points."""

    points: float
    maximum: float
    bonus: bool
    tests: list[TestResult]
    misconceptions: list[str]


@dataclass(frozen=True)
class NotebookResult:
    """The verdict on one notebook of one student. `unreadable`: why nothing of it could be used."""

    student: str
    notebook: str
    tasks: dict[str, TaskResult]
    repairs: list[str]
    unreadable: str | None
    seconds: float


@dataclass(frozen=True)
class Verdicts:
    """All that could be read, and the names of the files that could not."""

    results: list[NotebookResult]
    left_out: list[str]


@dataclass(frozen=True)
class LastRun:
    """When the grader ran last, how many submissions it graded then, and what it said of the run as a whole."""

    started: str
    graded: int
    remarks: list[str] = field(default_factory=list)


def read_verdicts(root: Path, assignment: str) -> Verdicts:
    """All verdicts of the course in `root`; those that are damaged or of another version are left out.

    Raises:
        CourseError: if nothing of the assignment has been graded.
    """
    results, left_out = [], []
    for path in sorted((root / "verdicts" / assignment).glob("*/[0-9]*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            results.append(_notebook(path.parent.name, path.stem, record))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            left_out.append(f"{path.parent.name}/{path.name}")
    if not results and not left_out:
        raise CourseError(f"Nothing of {assignment} has been graded in {root}: run `nbgrader autograde {assignment}`.")
    return Verdicts(results, left_out)


def read_last_run(root: Path, assignment: str) -> LastRun | None:
    """What the last run recorded, or None if there is no record that can be read."""
    try:
        record = json.loads((root / "verdicts" / assignment / LAST_RUN).read_text(encoding="utf-8"))
        started = str(record["started"]).replace("T", " ").replace("+00:00", " UTC")
        return LastRun(started, len(record["graded"]), [str(remark) for remark in record["remarks"]])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _notebook(student: str, notebook: str, record: dict) -> NotebookResult:
    tasks = record["tasks"]
    unreadable = record["unreadable"]
    findings = [finding for task in tasks.values() for finding in task["findings"]]
    seconds = record.get("seconds")  # older verdicts know only how long each test took
    return NotebookResult(
        student=student,
        notebook=notebook,
        tasks={} if unreadable else {name: _task(task) for name, task in tasks.items()},
        repairs=[str(repair) for repair in record["repairs"]],
        unreadable=_text(unreadable or None),
        seconds=_number(sum(finding["seconds"] for finding in findings) if seconds is None else seconds),
    )


def _task(record: dict) -> TaskResult:
    points, maximum = _number(record["points"]), _number(record["max_points"])
    tests = [
        TestResult(str(finding["title"]), finding["message"] is not None, _text(finding["stopped"]))
        for finding in record["findings"]
    ]
    names = [str(name) for name in record["misconceptions"]] if points < maximum else []
    return TaskResult(points, maximum, bool(record["bonus"]), tests, names)


def _number(found) -> float:
    number = float(found)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number of points or seconds.")
    return number


def _text(found) -> str | None:
    return None if found is None else str(found)
