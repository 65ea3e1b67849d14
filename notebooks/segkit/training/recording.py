"""What a step measured, in all logs."""

import time

from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger

COLUMNS = ("epoch", "images_per_second", "learning_rate", "step", "train_loss", "val_loss", "val_mean_iou")


class RunLog(Callback):
    """Writes loss, learning rate and images per second of every step, and knows the mean loss of the epoch so far.

    Written at once and not by `self.log`, which comes after the checkpoint of the same step: what happened before a
    checkpoint must be in the files when it is.

    Args:
        every: steps from one that is written to the next.
    """

    state_key = "segkit measures"

    def __init__(self, every: int = 1):
        self._every = every
        self._losses = [0.0, 0]  # of this epoch: sum and number
        self._since = 0.0
        self._rate = 0.0
        self.mean_iou = None
        self.loss = None
        self.images_per_second = None

    @property
    def epoch_loss(self) -> float:
        """The mean of the losses of this epoch's steps."""
        return self._losses[0] / max(1, self._losses[1])

    def on_train_start(self, trainer, task):
        self._since = time.perf_counter()
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger) and trainer.is_global_zero:
                # all columns at once: for a new one the whole file is written anew, and may be lost meanwhile
                logger.experiment.metrics_keys = list(COLUMNS)

    def on_train_epoch_start(self, trainer, task):
        self._losses = [0.0, 0]
        self._since = time.perf_counter()

    def on_train_batch_start(self, trainer, task, batch, batch_index):
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_index):
        if not is_step(trainer, batch_index):
            return
        now = time.perf_counter()
        self.loss, self.images_per_second = task.parts.loss, task.parts.images / (now - self._since)
        self._since = now
        self._losses = [self._losses[0] + self.loss, self._losses[1] + 1]
        if trainer.global_step % self._every == 0:
            measures = {
                "epoch": trainer.current_epoch,
                "train_loss": self.loss,
                "learning_rate": self._rate,
                "images_per_second": self.images_per_second,
            }
            for logger in trainer.loggers:
                logger.log_metrics(measures, step=trainer.global_step - 1)

    def on_validation_end(self, trainer, task):
        self._since = time.perf_counter()
        if not trainer.sanity_checking:
            self.mean_iou = float(trainer.callback_metrics["val_mean_iou"])

    def state_dict(self) -> dict:
        return {"losses": self._losses, "mean_iou": self.mean_iou}

    def load_state_dict(self, state: dict):
        self._losses, self.mean_iou = state["losses"], state["mean_iou"]


def is_step(trainer, batch_index: int) -> bool:
    """Whether the optimiser made a step with this part of a batch, or waits for the next one."""
    done = batch_index + 1
    return done % trainer.accumulate_grad_batches == 0 or done == trainer.num_training_batches
