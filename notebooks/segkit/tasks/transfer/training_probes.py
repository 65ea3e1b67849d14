"""What the tests ask of heads, frozen encoders, validations, pre-trained weights and optimisers.

The models come from `training_doubles`, and a probe installs them itself: they stand in for nothing that was asked for
earlier, and are there also when a submission is held against the reference as a whole.
"""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.parameters import canonical_values
from segkit.checking.probes import Outputs
from segkit.checking.values import Handle
from segkit.tasks.segformer.probes import as_tensor, on_cpu, yes
from segkit.tasks.transfer import training_doubles

Batch = tuple[torch.Tensor, torch.Tensor]
OURS = tuple(name for name in training_doubles.DOUBLES if name != "SegmentationMetric")
ENCODERS = ("backbone.", "encoder.")


def _begin(candidate: Candidate, doubles: Iterable[str]) -> None:
    candidate.begin(doubles=(*OURS, *doubles))


def _model(candidate: Candidate, model: str, **settings: Any) -> Handle:
    return candidate.make("student", name=model, args=[], kwargs=settings, dtype="float64")


# ---- replace_head


def new_head(
    candidate: Candidate,
    *,
    num_classes: int,
    images: torch.Tensor,
    model: dict,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The answer of an FCN with new last layers, all of whose weights were set; "aux" too if it has one.

    Args:
        model: settings of `TinyFCN`.
    """
    _begin(candidate, doubles)
    fcn = _replaced(candidate, num_classes, model)
    candidate.assign(fcn, canonical_values(candidate.state(fcn)))
    return _logits(candidate.call(fcn, images, train=False).result)


def _replaced(candidate: Candidate, num_classes: int, model: dict) -> Handle:
    fcn = _model(candidate, "TinyFCN", **model)
    candidate.call("replace_head", fcn, num_classes)
    candidate.call("settle", fcn)
    return fcn


def _logits(answer: Any) -> Outputs:
    if not isinstance(answer, dict):
        return {"the logits": answer}
    return {f'the logits "{name}"': value for name, value in answer.items()}


def head_weights(candidate: Candidate, *, num_classes: int, model: dict, doubles: Iterable[str] = ()) -> Outputs:
    """How many numbers each classifier's last layer has, of how many axes its filters, and how many numbers are new."""
    _begin(candidate, doubles)
    before, _ = candidate.read(_model(candidate, "TinyFCN", **model))
    _begin(candidate, doubles)
    fcn = _replaced(candidate, num_classes, model)
    state, (after, _) = candidate.state(fcn), candidate.read(fcn)
    found: Outputs = {}
    for part in ("classifier", "aux_classifier"):
        entries = [entry for entry in state if entry.kind == "parameter" and entry.name.startswith(f"{part}.")]
        vectors, filters = entries[-1:], entries[-2:-1]
        if entries:
            found[f"the shape of the last filters in the {part}"] = _shape(filters)
            found[f"the shape of the last bias in the {part}"] = _shape(vectors)
            kept = [entry.name for entry in filters + vectors if _is_kept(entry.name, before, after)]
            found[f"whether the last layer of the {part} is a new one (1 is yes)"] = yes(not kept)
    return found


def _shape(entries: list) -> torch.Tensor:
    return torch.tensor([size for entry in entries for size in entry.shape])


def _is_kept(name: str, before: dict, after: dict) -> bool:
    return name in before and name in after and torch.equal(before[name], after[name])


def kept_weights(candidate: Candidate, *, num_classes: int, model: dict, doubles: Iterable[str] = ()) -> Outputs:
    """All weights and statistics of an FCN that are not in a last layer, in a row."""
    _begin(candidate, doubles)
    names = [entry.name for entry in candidate.state(_model(candidate, "TinyFCN", **model))]
    last = {name for part in ("classifier", "aux_classifier") for name in _last_two(names, part)}
    _begin(candidate, doubles)
    values, _ = candidate.read(_replaced(candidate, num_classes, model))
    return {"the row of all other weights": _row(values, [name for name in names if name not in last])}


def _last_two(names: list[str], part: str) -> list[str]:
    return [name for name in names if name.startswith(f"{part}.") and "running_" not in name][-2:]


def _row(values: dict[str, torch.Tensor], names: list[str]) -> torch.Tensor:
    if not all(name in values for name in names):
        lost = next(name for name in names if name not in values)
        raise AnswerError(f"The model has no {lost} any more: all other layers keep their names.", "protocol")
    return torch.cat([values[name].double().flatten() for name in names])


def returns_the_model(
    candidate: Candidate, *, name: str, model: str, arguments: list, settings: dict, doubles: Iterable[str] = ()
) -> Outputs:
    """Whether a function returns the model that it was given."""
    _begin(candidate, doubles)
    given = _model(candidate, model, **settings)
    returned = candidate.make("student", name=name, args=[given, *arguments], kwargs={}, dtype="float64")
    same = candidate.call("is_same", given, returned).result
    return {"whether the model that was passed in comes back (1 is yes)": yes(same is True)}


# ---- freeze_encoder


def frozen_training(
    candidate: Candidate,
    *,
    part: str,
    model: str,
    batches: list[Batch],
    optimizer: dict,
    settings: dict | None = None,
    modes: Iterable[bool] = (),
    doubles: Iterable[str] = (),
) -> Outputs:
    """What a model with a frozen encoder is after some steps of an optimiser that holds all of its parameters.

    Args:
        part: which of its numbers: "encoder weights", "encoder statistics", "rest", "losses".
        model: `"TinyFCN"` or `"TinySegFormer"`.
        modes: modes that it is put into, one after the other, before the first step.
    """
    _begin(candidate, doubles)
    frozen = _model(candidate, model, **(settings or {}))
    candidate.call("freeze_encoder", frozen)
    for mode in modes:
        candidate.call("set_mode", frozen, mode)
    chosen = candidate.make("optimizer", model=frozen, **optimizer)
    losses = [candidate.call("take_step", frozen, chosen, *batch).result for batch in batches]
    if part == "losses":
        return {f"the loss of step {number}": as_tensor(loss) for number, loss in enumerate(losses, start=1)}
    state, (values, _) = candidate.state(frozen), candidate.read(frozen)
    names = sorted(entry.name for entry in state if _part_of(entry.name) == part)
    return {f"the row of the {_PARTS[part]} after {len(batches)} steps": _row(values, names)}


_PARTS = {
    "encoder weights": "encoder's weights",
    "encoder statistics": "running statistics in the encoder",
    "rest": "weights and statistics of the rest",
}


def _part_of(name: str) -> str:
    """By its name: a frozen normalisation layer may keep its scale and shift as buffers."""
    if not name.startswith(ENCODERS):
        return "rest"
    return "encoder statistics" if name.endswith(("running_mean", "running_var")) else "encoder weights"


def gradient_counts(
    candidate: Candidate, *, model: str, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """How many numbers take a gradient in a model whose encoder is frozen: in the encoder, in the rest."""
    _begin(candidate, doubles)
    frozen = _model(candidate, model, **(settings or {}))
    candidate.call("freeze_encoder", frozen)
    counts = candidate.call("trained_numbers", frozen).result
    return _named_numbers(
        counts, "the encoder's numbers that take a gradient", "the other numbers that take a gradient"
    )


def _named_numbers(values: Any, *names: str) -> Outputs:
    if not isinstance(values, list) or len(values) != len(names):
        raise AnswerError("The answer could not be read.", "protocol")
    return {name: as_tensor(value) for name, value in zip(names, values, strict=True)}


def frozen_answers(
    candidate: Candidate,
    *,
    model: str,
    images: torch.Tensor,
    modes: Iterable[bool],
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The answers of a model with a frozen encoder in some modes, training or not, one after the other."""
    _begin(candidate, doubles)
    frozen = _model(candidate, model, **(settings or {}))
    candidate.call("freeze_encoder", frozen)
    found: Outputs = {}
    for number, mode in enumerate(modes, start=1):
        answer = _logits(candidate.call(frozen, images, train=mode).result)
        where = f"in {'training' if mode else 'evaluation'} mode (call {number})"
        found |= {f"{name} {where}": value for name, value in answer.items()}
    return found


# ---- validate


def validation(
    candidate: Candidate,
    *,
    images: torch.Tensor,
    targets: torch.Tensor,
    batch_sizes: list[int],
    num_classes: int = 3,
    model: str = "recorded_logits",
    training: bool = False,
    counted: Batch | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """What `validate` returns for a model whose logits are the images' first channels.

    Args:
        model: `"recorded_logits"`, or `"DictionaryOfLogits"`, whose answer is a dictionary.
        training: hand the model in in training mode, in which it gives other answers.
        counted: prediction and target that the metric has counted before.
    """
    _begin(candidate, doubles)
    network = _recorded(candidate, model, num_classes, training)
    loader = candidate.make("loader", images=-images, targets=targets, batch_sizes=batch_sizes)
    metric = _metric(candidate, num_classes)
    if counted is not None:
        candidate.call("count_pixels", metric, *map(on_cpu, counted))
    return {"the mean IoU": as_tensor(candidate.call("validate", network, loader, metric).result)}


def _metric(candidate: Candidate, num_classes: int) -> Handle:
    return candidate.make("student", name="SegmentationMetric", args=[num_classes], kwargs={}, dtype="float64")


def _recorded(candidate: Candidate, model: str, num_classes: int, training: bool) -> Handle:
    if model == "recorded_logits":
        return candidate.make(model, num_classes=num_classes, training=training)
    network = candidate.make("student", name=model, args=[num_classes], kwargs={}, dtype="float32")
    candidate.call("set_mode", network, training)
    return network


def validation_manners(
    candidate: Candidate,
    *,
    images: torch.Tensor,
    targets: torch.Tensor,
    batch_sizes: list[int],
    num_classes: int = 3,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The mean IoU, and how `validate` treats models whose answers do not depend on their mode."""
    _begin(candidate, doubles)
    fields = {"num_classes": num_classes, "wrong_in_training": False}
    models = [candidate.make("recorded_logits", training=training, **fields) for training in (True, False)]
    loader = candidate.make("loader", images=-images, targets=targets, batch_sizes=batch_sizes)
    values = [candidate.call("validate", model, loader, _metric(candidate, num_classes)).result for model in models]
    (trained, is_training), (evaluated, still_training) = (candidate.read(model) for model in models)
    graphs = [buffers.get("graphs", torch.ones(())).eq(0).all() for buffers in (trained, evaluated)]
    number = isinstance(values[0], float)
    return {
        "the mean IoU": as_tensor(values[0]),
        "whether a model in training mode is in training mode afterwards (1 is yes)": yes(is_training),
        "whether a model in evaluation mode is in evaluation mode afterwards (1 is yes)": yes(not still_training),
        "whether the model predicts without building a graph for gradients (1 is yes)": yes(all(graphs)),
        "whether the mean IoU is a Python float (1 is yes)": yes(number),
    }


# ---- load_encoder


def loaded_answer(
    candidate: Candidate,
    *,
    images: torch.Tensor,
    train: bool = False,
    source: dict | None = None,
    target: dict | None = None,
    model: str = "TinySegFormer",
    doubles: Iterable[str] = (),
) -> Outputs:
    """The logits of a model that has got the encoder of another one with other weights and more classes.

    Args:
        source, target: settings of the models that the weights are of, and that they go into.
    """
    _begin(candidate, doubles)
    receiver, _ = _loaded(candidate, model, source, target)
    return _logits(candidate.call(receiver, images, train=train).result)


def _loaded(candidate: Candidate, model: str, source: dict | None, target: dict | None, **changes: str):
    receiver, giver = _model(candidate, model, **(target or {})), _model(candidate, model, **(source or OTHER))
    weights = candidate.make("student", name="weights_of", args=[giver], kwargs=changes, dtype="float64")
    return receiver, candidate.call("load_encoder", receiver, weights).result


OTHER = {"num_classes": 19, "shift": 1.0}


def loaded_parts(
    candidate: Candidate,
    *,
    part: str,
    source: dict | None = None,
    target: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """A part's numbers after loading: "encoder weights", "encoder statistics" or "rest"."""
    _begin(candidate, doubles)
    receiver, _ = _loaded(candidate, "TinySegFormer", source, target)
    state, (values, _) = candidate.state(receiver), candidate.read(receiver)
    return {f"the row of the {_PARTS[part]}": _row(values, [one.name for one in state if _part_of(one.name) == part])}


def loaded_names(candidate: Candidate, *, target: dict | None = None, doubles: Iterable[str] = ()) -> Outputs:
    """Whether the names that come back are those of the encoder's weights; counters of batches may be left out."""
    _begin(candidate, doubles)
    receiver, names = _loaded(candidate, "TinySegFormer", None, target)
    wanted = [entry.name for entry in candidate.state(receiver) if entry.name.startswith(ENCODERS)]
    listed = list(names) if isinstance(names, (list, tuple)) else []
    found = sorted(name for name in listed if isinstance(name, str) and not name.endswith("num_batches_tracked"))
    return {
        "whether a list comes back (1 is yes)": yes(isinstance(names, list)),
        "the number of names": torch.tensor(len(found)),
        "whether they are the names of the encoder's weights (1 is yes)": yes(found == sorted(wanted)),
    }


def refused_weights(
    candidate: Candidate, *, changes: dict[str, str], target: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """Whether weights that do not fit are refused with a ValueError that names one, and the model left as it was.

    Args:
        changes: of `weights_of`, what is wrong with the weights.
    """
    _begin(candidate, doubles)
    names = [entry.name for entry in candidate.state(_model(candidate, "TinySegFormer", **(target or {})))]
    before, _ = candidate.read(_model(candidate, "TinySegFormer", **(target or {})))
    receiver, giver = _model(candidate, "TinySegFormer", **(target or {})), _model(candidate, "TinySegFormer", **OTHER)
    weights = candidate.make("student", name="weights_of", args=[giver], kwargs=changes, dtype="float64")
    refused, said = "nothing", ""
    try:
        candidate.call("load_encoder", receiver, weights)
    except AnswerError as error:
        if error.stopped or error.kind in ("NotImplementedError", "MissingName"):
            raise
        refused, said = error.kind, str(error)
    after, _ = candidate.read(receiver)
    return {
        "whether a ValueError is raised (1 is yes)": yes(refused == "ValueError"),
        "whether its sentence names the weight (1 is yes)": yes(all(name in said for name in changes.values())),
        "the row of all numbers of the model afterwards": _row(after, names) - _row(before, names),
    }


def trained_after_loading(
    candidate: Candidate, *, whose: str, batches: list[Batch], learning_rate: float, doubles: Iterable[str] = ()
) -> Outputs:
    """Numbers after a model with loaded weights was trained by an optimiser that was made before they were loaded.

    Args:
        whose: "source", the model that the weights are of, or "target".
    """
    _begin(candidate, doubles)
    receiver, giver = _model(candidate, "TinySegFormer"), _model(candidate, "TinySegFormer", **OTHER)
    optimizer = candidate.make("optimizer", model=receiver, name="sgd", lr=learning_rate)
    candidate.call("set_mode", receiver, True)  # all of this is made, in this order, before the weights are loaded
    candidate.call("held_numbers", optimizer)
    weights = candidate.make("student", name="weights_of", args=[giver], kwargs={}, dtype="float64")
    candidate.call("load_encoder", receiver, weights)
    for batch in batches:
        candidate.call("take_step", receiver, optimizer, *batch)
    owner = giver if whose == "source" else receiver
    state, (values, _) = candidate.state(owner), candidate.read(owner)
    return {f"the row of the {whose}'s numbers": _row(values, [entry.name for entry in state])}


# ---- build_optimizer


def optimizer_settings(
    candidate: Candidate, *, learning_rate: float, frozen: list[str], doubles: Iterable[str] = ()
) -> Outputs:
    """What kind of optimiser it is, and its learning rates."""
    _begin(candidate, doubles)
    settings = candidate.call("settings_of", _optimizer(candidate, learning_rate, frozen)[1]).result
    if not isinstance(settings, list) or len(settings) != 3:
        raise AnswerError("The optimiser's settings could not be read.", "protocol")
    kind, amsgrad, rates = settings
    rates = rates if isinstance(rates, list) and all(isinstance(rate, float) for rate in rates) else []
    return {
        "the optimiser's learning rate": torch.tensor(sorted(set(rates)), dtype=torch.float64),
        "whether it is torch's AdamW (1 is yes)": yes(kind is True),
        "whether it uses amsgrad (1 is yes)": yes(amsgrad is True),
    }


def _optimizer(candidate: Candidate, learning_rate: float, frozen: list[str], leftover: float = 0.0):
    model = _model(candidate, "TinySegFormer")
    candidate.call("freeze", model, frozen, leftover=leftover)
    made = candidate.make("student", name="build_optimizer", args=[model, learning_rate], kwargs={}, dtype="float64")
    return model, made


def optimizer_holdings(
    candidate: Candidate, *, learning_rate: float, frozen: list[str], doubles: Iterable[str] = ()
) -> Outputs:
    """How many numbers the optimiser holds of a model parts of which are frozen, and what takes a gradient after."""
    _begin(candidate, doubles)
    model, optimizer = _optimizer(candidate, learning_rate, frozen)
    held = candidate.call("held_numbers", optimizer).result
    trained = candidate.call("trained_numbers", model).result
    return {
        **_named_numbers(held, "the numbers that the optimiser holds", "those of them that take a gradient"),
        **_named_numbers(trained, "numbers of the encoder that take a gradient", "other numbers that take a gradient"),
    }


def optimizer_steps(
    candidate: Candidate,
    *,
    learning_rate: float,
    batches: list[Batch],
    frozen: list[str],
    leftover: float = 0.0,
    part: str = "all",
    doubles: Iterable[str] = (),
) -> Outputs:
    """The parameters after steps of the student's optimiser on a model parts of which are frozen.

    Args:
        frozen: how the names of the frozen parameters begin.
        leftover: a gradient that stays in the frozen parameters, as after a training before they were frozen.
        part: "all", or "frozen": only the parameters that are.
    """
    _begin(candidate, doubles)
    model, optimizer = _optimizer(candidate, learning_rate, frozen, leftover)
    for batch in batches:
        candidate.call("take_step", model, optimizer, *batch, clear_first=not leftover)
    names = [entry.name for entry in candidate.state(model) if entry.kind == "parameter"]
    names = [name for name in names if part == "all" or name.startswith(tuple(frozen))]
    values, _ = candidate.read(model)
    return {f"the row of {'all' if part == 'all' else 'the frozen'} parameters afterwards": _row(values, names)}
