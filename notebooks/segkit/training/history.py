"""The curves of a training run, read back from the CSV files that it wrote."""

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path

from segkit.errors import CourseError


@dataclass(frozen=True)
class History:
    """What a run measured: four lists per optimiser step, five lists per epoch that was validated.

    Attributes:
        folder: where the run is kept.
        steps, train_loss, learning_rate: per step; the step is counted from 0, the rate is the encoder's.
        images_per_second: per step, of all devices together; the first step of an epoch waits for data to be loaded.
        epochs, epoch_steps: per epoch; epochs are counted from 1, `epoch_steps` is the last step of the epoch.
        val_loss, val_mean_iou: per epoch, over the whole validation set.
        epoch_train_loss: per epoch, the mean of its steps' losses (of a model that was still changing).
    """

    folder: Path
    steps: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    epoch_steps: list[int] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_mean_iou: list[float] = field(default_factory=list)
    epoch_train_loss: list[float] = field(default_factory=list)
    images_per_second: list[float] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """The epoch with the highest mean IoU on the validation set, the first of equals; 0 before any has ended."""
        best = max(self.val_mean_iou, default=math.nan)
        return self.epochs[self.val_mean_iou.index(best)] if self.epochs else 0

    @property
    def best_mean_iou(self) -> float:
        """The highest mean IoU on the validation set; NaN before any epoch has ended."""
        return max(self.val_mean_iou, default=math.nan)

    def __repr__(self) -> str:
        return (
            f"History of {self.folder}: {len(self.steps)} steps, {len(self.epochs)} epochs, "
            f"best mean IoU {self.best_mean_iou:.3f} (epoch {self.best_epoch})"
        )


def read_history(out) -> History:
    """Read the curves of the run in folder `out`.

    Raises:
        CourseError: if there is no run in `out`.
    """
    out = Path(out)
    files = sorted(out.glob("csv/version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1]))
    if not files:
        raise CourseError(f"There is no training run in {out}: give the folder that fit(...) wrote to.")
    return _history(out, _rows(files))


def _rows(files: list[Path]) -> list[dict]:
    """The rows of all files in the order of their steps.

    Every call of fit writes a file of its own. One that resumes begins at the last checkpoint, so that the steps after
    it that an interrupted run had already made occur twice: those of the later file count.
    """
    rows = []
    for file in files:
        new = _whole_rows(file)
        first = min((int(row["step"]) for row in new), default=math.inf)
        rows = [row for row in rows if int(row["step"]) < first] + new
    return rows


def _whole_rows(file: Path) -> list[dict]:
    """Without a last line that was cut off when the process was killed."""
    text = file.read_bytes().decode()
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))


def _history(folder: Path, rows: list[dict]) -> History:
    train = [row for row in rows if row.get("train_loss")]
    validation = [row for row in rows if row.get("val_mean_iou")]
    per_epoch = [[float(row["train_loss"]) for row in train if row["epoch"] == end["epoch"]] for end in validation]
    return History(
        folder=folder,
        steps=[int(row["step"]) for row in train],
        train_loss=[float(row["train_loss"]) for row in train],
        learning_rate=[float(row["learning_rate"]) for row in train],
        epochs=[int(row["epoch"]) + 1 for row in validation],
        epoch_steps=[int(row["step"]) for row in validation],
        val_loss=[float(row["val_loss"]) for row in validation],
        val_mean_iou=[float(row["val_mean_iou"]) for row in validation],
        epoch_train_loss=[sum(losses) / len(losses) if losses else math.nan for losses in per_epoch],
        images_per_second=[float(row["images_per_second"]) for row in train],
    )
