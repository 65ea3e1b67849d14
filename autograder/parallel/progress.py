"""One line about a class that is being graded: how many are done, their marks, the time left, and what is running."""

import contextlib
import logging
import sys
from collections.abc import Iterator

from tqdm import tqdm

from autograder.grading.verdicts import Verdict
from autograder.parallel.ahead import GradingAhead

SHOWN = 2  # notebooks that are being graded
SECONDS_IN_A_FILE = 30  # from one line to the next


class ClassProgress:
    """The line. `total`: notebooks to grade; `mode`: `"always"`, `"never"`, or `"auto"`, if this is a terminal."""

    def __init__(self, assignment: str, total: int, mode: str) -> None:
        shown = bool(total) and (mode == "always" or (mode == "auto" and sys.stderr.isatty()))
        self._bar = _Line(
            total=total,
            unit="notebook",
            desc=assignment,
            disable=not shown,
            dynamic_ncols=True,
            miniters=0,
            mininterval=0.2 if sys.stderr.isatty() else SECONDS_IN_A_FILE,
        )
        self._points = self._maximum = 0.0
        self._students: set[str] = set()

    def close(self) -> None:
        """Leave the line as it is."""
        self._bar.close()

    def recorded(self, student: str, verdicts: list[Verdict]) -> None:
        """Take in the points of a submission that stands in the gradebook."""
        tasks = [task for verdict in verdicts for task in verdict.tasks.values() if not task.bonus]
        self._points += sum(task.points for task in tasks)
        self._maximum += sum(task.max_points for task in tasks)
        self._students.add(student)

    def update(self, ahead: GradingAhead) -> None:
        """Show how far the graders are."""
        said = []
        if self._students:
            mean, of = self._points / len(self._students), self._maximum / len(self._students)
            said.append(f"mean {mean:.1f} of {of:g} automatic points in {len(self._students)}")
        running = ", ".join(ahead.running()[:SHOWN])
        self._bar.set_postfix_str("; ".join([*said, *([f"now {running}"] if running else [])]), refresh=False)
        self._bar.update(min(ahead.graded, self._bar.total) - self._bar.n)

    @contextlib.contextmanager
    def quiet(self, log: logging.Logger) -> Iterator[None]:
        """While the line is shown, nbgrader's routine messages are not, and its warnings stand above it."""
        changed = [] if self._bar.disable else [(one, one.stream, one.level) for one in _on_terminal(log)]
        for handler, _, level in changed:
            handler.setStream(_AboveTheLine(self._bar))
            handler.setLevel(logging.WARNING if level == logging.INFO else level)
        try:
            yield
        finally:
            for handler, stream, level in changed:
                handler.setStream(stream)
                handler.setLevel(level)


class _Line(tqdm):
    monitor_interval = 0  # no thread: the processes that grade are forks of this one


class _AboveTheLine:
    """A file whose lines are written above a progress bar."""

    def __init__(self, bar: tqdm) -> None:
        self._bar = bar

    def write(self, text: str) -> None:
        self._bar.write(text, file=sys.stderr, end="")

    def flush(self) -> None:
        sys.stderr.flush()


def _on_terminal(log: logging.Logger) -> list[logging.StreamHandler]:
    """The handlers of a logger, and of those above it, that write to this process's standard error."""
    logger, found = getattr(log, "logger", log), []
    while logger:
        found += [one for one in logger.handlers if getattr(one, "stream", None) in (sys.stderr, sys.__stderr__)]
        logger = logger.parent if logger.propagate else None
    return found
