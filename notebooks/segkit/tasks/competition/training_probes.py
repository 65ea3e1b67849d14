"""What the tests ask of a schedule, of losses and of what an auxiliary head adds to one."""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Answer, Candidate
from segkit.checking.probes import Outputs
from segkit.checking.values import Make
from segkit.tasks.segformer.probes import as_tensor, unchanged, yes


def factors(
    candidate: Candidate,
    *,
    steps: Iterable[int],
    cycle_steps: int,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """What `poly_restarts` says of some steps, each asked by itself, in the order given."""
    candidate.begin(doubles=doubles)
    said = [candidate.call("poly_restarts", step, cycle_steps, **(settings or {})).result for step in steps]
    return {"the row of factors": _row(said)}


def _row(answers: list) -> Any:
    """Numbers in a row; if there is anything else among them, the first such answer."""
    for answer in answers:
        single = isinstance(answer, torch.Tensor) and answer.numel() == 1
        if not single and not isinstance(answer, (int, float)):
            return answer
    return torch.tensor([_float(answer) for answer in answers], dtype=torch.float64)


def _float(answer: Any) -> float:
    try:
        return float(answer)
    except OverflowError:  # an int of hundreds of digits
        return torch.inf


def loss(
    candidate: Candidate,
    *,
    name: str,
    logits: torch.Tensor,
    target: torch.Tensor,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The value of a loss of logits (B, K, H, W) and a target (B, H, W)."""
    candidate.begin(doubles=doubles)
    return {"the loss": as_tensor(candidate.call(name, logits, target, **(settings or {})).result)}


def loss_and_manners(
    candidate: Candidate,
    *,
    name: str,
    logits: torch.Tensor,
    target: torch.Tensor,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `loss`, and whether logits and target are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call(name, logits, target, **(settings or {}))
    return {"the loss": as_tensor(answer.result), **unchanged(answer.inputs_changed)}


def loss_and_gradient(
    candidate: Candidate,
    *,
    name: str,
    logits: torch.Tensor,
    target: torch.Tensor,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `loss`, and the gradient by the logits."""
    candidate.begin(doubles=doubles)
    return _with_gradient(candidate.call(name, logits, target, cotangents=_one(logits), **(settings or {})))


def loss_of_nothing(
    candidate: Candidate, *, name: str, logits: torch.Tensor, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """Loss and gradient of a batch without a labelled pixel, and whether other batches have a loss at all."""
    candidate.begin(doubles=doubles)
    size, settings = (len(logits), *logits.shape[2:]), settings or {}
    empty = candidate.call(name, logits, torch.full(size, 255), cotangents=_one(logits), **settings)
    usual = as_tensor(candidate.call(name, logits, torch.zeros(size, dtype=torch.int64), **settings).result)
    return {
        **_with_gradient(empty),
        "whether a batch with labels has a loss above 0 (1 is yes)": yes(_is_positive(usual)),
    }


def _one(logits: torch.Tensor) -> torch.Tensor:
    return torch.ones((), dtype=logits.dtype)


def _with_gradient(answer: Answer) -> Outputs:
    gradient = answer.input_gradients[0] if answer.input_gradients else None
    return {"the loss": answer.result, "the gradient by the logits": gradient}


def _is_positive(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1 and bool(value > 0)
    return isinstance(value, (int, float)) and value > 0


CRITERION = "Criterion"  # of training_doubles: stands in for nothing, so it is there in every case


def auxiliary_value(
    candidate: Candidate,
    *,
    main_logits: torch.Tensor,
    auxiliary_logits: torch.Tensor | None,
    target: torch.Tensor,
    settings: dict | None = None,
    power: float = 1.0,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The value of `auxiliary_loss` with a criterion that is no cross-entropy.

    Args:
        power: of the criterion.
    """
    candidate.begin(doubles=(*doubles, CRITERION))
    criterion = Make("student", name=CRITERION, args=[], kwargs={"power": power}, dtype="float64")
    answer = candidate.call("auxiliary_loss", main_logits, auxiliary_logits, target, criterion, **(settings or {}))
    return {"the loss": as_tensor(answer.result)}


def auxiliary_gradients(
    candidate: Candidate,
    *,
    main_logits: torch.Tensor,
    auxiliary_logits: torch.Tensor,
    target: torch.Tensor,
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `auxiliary_value`, and the gradients by both logits."""
    candidate.begin(doubles=(*doubles, CRITERION))
    criterion = Make("student", name=CRITERION, args=[], kwargs={}, dtype="float64")
    answer = candidate.call(
        "auxiliary_loss", main_logits, auxiliary_logits, target, criterion, cotangents=_one(main_logits)
    )
    return {"the loss": answer.result, **_two_gradients(answer, "the main logits", "the auxiliary logits")}


def _two_gradients(answer: Answer, first: str, second: str) -> Outputs:
    gradients = answer.input_gradients if len(answer.input_gradients) == 2 else [None, None]
    return {f"the gradient by {first}": gradients[0], f"the gradient by {second}": gradients[1]}


def distillation(
    candidate: Candidate,
    *,
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The value of `channel_distillation`."""
    candidate.begin(doubles=doubles)
    answer = candidate.call("channel_distillation", student_logits, teacher_logits, **(settings or {}))
    return {"the loss": as_tensor(answer.result)}


def distillation_manners(
    candidate: Candidate,
    *,
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `distillation`, and whether both logits are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call("channel_distillation", student_logits, teacher_logits)
    return {"the loss": as_tensor(answer.result), **unchanged(answer.inputs_changed)}


def distillation_gradients(
    candidate: Candidate,
    *,
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `distillation`, the gradient by the student's logits, and whether there is none by the teacher's."""
    candidate.begin(doubles=doubles)
    answer = candidate.call("channel_distillation", student_logits, teacher_logits, cotangents=_one(student_logits))
    by_student, by_teacher = answer.input_gradients if len(answer.input_gradients) == 2 else (None, None)
    none = by_teacher is None or (isinstance(by_teacher, torch.Tensor) and not by_teacher.any())
    return {
        "the loss": answer.result,
        "the gradient by the student's logits": by_student,
        "whether there is no gradient by the teacher's logits (1 is yes)": yes(none),
    }
