"""What the tests ask of the loss and of the training step."""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Answer, AnswerError, Candidate
from segkit.checking.parameters import canonical_values
from segkit.checking.probes import Outputs
from segkit.checking.values import Handle
from segkit.tasks.segformer.probes import as_tensor, unchanged, yes

Batch = tuple[torch.Tensor, torch.Tensor]


def loss_value(
    candidate: Candidate,
    *,
    logits: torch.Tensor,
    target: torch.Tensor,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The value of `segmentation_loss`."""
    candidate.begin(doubles=doubles)
    return {"the loss": as_tensor(candidate.call("segmentation_loss", logits, target, **(settings or {})).result)}


def loss_gradient(
    candidate: Candidate, *, logits: torch.Tensor, target: torch.Tensor, doubles: Iterable[str] = ()
) -> Outputs:
    """The loss, and its gradient by the logits."""
    candidate.begin(doubles=doubles)
    one = torch.ones((), dtype=logits.dtype)
    answer = candidate.call("segmentation_loss", logits, target, cotangents=one)
    return {"the loss": answer.result, "the gradient by the logits": _first_gradient(answer)}


def loss_without_labels(candidate: Candidate, *, logits: torch.Tensor, doubles: Iterable[str] = ()) -> Outputs:
    """The loss of a batch without labelled pixels, its gradient, and whether other batches have a loss at all."""
    candidate.begin(doubles=doubles)
    one, size = torch.ones((), dtype=logits.dtype), (len(logits), *logits.shape[2:])
    empty = candidate.call("segmentation_loss", logits, torch.full(size, 255), cotangents=one)
    usual = as_tensor(candidate.call("segmentation_loss", logits, torch.zeros(size, dtype=torch.int64)).result)
    return {
        "the loss": empty.result,
        "the gradient by the logits": _first_gradient(empty),
        "whether a batch with labels has a loss above 0 (1 is yes)": yes(_is_positive(usual)),
    }


def _first_gradient(answer: Answer) -> Any:
    return answer.input_gradients[0] if answer.input_gradients else None


def _is_positive(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1 and bool(value > 0)
    return isinstance(value, (int, float)) and value > 0


def trained_parameters(
    candidate: Candidate,
    *,
    batches: list[Batch],
    optimizer: dict,
    training: bool = True,
    stale_gradients: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """All parameters of a small model, in a row, after a training step on each of the batches.

    Args:
        optimizer: its `name` ("sgd", "adamw") and settings.
        training: the mode in which the model is handed in.
        stale_gradients: whether the model comes with gradients of an earlier `backward`.
    """
    candidate.begin(doubles=doubles)
    model, steps = _trained(candidate, batches, optimizer, training=training, stale_gradients=stale_gradients)
    return {f"the row of all parameters after {_steps(len(steps))}": _parameters(candidate, model)}


def training_losses(
    candidate: Candidate, *, batches: list[Batch], optimizer: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The losses that `training_step` returns for some batches, one after the other."""
    candidate.begin(doubles=doubles)
    _, steps = _trained(candidate, batches, optimizer)
    return {f"the loss of step {number}": as_tensor(step.result) for number, step in enumerate(steps, start=1)}


def training_manners(
    candidate: Candidate, *, batches: list[Batch], optimizer: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The parameters after the steps, and whether images and targets are left unchanged."""
    candidate.begin(doubles=doubles)
    model, steps = _trained(candidate, batches, optimizer)
    return {
        f"the row of all parameters after {_steps(len(steps))}": _parameters(candidate, model),
        **unchanged([changed for step in steps for changed in step.inputs_changed]),
    }


def _trained(candidate: Candidate, batches: list[Batch], optimizer: dict, **model_fields: Any):
    num_classes = 1 + max(int(target[target != 255].max()) for _, target in batches)
    model = candidate.make("tiny_segmenter", num_classes=num_classes, dtype="float64", **model_fields)
    candidate.assign(model, canonical_values(candidate.state(model)))
    chosen = candidate.make("optimizer", model=model, **optimizer)
    return model, [candidate.call("training_step", model, chosen, *batch) for batch in batches]


def _steps(count: int) -> str:
    return "one step" if count == 1 else f"{count} steps"


def _parameters(candidate: Candidate, model: Handle) -> torch.Tensor:
    names = [entry.name for entry in candidate.state(model) if entry.kind == "parameter"]
    values, _ = candidate.read(model)
    if not all(name in values for name in names):
        raise AnswerError("The model's parameters could not be read.", "protocol")
    return torch.cat([values[name].double().flatten() for name in names])
