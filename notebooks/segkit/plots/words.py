"""What a figure shows, in words: the alternative texts of plots, for those who do not see them.

They give the numbers that a glance at the figure would, not every one that was drawn.
"""

from collections.abc import Iterable

import numpy as np

from segkit.data import IGNORE
from segkit.plots.arrays import as_array

MOST_ITEMS = 8  # of a list: more is no glance


def sentences(*parts: str) -> str:
    """One text of those parts that say something, each ended with a point."""
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def listed(items: Iterable[str], separator: str = ", ") -> str:
    """The items one after the other, and how many were left out."""
    items = list(items)
    left_out = len(items) - MOST_ITEMS
    return separator.join([*items[:MOST_ITEMS], *([f"and {left_out} more"] if left_out > 0 else [])])


def counted(number: int, thing: str, things: str | None = None) -> str:
    """1 image, 2 images; 1 matrix, 2 matrices"""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def named(titles, number: int, thing: str = "image") -> list[str]:
    """The titles on one line each, or "image 1", "image 2" ... where there are none."""
    names = [" ".join(str(title).split()) for title in titles or []][:number]
    return names + [f"{thing} {index + 1}" for index in range(len(names), number)]


def classes_of(labels, class_names) -> str:
    """Which share of the pixels each class has, most frequent first: plant 62%, background 30%, ignored 8%."""
    labels = as_array(labels)
    names = {label: name for label, name in enumerate(class_names)} | {IGNORE: "ignored"}
    shares = {names.get(label, label): (labels == label).mean() for label in np.unique(labels).tolist()}
    return listed(f"{name} {share:.0%}" for name, share in sorted(shares.items(), key=lambda pair: -pair[1]))


def values_of(series: dict, names, text) -> str:
    """Several series over the same names: a: plant 0.5, vehicle 0.2; b: ..."""
    lines = []
    for title, values in series.items():
        pairs = zip(names, as_array(values), strict=False)
        words = listed(f"{name} {'absent' if np.isnan(value) else text(value)}" for name, value in pairs)
        lines.append(f"{title}: {words}" if title else words)
    return listed(lines, "; ")


def course_of(x, values) -> str:
    """How a line runs: from its first value to its last, and its extremes where they are others."""
    x, values = as_array(x), as_array(values).astype(float)
    if values.size == 0 or np.isnan(values).all():
        return "no values"
    words = f"from {values[0]:.3g} at {x[0]:g} to {values[-1]:.3g} at {x[-1]:g}"
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    if low not in (0, len(values) - 1):
        words += f", lowest {values[low]:.3g} at {x[low]:g}"
    if high not in (0, len(values) - 1):
        words += f", highest {values[high]:.3g} at {x[high]:g}"
    return words
