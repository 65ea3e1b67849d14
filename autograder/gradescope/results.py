"""Verdicts as Gradescope's `results.json`, and as lines for the instructor."""

from collections.abc import Iterator, Sequence

from autograder.course.marks import capped
from autograder.gradescope.settings import GradescopeSettings
from autograder.gradescope.submission import Metadata
from autograder.grading.feedback import finding_text, stopped_by
from autograder.grading.notebook import evaluated_cells
from autograder.grading.verdicts import FAULT, Finding, TaskVerdict, Verdict
from autograder.sources import AUTOMATIC, BY_HAND, read_sources


def as_results(
    settings: GradescopeSettings, verdicts: Sequence[Verdict], metadata: Metadata, weaker: str | None, *, seconds: float
) -> dict:
    """What stands in `results.json`.

    Args:
        weaker: in what the sandbox was weaker than it should be; None: in nothing.
        seconds: that grading took.
    """
    score = _score(settings.assignment, verdicts)
    found = {
        "score": score,
        "execution_time": round(seconds, 1),
        "output": "\n".join(_about_the_whole(settings.assignment, verdicts)),
        "stdout_visibility": "hidden",  # what is printed is for the instructor
        "tests": [_test(verdict, task, finding, settings.visibility) for verdict, task, finding in _findings(verdicts)],
        "extra_data": {
            "sandbox": verdicts[0].basis.sandbox,
            "weaker_sandbox": weaker,
            "students": metadata.students,
            "cases": {verdict.notebook: verdict.basis.case for verdict in verdicts},
        },
    }
    if settings.leaderboard:
        found["leaderboard"] = [{"name": "Automatic points", "value": score}]
    return found


def for_the_instructor(
    settings: GradescopeSettings,
    verdicts: Sequence[Verdict],
    notes: Sequence[str],
    metadata: Metadata,
    weaker: str | None,
) -> list[str]:
    """What Gradescope shows the instructor, and nobody else."""
    lines = [f"WEAKER SANDBOX: {weaker}"] if weaker else ["Student code ran in bubblewrap's sandbox."]
    lines += [metadata.problem] if metadata.problem else [f"Handed in by {', '.join(metadata.students) or 'nobody'}."]
    automatic, total = _points(settings.assignment, AUTOMATIC), _points(settings.assignment, AUTOMATIC, BY_HAND)
    if metadata.total_points not in (None, automatic, total):
        lines.append(
            f"The assignment has {metadata.total_points:g} points on Gradescope; here it has {automatic:g} automatic "
            f"ones, {total:g} with written answers."
        )
    lines += notes
    for verdict in verdicts:
        lines += [f"{verdict.notebook}: {repair}" for repair in verdict.repairs]
        lines += [f"{task.task}: {task.points:g} of {task.max_points:g}" for task in _tasks(verdict)]
    lines += [
        f"NOT JUDGED: {task.task}, {finding.title}: {finding.message}"
        for _, task, finding in _findings(verdicts)
        if finding.stopped == FAULT
    ]
    return lines


def _score(assignment: str, verdicts: Sequence[Verdict]) -> float:
    earned = sum(task.points for verdict in verdicts for task in _tasks(verdict))
    return round(capped(earned, _points(assignment, AUTOMATIC, BY_HAND)), 2)


def _points(assignment: str, *roles: str) -> float:
    return sum(sum(source.points(*roles).values()) for source in read_sources(assignment))


def _tasks(verdict: Verdict) -> list[TaskVerdict]:
    """Trained models are not evaluated on Gradescope: their images stay with the instructor."""
    evaluated = {cell.id for cell in evaluated_cells(verdict.assignment, verdict.notebook)}
    return [task for name, task in verdict.tasks.items() if name not in evaluated]


def _findings(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, TaskVerdict, Finding]]:
    for verdict in verdicts:
        for task in _tasks(verdict):
            for finding in task.findings:
                yield verdict, task, finding


def _test(verdict: Verdict, task: TaskVerdict, finding: Finding, visibility: str) -> dict:
    stopped = f"{stopped_by(finding)}\n" if finding.stopped else ""
    return {
        "name": f"{task.task}: {finding.title}{' (bonus)' if task.bonus else ''}",
        "score": task.earned_by(finding),
        "max_score": task.points_of(finding),
        "status": "failed" if finding.message else "passed",
        "output": stopped + finding_text(finding),
        "output_format": "text",
        "tags": [verdict.notebook],
        "visibility": visibility,
    }


def _about_the_whole(assignment: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """For the student: what is not in the score, what was repaired, and what could not be read or loaded."""
    by_hand = _points(assignment, BY_HAND)
    if by_hand:
        yield f"Written answers ({by_hand:g} points) are marked by hand and are not in this score."
    for verdict in verdicts:
        if verdict.unreadable:
            yield f"{verdict.notebook}: nothing in this notebook could be graded: {verdict.unreadable}"
        yield from (f"{verdict.notebook}: repaired before grading: {repair}" for repair in verdict.repairs)
        yield from (f"{verdict.notebook}: while it was loaded: {problem}" for problem in verdict.problems)
