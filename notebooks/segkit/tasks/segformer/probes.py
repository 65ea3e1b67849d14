"""What the tests ask of the segmentation tasks: labels, transforms, measures, training steps, predictions.

As in `segkit.checking.probes`, each probe builds, calls, and returns named tensors, and its keyword arguments are its
case. Answers may come as tensors, arrays, lists or numbers, and labels in any integer dtype.
"""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.parameters import canonical_values
from segkit.checking.probes import Outputs
from segkit.checking.values import Handle, Make, Unknown

Pair = tuple[torch.Tensor, torch.Tensor]
COINS = 24  # flips that must not all fall the same way: 1 in 8 million times they do
REPEATS = 8


def on_cpu(tensor: torch.Tensor) -> Make:
    """A tensor that stays on the CPU, as data does, when the models of a test are on another device."""
    return Make("on_cpu", tensor=tensor)


def as_tensor(value: Any) -> Any:
    """A tensor of numbers that came as a list or as a number; anything else as it is."""
    if isinstance(value, (bool, int, float, list, tuple)):
        try:
            return torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError):
            return value
    return value


def yes(fact: bool) -> torch.Tensor:
    """1 for yes: the form in which a probe returns a fact that must hold."""
    return torch.tensor(int(fact))


# ---------------------------------------------------------------------------------------------------------- functions


def result(
    candidate: Candidate,
    *,
    name: str,
    arguments: list,
    settings: dict | None = None,
    what: str = "the result",
    doubles: Iterable[str] = (),
) -> Outputs:
    """What a function of the notebook returns, called `what`; its tensors stay on the CPU."""
    candidate.begin(doubles=doubles)
    return {what: as_tensor(candidate.call(name, *map(_data, arguments), **(settings or {})).result)}


def result_of_generator(
    candidate: Candidate, *, name: str, items: list, what: str = "the result", doubles: Iterable[str] = ()
) -> Outputs:
    """As `result`, for a function that gets its items one by one and only once."""
    candidate.begin(doubles=doubles)
    items = [on_cpu(item) for item in items]
    return {what: as_tensor(candidate.call(name, Make("generator", items=items)).result)}


