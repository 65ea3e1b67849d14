"""Records the right answers of the public checks: `notebooks/segkit/recorded/<assignment>/<task>.safetensors`."""

import json
from pathlib import Path

import torch
from safetensors.torch import save

from autograder.reference import reference_candidate
from autograder.sources import AUTOMATIC, read_sources
from segkit.checking.candidate import AnswerError
from segkit.checking.public import Recorded, Task, load_recorded, recorded_path, tasks_of
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
        for task_id, points in source.points(AUTOMATIC).items():
            if task_id not in tasks_of(assignment):
                raise CourseError(
                    f'{source.path.name} checks "{task_id}", which segkit.tasks.{assignment} does not list.'
                )
            recorded = _answers(tasks_of(assignment)[task_id], source.name, assignment, points)
            path = recorded_path(assignment, task_id) if folder is None else folder / f"{task_id}.safetensors"
            if not (path.is_file() and same_answers(load_recorded(path), recorded)):
                _save(recorded, path)
                written.append(path)
    load_recorded.cache_clear()
    return written


def _answers(task: Task, notebook: str, assignment: str, points: float) -> Recorded:
    candidate = reference_candidate(assignment, notebook)
    try:
        answers = [check.probe(candidate, **check.case) for check in task.checks]
    except AnswerError as error:
        raise CourseError(f'The reference fails its own public check of "{task.id}": {error}') from None
    return Recorded(points, [{name: torch.as_tensor(value) for name, value in answer.items()} for answer in answers])


def same_answers(old: Recorded, new: Recorded) -> bool:
    """Whether two recordings have the same names, points and, to `SAME`, the same numbers."""
    if old.points != new.points or [list(a) for a in old.answers] != [list(a) for a in new.answers]:
        return False
    pairs = [(a[name], b[name]) for a, b in zip(old.answers, new.answers, strict=True) for name in a]
    return all(
        a.shape == b.shape
        and a.dtype == b.dtype
        and torch.allclose(a.double(), b.double(), rtol=SAME, atol=SAME * _size(b), equal_nan=True)
        for a, b in pairs
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
        "names": [[number, list(answer)] for number, answer in enumerate(recorded.answers)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(tensors, metadata={"about": json.dumps(about)}))
