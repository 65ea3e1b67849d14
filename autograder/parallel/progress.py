"""One line about a class that is being graded: how many are done, their marks, the time left, and what is running."""

import contextlib
import logging
import sys
from collections.abc import Iterator

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from autograder.parallel.ahead import GradingAhead
from autograder.verdicts import Verdict

SHOWN = 2  # notebooks that are being graded


class ClassProgress:
    """The line. `total`: notebooks to grade; `mode`: `"always"`, `"never"`, or `"auto"`, if this is a terminal."""

    def __init__(self, assignment: str, total: int, mode: str) -> None:
        shown = bool(total) and (mode == "always" or (mode == "auto" and sys.stderr.isatty()))
        self._bar = tqdm(total=total, unit="notebook", desc=assignment, disable=not shown, dynamic_ncols=True)
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
        self._bar.n = min(ahead.graded, self._bar.total)
        said = []
        if self._students:
            mean, of = self._points / len(self._students), self._maximum / len(self._students)
            said.append(f"mean {mean:.1f} of {of:g} automatic points in {len(self._students)}")
        running = ", ".join(ahead.running()[:SHOWN])
        self._bar.set_postfix_str("; ".join([*said, *([f"now {running}"] if running else [])]), refresh=False)
        self._bar.refresh()

    @contextlib.contextmanager
    def quiet(self, log: logging.Logger) -> Iterator[None]:
        """While the line is shown, nbgrader's routine messages are not, and its warnings stand above it."""
        logger = getattr(log, "logger", log)
        level = logger.level
        if self._bar.disable:
            yield
            return
        if logger.getEffectiveLevel() == logging.INFO:
            logger.setLevel(logging.WARNING)
        try:
            with logging_redirect_tqdm([own for own in (logger, logger.parent) if own and own.handlers]):
                yield
        finally:
            logger.setLevel(level)
