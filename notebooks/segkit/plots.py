"""Plots for the notebooks: predictions beside the truth, curves, confusion matrix, class shares and IoU.

Every `show_...` function returns its figure, which a notebook shows if it is the last value of a cell;
`figure.savefig(path)` writes it to a file. Colours are told apart by people with any kind of colour vision.
"""

import math

import numpy as np
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from segkit.canvas import (
    BLUE,
    GREY,
    IGNORE_COLOR,
    INK,
    LIGHT_GREY,
    LINE_COLORS,
    PALETTE,
    VERMILLION,
    in_our_look,
    new_canvas,
)
from segkit.data import CLASS_NAMES, IGNORE, denormalise
from segkit.errors import CourseError

MARKERS = ("o", "s", "^", "D", "v", "P")
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))

__all__ = [
    "IGNORE_COLOR",
    "PALETTE",
    "colorize",
    "overlay",
    "show_class_iou",
    "show_class_shares",
    "show_confusion",
    "show_curves",
    "show_images",
    "show_lines",
    "show_maps",
    "show_overlay",
    "show_predictions",
]


# ---- images and labels


def colorize(labels) -> np.ndarray:
    """Labels (H, W), 0..7 and 255 for ignored, to colours uint8 (H, W, 3).

    Raises:
        CourseError: if there is a label without a colour.
    """
    labels = _array(labels)
    _require_labels(labels)
    table = np.zeros((256, 3), np.uint8)
    table[: len(PALETTE)] = [_rgb(color) for color in PALETTE]
    table[IGNORE] = _rgb(IGNORE_COLOR)
    return table[labels.astype(np.uint8)]


def overlay(image, labels, *, alpha: float = 0.6) -> np.ndarray:
    """The image (3, H, W) with every class but 0 laid over it in its colour, with white outlines: (H, W, 3) in 0..1.

    `labels` (h, w) may be of another size. `alpha` is how much of a colour covers the image: 0 nothing, 1 all.
    """
    picture = _picture(image)
    labels = _resized(_array(labels), picture.shape[:2])
    cover = np.where((labels == 0)[..., None], 0.0, alpha)
    picture = (1 - cover) * picture + cover * colorize(labels) / 255
    picture[_outlines(labels)] = 1.0
    return picture


@in_our_look
def show_images(images, *, titles=None, columns: int = 4) -> Figure:
    """Images (3, H, W), uint8 or float (0..1, or normalised as the model takes them), side by side."""
    return _grid([_picture(image) for image in images], titles, columns)


@in_our_look
def show_overlay(images, labels, class_names=CLASS_NAMES, *, alpha: float = 0.6, titles=None, columns=4) -> Figure:
    """Every image (3, H, W) with its labels (h, w) laid over it; class 0 is left as it is."""
    _require_same_number(images=images, labels=labels)
    pictures = [overlay(image, label, alpha=alpha) for image, label in zip(images, labels, strict=True)]
    figure = _grid(pictures, titles, columns)
    _class_legend(figure, labels, class_names, first=1)
    return figure


@in_our_look
def show_predictions(
    images, targets, predictions=None, class_names=CLASS_NAMES, *, titles=None, errors: bool = False
) -> Figure:
    """A row per image: the image, the truth, the prediction, and if asked for where it is wrong.

    Args:
        images: of shape (3, H, W), uint8 or float (0..1, or normalised as the model takes them).
        targets, predictions: labels (h, w) of any size, 255 where ignored; predictions may be left out.
        class_names: in the order of the labels.
        titles: a text per row.
        errors: add a column of the pixels that are wrong, with their share.

    Raises:
        CourseError: if there are not as many of one as of the other, or a label has no name.
    """
    columns = {"image": [_picture(image) for image in images], "truth": [colorize(target) for target in targets]}
    if predictions is not None:
        columns["prediction"] = [colorize(prediction) for prediction in predictions]
    _require_same_number(**columns)
    if errors and predictions is not None:
        columns["wrong pixels"] = [_errors(*pair) for pair in zip(targets, predictions, strict=True)]
    aspect = float(np.mean([picture.shape[0] / picture.shape[1] for picture in columns["image"]]))
    width = 2.4 if len(columns) > 2 else 3.2
    figure, axes = new_canvas(width * len(columns), width * aspect * len(images) + 0.7, len(images), len(columns))
    for column, (name, pictures) in enumerate(columns.items()):
        for row, picture in enumerate(pictures):
            _show_picture(axes[row * len(columns) + column], picture, columns["image"][row].shape)
            if name == "wrong pixels":
                axes[row * len(columns) + column].set_xlabel(_share_wrong(targets[row], predictions[row]))
        axes[column].set_title(name)
    for row, title in enumerate(titles or []):
        axes[row * len(columns)].set_ylabel(title)
    _class_legend(figure, [*targets, *(predictions if predictions is not None else [])], class_names)
    return figure


