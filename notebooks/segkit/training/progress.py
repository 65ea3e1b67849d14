"""One progress bar for a whole training run, in a terminal, a log file or a notebook."""

import io
import sys
import time

from lightning.pytorch import Callback
from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30  # in a log file
SMOOTHING = 0.9  # of the loss that is shown: a single step's value jumps too much to be read


class ProgressLine(Callback):
    """Show epoch, smoothed loss, last mean IoU and the time left; print one line that stays for every epoch."""

    def __init__(self):
        self._bar = None
        self._loss = None
        self._mean_iou = None
        self._started = 0.0

    def on_train_start(self, trainer, task):
        self._bar = _open_bar(total=int(trainer.estimated_stepping_batches), done=trainer.global_step)

    def on_train_epoch_start(self, trainer, task):
        self._started = time.monotonic()
        self._bar.set_description_str(_epoch(trainer), refresh=False)

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_index):
        loss = float(outputs["loss"])
        self._loss = loss if self._loss is None else SMOOTHING * self._loss + (1 - SMOOTHING) * loss
        self._bar.set_postfix_str(self._numbers(), refresh=False)
        self._bar.update(trainer.global_step - self._bar.n)

    def on_validation_start(self, trainer, task):
        if self._bar is not None:
            self._bar.set_description_str(f"{_epoch(trainer)}, validation")

    def on_train_epoch_end(self, trainer, task):
        metrics = trainer.callback_metrics
        if "val_mean_iou" not in metrics:  # stopped before the validation
            return
        self._mean_iou = float(metrics["val_mean_iou"])
        self._bar.set_postfix_str(self._numbers(), refresh=False)
        _print_above(
            f"{_epoch(trainer)}: training loss {float(metrics['train_loss_epoch']):.3f}, "
            f"validation loss {float(metrics['val_loss']):.3f}, mean IoU {self._mean_iou:.3f} "
            f"({time.monotonic() - self._started:.0f} s)",
            self._bar,
        )

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


def _open_bar(total: int, done: int) -> tqdm:
    options = {"total": total, "initial": done, "unit": "step", "leave": False}
    if _in_notebook():
        return _NotebookBar(**options, file=io.StringIO(), ncols=100, mininterval=0.5, ascii=False)
    if not sys.stdout.isatty():
        return _LogBar(**options, file=io.StringIO(), ncols=100, miniters=1, ascii=" #")
    return tqdm(**options, file=sys.stdout, dynamic_ncols=True)


def _print_above(line: str, bar: tqdm):
    if type(bar) is tqdm:
        tqdm.write(line, file=sys.stdout)
    else:
        print(line, flush=True)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules and "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None


class _LogBar(tqdm):
    """The text bar for a log file or a pipe, which would keep every state of the bar: a line every 30 seconds."""

    monitor_interval = 0  # no thread
    _printed = 0.0

    def display(self, msg=None, pos=None):
        if self.n == self.initial:
            self._printed = time.monotonic()
        elif msg is None and time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            print(self, flush=True)


class _NotebookBar(tqdm):
    """The text bar in an output of its own that is replaced: a saved notebook keeps its last state only.

    tqdm's own notebook bar needs ipywidgets, and its text bar leaves hundreds of lines in a saved notebook.
    """

    monitor_interval = 0
    _shown = None

    def display(self, msg=None, pos=None):
        from IPython.display import display

        content = {"text/plain": str(self) if msg is None else msg}
        if self._shown is None:
            self._shown = display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)
