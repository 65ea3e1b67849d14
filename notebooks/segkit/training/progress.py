"""One progress bar for a whole training run, in a terminal, a log file or a notebook."""

import time

from lightning.pytorch import Callback

from segkit.progress import open_bar, print_above
from segkit.training.recording import RunLog, is_step

SMOOTHING = 0.9  # of the loss that is shown: a single step's value jumps too much to be read


class ProgressLine(Callback):
    """Show epoch, smoothed loss, last mean IoU, images per second and the time left; a line that stays per epoch."""

    def __init__(self, log: RunLog):
        self._log = log
        self._bar = None
        self._loss = None
        self._validated = False  # in this epoch
        self._started = 0.0

    def on_train_start(self, trainer, task):
        if trainer.is_global_zero:
            total = int(trainer.estimated_stepping_batches)
            # a forked process cannot show anything in a notebook but what it prints
            self._bar = open_bar(total, trainer.global_step, plain=trainer.world_size > 1)
            self._begin_epoch(trainer)

    def on_train_epoch_start(self, trainer, task):
        if self._bar is not None:
            self._begin_epoch(trainer)

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_index):
        if self._bar is None or not is_step(trainer, batch_index):
            return
        loss = self._log.loss
        self._loss = loss if self._loss is None else SMOOTHING * self._loss + (1 - SMOOTHING) * loss
        self._bar.set_postfix_str(self._numbers(), refresh=False)
        self._bar.update(trainer.global_step - self._bar.n)

    def on_validation_start(self, trainer, task):
        if self._bar is not None:
            self._bar.set_description_str(f"{_epoch(trainer)}, validation")

    def on_validation_end(self, trainer, task):
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer, task):
        if self._bar is None:
            return
        words = [f"training loss {self._log.epoch_loss:.3f}"]
        if self._validated:
            loss = float(trainer.callback_metrics["val_loss"])
            words += [f"validation loss {loss:.3f}", f"mean IoU {self._log.mean_iou:.3f}"]
        print_above(f"{_epoch(trainer)}: {', '.join(words)} ({time.monotonic() - self._started:.0f} s)", self._bar)

    def on_train_end(self, trainer, task):
        self._close()

    def on_exception(self, trainer, task, exception):
        self._close()

    def _begin_epoch(self, trainer):
        self._started = time.monotonic()
        self._validated = False
        self._bar.set_description_str(_epoch(trainer), refresh=False)

    def _numbers(self) -> str:
        mean_iou = [] if self._log.mean_iou is None else [f"mean IoU {self._log.mean_iou:.3f}"]
        return ", ".join([f"loss {self._loss:.3f}", *mean_iou, f"{self._log.images_per_second:.1f} images/s"])

    def _close(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _epoch(trainer) -> str:
    of = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
    return f"epoch {trainer.current_epoch + 1}{of}"