def _grid(pictures: list[np.ndarray], titles, columns: int) -> Figure:
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    aspect = float(np.mean([picture.shape[0] / picture.shape[1] for picture in pictures]))
    figure, axes = new_canvas(
        9.6 / max(columns, 3) * columns, (9.6 / max(columns, 3) * aspect + 0.3) * rows, rows, columns
    )
    for index, axis in enumerate(axes):
        if index < len(pictures):
            _show_picture(axis, pictures[index], pictures[index].shape)
            axis.set_title(titles[index] if titles else "")
        else:
            axis.set_axis_off()
    return figure


def _show_picture(axis, picture: np.ndarray, shape):
    """Drawn at the size of the image, so that a 64 x 64 label map covers the image that it belongs to."""
    axis.imshow(picture, extent=(0, shape[1], shape[0], 0))
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _class_legend(figure: Figure, label_maps, class_names, first: int = 0):
    """The names of the classes from `first` on; "ignored" only if there is such a pixel."""
    highest = max(int(_array(labels)[_array(labels) != IGNORE].max(initial=0)) for labels in label_maps)
    if highest >= len(class_names):
        raise CourseError(f"There is a label {highest}, but class_names has {len(class_names)} names: give them all.")
    handles = [Patch(color=color, label=name) for color, name in zip(PALETTE, class_names, strict=False)][first:]
    if any((_array(labels) == IGNORE).any() for labels in label_maps):
        handles.append(Patch(color=IGNORE_COLOR, label="ignored"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _errors(target, prediction) -> np.ndarray:
    prediction = _array(prediction)
    target = _resized(_array(target), prediction.shape)
    colors = np.full((*prediction.shape, 3), _rgb(LIGHT_GREY), np.uint8)
    colors[prediction != target] = _rgb(VERMILLION)
    colors[target == IGNORE] = 255
    return colors


def _share_wrong(target, prediction) -> str:
    prediction = _array(prediction)
    target = _resized(_array(target), prediction.shape)
    counted = target != IGNORE
    return f"{(prediction != target)[counted].mean():.1%} wrong" if counted.any() else "all ignored"


# ---- curves


@in_our_look
def show_curves(history) -> Figure:
    """Loss, mean IoU and learning rate over the epochs, of one `History` or of several by name: {"name": history}.

    Raises:
        CourseError: if no epoch has ended yet.
    """
    runs = history if isinstance(history, dict) else {"": history}
    if not all(run.epochs for run in runs.values()):
        raise CourseError("There are no curves to show yet: train for at least one whole epoch first.")
    figure, (loss, iou, rate) = new_canvas(10, 3, 1, 3)
    for index, (name, run) in enumerate(runs.items()):
        colors = (BLUE, VERMILLION) if len(runs) == 1 else (LINE_COLORS[index % len(LINE_COLORS)],) * 2
        _draw_run(loss, iou, rate, run, name, *colors, MARKERS[index % len(MARKERS)])
    for axis, title in ((loss, "loss"), (iou, "mean IoU, validation"), (rate, "learning rate")):
        axis.set(title=title, xlabel="epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(axis="y")
        axis.set_xlim(0, None)
    iou.set_ylim(0, 1.12 * max(run.best_mean_iou for run in runs.values()) or 1)
    rate.set_ylim(bottom=0)
    rate.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
    loss.legend()
    if len(runs) > 1:
        iou.legend()
    return figure


def _draw_run(loss, iou, rate, run, name: str, train_color, val_color, marker):
    steps_per_epoch = (run.epoch_steps[0] + 1) / run.epochs[0]
    position = (np.array(run.steps) + 1) / steps_per_epoch
    prefix = f"{name}, " if name else ""
    loss.plot(position, run.train_loss, color=train_color, linewidth=0.6, alpha=0.35)
    loss.plot(
        np.array(run.epochs) - 0.5,
        run.epoch_train_loss,
        "--",
        color=train_color,
        marker=marker,
        markersize=4,
        label=f"{prefix}training",
    )
    loss.plot(run.epochs, run.val_loss, color=val_color, marker=marker, markersize=4, label=f"{prefix}validation")
    best = f"best {run.best_mean_iou:.3f}, epoch {run.best_epoch}"
    iou.plot(run.epochs, run.val_mean_iou, color=val_color, marker=marker, markersize=4, label=f"{prefix}{best}")
    iou.plot(run.best_epoch, run.best_mean_iou, marker="*", markersize=13, color=val_color, markeredgecolor="white")
    if not name:
        iou.annotate(best, (0.98, 0.03), xycoords="axes fraction", ha="right")
    rate.plot(position, run.learning_rate, color=val_color if name else INK)


@in_our_look
def show_lines(x, curves: dict, *, x_label: str, y_label: str, title: str = "", log_x=False, log_y=False) -> Figure:
    """Lines over common `x`: {"name": values}. They differ in colour, marker and dashes."""
    figure, (axis,) = new_canvas(5.6, 3.4)
    for index, (name, values) in enumerate(curves.items()):
        look = {"color": LINE_COLORS[index % 6], "marker": MARKERS[index % 6], "linestyle": LINE_STYLES[index % 6]}
        axis.plot(_array(x), _array(values), markersize=4, label=name, **look)
    axis.set(xlabel=x_label, ylabel=y_label, title=title)
    if log_x:
        axis.set_xscale("log", base=2)
        axis.set_xticks(_array(x), [f"{value:g}" for value in _array(x)])
        axis.minorticks_off()
    if log_y:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    axis.grid(axis="y")
    if len(curves) > 1:
        axis.legend()
    return figure


# ---- numbers per class


@in_our_look
def show_confusion(confusion, class_names=CLASS_NAMES) -> Figure:
    """A confusion matrix of pixels, rows truth and columns prediction: in each cell its share of the row and its count.

    Raises:
        CourseError: if it is not square with a row per class name.
    """
    counts = _array(confusion).astype(np.int64)
    if counts.shape != (len(class_names), len(class_names)):
        raise CourseError(
            f"confusion has shape {counts.shape} for {len(class_names)} class names: "
            f"it must be {(len(class_names), len(class_names))}."
        )
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    size = 1.1 * len(class_names)
    figure, (axis,) = new_canvas(size + 2.2, size + 0.6)
    image = axis.imshow(np.ma.masked_invalid(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*counts.shape):
        share = shares[row, column]
        text = "–" if math.isnan(share) else f"{share:.1%}\n{_short(counts[row, column])}"
        axis.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else INK)
    axis.set_xticks(range(len(class_names)), class_names)
    axis.set_yticks(range(len(class_names)), class_names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="prediction", ylabel="truth", title="where the pixels of each class go")
    figure.colorbar(image, format=PercentFormatter(1, decimals=0), label="share of the row", shrink=0.8)
    return figure


@in_our_look
def show_class_shares(shares, class_names=CLASS_NAMES) -> Figure:
    """Bars of the pixel share of each class: shares (K,), or several by name: {"training": ..., "validation": ...}."""
    figure, axis = _bars(shares, class_names, lambda share: f"{share:.1%}", in_class_colors=True)
    axis.set(ylabel="share of the pixels", title="how often each class occurs")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


@in_our_look
def show_class_iou(ious, class_names=CLASS_NAMES) -> Figure:
    """Bars of the IoU of each class, NaN for a class that does not occur: (K,), or several by name."""
    figure, axis = _bars(ious, class_names, lambda iou: f"{iou:.3f}", in_class_colors=True)
    axis.set(ylabel="IoU", title="IoU of each class", ylim=(0, 1.05))
    if not isinstance(ious, dict):
        mean = float(np.nanmean(_array(ious)))
        axis.axhline(mean, color=INK, linestyle="--", linewidth=1, zorder=0)
        axis.annotate(f"mean {mean:.3f}", (1.0, mean), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    return figure


def _bars(values, class_names, text, *, in_class_colors: bool):
    """Groups of bars, one group per class; a single series has the colours of the classes."""
    series = {name: _array(v) for name, v in (values if isinstance(values, dict) else {"": values}).items()}
    for name, numbers in series.items():
        if numbers.shape != (len(class_names),):
            raise CourseError(
                f"There are {numbers.size} values {name} for {len(class_names)} class names: give as many."
            )
    figure, (axis,) = new_canvas(max(4.5, 1.3 * len(class_names) + 0.5 * len(series)), 3)
    width = 0.8 / len(series)
    for index, (name, numbers) in enumerate(series.items()):
        alone = len(series) == 1 and in_class_colors
        colors = [*PALETTE[: len(class_names)]] if alone else LINE_COLORS[index % len(LINE_COLORS)]
        position = np.arange(len(class_names)) + (index - (len(series) - 1) / 2) * width
        bars = axis.bar(
            position, np.nan_to_num(numbers), width * 0.92, color=colors, label=name, edgecolor=GREY, linewidth=0.5
        )
        axis.bar_label(bars, ["absent" if np.isnan(n) else text(n) for n in numbers], padding=2, fontsize=8)
    axis.set_xticks(range(len(class_names)), class_names)
    axis.tick_params(axis="x", length=0)
    if len(series) > 1:
        axis.legend()
    return figure, axis


@in_our_look
def show_maps(maps, *, titles=None, label: str = "", columns: int = 4) -> Figure:
    """Maps (H, W) of numbers side by side, all on one colour scale, which `label` names."""
    maps = [_array(values).astype(float) for values in maps]
    columns = min(columns, len(maps))
    rows = math.ceil(len(maps) / columns)
    low, high = min(np.nanmin(values) for values in maps), max(np.nanmax(values) for values in maps)
    figure, axes = new_canvas(2.4 * columns + 0.9, 2.5 * rows, rows, columns)
    for index, axis in enumerate(axes):
        axis.set_axis_off()
        if index < len(maps):
            image = axis.imshow(maps[index], cmap="cividis", vmin=low, vmax=high)
            axis.set_title(titles[index] if titles else "")
    figure.colorbar(image, ax=axes, label=label, shrink=0.8)
    return figure


# ---- arrays


def _array(values) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype is torch.bfloat16 else values
    return np.asarray(values)


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in to_rgb(color))


def _picture(image) -> np.ndarray:
    """An image (3, H, W) as (H, W, 3) in 0..1. A float image with values outside 0..1 counts as normalised."""
    image = torch.as_tensor(image).detach().cpu()
    if image.ndim != 3 or image.shape[0] != 3:
        raise CourseError(f"An image must have shape (3, height, width), but this one has {tuple(image.shape)}.")
    if image.dtype == torch.uint8:
        image = image / 255
    elif image.min() < 0 or image.max() > 1:
        image = denormalise(image.float())
    return image.permute(1, 2, 0).float().numpy()


def _resized(labels: np.ndarray, size) -> np.ndarray:
    """Labels repeated or left out, none mixed, to the size (height, width)."""
    rows = np.arange(size[0]) * labels.shape[0] // size[0]
    columns = np.arange(size[1]) * labels.shape[1] // size[1]
    return labels[rows[:, None], columns]


def _outlines(labels: np.ndarray) -> np.ndarray:
    """Where a pixel's label differs from its right or lower neighbour's."""
    outlines = np.zeros(labels.shape, bool)
    outlines[:-1] |= labels[:-1] != labels[1:]
    outlines[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return outlines


def _require_labels(labels: np.ndarray):
    wrong = labels[(labels != IGNORE) & ((labels < 0) | (labels >= len(PALETTE)))] if labels.ndim == 2 else None
    if wrong is None:
        raise CourseError(f"Labels must have shape (height, width), but these have {labels.shape}.")
    if wrong.size:
        raise CourseError(
            f"There is a label {wrong[0]}: labels are 0 to {len(PALETTE) - 1}, and {IGNORE} where ignored."
        )


def _require_same_number(**lists):
    if len({len(values) for values in lists.values()}) > 1 or not all(len(values) for values in lists.values()):
        found = ", ".join(f"{len(values)} {name}" for name, values in lists.items())
        raise CourseError(f"There must be as many of each, and at least one, but there are {found}.")


def _short(count: int) -> str:
    """12, 3.4k, 5.6M"""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
