"""Numbers over something: curves of a training, lines in general."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segkit.canvas import BLUE, INK, LINE_COLORS, VERMILLION, in_our_look, new_canvas
from segkit.errors import CourseError
from segkit.plots.arrays import as_array

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
    return figure
