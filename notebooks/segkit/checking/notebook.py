"""`check(task)`: the public checks of a task, run on the notebook that calls it, with the outcome in words."""

import html
import sys
from dataclasses import replace

from segkit.checking.candidate import Candidate
from segkit.checking.public import Outcome, Recorded, find_task, load_recorded, recorded_path, run_check, with_hints
from segkit.checking.workbench import Workbench
from segkit.errors import CourseError


class CheckFailed(AssertionError):
    """A public check failed. Jupyter shows its message alone: a traceback would lead into the course's code."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Notebook:
    """A notebook's names as attributes: the names themselves, not a copy, so that doubles reach its functions."""

    def __init__(self, names: dict) -> None:
        self.__dict__ = names


class Report:
    """The outcomes of a task's public checks, as a table in a notebook and as lines in a terminal."""

    def __init__(self, title: str, outcomes: list[Outcome], closing: str) -> None:
        self.title, self.outcomes, self.closing = title, outcomes, closing

    def __str__(self) -> str:
        lines = [self.title]
        for outcome in self._said_once():
            lines.append(f"  {'✗' if outcome.problem else '✓'} {outcome.title}")
            lines += [f"      {words}" for words in (outcome.problem, outcome.hint) if words]
        return "\n".join([*lines, self.closing])

    def _said_once(self) -> list[Outcome]:
        """The outcomes; a sentence that stood above already is not said again."""
        said, outcomes = set(), []
        for outcome in self.outcomes:
            problem = "The same." if outcome.problem and outcome.problem in said else outcome.problem
            hint = None if outcome.hint in said else outcome.hint
            outcomes.append(replace(outcome, problem=problem, hint=hint))
            said |= {outcome.problem, outcome.hint}
        return outcomes

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(map(_row, self._said_once()))
        return f"<p><b>{html.escape(self.title)}</b></p><table>{rows}</table><p>{html.escape(self.closing)}</p>"


def _row(outcome: Outcome) -> str:
    colour, sign = ("#b30000", "✗") if outcome.problem else ("#006d2c", "✓")
    words = f"<b>{html.escape(outcome.title)}</b>"
    if outcome.problem:
        words += f"<br>{html.escape(outcome.problem)}"
    if outcome.hint:
        words += f"<br><i>{html.escape(outcome.hint)}</i>"
    return f'<tr><td style="color:{colour}">{sign}</td><td style="text-align:left">{words}</td></tr>'


def check(task: str) -> None:
    """Try your answer to `task` on public cases and say what differs.

    Args:
        task: the task's name, as its check cell has it, for example `"attention"`.

    Raises:
        CheckFailed: if a case fails, after the table is shown, so that "run all" stops there.
    """
    names = sys._getframe(1).f_globals
    report = run_task(task, names)
    show(report)
    failed = [outcome for outcome in report.outcomes if outcome.problem]
    if failed:
        raise CheckFailed(f'Task "{task}": {failed[0].title}: {failed[0].problem}') from None


def run_task(task: str, names: dict) -> Report:
    """The report on `task` for a notebook's names; the names are as before when it returns."""
    try:
        assignment, found = find_task(task)
        recorded = load_recorded(recorded_path(assignment, task))
    except CourseError as error:
        raise CheckFailed(str(error)) from None
    workbench = Workbench(Notebook(names))
    candidate = Candidate(workbench.perform, assignment)
    try:
        expected = zip(found.checks, recorded.answers, recorded.registered, strict=True)
        outcomes = [run_check(public, candidate, answers, weights) for public, answers, weights in expected]
    finally:
        workbench.restore()
    outcomes = with_hints(found, outcomes, recorded.hints)
    return Report(found.title, outcomes, _closing(outcomes, recorded))


def _closing(outcomes: list[Outcome], recorded: Recorded) -> str:
    failed = sum(outcome.problem is not None for outcome in outcomes)
    if failed:
        return f"{failed} of {len(outcomes)} public checks failed."
    kind = "bonus points" if recorded.bonus else "points"
    return (
        f"All {len(outcomes)} public checks passed. Hidden tests ask the same of other sizes and numbers, ask for "
        f"gradients, and see whether inputs stay as they were; they decide the {recorded.points:g} {kind} of this task."
    )


def show(report: Report) -> None:
    """Show a report: as a table in a notebook, as lines elsewhere."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display(report)
            return
    print(report)
