"""What the grader found: points per test, in words, kept as JSON beside the gradebook."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from autograder.files import write_whole
from segkit.student import Cell

FAULT = "fault"  # a test that could not judge: no mistake of the student's until somebody has looked


@dataclass(frozen=True)
class Finding:
    """One hidden test: its public name, its share of the task's points, and what was wrong (None: nothing).

    `said`: the message comes from the process of the student's code, which may say anything. `stopped`: what ended the
    code before it could answer (`"time"`, `"memory"`, `"crash"`, ...), if something did. `mark`: as in `WrongAnswer`.
    `misconceptions`: names of the recognised mistakes that it lost its points to. `apart_from`: names of those apart
    from which it is right, so that it has them. `earned`: the part of its share that it earns where nothing was wrong;
    `note`: what is said then.
    """

    test: str
    title: str
    share: float
    message: str | None
    seconds: float
    said: bool = False
    stopped: str | None = None
    mark: dict | None = None
    misconceptions: list[str] = field(default_factory=list)
    apart_from: list[str] = field(default_factory=list)
    earned: float = 1.0
    note: str | None = None


@dataclass(frozen=True)
class TaskVerdict:
    """A task's tests and the points they carry together; those of a bonus come on top of the assignment's."""

    task: str
    max_points: float
    findings: list[Finding]
    bonus: bool = False

    @property
    def points(self) -> float:
        """Points earned: the shares of the tests that found nothing wrong. Always within 0 and `max_points`."""
        total = sum(finding.share for finding in self.findings)
        earned = sum(finding.share * finding.earned for finding in self.findings if finding.message is None)
        if earned == total:
            return self.max_points if total else 0.0  # not rounded: a hair above the maximum fails the submission
        return min(round(self.max_points * earned / total, 2), self.max_points)

    @property
    def misconceptions(self) -> list[str]:
        """The mistakes that were recognised, each once, in the order of the tests."""
        named = [name for finding in self.findings for name in (*finding.misconceptions, *finding.apart_from)]
        return list(dict.fromkeys(named))

    def points_of(self, finding: Finding) -> float:
        """What one test carries."""
        return round(self.max_points * finding.share / sum(other.share for other in self.findings), 2)

    def earned_by(self, finding: Finding) -> float:
        """What one test gives."""
        return 0.0 if finding.message else round(self.points_of(finding) * finding.earned, 2)


@dataclass(frozen=True)
class Evaluation:
    """What a trained model did on the images that only the instructor has.

    `multiply_adds` of one image of `image_size` are what the process of the student's code counted; everything else was
    measured on the trusted side. `name`: what the student wants to be called.
    """

    mean_iou: float
    per_class: dict[str, float | None]
    images: int
    parameters: int
    multiply_adds: int
    image_size: tuple[int, int]
    seconds: float
    name: str | None = None

    @classmethod
    def read(cls, record: dict) -> "Evaluation":
        """What was saved as JSON.

        Raises:
            KeyError, TypeError: if it is another course's, or of an older version of this one.
        """
        return cls(**record | {"image_size": tuple(record["image_size"])})


@dataclass(frozen=True)
class Basis:
    """What a verdict depends on besides the submission: two verdicts on one submission differ only where these do.

    `tests`, `engine`, `catalogue`: hashes of the hidden tests, of the code and reference that they run with, and of
    what recognises misconceptions; `case`: number of the secret case; `secret`: a fingerprint from which the secret
    cannot be had; `evaluation`: a hash of the images, scale and code that trained models are evaluated with.
    """

    tests: str
    engine: str
    catalogue: str
    versions: dict[str, str]
    device: str
    limits: dict[str, float]
    sandbox: str
    secret: str
    case: int
    evaluation: str = "none"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one notebook.

    `content` names what was handed in, with the notebooks it builds on; `model` the trained model beside them, and
    `evaluation` is what that did. `seconds`: that grading it took, kept findings aside.
    """

    assignment: str
    notebook: str
    content: str
    basis: Basis
    tasks: dict[str, TaskVerdict]
    problems: list[str]
    repairs: list[str] = field(default_factory=list)
    unreadable: str | None = None
    model: str | None = None
    evaluation: Evaluation | None = None
    seconds: float = 0.0

    @property
    def stopped(self) -> list[str]:
        """What stopped tests of this notebook, each once."""
        found = (finding.stopped for task in self.tasks.values() for finding in task.findings)
        return sorted({reason for reason in found if reason})

    def write(self, path: Path) -> None:
        """Save as JSON, whole or not at all."""
        record = asdict(self)
        for name, task in self.tasks.items():
            record["tasks"][name] |= {"points": task.points, "misconceptions": task.misconceptions}
            for finding in record["tasks"][name]["findings"]:
                del finding["mark"]
        write_whole(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def content_key(cells: dict[str, list[Cell]]) -> str:
    """A name for what was handed in: the same for the same sources, whatever was run or printed."""
    text = json.dumps({name: [cell.source for cell in cells[name]] for name in sorted(cells)})
    return sha256(text.encode()).hexdigest()


def unreadable_verdict(
    assignment: str,
    notebook: str,
    basis: Basis,
    points: dict[str, float],
    reason: str,
    repairs: list[str],
    bonuses: Collection[str] = (),
) -> Verdict:
    """The verdict on a notebook of which nothing could be used: no points, and why. `bonuses`: which tasks are some."""
    tasks = {
        task: TaskVerdict(task, maximum, [Finding("", "the whole task", 1.0, reason, 0.0)], task in bonuses)
        for task, maximum in points.items()
    }
    return Verdict(assignment, notebook, content_key({}), basis, tasks, [], repairs, reason)


def changes(before: Path, now: Verdict) -> list[str]:
    """A sentence for each task whose points differ from the verdict in the file `before`, with the reason."""
    try:
        old = json.loads(before.read_text(encoding="utf-8"))
        points = {task: float(record["points"]) for task, record in old["tasks"].items()}
        maxima = {task: float(record["max_points"]) for task, record in old["tasks"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return []
    reasons = _reasons(old, now)
    if any(maxima.get(task.task) != task.max_points for task in now.tasks.values()):
        reasons.append("the points that tasks carry changed")
    reason = " and ".join(reasons) or "something that the verdict does not record"
    return [
        f"{task.task}: {points[task.task]:g} -> {task.points:g} of {task.max_points:g}, because {reason}"
        for task in now.tasks.values()
        if task.task in points and points[task.task] != task.points
    ]


def _reasons(old: dict, now: Verdict) -> list[str]:
    basis, new = old.get("basis", {}), asdict(now.basis)
    sentences = {
        "tests": "the hidden tests changed",
        "engine": "the engine or the reference changed",
        "catalogue": "the catalogue of misconceptions changed",
        "versions": "other library versions are installed",
        "device": f"it was graded on {new['device']}, not on {basis.get('device')}",
        "limits": "the limits of time, memory and so on changed",
        "sandbox": "it ran in another sandbox",
        "secret": "the course's secret changed",
        "evaluation": "the images or rules by which trained models are evaluated changed",
    }
    reasons = ["the submission changed"] if old.get("content") != now.content else []
    reasons += ["another trained model was handed in"] if old.get("model") != now.model else []
    reasons += [sentence for key, sentence in sentences.items() if basis.get(key) != new[key]]
    stopped_before = {finding.get("stopped") for task in old["tasks"].values() for finding in task["findings"]}
    interrupted = sorted((stopped_before ^ set(now.stopped)) - {None})
    return reasons or [f"tests were stopped ({', '.join(interrupted)}) in one of the two runs"] * bool(interrupted)
