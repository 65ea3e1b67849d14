"""The Trainer of the course: device, precision, checkpoints and logs."""

import logging
import warnings
from pathlib import Path

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities.warnings import PossibleUserWarning

from segkit.training.checkpoints import BestCheckpoint, LastCheckpoint, WholeFiles
from segkit.training.logs import make_loggers
from segkit.training.processes import OneThread, choose_strategy
from segkit.training.progress import ProgressLine
from segkit.training.recording import RunLog
from segkit.training.settings import check_whole, choose_precision, kind_of_device, require

CHECKPOINT_EVERY = 100  # steps: seconds on a GPU, a minute or two on a CPU


def make_trainer(
    out,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    precision: str = "auto",
    accelerator: str = "auto",
    devices: int = 1,
    accumulate: int = 1,
    sync_batchnorm: bool = False,
    gradient_clip: float | None = None,
    validate_every: int = 1,
    early_stopping: int | None = None,
    checkpoint_every: int = CHECKPOINT_EVERY,
    wandb_project: str | None = None,
    progress: bool = True,
    log_every: int = 1,
    resume_step: int = 0,
    callbacks=(),
    sent=(),
) -> Trainer:
    """A Lightning Trainer, set up for the course.

    It validates after every epoch (with `max_steps`: at the end), keeps `checkpoints/best.ckpt` (weights only, highest
    `val_mean_iou`) and `checkpoints/last.ckpt` (everything that resuming needs), and logs to `csv/` and `tensorboard/`.

    Args:
        out: folder of the run.
        epochs, max_steps: how long to train; exactly one of them.
        precision: "auto" or one that `choose_precision` allows.
        accelerator: "auto" (CUDA, else MPS, else CPU), "cpu", "gpu", "cuda" or "mps".
        devices: GPUs, or processes on a CPU, that share every batch.
        accumulate: parts into which each device cuts its share of a batch; their gradients are added up.
        sync_batchnorm: BatchNorm's statistics over all GPUs, and not over each one's part of a batch.
        gradient_clip: largest norm of all gradients together; longer ones are shortened to it. None for no limit.
        validate_every: epochs from one validation to the next; the last epoch is always validated.
        early_stopping: stop after so many validations in a row without a higher mean IoU; None never does.
        checkpoint_every: steps from one `last.ckpt` to the next; one more comes after every epoch.
        wandb_project: log to this project of Weights & Biases too.
        progress: show a progress bar and one line per epoch.
        log_every: steps from one logged training loss to the next.
        resume_step: the step at which training continues; 0 begins a new curve in TensorBoard.
        callbacks: further Lightning callbacks.
        sent: what new processes will be sent, see `choose_strategy`.

    Raises:
        CourseError: if a setting is wrong.
    """
    require((epochs is None) != (max_steps is None), "Give make_trainer(...) either epochs or max_steps.")
    kind = kind_of_device(accelerator)
    precision = choose_precision(precision, accelerator)
    _check(gradient_clip, early_stopping, validate_every, checkpoint_every, accumulate)
    strategy = choose_strategy(devices, kind, sent)
    require(
        not sync_batchnorm or (devices > 1 and kind == "cuda"),
        f"sync_batchnorm=True needs several GPUs, but it is devices={devices} on {kind}: leave it out.",
    )
    _hush_lightning()
    length = {"max_epochs": epochs} if epochs is not None else {"max_epochs": -1, "max_steps": max_steps}
    if max_steps is not None:
        length |= {"check_val_every_n_epoch": None, "val_check_interval": max_steps}
    else:
        callbacks = [*callbacks, _ValidateEvery(validate_every)]
    return Trainer(
        **length,
        accelerator=kind,
        devices=devices,
        strategy=strategy,
        use_distributed_sampler=False,  # it shows images twice where they cannot be shared out evenly
        sync_batchnorm=sync_batchnorm,
        precision=precision,
        accumulate_grad_batches=accumulate,
        gradient_clip_val=gradient_clip,
        plugins=[WholeFiles()],
        logger=make_loggers(Path(out), resume_step, wandb_project),
        callbacks=[
            *([OneThread()] if strategy == "ddp_fork" else []),
            *callbacks,
            *_recorders(Path(out), log_every, checkpoint_every, early_stopping, progress),
        ],
        num_sanity_val_steps=0 if resume_step else 1,  # a mistake shows now and not after the first epoch
        enable_progress_bar=False,  # ProgressLine is ours: one line, in any kind of notebook, without widgets
        enable_model_summary=False,
        default_root_dir=out,
    )


def _check(gradient_clip, early_stopping, validate_every, checkpoint_every, accumulate):
    numbers = {"validate_every": validate_every, "checkpoint_every": checkpoint_every, "accumulate": accumulate}
    for name, value in numbers.items():
        check_whole(name, value)
    if early_stopping is not None:
        check_whole("early_stopping", early_stopping)
    require(
        gradient_clip is None or gradient_clip > 0,
        f"gradient_clip={gradient_clip} must be None or the largest norm that gradients may have, for example 1.0.",
    )


def _recorders(out: Path, log_every: int, checkpoint_every: int, early_stopping: int | None, progress: bool):
    """In this order: the last checkpoint holds what the others know."""
    log, folder = RunLog(log_every), out / "checkpoints"
    return [
        log,
        *([ProgressLine(log)] if progress else []),
        *([_EarlyStopping(early_stopping)] if early_stopping is not None else []),
        BestCheckpoint(folder),
        LastCheckpoint(folder, checkpoint_every),
    ]


class _EarlyStopping(EarlyStopping):
    """Lightning's, but the patience is that of the present call and not of the checkpoint."""

    def __init__(self, validations: int):
        options = {"check_finite": False, "check_on_train_epoch_end": False}  # a mean IoU may be NaN for a while
        super().__init__(monitor="val_mean_iou", mode="max", patience=validations, **options)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict | {"patience": self.patience})


class _ValidateEvery(Callback):
    """A validation after every so many epochs, and after the last one."""

    def __init__(self, epochs: int):
        self.epochs = epochs

    def on_train_start(self, trainer, task):
        self._choose(trainer)  # an epoch that is continued does not start

    def on_train_epoch_start(self, trainer, task):
        self._choose(trainer)

    def _choose(self, trainer):
        is_last = trainer.current_epoch + 1 == trainer.max_epochs
        trainer.check_val_every_n_epoch = 1 if is_last else self.epochs


def _hush_lightning():
    """Silence what Lightning says that a student cannot act on: advertisements, and advice on what is chosen here."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=PossibleUserWarning)
    for message in (
        "Checkpoint directory .* exists and is not empty",
        "Be aware that when using `ckpt_path`, callbacks used to create the checkpoint",  # early stopping, then not
        "Consider setting `persistent_workers=True`",  # their random numbers would make resuming inexact
        r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # between Lightning and torch
        r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`",  # 16-mixed skips its first steps
    ):
        warnings.filterwarnings("ignore", message=message)
