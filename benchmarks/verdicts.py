"""Are the autograder's verdicts right, and the same whatever the secret and the device?

`python benchmarks/verdicts.py --secrets 20 [--device cuda] [--jobs 2]`

For every graded task and every secret: the reference and every right alternative must get all points, every
misconception must lose some and be recognised. Prints a table and the exceptions, then one line of JSON. Without a
sandbox: all of this code is ours.
"""

import argparse
import json
import multiprocessing
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from right_answers import RIGHT_ANSWERS
from tqdm import tqdm

from autograder.grading.cases import POOL_SIZE
from autograder.grading.diagnosis import Case
from autograder.grading.rehearsal import rehearse
from autograder.grading.verdicts import TaskVerdict
from autograder.misconceptions import cells_with, misconceptions_of
from autograder.sources import assignments
from segkit.checking.public import tasks_of


@dataclass
class Outcome:
    """The verdicts on one task with one secret: by name, which tests were lost, and what was recognised."""

    task: str
    secret: int
    rejected: list[str] = field(default_factory=list)  # alternatives
    accepted: list[str] = field(default_factory=list)  # misconceptions
    unrecognised: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)


def judge(asked: tuple[str, str, int, str]) -> Outcome:
    """All verdicts on one task with one secret on one device."""
    assignment, task, number, device = asked
    warnings.simplefilter("ignore")
    case = Case(assignment, task, f"secret {number}".encode(), number % POOL_SIZE)
    outcome = Outcome(task, number)
    right = {"the reference": ()} | {style: (code,) for (of, style), code in RIGHT_ANSWERS.items() if of == task}
    for style, changes in right.items():
        if rehearse(case, cells_with(assignment, changes), device=device).points < 1:
            outcome.rejected.append(style)
    for mistake in misconceptions_of(assignment, task):
        verdict = rehearse(case, cells_with(assignment, mistake.changes), device=device, whole=mistake.alone)
        if verdict.points == 1:
            outcome.accepted.append(mistake.name)
        if verdict.misconceptions not in ([mistake.name], [mistake.same_as]):
            outcome.unrecognised.append(mistake.name)
        outcome.verdicts[mistake.name] = _lost(verdict)
    return outcome


def _lost(verdict: TaskVerdict) -> str:
    lost = [finding.test for finding in verdict.findings if finding.message]
    return f"{', '.join(lost)} by {', '.join(verdict.misconceptions)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secrets", type=int, default=20)
    parser.add_argument("--device", default="cpu", help="compared with the CPU, if it is another one")
    parser.add_argument("--tasks", nargs="*", help="ids of the tasks to judge (default: all)")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    devices = list(dict.fromkeys(["cpu", options.device]))
    names = [(assignment, task) for assignment in assignments() for task in tasks_of(assignment)]
    names = [name for name in names if not options.tasks or name[1] in options.tasks]
    asked = [(*name, number, device) for name in names for number in range(options.secrets) for device in devices]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        outcomes = list(tqdm(pool.imap(judge, asked), total=len(asked), unit="task", desc="judging"))
    summarise(outcomes, options.secrets, devices)


def summarise(outcomes: list[Outcome], secrets: int, devices: list[str]) -> None:
    """Print a line per task, the exceptions, and the figures."""
    seen: dict[tuple[str, str], Counter] = {}
    for outcome in outcomes:
        for name, verdict in outcome.verdicts.items():
            seen.setdefault((outcome.task, name), Counter())[verdict] += 1
    differing = {name: verdicts for name, verdicts in seen.items() if len(verdicts) > 1}
    tasks = dict.fromkeys(outcome.task for outcome in outcomes)
    print(f"{'task':<20}{'misconceptions':>15}{'alternatives':>14}")
    for task in tasks:
        styles = sum(of == task for of, _ in RIGHT_ANSWERS)
        print(f"{task:<20}{sum(of == task for of, _ in seen):>15}{styles:>14}")
    for outcome in outcomes:
        for what in ("rejected", "accepted", "unrecognised"):
            for name in getattr(outcome, what):
                print(f"{what}: {outcome.task}: {name} (secret {outcome.secret})")
    for (task, name), verdicts in differing.items():
        print(f"differs: {task}: {name}: {'; '.join(f'{count} x {what}' for what, count in verdicts.items())}")
    runs = len(outcomes) // len(tasks)
    figures = {
        "tasks": len(tasks),
        "secrets": secrets,
        "devices": devices,
        "right_alternatives": sum(of in tasks for of, _ in RIGHT_ANSWERS),
        "rejected": sum(len(outcome.rejected) for outcome in outcomes),
        "misconceptions": len(seen),
        "accepted": sum(len(outcome.accepted) for outcome in outcomes),
        "own_hint_percent": round(
            100 - 100 * sum(len(outcome.unrecognised) for outcome in outcomes) / (len(seen) * runs), 2
        ),
        "verdicts_that_differ": len(differing),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
