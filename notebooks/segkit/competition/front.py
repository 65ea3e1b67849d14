"""The figure of models by score and cost, and the stairs of those that no other one dominates."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from segkit.canvas import BLUE, GREY, INK, in_our_look, new_canvas
from segkit.competition.front_labels import place_labels
from segkit.errors import CourseError
from segkit.plots.arrays import as_array
from segkit.plots.words import counted, listed, sentences

SEVERAL = 3.0  # between the least and the largest cost, from which on the axis is logarithmic


@in_our_look
def show_front(
    entries: Mapping[str, tuple[float, float]],
    on_front: Sequence[bool] | None = None,
    *,
    cost: str = "multiply-adds per image",
    score: str = "mean IoU",
) -> Figure:
    """Every entry as a point, score over cost; those of the Pareto front filled, and joined by stairs.

    Args:
        entries: (cost, score) by name; costs are greater than 0.
        on_front: for each entry, whether it is on the front: what `pareto_front` gives. None draws points alone.
        cost, score: what stands at the axes.

    Raises:
        CourseError: if there is no entry, a cost is 0 or less, or the mask belongs to other entries.
    """
    mask = as_array([False] * len(entries) if on_front is None else on_front).astype(bool)
    _require_entries(entries, mask)
    costs, scores = (as_array(list(values)).astype(float) for values in zip(*entries.values(), strict=True))
    figure, (axis,) = new_canvas(6.4, 4.0)
    order = sorted(mask.nonzero()[0], key=lambda index: (costs[index], scores[index]))
    if order:
        axis.step(costs[order], scores[order], where="post", color=BLUE, linewidth=1.2, zorder=1)
        axis.plot(costs[mask], scores[mask], "o", color=BLUE, markersize=7, label="nobody dominates it")
    axis.plot(costs[~mask], scores[~mask], "o", color=GREY, markerfacecolor="none", markersize=7, label="dominated")
    if costs.max() / costs.min() >= SEVERAL:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(lambda value, _: short_number(value))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(0.12)
    axis.set(xlabel=cost, ylabel=score)
    axis.grid()
    axis.set_axisbelow(True)
    if on_front is not None and not mask.all():
        figure.legend(loc="outside upper right", ncols=2)
    place_labels(axis, list(entries), costs, scores, INK)
    words = _in_words(entries, mask, order) if on_front is not None else _points_in_words(entries)
    figure.alt = sentences(f"{counted(len(entries), 'entry', 'entries')}, {score} over {cost}", *words)
    return figure


def short_number(number: float) -> str:
    """3.72 M for 3,715,172."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:g}"


def _require_entries(entries: Mapping, mask) -> None:
    if not entries:
        raise CourseError("There is nothing to draw: give at least one entry.")
    if mask.shape != (len(entries),):
        raise CourseError(f"There are {len(entries)} entries, but the mask has the shape {mask.shape}.")
    free = [name for name, (cost, _) in entries.items() if not cost > 0]
    if free:
        raise CourseError(f"The cost of {free[0]} is not above 0, and costs stand on a logarithmic axis.")


def _in_words(entries: Mapping, mask, order: list) -> tuple[str, str]:
    names = list(entries)
    front = listed(_point_in_words(names[index], entries[names[index]]) for index in order)
    others = listed(name for name, on in zip(names, mask, strict=True) if not on)
    return (
        f"On the Pareto front: {front}" if front else "No entry is on the Pareto front",
        f"Dominated: {others}" if others else "",
    )


def _points_in_words(entries: Mapping) -> tuple[str]:
    return (listed(_point_in_words(name, point) for name, point in entries.items()),)


def _point_in_words(name: str, point: tuple[float, float]) -> str:
    return f"{name} {point[1]:.3g} at {short_number(point[0])}"
