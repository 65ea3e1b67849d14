"""Training an entry: any model, loss and schedule, with the same budget; what it was trained with is kept beside it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch import Callback
from torch import Tensor, nn

from segkit.checking.inputs import Numbers
from segkit.competition.scores import StreetJudge
from segkit.competition.zoo import MODELS, build_model, configuration
from segkit.data import IGNORE
from segkit.errors import CourseError
from segkit.training import load_best
from segkit.training.optimiser import Schedule
from segkit.training.settings import check_seed, check_whole, require
from segkit.transfer.runs import Run
from segkit.transfer.sets import Sets
from segkit.transfer.training import segmentation_loss, train_run

POOL_TO_A_PIXEL = ("DeepLabV3Plus", "PSPNet")
LAST_ONLY = 1_000_000  # validations so far apart that only the last epoch has one

Loss = Callable[[Tensor, Tensor], Tensor]
AuxiliaryLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Budget:
    """What every entry of a comparison is trained with: AdamW, one learning rate for all parts of a model.

    Args:
        learning_rate: the highest; the schedule goes down from it.
        weight_decay: of weights; norms and biases do not decay.
        batch_size: images per step; at least two, for models whose BatchNorm sees one number per image and channel.
        epochs: times that every training image is shown.
        validate_every: epochs from one validation to the next. By default only the last epoch is validated, so that no
            epoch is chosen by the pictures that it is then judged by.
        seed: of the order of the images, of what is drawn, and of the weights where `train_entry` builds the model.

    Raises:
        CourseError: if a setting is wrong.
    """

    learning_rate: float = 6e-4
    weight_decay: float = 0.01
    batch_size: int = 8
    epochs: int = 10
    validate_every: int = LAST_ONLY
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "validate_every"):
            check_whole(name, getattr(self, name))
        require(self.learning_rate > 0, f"learning_rate={self.learning_rate} must be positive, for example 6e-4.")
        require(self.weight_decay >= 0, f"weight_decay={self.weight_decay} must not be negative.")
        check_seed(self.seed)


def train_entry(
    name: str,
    model: str | nn.Module | Callable[[], nn.Module],
    data: Sets,
    *,
    budget: Budget | None = None,
    loss: Loss = segmentation_loss,
    auxiliary_loss: AuxiliaryLoss | None = None,
    schedule: Schedule = "poly",
    pretrained: bool | str | Path = False,
    folder="runs",
    resume: bool = True,
    callbacks=(),
    facts=None,
    **options,
) -> Run:
    """Train a model on street scenes, and keep the run under its name.

    The same call again continues a run that was interrupted; one that has ended is read back. A run does not go on with
    other pictures, another size, augmentation, loss, schedule, budget or model; more epochs are allowed. `load_entry`
    gives the trained model, `processor_seconds` what it cost.

    Args:
        name: of the run and its folder.
        model: a name of the zoo; or a function without arguments that builds a model, called after torch's generator
            was seeded; or a model. It maps images (B, 3, h, w) to logits (B, K, h, w); with an `auxiliary_loss`, in
            training mode, to a dictionary of these as "out" and auxiliary logits as "aux": see `WithAuxiliaryHead`.
        data: what `street_sets` gives.
        budget: None for `Budget()`.
        loss: function (logits (B, K, h, w), target int64 (B, h, w) with 255 where ignored) -> scalar.
        auxiliary_loss: function (logits, auxiliary logits, target) -> scalar, in place of `loss` in the training steps.
        schedule: "poly" (power 0.9), "constant", or a function of the step, from 0, that gives a factor of the learning
            rate, such as your `poly_restarts`.
        pretrained: weights of the encoder for a name of the zoo, see `build_model`.
        folder: of all runs.
        resume: False starts over.
        callbacks, options: further ones of `segkit.training.fit`: accelerator, progress, poly_power, gradient_clip, ...
        facts: more to be kept in run.json, and to be the same when the run goes on: plain values by name.

    Raises:
        CourseError: if a setting is wrong, or a run of that name was trained with something else.
    """
    budget = budget or Budget()
    known = {"loss": described_loss(loss, data.num_classes), "weights": str(pretrained) if pretrained else "none"}
    if auxiliary_loss is not None:
        known["auxiliary loss"] = described_loss(auxiliary_loss, data.num_classes, heads=2)
    if isinstance(model, str):
        require_no_lone_image(model, len(data.train), budget.batch_size)
        known["model"] = model
        model = partial(build_model, model, data.num_classes, pretrained)
    seconds = ProcessorSeconds(Path(folder) / name)
    return train_run(
        name, model, data, metric=StreetJudge(data.num_classes), recipe=budget, folder=folder, resume=resume,
        callbacks=[seconds, *callbacks], facts=known | (facts or {}),
        **({"poly_power": 0.9, "head_learning_rate_factor": 1.0} | options),
        loss=loss, auxiliary_loss=auxiliary_loss, schedule=schedule,
    )  # fmt: skip


class WithAuxiliaryHead(nn.Module):
    """A model with a second head on an inner feature map, which is there in training only (Zhao et al. 2017).

    In training mode the answer is {"out": logits, "aux": head(features)}, otherwise the logits alone.

    Args:
        model: images (B, 3, H, W) -> logits (B, K, H, W).
        layer: name of the part of the model whose output (B, C, h, w) the head gets, as `model.get_submodule` takes it.
        head: (B, C, h, w) -> auxiliary logits (B, K, h', w').
        pick: function that takes the feature map out of what the layer gives; None for the output itself.

    Raises:
        CourseError: if the model has no such layer.
    """

    def __init__(self, model: nn.Module, layer: str, head: nn.Module, pick: Callable | None = None):
        super().__init__()
        self.model, self.head, self._pick = model, head, pick
        try:
            model.get_submodule(layer).register_forward_hook(self._keep)
        except AttributeError as error:
            raise CourseError(f"{type(model).__name__} has no layer {layer!r}: {error}.") from error
        self._features: Tensor | None = None

    def _keep(self, layer, inputs, output) -> None:
        self._features = (output if self._pick is None else self._pick(output)) if self.training else None

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """(B, 3, H, W) -> logits (B, K, H, W), or a dictionary in training mode"""
        logits = self.model(images)
        if not self.training:
            return logits
        features, self._features = self._features, None
        return {"out": logits, "aux": self.head(features)}


class ProcessorSeconds(Callback):
    """Adds up the processor time of all training steps, through interruptions: validation and reading do not count."""

    state_key = "segkit processor seconds"

    def __init__(self, folder: Path):
        self._file, self._seconds, self._begun = Path(folder) / "seconds.json", 0.0, 0.0

    def on_train_batch_start(self, trainer, task, batch, batch_index):
        self._begun = time.process_time()

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_index):
        self._seconds += time.process_time() - self._begun

    def on_train_epoch_end(self, trainer, task):
        if trainer.is_global_zero:
            self._file.write_text(json.dumps({"processor seconds": round(self._seconds, 4)}) + "\n", encoding="utf-8")

    def state_dict(self) -> dict:
        return {"seconds": self._seconds}

    def load_state_dict(self, state: dict):
        self._seconds = state["seconds"]


def load_entry(run: Run, model: nn.Module | None = None) -> nn.Module:
    """The model of a run, with its weights of the best validated epoch.

    Args:
        run: what `train_entry` or `read_run` gives.
        model: one of the run's kind, which is filled; None builds a model of the zoo by the run's own word.

    Raises:
        CourseError: if it is none of the zoo's and not given, or was another one.
    """
    if model is None:
        name = run.facts["model"]
        require(
            name in MODELS, f"{name} of the run {run.name} is no model of the zoo: give load_entry(run, model) one."
        )
        model = build_model(name, run.facts["num_classes"])
    return load_best(model, run.folder)


def processor_seconds(run: Run) -> float:
    """Processor time of all training steps of a run, all threads together.

    Raises:
        CourseError: if no epoch of it has ended.
    """
    try:
        return json.loads((run.folder / "seconds.json").read_text(encoding="utf-8"))["processor seconds"]
    except (OSError, ValueError, KeyError) as error:
        raise CourseError(f"{run.folder} does not say what its training cost: train it for a whole epoch.") from error


def described_loss(loss: Callable[..., Tensor], num_classes: int, heads: int = 1) -> str:
    """Its value on fixed logits and labels, some of them ignored: another loss has another one."""
    numbers = Numbers(0)
    logits = [numbers.normal(2, num_classes, 8, 12) for _ in range(heads)]
    target = numbers.integers(0, num_classes, 2, 8, 12)
    target[:, 0] = IGNORE
    with torch.no_grad():
        return f"{float(loss(*logits, target)):.6f} on fixed numbers"


def require_no_lone_image(name: str, images: int, batch_size: int) -> None:
    """Refuse batches of one image for a model of the zoo whose BatchNorm cannot bear them."""
    require(
        configuration(name).architecture not in POOL_TO_A_PIXEL or (batch_size > 1 and images % batch_size != 1),
        f"{name} pools images to one pixel, whose BatchNorm needs two images at least, but {images} in batches of "
        f"{batch_size} leave one alone: choose another batch size.",
    )
