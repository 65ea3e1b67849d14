"""Records the right answers of the public checks: `notebooks/segkit/recorded/<assignment>/<task>.safetensors`."""

import json
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import save

from autograder.misconceptions import Misconception, cells_with, misconceptions_of
from autograder.reference import reference_candidate
from autograder.sandbox import Submission
from autograder.sources import BONUS, CHECKS, read_sources
from autograder.trusted import TrustedWorker
from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.fingerprints import CLAIM, same_fingerprint
from segkit.checking.public import Hint, Recorded, Task, load_recorded, recorded_path, run_check, tasks_of
from segkit.errors import CourseError

SAME = 1e-9  # relative: matrix products differ in the last digits from one processor to another


def record_answers(assignment: str, folder: Path | None = None) -> list[Path]:
    """Write the recorded answers of every task whose file is missing or holds other answers.

    Args:
        folder: where to write instead of the place in segkit (for comparing with it).

    Returns:
        The files written; a file whose numbers agree to `SAME` is left alone, so that a rebuild on another machine
        changes nothing.
    """
    written = []
    for source in read_sources(assignment):
        for task_id, points in source.points(*CHECKS).items():
            if task_id not in tasks_of(assignment):
                raise CourseError(
                    f'{source.path.name} checks "{task_id}", which segkit.tasks.{assignment} does not list.'
                )
            recorded = replace(
                _answers(tasks_of(assignment)[task_id], source.name, assignment, points),
                bonus=task_id in source.points(BONUS),
            )
            path = recorded_path(assignment, task_id) if folder is None else folder / f"{task_id}.safetensors"
            if not (path.is_file() and same_answers(load_recorded(path), recorded)):
                _save(recorded, path)
                written.append(path)
    load_recorded.cache_clear()
    return written


def _answers(task: Task, notebook: str, assignment: str, points: float) -> Recorded:
    candidate, recorded = reference_candidate(assignment, notebook), Recorded(points)
    for check in task.checks:
        try:
            answer = check.probe(candidate, **check.case)
        except AnswerError as error:
            raise CourseError(f'The reference fails its own public check of "{task.id}": {error}') from None
        recorded.answers.append({name: torch.as_tensor(value) for name, value in answer.items()})
        recorded.registered.append(candidate.registered)
    hints = (_hint(task, notebook, assignment, recorded, one) for one in misconceptions_of(assignment, task.id))
    return replace(recorded, hints=[hint for hint in hints if _can_be_recognised(hint)])


def _can_be_recognised(hint: Hint) -> bool:
    """Whether the public checks find the mistake; of answers that chance decides, they must find a fact wrong."""
    found = [answer for answer in hint.prints if answer]
    facts = [value["numbers"] for answer in found for name, value in answer.items() if name.startswith(CLAIM)]
    return [0.0] in facts if hint.claims_only else bool(found)


def _hint(task: Task, notebook: str, assignment: str, recorded: Recorded, mistake: Misconception) -> Hint:
    """What the reference with a misconception answers to the public checks."""
    worker = TrustedWorker(Submission(assignment, notebook, cells_with(assignment, mistake.changes)))
    candidate = Candidate(worker.perform, assignment)
    expected = zip(task.checks, recorded.answers, recorded.registered, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, about mistakes that are made on purpose
        outcomes = [run_check(check, candidate, answers, weights) for check, answers, weights in expected]
    worker.__exit__()
    prints = [outcome.prints[0] if outcome.problem else None for outcome in outcomes]
    return Hint(f"{mistake.symptom} {mistake.hint}", prints, mistake.random)


def same_answers(old: Recorded, new: Recorded) -> bool:
    """Whether two recordings have the same names, points, kind of points and, to `SAME`, the same numbers."""
    if (old.points, old.bonus, old.registered) != (new.points, new.bonus, new.registered):
        return False
    if [list(a) for a in old.answers] != [list(a) for a in new.answers] or not _same_hints(old.hints, new.hints):
        return False
    pairs = [(a[name], b[name]) for a, b in zip(old.answers, new.answers, strict=True) for name in a]
    return all(
        a.shape == b.shape
        and a.dtype == b.dtype
        and torch.allclose(a.double(), b.double(), rtol=SAME, atol=SAME * _size(b), equal_nan=True)
        for a, b in pairs
    )


def _same_hints(old: list[Hint], new: list[Hint]) -> bool:
    if [(hint.text, hint.claims_only) for hint in old] != [(hint.text, hint.claims_only) for hint in new]:
        return False
    return all(
        (before is now) or (before and now and same_fingerprint(before, now, SAME, claims_only=hint.claims_only))
        for hint, earlier in zip(new, old, strict=True)
        for before, now in zip(earlier.prints, hint.prints, strict=True)
    )


def _size(tensor: torch.Tensor) -> float:
    return float(tensor.double().nan_to_num().abs().max()) if tensor.numel() else 0.0


def _save(recorded: Recorded, path: Path) -> None:
    tensors = {
        f"{number}/{name}": value.contiguous().clone()
        for number, answer in enumerate(recorded.answers)
        for name, value in answer.items()
    }
    about = {
        "points": recorded.points,
        **({"bonus": True} if recorded.bonus else {}),
        "registered": recorded.registered,
        "hints": [asdict(hint) for hint in recorded.hints],
        "names": [[number, list(answer)] for number, answer in enumerate(recorded.answers)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(tensors, metadata={"about": json.dumps(about)}))
