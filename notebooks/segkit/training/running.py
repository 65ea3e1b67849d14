"""Train a model: all that a notebook needs."""

from pathlib import Path

from torch import nn

from segkit.augmentation import Augmentation
from segkit.training.failures import call_readably
from segkit.training.history import History, read_history
from segkit.training.loading import SeedEpochs, make_loaders
from segkit.training.resume import SettingsInCheckpoint, checkpoint_to_resume, forget_checkpoints, last_checkpoint
from segkit.training.settings import check_settings, kind_of_device
from segkit.training.task import SegmentationTask
from segkit.training.trainer import make_trainer

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
    augmentation: Augmentation | None = None,
    epochs: int = 10,
    batch_size: int = 16,
    num_classes: int = 4,
    shuffle: bool = True,
    learning_rate: float = 6e-5,
    schedule: str = "poly",
    poly_power: float = 1.0,
    warmup_steps: int | None = None,
    weight_decay: float = 0.01,
    decay_norms: bool = False,
    head_learning_rate_factor: float = 10.0,
    head: nn.Module | None = None,
    gradient_clip: float | None = None,
    validate_every: int = 1,
    precision: str = "auto",
    accelerator: str = "auto",
    num_workers: int | None = None,
    seed: int = 0,
    resume: bool = True,
    progress: bool = True,
    callbacks=(),
) -> History:
    """Train `model` in place and return the curves of the whole run.

    The same call again continues a run that was interrupted, from the end of its last whole epoch and with the result
    it would have had; a run that is finished gives its History and its final weights at once. `seed` fixes the order of
    the images and what the data set draws at random, not the weights, which the model already has. Python's, NumPy's
    and torch's generators are seeded anew in every epoch for that. Afterwards the model is on the CPU.

    Args:
        model: maps images (B, 3, h, w) to logits (B, num_classes, h', w').
        train_set, val_set: data sets of (image float (3, h, w), target int64 (h', w')); with an `augmentation`, such
            as have no transform.
        out: folder of this run: `checkpoints/`, `csv/`, `tensorboard/`.
        loss: function (logits, target) -> scalar.
        confusion_matrix: function (prediction, target, num_classes=...) -> int64 (num_classes, num_classes).
        mean_iou: function (confusion) -> scalar.
        augmentation: makes the training images from what the data sets give, and has the sizes of both sets' images
            and targets; see `segkit.loader.Loader`.
        shuffle: False shows the training images in the order of the data set, the same in every epoch.
        learning_rate, schedule, poly_power, weight_decay, decay_norms, head_learning_rate_factor: see
            `segkit.training.optimiser.Optimisation`.
        warmup_steps: None for a tenth of all steps, at most 1500.
        head: see `SegmentationTask`.
        gradient_clip, validate_every, precision, accelerator: see `make_trainer`.
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
        whole_numbers={"epochs": epochs, "batch_size": batch_size},
        switches={"shuffle": shuffle, "decay_norms": decay_norms},
    )
    optimisation = {
        "learning_rate": learning_rate,
        "schedule": schedule,
        "poly_power": poly_power,
        "weight_decay": weight_decay,
        "decay_norms": decay_norms,
        "head_learning_rate_factor": head_learning_rate_factor,
    }
    total_steps = epochs * -(-len(train_set) // batch_size)
    task = SegmentationTask(
        model,
        loss,
        confusion_matrix=confusion_matrix,
        mean_iou=mean_iou,
        num_classes=num_classes,
        head=head,
        total_steps=total_steps,
        warmup_steps=min(LONGEST_WARMUP, total_steps // 10) if warmup_steps is None else warmup_steps,
        **optimisation,
    )
    settings = optimisation | {
        "warmup_steps": warmup_steps,
        "gradient_clip": gradient_clip,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "seed": seed,
        "training images": len(train_set),
        "augmentation": augmentation and repr(augmentation),
    }
    epochs_done, steps_done = checkpoint_to_resume(out, model, settings) if resume else (0, 0)
    trainer = make_trainer(
        out,
        epochs=epochs,
        precision=precision,
        accelerator=accelerator,
        gradient_clip=gradient_clip,
        validate_every=validate_every,
        progress=progress,
        resume_step=steps_done,
        callbacks=[SettingsInCheckpoint(settings), SeedEpochs(seed), *callbacks],
    )
    loading = {"shuffle": shuffle, "seed": seed, "epoch": epochs_done, "num_workers": num_workers}
    kind = kind_of_device(accelerator)
    train_loader, val_loader = make_loaders(train_set, val_set, batch_size, augmentation, kind, **loading)
    if not epochs_done:
        forget_checkpoints(out)
    elif progress:
        print(_resume_message(out, epochs_done, epochs))
    model.train()
    last = last_checkpoint(out) if epochs_done else None
    call_readably(batch_size, trainer.fit, task, train_loader, val_loader, ckpt_path=last, weights_only=True)
    return read_history(out)


def _resume_message(out: Path, epochs_done: int, epochs: int) -> str:
    if epochs_done >= epochs:
        return f"{out} already holds a run of {epochs_done} epochs: nothing to train. resume=False starts over."
    return f"Continuing the run in {out} after epoch {epochs_done} of {epochs}."
