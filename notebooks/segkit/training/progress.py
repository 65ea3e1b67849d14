"""One progress bar for a whole training run, in a terminal, a log file or a notebook."""

import time

from lightning.pytorch import Callback

from segkit.progress import open_bar, print_above

SMOOTHING = 0.9  # of the loss that is shown: a single step's value jumps too much to be read


class ProgressLine(Callback):
    """Show epoch, smoothed loss, last mean IoU and the time left; print one line that stays for every epoch."""

    def __init__(self):
        self._bar = None
        self._loss = None
        self._mean_iou = None
        self._validated = False  # in this epoch
        self._started = 0.0

    def on_train_start(self, trainer, task):
        self._bar = open_bar(total=int(trainer.estimated_stepping_batches), done=trainer.global_step)

    def on_train_epoch_start(self, trainer, task):
        self._started = time.monotonic()
        self._validated = False
        self._bar.set_description_str(_epoch(trainer), refresh=False)

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_index):
        loss = float(outputs["loss"])
        self._loss = loss if self._loss is None else SMOOTHING * self._loss + (1 - SMOOTHING) * loss
        self._bar.set_postfix_str(self._numbers(), refresh=False)
        self._bar.update(trainer.global_step - self._bar.n)

    def on_validation_start(self, trainer, task):
        if self._bar is not None:
            self._bar.set_description_str(f"{_epoch(trainer)}, validation")

    def on_validation_end(self, trainer, task):
        if self._bar is not None:
            self._validated = True
            self._mean_iou = float(trainer.callback_metrics["val_mean_iou"])

    def on_train_epoch_end(self, trainer, task):
        metrics = trainer.callback_metrics
        words = [f"training loss {float(metrics['train_loss_epoch']):.3f}"]
        if self._validated:
            words += [f"validation loss {float(metrics['val_loss']):.3f}", f"mean IoU {self._mean_iou:.3f}"]
            self._bar.set_postfix_str(self._numbers(), refresh=False)
        print_above(f"{_epoch(trainer)}: {', '.join(words)} ({time.monotonic() - self._started:.0f} s)", self._bar)

    def on_train_end(self, trainer, task):
        self._close()

    def on_exception(self, trainer, task, exception):
        self._close()

    def _numbers(self) -> str:
        loss = f"loss {self._loss:.3f}"
        return loss if self._mean_iou is None else f"{loss}, mean IoU {self._mean_iou:.3f}"

    def _close(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _epoch(trainer) -> str:
    of = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
    return f"epoch {trainer.current_epoch + 1}{of}"
