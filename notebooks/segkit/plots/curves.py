"""Numbers over something: curves of a training, lines in general."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from segkit.canvas import BLUE, GREY, INK, LINE_COLORS, SKY, VERMILLION, in_our_look, new_canvas
from segkit.errors import CourseError
from segkit.plots.arrays import as_array
from segkit.plots.words import counted, course_of, listed, sentences

MARKERS = ("o", "s", "^", "D", "v", "P")
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


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
    figure.alt = sentences("Curves over the epochs of a training", *(_run_in_words(*run) for run in runs.items()))
    return figure


def _run_in_words(name: str, run) -> str:
    return (
        f"{f'{name}: ' if name else ''}{counted(len(run.epochs), 'epoch')}; training loss "
        f"{course_of(run.epochs, run.epoch_train_loss)}; validation loss {course_of(run.epochs, run.val_loss)}; "
        f"mean IoU {course_of(run.epochs, run.val_mean_iou)}, best {run.best_mean_iou:.3f} in epoch {run.best_epoch}; "
        f"learning rate at most {max(run.learning_rate, default=0):.2g}"
    )


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
        axis.plot(as_array(x), as_array(values), markersize=4, label=name, **look)
    axis.set(xlabel=x_label, ylabel=y_label, title=title)
    if log_x:
        axis.set_xscale("log", base=2)
        axis.set_xticks(as_array(x), [f"{value:g}" for value in as_array(x)])
        axis.minorticks_off()
    if log_y:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    axis.grid(axis="y")
    if len(curves) > 1:
        axis.legend()
    lines = listed((f"{name} {course_of(x, values)}" for name, values in curves.items()), "; ")
    figure.alt = sentences(title, f"{counted(len(curves), 'line')} of {y_label} over {x_label}: {lines}")
    return figure


@in_our_look
def show_reliability(reliability) -> Figure:
    """How often a pixel is right at each confidence, and how many pixels have it: a `Reliability`.

    On the dashed diagonal a model is as often right as it says. Bins without a pixel are left out.
    """
    confidence, right = as_array(reliability.mean_confidence), as_array(reliability.share_right)
    pixels = as_array(reliability.pixels)
    there = pixels > 0
    figure, (curve, counts) = new_canvas(8.4, 3.4, 1, 2)
    curve.plot([0, 1], [0, 1], "--", color=GREY, label="as sure as right")
    curve.plot(confidence[there], right[there], color=BLUE, marker=MARKERS[0], markersize=5, label="this model")
    curve.set(xlabel="confidence", ylabel="share of pixels that are right", title="below the diagonal: too sure")
    curve.set(xlim=(0, 1), ylim=(0, 1))
    curve.annotate(
        f"calibration error {reliability.calibration_error:.3f}", (0.98, 0.04), xycoords="axes fraction", ha="right"
    )
    curve.legend(loc="upper left")
    edges = np.linspace(0, 1, len(pixels) + 1)
    counts.bar(
        edges[:-1], pixels / pixels.sum(), np.diff(edges), align="edge", color=SKY, edgecolor=GREY, linewidth=0.5
    )
    counts.set(xlabel="confidence", ylabel="share of the pixels", title="how sure the model is", xlim=(0, 1))
    for axis in (curve, counts):
        axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axis.grid(axis="y")
        axis.set_axisbelow(True)
    figure.alt = sentences(
        f"How often pixels are right at each confidence, calibration error {reliability.calibration_error:.3f}",
        listed(f"of {c:.0%} confidence {r:.0%} right" for c, r in zip(confidence[there], right[there], strict=True)),
        f"Bars beside it: {(pixels[edges[:-1] >= 0.9].sum() / pixels.sum()):.0%} of the pixels have at least 90%",
    )
    return figure
