"""What the report of the transfer assignment shows: all runs in one figure, shares, ROC curves, predicted masks."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from segkit.canvas import GREY, INK, LINE_COLORS, in_our_look, new_canvas
from segkit.devices import device_of
from segkit.errors import CourseError
from segkit.plots import show_predictions
from segkit.plots.arrays import as_array
from segkit.plots.curves import LINE_STYLES, MARKERS
from segkit.plots.words import counted, course_of, sentences, values_of
from segkit.transfer.classes import PET_CLASSES, PET_PALETTE
from segkit.transfer.runs import Run, require_comparable

MOST_POINTS = 400  # of a curve: more cannot be seen


def class_scores(model: nn.Module, dataset: Dataset, batch_size: int = 64) -> Tensor:
    """The probabilities of all classes at every pixel of a data set: float32 (N, K, h, w), on the CPU.

    The model predicts in evaluation mode, without gradients and where it lies; afterwards it is in the mode in which it
    came. Memory: 4 K h w bytes for each of the N items.

    Args:
        model: maps images (B, 3, h, w) to logits (B, K, h, w), or to a dictionary that has them as "out".
        dataset: of (image, target).
    """
    was_training = model.training
    model.eval()
    found = []
    with torch.inference_mode():
        for images, _ in DataLoader(dataset, batch_size):
            answer = model(images.to(device_of(model)))
            logits = answer["out"] if isinstance(answer, dict) else answer
            found.append(logits.float().softmax(dim=1).cpu())
    model.train(was_training)
    return torch.cat(found)


def targets_of(dataset: Dataset) -> Tensor:
    """The targets of all items of a data set, in its order: int64 (N, h, w)."""
    return torch.stack([target for _, target in dataset])


@in_our_look
def show_runs(runs: Mapping[str, Run]) -> Figure:
    """Validation mean IoU and losses of all runs over the epochs, in one figure; a star is what was kept.

    Raises:
        CourseError: if there are none, or they cannot be compared.
    """
    if not runs:
        raise CourseError("There are no runs to show: train_run(...) makes them.")
    require_comparable(runs.values())
    figure, (iou, loss) = new_canvas(10.4, 4, 1, 2)
    for index, run in enumerate(runs.values()):
        look = _look(index)
        history = run.history
        iou.plot(history.epochs, history.val_mean_iou, label=f"{run.name}  {run.best_mean_iou:.3f}", **look)
        iou.plot(run.best_epoch, run.best_mean_iou, "*", markersize=13, color=look["color"], markeredgecolor="white")
        loss.plot(history.epochs, history.val_loss, **look)
        loss.plot(history.epochs, history.epoch_train_loss, color=look["color"], linewidth=0.8, alpha=0.6)
    iou.set(title="mean IoU, validation", ylim=(0, None))
    loss.set(title="loss: validation with marks, training thin", ylim=(0, None))
    for axis in (iou, loss):
        axis.set(xlabel="epoch", xlim=(0, None))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(axis="y")
    figure.legend(*iou.get_legend_handles_labels(), loc="outside lower center", ncols=min(3, len(runs)))
    lines = (f"{run.name}: mean IoU {_run_in_words(run)}" for run in runs.values())
    figure.alt = sentences("Validation mean IoU and losses over the epochs", *lines)
    return figure


def _run_in_words(run: Run) -> str:
    history = run.history
    return (
        f"{course_of(history.epochs, history.val_mean_iou)}, best {run.best_mean_iou:.3f} at {run.best_epoch}; "
        f"validation loss {course_of(history.epochs, history.val_loss)}"
    )


@in_our_look
def show_shares(shares: Mapping[str, Tensor], class_names=PET_CLASSES) -> Figure:
    """Confusion matrices whose rows are shares of the true class, (K, K), side by side, with common colours.

    Raises:
        CourseError: if there are none, or one is not square with a row per class name.
    """
    count = len(class_names)
    for name, matrix in _some(shares, "matrices").items():
        if as_array(matrix).shape != (count, count):
            raise CourseError(f"The matrix of {name} has shape {as_array(matrix).shape} for {count} class names.")
    columns = min(3, len(shares))
    rows = math.ceil(len(shares) / columns)
    size = max(2.2, 0.8 * count)
    figure, axes = new_canvas((size + 0.7) * columns + 0.9, (size + 0.6) * rows, rows, columns)
    for axis, (name, matrix) in zip(axes, shares.items(), strict=False):
        image = _draw_shares(axis, as_array(matrix), class_names)
        axis.set_title(name)
    for axis in axes[len(shares) :]:
        axis.set_axis_off()
    for number, axis in enumerate(axes[: len(shares)]):
        axis.set_ylabel("truth" if number % columns == 0 else "")
        axis.set_xlabel("prediction" if number + columns >= len(shares) else "")
    figure.colorbar(image, ax=axes, format=PercentFormatter(1, decimals=0), label="share of the row", shrink=0.7)
    found = {name: np.diagonal(as_array(matrix)) for name, matrix in shares.items()}
    matrices = counted(len(shares), "confusion matrix", "confusion matrices")
    words = values_of(found, class_names, "{:.0%}".format)
    figure.alt = sentences(f"{matrices} with shares of the true class. Found of each class: {words}")
    return figure


def _draw_shares(axis, matrix: np.ndarray, class_names):
    image = axis.imshow(np.ma.masked_invalid(matrix), cmap="Blues", vmin=0, vmax=1)
    if len(class_names) <= 8:  # a number in each cell can be read
        for row, column in np.ndindex(*matrix.shape):
            share = matrix[row, column]
            text = "–" if math.isnan(share) else f"{share:.0%}"
            axis.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else INK)
    axis.set_xticks(range(len(class_names)), class_names, rotation=0 if len(class_names) <= 4 else 90)
    axis.set_yticks(range(len(class_names)), class_names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return image


@in_our_look
def show_roc(curves: Mapping[str, Mapping[str, tuple]]) -> Figure:
    """A panel per class, with the ROC curve of every run: {class: {run: (false rates, true rates, area)}}.

    The dashed diagonal is guessing. A curve that is unknown, because its class does not occur, is only named.

    Raises:
        CourseError: if there are no curves.
    """
    _some(curves, "curves")
    columns = min(3, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure, axes = new_canvas(3.5 * columns, 3.9 * rows, rows, columns)
    for axis, (name, of_runs) in zip(axes, curves.items(), strict=False):
        axis.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
        for index, (run, (false_rate, true_rate, area)) in enumerate(_some(of_runs, "curves").items()):
            look = {"color": LINE_COLORS[index % 6], "linestyle": LINE_STYLES[index % 6]}
            axis.plot(*_thinned(as_array(false_rate), as_array(true_rate)), label=f"{run}  {float(area):.3f}", **look)
        axis.set(title=f"{name} against the rest", xlabel="false positive rate", xlim=(0, 1), ylim=(0, 1.01))
        axis.set_aspect("equal")
        axis.legend(loc="lower right", fontsize=7.5, title="area", title_fontsize=7.5)
    for axis in axes[::columns]:
        axis.set_ylabel("true positive rate")
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    areas = {name: [float(area) for _, _, area in of_runs.values()] for name, of_runs in curves.items()}
    words = values_of(areas, next(iter(curves.values())), "{:.3f}".format)
    figure.alt = sentences(f"ROC curves, a panel per class against the rest. Areas under them: {words}")
    return figure


def _thinned(false_rate: np.ndarray, true_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points that are evenly spaced along the curve, its ends among them: what the eye sees of all of them."""
    if len(false_rate) <= MOST_POINTS or np.isnan(false_rate + true_rate).any():
        return false_rate, true_rate
    length = false_rate + true_rate  # both grow: the way walked along the axes
    chosen = np.unique(np.searchsorted(length, np.linspace(0, length[-1], MOST_POINTS)).clip(max=len(length) - 1))
    return false_rate[chosen], true_rate[chosen]


def show_masks(
    images, targets, predictions: Mapping[str, Tensor], class_names=PET_CLASSES, *, palette=PET_PALETTE, titles=None
) -> Figure:
    """A row per image: the image, the truth, and what each run predicts, with the names of the classes.

    Args:
        images: (N, 3, h, w), normalised as the models take them.
        targets: labels (N, h, w), 255 where ignored.
        predictions: labels (N, h, w) by run.
        titles: a text per image.
    """
    named = {name.replace("_", " "): list(labels) for name, labels in predictions.items()}
    return show_predictions(images, targets, named, class_names, palette=palette, titles=titles)


def _look(index: int) -> dict:
    return {
        "color": LINE_COLORS[index % 6],
        "marker": MARKERS[index % 6],
        "linestyle": LINE_STYLES[index % 6],
        "markersize": 4,
    }


def _some(values: Mapping, what: str) -> Mapping:
    if not values:
        raise CourseError(f"There are no {what} to show: give at least one, by its name.")
    return values
