"""Writing checkpoints: the best weights, and everything that continuing needs, also in the middle of an epoch."""

import os
import signal
import threading
from pathlib import Path, PureWindowsPath

import torch
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from segkit.files import whole_file
from segkit.training.recording import is_step

PATHS_IN_STATE = ("best_model_path", "kth_best_model_path", "last_model_path")


class WholeFiles(TorchCheckpointIO):
    """Writes beside the old file and then takes its place, so that whenever it is stopped one of both is whole."""

    def save_checkpoint(self, checkpoint, path, storage_options=None):
        with whole_file(path) as part, part.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())


class BestCheckpoint(ModelCheckpoint):
    """The weights with the best score, which is remembered even if the folder of the run was moved to another place."""

    def __init__(self, folder: Path):
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor="val_mean_iou",
            mode="max",
            save_weights_only=True,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )

    def load_state_dict(self, state):
        moved = {name: self._here(state[name]) for name in PATHS_IN_STATE if state.get(name)}
        best = {self._here(path): score for path, score in state.get("best_k_models", {}).items()}
        super().load_state_dict(state | moved | {"dirpath": self.dirpath, "best_k_models": best})

    def _here(self, path: str) -> str:
        """The file of the same name in this folder; the path may have been written on another system."""
        return str(Path(self.dirpath) / PureWindowsPath(path).name)


class LastCheckpoint(Checkpoint):
    """Everything that continuing needs, every so many steps, after every epoch, and when Ctrl-C is pressed.

    Ctrl-C lets the step end, so that weights and optimiser fit together, and is an interruption after that; a second
    one is at once. Where training runs in another thread or in several processes it is at once in any case.

    Args:
        every: steps from one checkpoint to the next, counted from the beginning of the run.
    """

    def __init__(self, folder: Path, every: int):
        self._file = folder / "last.ckpt"
        self._every = every
        self._interrupted = False
        self._handler = None

    def on_train_start(self, trainer, task):
        if trainer.world_size == 1 and threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._note_interruption)

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_index):
        if not is_step(trainer, batch_index) or batch_index + 1 == trainer.num_training_batches:
            return  # after the last step of an epoch comes the validation, and then the epoch's checkpoint
        if self._interrupted or trainer.global_step % self._every == 0:
            self._save(trainer)
        self._stop_if_interrupted()

    def on_validation_batch_end(self, trainer, task, outputs, batch, batch_index, dataloader_index=0):
        self._stop_if_interrupted()

    def on_train_epoch_end(self, trainer, task):
        self._save(trainer)
        self._stop_if_interrupted()

    def on_train_end(self, trainer, task):
        self._restore_handler()

    def on_exception(self, trainer, task, exception):
        self._restore_handler()

    def _save(self, trainer):
        for logger in trainer.loggers:
            logger.save()  # what happened before the checkpoint must not be lost after it
        trainer.save_checkpoint(self._file)

    def _note_interruption(self, signum, frame):
        self._interrupted = True
        self._restore_handler()

    def _stop_if_interrupted(self):
        if self._interrupted:
            raise KeyboardInterrupt

    def _restore_handler(self):
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None
