"""The leaderboard as one page: no script, no request to anywhere, everything that a student wrote escaped."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from autograder.leaderboard.entries import Entry

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 46, 24, 16, 48  # on the right half of a tick's number has room
LETTER = 6.6  # pixels of a letter in a label, about
LIFT = 12.0
TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True)
class Tick:
    """A line of a grid: its place in pixels, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class Point:
    """A model in a plot: its place in pixels, its label and on which side of it that stands; None: no room for one.

    `lift`: how much higher than the mark the label stands, above the stairs.
    """

    entry: Entry
    x: float
    y: float
    label: str | None = None
    before: bool = False
    lift: float = 0.0


@dataclass(frozen=True)
class Plot:
    """Mean IoU against something that a model costs, on a logarithmic axis.

    `stairs`: an SVG path along the front; "" without one. `words`: what is to be seen, for those who do not see it.
    """

    title: str
    axis: str
    points: list[Point]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    stairs: str = ""
    words: str = "the numbers stand in the table below"


def as_page(entries: list[Entry], title: str) -> str:
    """The page for these entries, the best first."""
    plots = [
        scatter("Mean IoU against parameters", "parameters", entries, lambda own: own.evaluation.parameters),
        scatter(
            "Mean IoU against multiply-adds",
            "multiply-adds per image",
            entries,
            lambda own: own.evaluation.multiply_adds,
        ),
    ]
    return render(TEMPLATE, title=title, entries=entries, plots=plots)


def render(template: Path, *, entries: Sequence[Entry], **values) -> str:
    """A page from a template, in its own folder or in this one; everything that is put into it is escaped."""
    loader = FileSystemLoader([template.parent, TEMPLATE.parent])
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=loader)
    box = {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
    }
    images = max(entry.evaluation.images for entry in entries)
    classes = list(entries[0].evaluation.per_class)
    return environment.get_template(template.name).render(
        entries=entries, classes=classes, images=images, box=box, short=short, **values
    )


def scatter(
    title: str, axis: str, entries: Sequence[Entry], cost: Callable[[Entry], int], front: Sequence[Entry] = ()
) -> Plot:
    """The plot of `cost`, models without any left out; labels go where there is room, the best first.

    Args:
        front: entries that are joined by stairs, those without a cost left out.
    """
    shown = [entry for entry in entries if cost(entry) > 0]
    low, high = _range(shown, cost)
    bottom, top, step = _heights([entry.evaluation.mean_iou for entry in shown])

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - low) / (high - low)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bottom) / (top - bottom)

    points = [
        Point(entry, across(cost(entry)), up(entry.evaluation.mean_iou), lift=LIFT if entry in front else 0.0)
        for entry in shown
    ]
    factors = (1, 2, 5) if high - low < 2.5 else (1,)  # so that the numbers do not touch
    numbers = [factor * 10**power for power in range(math.floor(low), math.ceil(high)) for factor in factors]
    x_ticks = [Tick(across(number), short(number)) for number in numbers if low <= math.log10(number) <= high]
    count = round((top - bottom) / step)
    y_ticks = [Tick(up(bottom + step * line), f"{bottom + step * line:.2f}") for line in range(count + 1)]
    joined = sorted((entry for entry in front if cost(entry) > 0), key=cost)
    steps = [(across(cost(entry)), up(entry.evaluation.mean_iou)) for entry in joined]
    return Plot(title, axis, _labelled(points), x_ticks, y_ticks, _stairs(steps))


def _stairs(steps: list[tuple[float, float]]) -> str:
    """A path to the right at the height of each step, then up to the next one, and on to the edge."""
    if not steps:
        return ""
    (x, y), *others = steps
    path = f"M {x:.1f} {y:.1f}" + "".join(f" H {x:.1f} V {y:.1f}" for x, y in others)
    return f"{path} H {WIDTH - RIGHT}"


def short(number: float) -> str:
    """3.7 M for 3,715,172."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:g}"


def _range(entries: list[Entry], cost: Callable[[Entry], int]) -> tuple[float, float]:
    """Logarithms of both ends of the axis; wide enough for at least two ticks."""
    logarithms = [math.log10(cost(entry)) for entry in entries] or [0.0]
    low, high = min(logarithms) - 0.1, max(logarithms) + 0.1
    missing = max(0.0, 1.0 - (high - low)) / 2
    return low - missing, high + missing


def _heights(scores: list[float]) -> tuple[float, float, float]:
    """Both ends of the axis of mean IoU, and the step of its grid."""
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    step = 0.02 if high - low < 0.1 else 0.05 if high - low < 0.3 else 0.1
    bottom = max(0.0, step * math.floor(low / step - 0.5))
    return bottom, step * math.ceil(high / step + 0.5), step


def _labelled(points: list[Point]) -> list[Point]:
    labelled, taken = [], []
    for point in points:
        text = point.entry.name if len(point.entry.name) <= 24 else f"{point.entry.name[:23]}…"
        wide = LETTER * len(text) + 12
        sides = [(point.x + 8, False), (point.x - 8 - wide, True)]
        boxes = [(left, before) for left, before in sides if left > LEFT and left + wide < WIDTH]
        y = point.y - point.lift
        free = [(left, before) for left, before in boxes if not _hits(left, y, wide, taken, points)]
        if free:
            left, before = free[0]
            taken.append((left, y, wide))
            point = replace(point, label=text, before=before)
        labelled.append(point)
    return labelled


def _hits(left: float, y: float, wide: float, taken: list[tuple], points: list[Point]) -> bool:
    over_label = any(left < other + width and other < left + wide and abs(y - at) < 15 for other, at, width in taken)
    return over_label or any(
        left < other.x + 6 and other.x - 6 < left + wide and abs(y - other.y) < 11 for other in points
    )
