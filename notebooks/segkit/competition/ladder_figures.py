"""Drawings for multi-scale testing and for the ladder of tricks."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segkit.canvas import BLUE, GREY, INK, ORANGE, SKY, in_our_look, new_canvas
from segkit.competition.steps import ERRORS, Gain, Ladder, Step
from segkit.errors import CourseError
from segkit.figure_parts import PALE_BLUE, PALE_GREEN, PALE_GREY, PALE_ORANGE, PALE_PURPLE, arrow, box


@in_our_look
def draw_looks(
    height: int, width: int, *, scales: Sequence[float] = (0.75, 1.0, 1.25), multiple: int = 32, flip: bool = True
) -> Figure:
    """Multi-scale testing of an image of `height` x `width` pixels: what the model is shown, and what is averaged.

    Raises:
        CourseError: if a number is not positive, or there is no scale.
    """
    if not scales or min(height, width, multiple, *scales) <= 0:
        raise CourseError("draw_looks(...) wants sides, scales and a multiple that are all positive.")
    sizes = [
        tuple(max(multiple, multiple * round(scale * side / multiple)) for side in (height, width)) for scale in scales
    ]
    largest = max(high + wide for high, wide in sizes)
    figure, (axis,) = new_canvas(10.4, 1.1 + 1.25 * len(sizes))
    top = 15 * len(sizes)
    axis.set(xlim=(0, 104), ylim=(-1, top), aspect="equal")
    axis.set_axis_off()
    for row, (scale, size) in enumerate(zip(scales, sizes, strict=True)):
        _draw_look(axis, top - 15 * row - 8, scale, size, largest, (height, width), flip)
    box(axis, 95.6, top / 2 - 0.5, 13.2, top - 5, "of all looks,\nall of one weight", PALE_PURPLE, title="mean")
    looks = len(sizes) * (2 if flip else 1)
    axis.set_title(f"{looks} looks at one image of {height} × {width}")
    figure.alt = (
        f"{looks} looks at an image of {height} × {width}. At "
        + ", ".join(f"scale {scale:g} it is {high} × {wide}" for scale, (high, wide) in zip(scales, sizes, strict=True))
        + (", each also mirrored left to right" if flip else "")
        + f". The model's logits are {'mirrored back, ' if flip else ''}resized to {height} × {width}, and softmax "
        "makes probabilities of them, which are averaged."
    )
    return figure


def _draw_look(
    axis, y: float, scale: float, size: tuple[int, int], largest: int, original: tuple[int, int], flip: bool
):
    """One scale: the image as the model sees it, and the way of its answer to the mean."""
    high, wide = (26 * side / largest for side in size)
    for place, mirrored in enumerate((False, True) if flip else (False,)):
        x = 14 + 29 * place if flip else 28
        _draw_street(axis, x, y, wide, high, mirrored)
        words = f"{size[0]} × {size[1]}" + (", mirrored" if mirrored else f"  (scale {scale:g})")
        axis.text(x, y - high / 2 - 0.6, words, ha="center", va="top", fontsize=8)
    arrow(axis, (57.5, y), (60, y))
    box(axis, 65, y, 9.5, 5, "model", PALE_BLUE)
    arrow(axis, (69.8, y), (72, y))
    back = "mirrored back,\n" if flip else ""
    box(axis, 79.5, y, 14.5, 7.5, f"{back}{original[0]} × {original[1]},\nsoftmax", PALE_GREEN)
    arrow(axis, (86.8, y), (89, y))


def _draw_street(axis, x: float, y: float, wide: float, high: float, mirrored: bool):
    """A picture with a left and a right: sky, road, and a car that is not in the middle."""
    left, bottom = x - wide / 2, y - high / 2
    axis.add_patch(Rectangle((left, bottom), wide, high, fc=PALE_BLUE, ec=INK, lw=0.8, zorder=3))
    axis.add_patch(Rectangle((left, bottom), wide, 0.4 * high, fc=PALE_GREY, ec="none", zorder=3.1))
    at = 0.62 if mirrored else 0.16
    axis.add_patch(
        Rectangle(
            (left + at * wide, bottom + 0.15 * high),
            0.22 * wide,
            0.35 * high,
            fc=PALE_ORANGE,
            ec=INK,
            lw=0.7,
            zorder=3.2,
        )
    )


@in_our_look
def show_ladder(ladder: Ladder) -> Figure:
    """Mean IoU of every rung with its deviation over seeds, the gain of each step, and what it cost.

    A point is one training, a line from bar to bar its standard deviation over seeds. Gains that are larger than chance
    are printed dark, others grey.
    """
    steps, gains = ladder.steps, ladder.gains()
    figure, (scores, training, testing) = new_canvas(
        9.6, 0.9 + 0.42 * len(steps), 1, 3, sharey=True, width_ratios=(3, 1, 1)
    )
    rows = range(len(steps))
    scores.barh(rows, [step.mean_iou for step in steps], color=SKY, height=0.62, zorder=1)
    for row, (step, gain) in enumerate(zip(steps, gains, strict=True)):
        _draw_step(scores, row, step, gain)
    titles = [f"+ {step.title}" if row else step.title for row, step in enumerate(steps)]
    scores.set(
        yticks=rows, yticklabels=titles, xlabel="mean IoU, and what the step adds", ylim=(len(steps) - 0.4, -0.6)
    )
    scores.set_xlim(0, 1.22 * max(max(step.mean_ious) for step in steps))
    training.barh(rows, [step.training_seconds if step.trained else 0 for step in steps], color=ORANGE, height=0.62)
    training.set_xlabel("training, processor s")
    testing.barh(rows, [1000 * step.testing_seconds for step in steps], color=BLUE, height=0.62)
    testing.set_xlabel("testing, ms per picture")
    figure.alt = _ladder_in_words(steps, gains)
    return figure


def _draw_step(axis, row: int, step: Step, gain: Gain | None):
    axis.plot(step.mean_ious, [row] * len(step.measured), "o", color=INK, ms=3, zorder=3)
    right = max(step.mean_ious)
    if not math.isnan(step.deviation):
        axis.errorbar(step.mean_iou, row, xerr=step.deviation, color=INK, lw=1.2, capsize=4, zorder=2)
        right = max(right, step.mean_iou + step.deviation)
    if gain is not None:
        color = INK if gain.is_more_than_chance else GREY
        axis.text(right, row, f"  {gain}".replace("-", "−"), va="center", color=color)


def _ladder_in_words(steps: Sequence[Step], gains: Sequence[Gain | None]) -> str:
    rows = []
    for step, gain in zip(steps, gains, strict=True):
        deviation = "" if math.isnan(step.deviation) else f" with a deviation of {step.deviation:.3f} over seeds"
        bought = ""
        if gain is not None:
            sure = {None: "", True: ", more than chance", False: f", within {ERRORS} standard errors"}
            bought = f", {gain}{sure[gain.is_more_than_chance]}"
        cost = f"{step.training_seconds:.0f} s of training" if step.trained else "no training"
        cost += f", {1000 * step.testing_seconds:.0f} ms a picture"
        rows.append(f"{step.title} {step.mean_iou:.3f}{deviation}{bought}; {cost}")
    return "A ladder of mean IoU, each rung with the tricks of all before it: " + ". ".join(rows) + "."
