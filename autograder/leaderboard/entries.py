"""Who stands on the leaderboard, under which name, from the verdicts of the course."""

import hmac
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from autograder.grading.verdicts import Evaluation
from segkit.errors import CourseError

BASELINE = "Baseline"
# How names begin or end that are made here: nobody may choose what another one is shown as.
_MADE_HERE = re.compile(rf"(team |{BASELINE}).*|.* \([0-9a-f]{{6}}\)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """One trained model. `rank` counts from 1; models of the same mean IoU share it; None is a baseline's.

    `claimed`: what it costs was not counted by the grader.
    """

    student: str
    name: str
    evaluation: Evaluation
    rank: int | None = None
    claimed: bool = False


def read_entries(
    root: Path, assignment: str, secret: bytes, *, ids: bool = False, baseline: str | None = None
) -> list[Entry]:
    """The entries of the course in `root`, the highest mean IoU first.

    Args:
        secret: the course's; made-up names come from it, always the same for the same student.
        ids: call students by their ids and not by the names that they chose.
        baseline: id under which the instructor's own model was handed in; it has no rank.

    Raises:
        CourseError: if no trained model was evaluated, or there is none of that id.
    """
    found = dict(_evaluations(root / "verdicts" / assignment))
    if not found:
        raise CourseError(
            f"No trained model of {assignment} was evaluated: grade with --results-data, then make the leaderboard."
        )
    if baseline is not None and baseline not in found:
        raise CourseError(f"No trained model was handed in as {baseline!r}, the baseline.")
    chosen = {student: student if ids else evaluation.name for student, evaluation in found.items()}
    names = display_names(chosen, secret, assignment)
    entries = [Entry(student, names[student], evaluation) for student, evaluation in found.items()]
    ranked = sorted(entries, key=lambda entry: (-entry.evaluation.mean_iou, entry.name))
    scores = [entry.evaluation.mean_iou for entry in ranked if entry.student != baseline]
    return [
        replace(entry, name=BASELINE)
        if entry.student == baseline
        else replace(entry, rank=1 + sum(score > entry.evaluation.mean_iou for score in scores))
        for entry in ranked
    ]


def display_names(chosen: dict[str, str | None], secret: bytes, assignment: str) -> dict[str, str]:
    """By student a name that nobody else has: the chosen one, or one that says nothing.

    A name that several chose, or that looks like one that is made here, gets the made-up one beside it.
    """
    codes = {student: _code(secret, assignment, student) for student in chosen}
    times = Counter(name.casefold() for name in chosen.values() if name)
    shown = {}
    for student, name in chosen.items():
        taken = name and (times[name.casefold()] > 1 or _MADE_HERE.fullmatch(name))
        made_up = f"Team {codes[student]}"
        shown[student] = made_up if not name else f"{name} ({codes[student]})" if taken else name
    return shown


def _code(secret: bytes, assignment: str, student: str) -> str:
    return hmac.new(secret, f"leaderboard/{assignment}/{student}".encode(), sha256).hexdigest()[:6].upper()


def _evaluations(verdicts: Path) -> Iterator[tuple[str, Evaluation]]:
    """By student what was measured; a verdict that cannot be read, or is of an older course, is left out."""
    for path in sorted(verdicts.glob("*/[0-9]*.json")):
        try:
            yield path.parent.name, Evaluation.read(json.loads(path.read_text(encoding="utf-8"))["evaluation"])
        except (OSError, ValueError, TypeError, KeyError):
            continue