def result_and_manners(
    candidate: Candidate,
    *,
    name: str,
    arguments: list,
    settings: dict | None = None,
    what: str = "the result",
    dtype: str | None = "int64",
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `result`, and whether the dtype is right (None: any) and the arguments are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call(name, *map(_data, arguments), **(settings or {}))
    value = as_tensor(answer.result)
    right_dtype = _has_dtype("its dtype", value, dtype) if dtype else {}
    return {what: value, **right_dtype, **_unchanged(answer.inputs_changed)}


def _data(argument: Any) -> Any:
    if isinstance(argument, torch.Tensor):
        return on_cpu(argument)
    return [_data(item) for item in argument] if isinstance(argument, (list, tuple)) else argument


def _has_dtype(whose: str, value: Any, dtype: str) -> Outputs:
    right = isinstance(value, torch.Tensor) and str(value.dtype) == f"torch.{dtype}"
    return {f"whether {whose} is {dtype} (1 is yes)": yes(right)}


def _unchanged(inputs_changed: list[bool]) -> Outputs:
    return {"whether what was passed in is left unchanged (1 is yes)": yes(not any(inputs_changed))}


# ------------------------------------------------------------------------------------------------ image and mask as one


def transformed_image(
    candidate: Candidate,
    *,
    image: torch.Tensor,
    mask: torch.Tensor,
    settings: dict,
    standardised: bool = True,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The image that `joint_transform` makes.

    Args:
        standardised: compare each channel after removing its own mean and spread: normalisation is another question.
    """
    candidate.begin(doubles=doubles)
    made, _ = _transform(candidate, image, mask, settings)
    return {"the image": _standardised(made) if standardised else made}


def transformed_target(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The target that `joint_transform` makes."""
    candidate.begin(doubles=doubles)
    return {"the target": _transform(candidate, image, mask, settings)[1]}


def transformed_pair(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """Image (standardised) and target, and how many of several calls give the same pair."""
    candidate.begin(doubles=doubles)
    pairs = [_transform(candidate, image, mask, settings) for _ in range(REPEATS)]
    first = pairs[0]
    alike = sum(_same(pair[0], first[0]) and _same(pair[1], first[1]) for pair in pairs)
    return {
        "the image": _standardised(first[0]),
        "the target": first[1],
        f"the number of calls (of {REPEATS}) that give the same": torch.tensor(alike),
    }


def transform_coins(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The pair without a flip, and for many flips of a fair coin whether image and target do the same."""
    candidate.begin(doubles=doubles)
    plain = _transform(candidate, image, mask, {**settings, "flip_probability": 0.0})
    sides = []
    for _ in range(COINS):
        made = _transform(candidate, image, mask, {**settings, "flip_probability": 0.5})
        sides.append((_side(made[0], plain[0]), _side(made[1], plain[1])))
    alike = sum(image_side is not None and image_side == target_side for image_side, target_side in sides)
    return {
        "the image without a flip": _standardised(plain[0]),
        "the target without a flip": plain[1],
        f"the number of pairs (of {COINS} with flip_probability 0.5) whose image and target are flipped alike":
            torch.tensor(alike),
        "whether some images are flipped and others not (1 is yes)": yes(len({side for side, _ in sides}) == 2),
    }  # fmt: skip


def transform_manners(
    candidate: Candidate, *, image: torch.Tensor, mask: torch.Tensor, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The pair, its dtypes, and whether image and mask are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call("joint_transform", on_cpu(image), on_cpu(mask), **settings)
    made, target = _pair(answer.result)
    return {
        "the image": _standardised(made),
        "the target": target,
        **_has_dtype("the image's dtype", made, "float32"),
        **_has_dtype("the target's dtype", target, "int64"),
        **_unchanged(answer.inputs_changed),
    }


def _transform(candidate: Candidate, image: torch.Tensor, mask: torch.Tensor, settings: dict) -> Pair:
    return _pair(candidate.call("joint_transform", on_cpu(image), on_cpu(mask), **settings).result)


def _pair(value: Any) -> Pair:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        kind = value.type_name if isinstance(value, Unknown) else type(value).__name__
        count = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
        raise AnswerError(f"joint_transform returns a {kind}{count}; the pair (image, target) was expected.")
    return as_tensor(value[0]), as_tensor(value[1])


def _standardised(image: Any) -> Any:
    if not isinstance(image, torch.Tensor) or image.ndim != 3:
        return image
    image = image.double()
    spread = image.std(dim=(1, 2), keepdim=True)
    return (image - image.mean(dim=(1, 2), keepdim=True)) / torch.where(spread > 0, spread, 1.0)


def _same(a: Any, b: Any) -> bool:
    tensors = isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)
    return tensors and a.shape == b.shape and bool(_distance(a, b) <= 0.05)


def _side(made: Any, plain: Any) -> str | None:
    """Whether an image or target is as without a flip, or mirrored from left to right, or neither."""
    if _same(made, plain):
        return "plain"
    return "mirrored" if isinstance(plain, torch.Tensor) and plain.ndim and _same(made, plain.flip(-1)) else None


def _distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Largest difference, relative to the spread of `b`."""
    spread = b.double().std()
    return (a.double() - b.double()).abs().max() / torch.where(spread > 0, spread, 1.0)


# --------------------------------------------------------------------------------------------------- models that are used


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
    loader = candidate.make("loader", images=images, targets=targets, batch_sizes=batch_sizes)
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
    loader = candidate.make("loader", images=images, targets=targets, batch_sizes=batch_sizes)
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
    return {"the labels": as_tensor(candidate.call("predict_full_resolution", model, on_cpu(image), **settings).result)}


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
        "the labels": labels,
        **_has_dtype("the labels' dtype", labels, "int64"),
        **_treatment(candidate, models),
        **_unchanged([changed for answer in answers for changed in answer.inputs_changed]),
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
    dataset = candidate.make("pairs", images=images, targets=targets)
    settings = {} if count is None else {"count": count}
    return {"the list of indices": _indices(candidate.call("worst_images", model, dataset, **settings).result)}


def worst_manners(
    candidate: Candidate, *, images: list[torch.Tensor], targets: list[torch.Tensor], doubles: Iterable[str] = ()
) -> Outputs:
    """The indices, asked twice of one data set, and how the model is treated; it answers the same in both modes."""
    candidate.begin(doubles=doubles)
    models = _mode_blind(candidate, "recorded_logits", num_classes=4)
    dataset = candidate.make("pairs", images=images, targets=targets)
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
    graphs = sum(float(buffers.get("graphs", 0)) for buffers in (trained, evaluated))
    return {
        "whether a model in training mode is in training mode afterwards (1 is yes)": yes(is_training),
        "whether a model in evaluation mode is in evaluation mode afterwards (1 is yes)": yes(not still_training),
        "whether the model predicts without building a graph for gradients (1 is yes)": yes(graphs == 0),
    }


# ---------------------------------------------------------------------------------------------------------------- training


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
    return {"the loss": answer.result, "the gradient by the logits": answer.input_gradients[0]}


def loss_without_labels(
    candidate: Candidate, *, logits: torch.Tensor, doubles: Iterable[str] = ()
) -> Outputs:
    """The loss of a batch without labelled pixels, its gradient, and whether other batches have a loss at all."""
    candidate.begin(doubles=doubles)
    one, size = torch.ones((), dtype=logits.dtype), (len(logits), *logits.shape[2:])
    empty = candidate.call("segmentation_loss", logits, torch.full(size, 255), cotangents=one)
    usual = as_tensor(candidate.call("segmentation_loss", logits, torch.zeros(size, dtype=torch.int64)).result)
    return {
        "the loss": empty.result,
        "the gradient by the logits": empty.input_gradients[0],
        "whether a batch with labels has a loss above 0 (1 is yes)": yes(_is_positive(usual)),
    }


def _is_positive(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.numel() == 1 and bool(value > 0)


def trained_parameters(
    candidate: Candidate,
    *,
    batches: list[Pair],
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
    candidate: Candidate, *, batches: list[Pair], optimizer: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The losses that `training_step` returns for some batches, one after the other."""
    candidate.begin(doubles=doubles)
    _, steps = _trained(candidate, batches, optimizer)
    return {f"the loss of step {number}": as_tensor(step.result) for number, step in enumerate(steps, start=1)}


def training_manners(
    candidate: Candidate, *, batches: list[Pair], optimizer: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """The parameters after the steps, and whether images and targets are left unchanged."""
    candidate.begin(doubles=doubles)
    model, steps = _trained(candidate, batches, optimizer)
    return {
        f"the row of all parameters after {_steps(len(steps))}": _parameters(candidate, model),
        **_unchanged([changed for step in steps for changed in step.inputs_changed]),
    }


def _trained(candidate: Candidate, batches: list[Pair], optimizer: dict, **model_fields: Any):
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
