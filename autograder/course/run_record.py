"""What happened in a run of the grader, by student: for the summary, for the next run, for whoever looks later."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autograder.files import write_whole
from autograder.grading.verdicts import FAULT, Verdict, changes

LAST_RUN = "last_run.json"
SLOWEST = 3


@dataclass
class RunRecord:
    """What happened in a run, by student; saved after each submission."""

    assignment: str
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    graded: list[str] = field(default_factory=list)
    repaired: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)
    stopped: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    notebooks: int = 0  # that were graded; the others were the same as one of these
    remarks: list[str] = field(default_factory=list)  # on the run as a whole

    def record(self, student: str, verdict: Verdict, before: Path) -> None:
        """Take in a verdict; `before` is the file of the one that it replaces."""
        where = verdict.notebook
        self.seconds[student] = round(self.seconds.get(student, 0.0) + verdict.seconds, 3)
        _extend(self.repaired, student, [f"{where}: {repair}" for repair in verdict.repairs])
        _extend(self.failed, student, [f"{where}: {verdict.unreadable}"] if verdict.unreadable else [])
        _extend(
            self.failed,
            student,
            [
                f'{where}: the test "{finding.title}" of {task.task} failed by itself. {finding.message}'
                for task in verdict.tasks.values()
                for finding in task.findings
                if finding.stopped == FAULT
            ],
        )
        stops = [reason for reason in verdict.stopped if reason != FAULT]
        _extend(self.stopped, student, [f"{where}: {', '.join(stops)}"] if stops else [])
        _extend(self.changed, student, [f"{where}, {change}" for change in changes(before, verdict)])

    def summary(self) -> list[str]:
        """Lines for whoever ran it."""
        counts = (
            f"{len(self.repaired)} repaired, {len(self.failed)} with a part that could not be graded, "
            f"{len(self.stopped)} stopped, {len(self.changed)} with changed marks"
        )
        lines = [f"{len(self.graded)} submissions graded in this run: {counts}.", *self.remarks, *self._slowest()]
        for title, found in (
            ("repaired", self.repaired),
            ("could not be graded", self.failed),
            ("stopped", self.stopped),
            ("changed", self.changed),
            ("note", self.notes),
        ):
            lines += [f"{title}: {student}: {sentence}" for student in sorted(found) for sentence in found[student]]
        return lines

    def _slowest(self) -> list[str]:
        """Nothing for a few submissions: then everybody is among the slowest."""
        by_time = sorted(self.seconds.items(), key=lambda item: -item[1])
        named = ", ".join(f"{student} ({seconds:.1f} s)" for student, seconds in by_time[:SLOWEST])
        return [f"slowest: {named}"] if len(by_time) > SLOWEST else []

    def write(self, folder: Path) -> None:
        """Save as JSON."""
        write_whole(folder / LAST_RUN, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def _extend(found: dict[str, list[str]], student: str, sentences: list[str]) -> None:
    if sentences:
        found.setdefault(student, []).extend(sentences)
