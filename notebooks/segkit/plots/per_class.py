"""Numbers of each class: confusion matrix, shares, IoU."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from segkit.canvas import GREY, INK, LINE_COLORS, PALETTE, in_our_look, new_canvas
from segkit.data import CLASS_NAMES
from segkit.errors import CourseError
from segkit.plots.arrays import as_array, short
from segkit.plots.words import listed, sentences, values_of


@in_our_look
def show_confusion(confusion, class_names=CLASS_NAMES) -> Figure:
    """A confusion matrix of pixels, rows truth and columns prediction: in each cell its share of the row and its count.

    Raises:
        CourseError: if it is not square with a row per class name.
    """
    counts = as_array(confusion).astype(np.int64)
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
        text = "–" if math.isnan(share) else f"{share:.1%}\n{short(counts[row, column])}"
        axis.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else INK)
    axis.set_xticks(range(len(class_names)), class_names)
    axis.set_yticks(range(len(class_names)), class_names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlabel="prediction", ylabel="truth", title="where the pixels of each class go")
    figure.colorbar(image, format=PercentFormatter(1, decimals=0), label="share of the row", shrink=0.8)
    rows = (f"{name}: {_row_in_words(row, class_names)}" for name, row in zip(class_names, shares, strict=True))
    figure.alt = sentences("Confusion matrix: where the pixels of each class go", listed(rows, "; "))
    return figure


def _row_in_words(row: np.ndarray, class_names) -> str:
    if np.isnan(row).all():
        return "no pixels"
    return listed(f"{row[label]:.1%} {class_names[label]}" for label in np.argsort(-row) if row[label] > 0)


@in_our_look
def show_class_shares(shares, class_names=CLASS_NAMES) -> Figure:
    """Bars of the pixel share of each class: shares (K,), or several by name: {"training": ..., "validation": ...}."""
    figure, (axis,) = _canvas_for_bars(shares, class_names)
    _draw_shares(axis, shares, class_names)
    figure.alt = _shares_in_words(shares, class_names)
    return figure


@in_our_look
def show_class_iou(ious, class_names=CLASS_NAMES, *, shares=None) -> Figure:
    """Bars of the IoU of each class, NaN for a class that does not occur: (K,), or several by name.

    With `shares`, as in `show_class_shares`, those stand beside them.
    """
    figure, axes = _canvas_for_bars(ious, class_names, panels=1 if shares is None else 2)
    _draw_bars(axes[0], ious, class_names, lambda iou: f"{iou:.3f}")
    axes[0].set(ylabel="IoU", title="IoU of each class", ylim=(0, 1.05))
    if not isinstance(ious, dict):
        mean = float(np.nanmean(as_array(ious)))
        axes[0].axhline(mean, color=INK, linestyle="--", linewidth=1, zorder=0)
        axes[0].annotate(f"mean {mean:.3f}", (1.0, mean), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    if shares is not None:
        _draw_shares(axes[1], shares, class_names)
    figure.alt = sentences(
        f"Bars of the IoU of each class: {values_of(_series_of(ious), class_names, '{:.3f}'.format)}",
        "" if shares is None else _shares_in_words(shares, class_names),
    )
    return figure


def _shares_in_words(shares, class_names) -> str:
    return sentences(
        f"Bars of each class's share of the pixels: {values_of(_series_of(shares), class_names, '{:.1%}'.format)}"
    )


def _draw_shares(axis, shares, class_names):
    _draw_bars(axis, shares, class_names, lambda share: f"{share:.1%}")
    axis.set(ylabel="share of the pixels", title="how often each class occurs")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _series_of(values) -> dict:
    return values if isinstance(values, dict) else {"": values}


def _canvas_for_bars(values, class_names, panels: int = 1):
    width = max(4.5, 1.3 * len(class_names) + 0.5 * len(_series_of(values)))
    return new_canvas(width if panels == 1 else 0.85 * width * panels, 3, 1, panels)


def _draw_bars(axis, values, class_names, text):
    """Groups of bars, one group per class; a single series has the colours of the classes."""
    series = {name: as_array(numbers) for name, numbers in _series_of(values).items()}
    for name, numbers in series.items():
        if numbers.shape != (len(class_names),):
            raise CourseError(
                f"There are {numbers.size} values {name} for {len(class_names)} class names: give as many."
            )
    width = 0.8 / len(series)
    for index, (name, numbers) in enumerate(series.items()):
        colors = LINE_COLORS[index % len(LINE_COLORS)] if len(series) > 1 else [*PALETTE[: len(class_names)]]
        position = np.arange(len(class_names)) + (index - (len(series) - 1) / 2) * width
        bars = axis.bar(
            position, np.nan_to_num(numbers), width * 0.92, color=colors, label=name, edgecolor=GREY, linewidth=0.5
        )
        axis.bar_label(bars, ["absent" if np.isnan(n) else text(n) for n in numbers], padding=2, fontsize=8)
    axis.set_xticks(range(len(class_names)), class_names)
    axis.tick_params(axis="x", length=0)
    if len(series) > 1:
        axis.legend()
