"""Checkpoints: whether a run can be continued, and its weights."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import Callback
from torch import Tensor, nn

from segkit.errors import CourseError
from segkit.training.settings import require


def load_best(model: nn.Module, out) -> nn.Module:
    """Load the weights of the epoch with the highest validation mean IoU of the run in `out` into `model`; return it.

    Only tensors are read from the file: it cannot run code (`torch.load(weights_only=True)`).

    Raises:
        CourseError: if there is no such run, or its model was another one.
    """
    file = Path(out) / "checkpoints" / "best.ckpt"
    if not file.is_file():
        raise CourseError(f"There are no weights in {file}: train with fit(...) for at least one whole epoch first.")
    weights = _model_weights(_read_checkpoint(file))
    _check_same_model(model, weights, file)
    model.load_state_dict(weights)
    return model


@dataclass(frozen=True)
class Position:
    """How far a run has come: whole epochs, batches of the next one, steps in all; and whether it was stopped early."""

    epochs: int = 0
    batches: int = 0
    steps: int = 0
    bad_validations: int = 0  # in a row, as early stopping counts them


def position_to_resume(out: Path, model: nn.Module, settings: dict) -> Position:
    """Where the last checkpoint in `out` stands; at the beginning if there is none.

    Raises:
        CourseError: if it belongs to another model or other settings.
    """
    file = last_checkpoint(out)
    if not file.is_file():
        return Position()
    checkpoint = _read_checkpoint(file)
    _check_same_model(model, _model_weights(checkpoint), file)
    before = checkpoint["callbacks"].get(SettingsInCheckpoint.state_key, {})
    changed = [name for name, value in settings.items() if name in before and before[name] != value]
    require(
        not changed,
        f"{out} holds a run with "
        + ", ".join(f"{name} = {before[name]} (now {settings[name]})" for name in changed)
        + ": choose another folder, start over with resume=False, or ask for what it has.",
    )
    return _position(checkpoint)


def _position(checkpoint: dict) -> Position:
    loop = checkpoint["loops"]["fit_loop"]
    epochs = loop["epoch_progress"]["current"]
    inside = epochs["started"] > epochs["processed"]
    stopping = [state for key, state in checkpoint["callbacks"].items() if key.startswith("_EarlyStopping")]
    return Position(
        epochs=epochs["processed"],
        batches=loop["epoch_loop.batch_progress"]["current"]["processed"] if inside else 0,
        steps=checkpoint["global_step"],
        bad_validations=stopping[0]["wait_count"] if stopping else 0,
    )


def last_checkpoint(out: Path) -> Path:
    return out / "checkpoints" / "last.ckpt"


def _read_checkpoint(file: Path) -> dict:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise CourseError(f"{file} is damaged and cannot be read: delete it, or train with resume=False.") from error


def _model_weights(checkpoint: dict) -> dict[str, Tensor]:
    weights = checkpoint.get("state_dict", {}) if isinstance(checkpoint, dict) else {}
    return {name.removeprefix("model."): value for name, value in weights.items() if name.startswith("model.")}


def _check_same_model(model: nn.Module, weights: dict[str, Tensor], file: Path):
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    saved = {name: tuple(value.shape) for name, value in weights.items()}
    differing = sorted(name for name in own.keys() | saved.keys() if own.get(name) != saved.get(name))
    require(
        not differing,
        f"{file} belongs to another model: {len(differing)} of its tensors differ from yours in name or shape, "
        f"for example {differing[0] if differing else ''}. Choose another folder, or train with resume=False.",
    )


def forget_checkpoints(out: Path):
    """A new run must not be taken for the old one if it is stopped before its first checkpoint."""
    for name in ("best.ckpt", "last.ckpt"):
        (out / "checkpoints" / name).unlink(missing_ok=True)


class SettingsInCheckpoint(Callback):
    """Keeps the settings of a run in its checkpoint, to be compared when it is resumed."""

    state_key = "segkit settings"

    def __init__(self, settings: dict):
        self.settings = settings

    def state_dict(self) -> dict:
        return self.settings
