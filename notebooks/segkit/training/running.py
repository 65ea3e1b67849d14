"""Train a model: all that a notebook needs."""

from pathlib import Path

from torch import nn

from segkit.augmentation import Augmentation
from segkit.training.failures import call_readably
from segkit.training.history import History, read_history
from segkit.training.loading import SeedSteps, TrainingData
from segkit.training.optimiser import Schedule, described_optimizer, described_schedule
from segkit.training.processes import run
from segkit.training.resume import (
    Position,
    SettingsInCheckpoint,
    forget_checkpoints,
    last_checkpoint,
    position_to_resume,
)
from segkit.training.settings import check_parts, check_settings, kind_of_device
from segkit.training.task import SegmentationTask
from segkit.training.trainer import CHECKPOINT_EVERY, make_trainer

LONGEST_WARMUP = 1500  # steps; that of the published models


def fit(
    model: nn.Module,
    train_set,
    val_set,
    out,
    *,
    loss,
    confusion_matrix,
    mean_iou,
    auxiliary_loss=None,
    augmentation: Augmentation | None = None,
    epochs: int = 10,
    batch_size: int = 16,
    num_classes: int = 4,
    shuffle: bool = True,
    learning_rate: float = 6e-5,
    schedule: Schedule = "poly",
    poly_power: float = 1.0,
    gamma: float = 0.98,
    warmup_steps: int | None = None,
    weight_decay: float = 0.01,
    decay_norms: bool = False,
    head_learning_rate_factor: float = 10.0,
    head: nn.Module | None = None,
    optimizer=None,
    gradient_clip: float | None = None,
    validate_every: int = 1,
    early_stopping: int | None = None,
    precision: str = "auto",
    compile: bool = False,
    accelerator: str = "auto",
    devices: int = 1,
    accumulate: int = 1,
    sync_batchnorm: bool = False,
    num_workers: int | None = None,
    seed: int = 0,
    resume: bool = True,
    checkpoint_every: int = CHECKPOINT_EVERY,
    wandb_project: str | None = None,
    progress: bool = True,
    callbacks=(),
) -> History:
    """Train `model` in place and return the curves of the whole run.

    The same call again continues a run that was interrupted, from its last checkpoint, perhaps in the middle of an
    epoch, and with the result it would have had; a run that is finished gives its History and its final weights at
    once. `seed` fixes the order of the images, what a data set or an augmentation draws for each of them in each epoch,
    and what the model draws in each step; it does not fix the weights, which the model already has. Python's, NumPy's
    and torch's generators are seeded anew all the time for that. Afterwards the model is on the CPU.

    Args:
        model: maps images (B, 3, h, w) to logits (B, num_classes, h', w'); with an `auxiliary_loss`, to a dictionary of
            "out" and "aux" in training mode.
        train_set, val_set: data sets of (image float (3, h, w), target int64 (h', w')); with an `augmentation`, such
            as have no transform.
        out: folder of this run: `checkpoints/`, `csv/`, `tensorboard/`.
        loss: function (logits, target) -> scalar.
        confusion_matrix: function (prediction, target, num_classes=...) -> int64 (num_classes, num_classes).
        mean_iou: function (confusion) -> scalar.
        auxiliary_loss: function (logits, auxiliary_logits, target) -> scalar, in place of `loss` in the training steps
            of a model with an auxiliary head; validation has no such head, and uses `loss`.
        augmentation: makes the training images from what the data sets give, and has the sizes of both sets' images
            and targets; see `segkit.loader.Loader`.
        batch_size: images per step, whatever the number of `devices` that share them.
        shuffle: False shows the training images in the order of the data set, the same in every epoch.
        learning_rate, schedule, poly_power, gamma, weight_decay, decay_norms, head_learning_rate_factor: see
            `segkit.training.optimiser.Optimisation`; a schedule may be a function step -> factor as well.
        warmup_steps: None for a tenth of all steps, at most 1500.
        head: see `SegmentationTask`.
        optimizer: function (model, learning_rate) -> the optimiser to train with; None for the course's AdamW. With
            one, weight_decay, decay_norms, head_learning_rate_factor and head have no meaning.
        compile: train with torch.compile, where it works.
        gradient_clip, validate_every, early_stopping, precision, accelerator, devices, accumulate, sync_batchnorm,
            checkpoint_every, wandb_project: see `make_trainer`.
        num_workers: processes that load data; None for as many as are safe and useful here.
        resume: False starts over; what the folder holds of an earlier run is then replaced.
        progress: show a progress bar and one line per epoch.
        callbacks: further Lightning callbacks.

    Raises:
        CourseError: if a setting is wrong, or the folder holds a run with other settings.
    """
    out = Path(out)
    check_settings(
        out,
        train_set,
        val_set,
        augmentation=augmentation,
        whole_numbers={"epochs": epochs, "batch_size": batch_size, "devices": devices, "accumulate": accumulate},
        switches={"shuffle": shuffle, "decay_norms": decay_norms, "compile": compile, "sync_batchnorm": sync_batchnorm},
    )
    check_parts(batch_size, devices, accumulate, len(train_set), len(val_set))
    kind = kind_of_device(accelerator)
    loading = {"batch_size": batch_size, "augmentation": augmentation, "seed": seed, "shuffle": shuffle}
    sharing = {"devices": devices, "accumulate": accumulate, "sync_batchnorm": sync_batchnorm}
    parts = {"processes": devices, "accumulate": accumulate}
    data = TrainingData(train_set, val_set, kind=kind, num_workers=num_workers, **loading, **parts)
    total_steps = epochs * data.steps_per_epoch
    optimisation = {
        "learning_rate": learning_rate,
        "schedule": schedule,
        "poly_power": poly_power,
        "gamma": gamma,
        "weight_decay": weight_decay,
        "decay_norms": decay_norms,
        "head_learning_rate_factor": head_learning_rate_factor,
    }
    task = SegmentationTask(
        model,
        loss,
        confusion_matrix=confusion_matrix,
        mean_iou=mean_iou,
        auxiliary_loss=auxiliary_loss,
        num_classes=num_classes,
        head=head,
        total_steps=total_steps,
        compile=compile,
        make_optimizer=optimizer,
        steps_per_epoch=data.steps_per_epoch,
        warmup_steps=min(LONGEST_WARMUP, total_steps // 10) if warmup_steps is None else warmup_steps,
        **optimisation,
    )
    settings = {
        **optimisation,
        "schedule": described_schedule(schedule),
        "warmup_steps": warmup_steps,
        "gradient_clip": gradient_clip,
        **loading,
        "augmentation": augmentation and repr(augmentation),
        "training images": len(train_set),
        "optimizer": optimizer and described_optimizer(task.optimizer_for_model()),
        **sharing,
    }
    options = {
        "precision": precision,
        "accelerator": accelerator,
        "gradient_clip": gradient_clip,
        "validate_every": validate_every,
        "early_stopping": early_stopping,
        "checkpoint_every": checkpoint_every,
        "wandb_project": wandb_project,
        "progress": progress,
        "callbacks": [SettingsInCheckpoint(settings), SeedSteps(seed), *callbacks],
        "sent": (
            model,
            train_set,
            val_set,
            augmentation,
            loss,
            auxiliary_loss,
            confusion_matrix,
            mean_iou,
            optimizer,
            schedule,
            callbacks,
        ),
        **sharing,
    }
    _train(out, task, data, epochs, settings, options, resume)
    return read_history(out)


def _train(
    out: Path, task: SegmentationTask, data: TrainingData, epochs: int, settings: dict, options: dict, resume: bool
):
    """From where the run in `out` stands to its end."""
    position = position_to_resume(out, task.model, settings) if resume else Position()
    patience = options["early_stopping"]
    stopped = patience is not None and position.bad_validations >= patience
    trainer = make_trainer(out, epochs=position.epochs if stopped else epochs, resume_step=position.steps, **options)
    if not position.steps:
        forget_checkpoints(out)
    elif options["progress"]:
        print(_resume_message(out, position, epochs, epochs * data.steps_per_epoch, stopped))
    data.begin_at(position.epochs, position.batches)
    task.model.train()
    last = last_checkpoint(out) if position.steps else None
    call_readably(data.batch_size, run, trainer, task, datamodule=data, ckpt_path=last, weights_only=True)


def _resume_message(out: Path, position: Position, epochs: int, total_steps: int, stopped: bool) -> str:
    if stopped or position.epochs >= epochs:
        why = ", stopped early" if stopped else ""
        return (
            f"{out} already holds a run of {position.epochs} epochs{why}: nothing to train. resume=False starts over."
        )
    if position.batches:
        return (
            f"Continuing the run in {out} after step {position.steps} of {total_steps}, in epoch {position.epochs + 1}."
        )
    return f"Continuing the run in {out} after epoch {position.epochs} of {epochs}."
