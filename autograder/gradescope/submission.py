"""`submission_metadata.json`: who handed in, and what the assignment is worth on Gradescope."""

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Metadata:
    """What is used of it; `problem`: why there is nothing."""

    students: list[str] = field(default_factory=list)
    total_points: float | None = None
    problem: str | None = None


def read_metadata(path: Path) -> Metadata:
    """What Gradescope says about a submission. Nothing in it changes a mark, so that a change of its format may not."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        students = [f"{user['name']} <{user['email']}>" for user in about["users"]]
        return Metadata(students, float(about["assignment"]["total_points"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Metadata(problem=f"{path.name} cannot be used ({type(error).__name__}: {error}).")
