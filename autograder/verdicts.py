"""What the grader found: points per test, in words, kept as JSON beside the gradebook."""

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from segkit.student import Cell


@dataclass(frozen=True)
class Finding:
    """One hidden test: its public name, its share of the task's points, and what was wrong (None: nothing)."""

    test: str
    title: str
    share: float
    message: str | None
    seconds: float


@dataclass(frozen=True)
class TaskVerdict:
    """A task's tests and the points they carry together."""

    task: str
    max_points: float
    findings: list[Finding]

    @property
    def points(self) -> float:
        """Points earned: the shares of the tests that found nothing wrong. Always within 0 and `max_points`."""
        total = sum(finding.share for finding in self.findings)
        earned = sum(finding.share for finding in self.findings if finding.message is None)
        if earned == total:
            return self.max_points if total else 0.0  # not rounded: a hair above the maximum fails the submission
        return min(round(self.max_points * earned / total, 2), self.max_points)

    def points_of(self, finding: Finding) -> float:
        """What one test carries."""
        return round(self.max_points * finding.share / sum(other.share for other in self.findings), 2)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one notebook. `content` names what was handed in, `case` the secret case it met."""

    assignment: str
    notebook: str
    content: str
    case: int
    device: str
    tasks: dict[str, TaskVerdict]
    problems: list[str]

    def write(self, path: Path) -> None:
        """Save as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        record = asdict(self)
        for name, task in self.tasks.items():
            record["tasks"][name]["points"] = task.points
        temporary = path.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(path)


def content_key(cells: dict[str, list[Cell]]) -> str:
    """A name for what was handed in: the same for the same sources, whatever was run or printed."""
    text = json.dumps({name: [cell.source for cell in cells[name]] for name in sorted(cells)})
    return sha256(text.encode()).hexdigest()
