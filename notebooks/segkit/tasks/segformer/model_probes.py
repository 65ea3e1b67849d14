"""What the tests ask of functions that use a model: whole data sets, full resolution, the worst images.

The models are `RecordedLogits` and `FixedLogits` of `segkit.checking.objects`: what they predict is known exactly.
"""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Candidate
from segkit.checking.probes import Outputs
from segkit.checking.values import Handle
from segkit.tasks.segformer.probes import as_tensor, has_dtype, on_cpu, unchanged, yes


def evaluation(
    candidate: Candidate,
    *,
    images: torch.Tensor,
    targets: torch.Tensor,
    batch_sizes: list[int],
    num_classes: int | None = None,
    training: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """What `evaluate` says of a model whose logits are the images' first channels.

    Args:
        num_classes: None is the default, 4.
        training: hand the model in in training mode, in which it gives other answers.
    """
    candidate.begin(doubles=doubles)
    dtype = str(images.dtype).removeprefix("torch.")
    model = candidate.make("recorded_logits", num_classes=num_classes or 4, dtype=dtype, training=training)
    loader = candidate.make("loader", images=-images, targets=targets, batch_sizes=batch_sizes)
    settings = {} if num_classes is None else {"num_classes": num_classes}
    return {"the confusion matrix": as_tensor(candidate.call("evaluate", model, loader, **settings).result)}


def evaluation_manners(
    candidate: Candidate,
    *,
    images: torch.Tensor,
    targets: torch.Tensor,
    batch_sizes: list[int],
    doubles: Iterable[str] = (),
) -> Outputs:
    """The matrix, whether the model is in the mode in which it came, and whether a graph for gradients was built.

    This model answers the same in both modes: whether `evaluate` chooses the right one is another question.
    """
    candidate.begin(doubles=doubles)
    models = _mode_blind(candidate, "recorded_logits", num_classes=4)
    loader = candidate.make("loader", images=-images, targets=targets, batch_sizes=batch_sizes)
    results = [as_tensor(candidate.call("evaluate", model, loader).result) for model in models]
    return {
        "the confusion matrix": results[0],
        "the confusion matrix of a second call": results[1],
        **_treatment(candidate, models),
    }


def full_resolution(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    logits: torch.Tensor,
    settings: dict,
    training: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The labels that `predict_full_resolution` gives for a model that answers `logits` (K, h, w)."""
    candidate.begin(doubles=doubles)
    model = candidate.make("fixed_logits", logits=logits, training=training)
    return {
        "the label map": as_tensor(candidate.call("predict_full_resolution", model, on_cpu(image), **settings).result)
    }


def full_resolution_input(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    logits: torch.Tensor,
    settings: dict,
    doubles: Iterable[str] = (),
) -> Outputs:
    """What `predict_full_resolution` shows to the model."""
    candidate.begin(doubles=doubles)
    (model,) = _mode_blind(candidate, "fixed_logits", (False,), logits=logits)
    candidate.call("predict_full_resolution", model, on_cpu(image), **settings)
    return {"the batch that the model gets": candidate.read(model)[0].get("images")}


def full_resolution_manners(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    logits: torch.Tensor,
    settings: dict,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The labels, their dtype, and how model and image are treated; the model answers the same in both modes."""
    candidate.begin(doubles=doubles)
    models = _mode_blind(candidate, "fixed_logits", logits=logits)
    answers = [candidate.call("predict_full_resolution", model, on_cpu(image), **settings) for model in models]
    labels = as_tensor(answers[0].result)
    return {
        "the label map": labels,
        **has_dtype("the label map's dtype", labels, "int64"),
        **_treatment(candidate, models),
        **unchanged([changed for answer in answers for changed in answer.inputs_changed]),
    }


def worst(
    candidate: Candidate,
    *,
    images: list[torch.Tensor],
    targets: list[torch.Tensor],
    count: int | None = None,
    training: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The indices that `worst_images` returns for a model whose logits are the images' first channels.

    Args:
        count: None is the default, 5.
        training: hand the model in in training mode, in which it gives other answers.
    """
    candidate.begin(doubles=doubles)
    model = candidate.make("recorded_logits", num_classes=4, training=training)
    dataset = candidate.make("pairs", images=[-image for image in images], targets=targets)
    settings = {} if count is None else {"count": count}
    return {"the list of indices": _indices(candidate.call("worst_images", model, dataset, **settings).result)}


def worst_manners(
    candidate: Candidate, *, images: list[torch.Tensor], targets: list[torch.Tensor], doubles: Iterable[str] = ()
) -> Outputs:
    """The indices, asked twice of one data set, and how the model is treated; it answers the same in both modes."""
    candidate.begin(doubles=doubles)
    models = _mode_blind(candidate, "recorded_logits", num_classes=4)
    dataset = candidate.make("pairs", images=[-image for image in images], targets=targets)
    lists = [_indices(candidate.call("worst_images", model, dataset).result) for model in models]
    return {
        "the list of indices": lists[0],
        "the list of indices of a second call": lists[1],
        **_treatment(candidate, models),
    }


def _indices(value: Any) -> Any:
    """Indices, as a list of numbers or of tensors with one element each."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, torch.Tensor) for item in value):
        value = [item.item() if item.numel() == 1 else item for item in value]
    return as_tensor(value)


def _mode_blind(
    candidate: Candidate, kind: str, modes: tuple[bool, ...] = (True, False), **fields: Any
) -> list[Handle]:
    """A model for each mode, training or not, in which it is handed in; its answers do not depend on the mode."""
    return [candidate.make(kind, wrong_in_training=False, training=training, **fields) for training in modes]


def _treatment(candidate: Candidate, models: list[Handle]) -> Outputs:
    """Whether the models, the first of which came in training mode, were left so, and were asked without gradients."""
    (trained, is_training), (evaluated, still_training) = (candidate.read(model) for model in models)
    without_graphs = [buffers.get("graphs", torch.ones(())).eq(0).all() for buffers in (trained, evaluated)]
    return {
        "whether a model in training mode is in training mode afterwards (1 is yes)": yes(is_training),
        "whether a model in evaluation mode is in evaluation mode afterwards (1 is yes)": yes(not still_training),
        "whether the model predicts without building a graph for gradients (1 is yes)": yes(all(without_graphs)),
    }
