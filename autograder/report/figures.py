"""The numbers of the report: marks, tasks, tests, incidents and times of a class."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, median

from autograder.course.marks import Mark
from autograder.grading.feedback import STOPPED
from autograder.grading.verdicts import FAULT
from autograder.report.reading import NotebookResult
from autograder.report.students import Student

INTERVALS = 10  # of the distribution of marks
SLOWEST = 10
KINDS = ("unreadable", "failed test", "stopped", "repaired")  # of incidents, in the order of the page


@dataclass(frozen=True)
class Interval:
    """How many students have a total from `low` up to, and not including, `high`; the last one includes it."""

    low: float
    high: float
    students: int


@dataclass(frozen=True)
class TaskFigures:
    """What a class got for one graded cell. `maximum` of a bonus is what it can add; None if no verdict says so."""

    notebook: str
    name: str
    kind: str
    maximum: float | None
    mean: float
    full: int
    none: int
    marked: int

    @property
    def share(self) -> float:
        """The mean as a part of the points, 0 to 1."""
        return min(self.mean / self.maximum, 1.0) if self.maximum else 0.0


@dataclass(frozen=True)
class TestFigures:
    """How many submissions failed one hidden test, of those that it was tried on."""

    __test__ = False  # no test of pytest's

    task: str
    title: str
    failed: int
    tried: int

    @property
    def share(self) -> float:
        """Failures as a part of the trials, 0 to 1."""
        return self.failed / self.tried


@dataclass(frozen=True)
class Incident:
    """What happened to one notebook of a student, a word and a sentence."""

    student: str
    notebook: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class SlowSubmission:
    """What grading a student's submission took, and the notebook that took most of it."""

    student: str
    seconds: float
    notebook: str
    notebook_seconds: float


@dataclass(frozen=True)
class Times:
    """Seconds of grading by student: all together, in the middle, and the largest ones."""

    total: float
    median: float
    slowest: list[SlowSubmission]


def distribution(students: list[Student]) -> list[Interval]:
    """Totals in ten intervals of the assignment's points."""
    maximum = max(student.maximum for student in students) or 1.0
    places = [min(int(INTERVALS * student.total / maximum), INTERVALS - 1) for student in students]
    counts = Counter(max(place, 0) for place in places)
    edges = [maximum * edge / INTERVALS for edge in range(INTERVALS + 1)]
    return [Interval(edges[n], edges[n + 1], counts[n]) for n in range(INTERVALS)]


def task_figures(marks: dict[str, list[Mark]], results: Iterable[NotebookResult]) -> list[TaskFigures]:
    """Each graded cell in the order of the notebooks; of written answers, those that are marked."""
    worth = {name: task.maximum for one in results for name, task in one.tasks.items() if task.bonus}
    cells: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for given in marks.values():
        for mark in given:
            cells[mark.notebook, mark.cell].append(mark)
    return [_task(own, worth.get(name)) for (_, name), own in sorted(cells.items(), key=lambda item: item[0][0])]


def _task(marks: list[Mark], bonus: float | None) -> TaskFigures:
    one = marks[0]
    scores = [mark.score for mark in marks if mark.score is not None]
    maximum = bonus if one.bonus else one.maximum
    return TaskFigures(
        notebook=one.notebook,
        name=one.cell,
        kind="bonus" if one.bonus else "tests" if one.automatic else "written",
        maximum=maximum,
        mean=fmean(scores) if scores else 0.0,
        full=sum(maximum is not None and score >= maximum for score in scores),
        none=sum(score == 0 for score in scores),
        marked=len(scores),
    )


def test_figures(results: Iterable[NotebookResult]) -> list[TestFigures]:
    """Each hidden test, the one that most submissions fail first."""
    outcomes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for result in results:
        for name, task in result.tasks.items():
            for test in task.tests:
                outcomes[name, test.title].append(test.failed)
    found = [TestFigures(task, title, sum(failed), len(failed)) for (task, title), failed in outcomes.items()]
    return sorted(found, key=lambda test: (-test.share, test.task, test.title))


test_figures.__test__ = False


def incidents(results: Iterable[NotebookResult]) -> list[Incident]:
    """What could not be read, was stopped or was repaired."""
    found = []
    for one in results:
        about = (one.student, one.notebook)
        found += [Incident(*about, "unreadable", one.unreadable)] if one.unreadable else []
        found += [Incident(*about, kind, sentence) for kind, sentence in _stops(one)]
        found += [Incident(*about, "repaired", repair) for repair in one.repairs]
    return found


def _stops(result: NotebookResult) -> list[tuple[str, str]]:
    """One sentence per reason: which tests it ended."""
    titles: dict[str, list[str]] = defaultdict(list)
    for name, task in result.tasks.items():
        for test in task.tests:
            if test.stopped:
                titles[test.stopped].append(f"{name}, {test.title}")
    return [
        ("failed test" if reason == FAULT else "stopped", f"{_ending(reason)}: {'; '.join(tests)}")
        for reason, tests in titles.items()
    ]


def _ending(reason: str) -> str:
    return STOPPED.get(reason, "stopped").removeprefix("stopped: ")


def times(students: list[Student], results: Iterable[NotebookResult]) -> Times:
    """What grading each student's submission took, and the notebook that took most of it."""
    longest: dict[str, NotebookResult] = {}
    for one in results:
        if one.student not in longest or one.seconds > longest[one.student].seconds:
            longest[one.student] = one
    slowest = sorted(students, key=lambda student: (-student.seconds, student.name))[:SLOWEST]
    seconds = [student.seconds for student in students]
    rows = [_slow(student, longest.get(student.id)) for student in slowest if student.seconds]
    return Times(sum(seconds), median(seconds), rows)


def _slow(student: Student, most: NotebookResult | None) -> SlowSubmission:
    return SlowSubmission(student.name, student.seconds, most.notebook if most else "", most.seconds if most else 0.0)
