"""The report as one page: no script, no request to anywhere, everything that a student wrote escaped."""

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from jinja2 import Environment, StrictUndefined

from autograder.report import charts
from autograder.report.figures import Incident, Interval, TaskFigures, TestFigures, Times
from autograder.report.likeness import FEWEST_STUDENTS, Comparison
from autograder.report.mistakes import MistakeFigures
from autograder.report.reading import LastRun
from autograder.report.students import Student

TEMPLATE = Path(__file__).with_name("page.html.jinja")
IN_A_CHART = 12  # bars, and rows beside them; a table that opens has all
IN_WORDS = {
    "unreadable": "with a notebook that could not be read",
    "failed test": "with a test that failed by itself",
    "stopped": "stopped by a limit",
    "repaired": "repaired",
}
MOST_PAIRS = 25  # of strong signs, and as many of weaker ones
STRONG = 0.5  # share of a notebook; or standing out in several


@dataclass(frozen=True)
class Report:
    """All that stands on the page; `names`: what each student is called there."""

    assignment: str
    anonymous: bool
    students: list[Student]
    names: dict[str, str]
    intervals: list[Interval]
    tasks: list[TaskFigures]
    tests: list[TestFigures]
    mistakes: list[MistakeFigures]
    not_recognised: tuple[int, int]
    incidents: list[Incident]
    times: Times
    comparisons: list[Comparison]
    last_run: LastRun | None
    remarks: list[str]


def as_page(report: Report) -> str:
    """The page; characters that no file can hold are replaced."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters |= {"points": points, "percent": percent, "duration": duration}
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    strong, weak = pairs_of(report)
    totals = [student.total for student in report.students]
    text = template.render(
        report=report,
        mean=fmean(totals),
        median=median(totals),
        notebooks=sorted({(name, own.maximum) for one in report.students for name, own in one.notebooks.items()}),
        waiting=[student for student in report.students if student.waiting],
        with_bonus=any(task.kind == "bonus" for task in report.tasks),
        top=IN_A_CHART,
        strong=strong,
        weak=weak,
        most=MOST_PAIRS,
        words=IN_WORDS,
        fewest=FEWEST_STUDENTS,
        charts=_charts(report),
    )
    return text.encode(errors="replace").decode()


def _charts(report: Report) -> dict:
    tasks = [
        (f"{task.name} ({task.kind})" if task.kind != "tests" else task.name, task.share,
         f"{points(task.mean)} of {points(task.maximum)}", task.kind)
        for task in report.tasks
        if task.maximum and task.marked
    ]  # fmt: skip
    tests = [
        (f"{test.task}: {test.title}", test.share, percent(test.share), "lost")
        for test in report.tests[:IN_A_CHART]
        if test.failed
    ]
    most = max((mistake.students for mistake in report.mistakes), default=1)
    mistakes = [
        (f"{mistake.task}: {mistake.name}", mistake.students / most, str(mistake.students), "lost")
        for mistake in report.mistakes[:IN_A_CHART]
    ]
    return {
        "marks": charts.columns(report.intervals),
        "tasks": charts.bars(tasks),
        "tests": charts.bars(tests),
        "mistakes": charts.bars(mistakes),
    }


def pairs_of(report: Report) -> tuple[list[dict], list[dict]]:
    """One row per two students, with the notebooks in which they stand out: strong signs, then weaker ones."""
    found: dict[tuple[str, str], list] = {}
    for comparison in report.comparisons:
        for pair in comparison.pairs:
            found.setdefault(pair.students, []).append({"pair": pair, "usual": comparison.usual})
    rows = [
        {
            "names": [report.names.get(student, student) for student in students],
            "notebooks": notebooks,
            "share": max(one["pair"].share for one in notebooks),
        }
        for students, notebooks in found.items()
    ]
    rows.sort(key=lambda row: (-len(row["notebooks"]), -row["share"]))
    strong = [row for row in rows if len(row["notebooks"]) > 1 or row["share"] > STRONG]
    return strong, [row for row in rows if row not in strong]


def points(number: float | None) -> str:
    """12 or 7.25: two digits after the point at most."""
    return "–" if number is None else f"{round(number, 2):g}"


def percent(share: float) -> str:
    """72 %; nothing but none is 0 %, nothing but all is 100 %."""
    shown = int(100 * share + 0.5)
    shown = 1 if shown == 0 and share > 0 else 99 if shown == 100 and share < 1 else shown
    return f"{shown} %"


def duration(seconds: float) -> str:
    """14 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
