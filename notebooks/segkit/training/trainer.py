"""The Trainer of the course: device, precision, checkpoints and logs."""

import logging
import warnings
from pathlib import Path, PureWindowsPath

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.warnings import PossibleUserWarning

from segkit.training.progress import ProgressLine
from segkit.training.settings import check_whole, choose_precision, kind_of_device, require

PATHS_IN_STATE = ("best_model_path", "kth_best_model_path", "last_model_path")


def make_trainer(
    out,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    precision: str = "auto",
    accelerator: str = "auto",
    gradient_clip: float | None = None,
    validate_every: int = 1,
    progress: bool = True,
    log_every: int = 1,
    resume_step: int = 0,
    callbacks=(),
) -> Trainer:
    """A Lightning Trainer on one device, set up for the course.

    It validates after every epoch (with `max_steps`: at the end), keeps `checkpoints/best.ckpt` (weights only, highest
    `val_mean_iou`) and `checkpoints/last.ckpt` (everything that resuming needs), and logs to `csv/` and `tensorboard/`.

    Args:
        out: folder of the run.
        epochs, max_steps: how long to train; exactly one of them.
        precision: "auto" or one that `choose_precision` allows.
        accelerator: "auto" (CUDA, else MPS, else CPU), "cpu", "gpu", "cuda" or "mps".
        gradient_clip: largest norm of all gradients together; longer ones are shortened to it. None for no limit.
        validate_every: epochs from one validation to the next; the last epoch is always validated.
        progress: show a progress bar and one line per epoch.
        log_every: steps from one logged training loss to the next.
        resume_step: the step at which training continues; 0 begins a new curve in TensorBoard.
        callbacks: further Lightning callbacks.

    Raises:
        CourseError: if a setting is wrong.
    """
    require((epochs is None) != (max_steps is None), "Give make_trainer(...) either epochs or max_steps.")
    check_whole("validate_every", validate_every)
    require(
        gradient_clip is None or gradient_clip > 0,
        f"gradient_clip={gradient_clip} must be None or the largest norm that gradients may have, for example 1.0.",
    )
    precision = choose_precision(precision, accelerator)
    _hush_lightning()
    length = {"max_epochs": epochs} if epochs is not None else {"max_epochs": -1, "max_steps": max_steps}
    if max_steps is not None:
        length |= {"check_val_every_n_epoch": None, "val_check_interval": max_steps}
    else:
        callbacks = [*callbacks, _ValidateEvery(validate_every)]
    return Trainer(
        **length,
        accelerator=kind_of_device(accelerator),
        devices=1,
        precision=precision,
        gradient_clip_val=gradient_clip,
        logger=_loggers(Path(out), resume_step),
        callbacks=[*callbacks, *([ProgressLine()] if progress else []), *_recorders(Path(out), epochs is not None)],
        log_every_n_steps=log_every,
        num_sanity_val_steps=0 if resume_step else 1,  # a mistake shows now and not after the first epoch
        enable_progress_bar=False,  # ProgressLine is ours: one line, in any kind of notebook, without widgets
        enable_model_summary=False,
        default_root_dir=out,
    )


def _recorders(out: Path, every_epoch: bool) -> list[Callback]:
    """The best weights, everything of the last epoch (which includes what is best so far), and the learning rate."""
    options = {"dirpath": out / "checkpoints", "enable_version_counter": False}
    best = {"monitor": "val_mean_iou", "mode": "max", "save_weights_only": True, "save_on_train_epoch_end": False}
    return [
        LearningRateMonitor(logging_interval="step"),
        _Checkpoint(filename="best", **best, **options),
        _Checkpoint(filename="last", monitor=None, save_on_train_epoch_end=every_epoch, **options),
    ]


class _ValidateEvery(Callback):
    """A validation after every so many epochs, and after the last one."""

    def __init__(self, epochs: int):
        self.epochs = epochs

    def on_train_epoch_start(self, trainer, task):
        is_last = trainer.current_epoch + 1 == trainer.max_epochs
        trainer.check_val_every_n_epoch = 1 if is_last else self.epochs


class _Checkpoint(ModelCheckpoint):
    """A checkpoint that remembers the best score even if the folder of the run was moved to another place."""

    def load_state_dict(self, state):
        moved = {name: self._here(state[name]) for name in PATHS_IN_STATE if state.get(name)}
        best = {self._here(path): score for path, score in state.get("best_k_models", {}).items()}
        super().load_state_dict(state | moved | {"dirpath": self.dirpath, "best_k_models": best})

    def _here(self, path: str) -> str:
        """The file of the same name in this folder; the path may have been written on another system."""
        return str(Path(self.dirpath) / PureWindowsPath(path).name)


def _loggers(out: Path, resume_step: int) -> list:
    """A resumed run continues its TensorBoard curve, and gets a CSV file of its own (read_history joins them)."""
    csv_logger = CSVLogger(out, name="csv")
    versions = [int(folder.name.split("_")[1]) for folder in out.glob("tensorboard/version_*")]
    version = max(versions) if versions and resume_step else len(versions)
    options = {"default_hp_metric": False} | ({"purge_step": resume_step} if resume_step else {})
    return [csv_logger, TensorBoardLogger(out, name="tensorboard", version=version, **options)]


def _hush_lightning():
    """Silence what Lightning says that a student cannot act on: advertisements, and advice on what is chosen here."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=PossibleUserWarning)
    for message in (
        "Checkpoint directory .* exists and is not empty",
        "Consider setting `persistent_workers=True`",  # their random numbers would make resuming inexact
        r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # between Lightning and torch
        r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`",  # 16-mixed skips its first steps
    ):
        warnings.filterwarnings("ignore", message=message)
