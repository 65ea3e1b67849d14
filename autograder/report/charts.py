"""Where things lie in the report's charts, in pixels of their own; a page scales them to its width."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.report.figures import Interval

WIDTH = 360  # as on a phone, so that text is never scaled down much
HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 220, 30, 14, 24, 42
ROW, BAR = 38, 12
LETTERS = 40  # of a label that fit beside a value


@dataclass(frozen=True)
class Column:
    """A column: its place, what stands above it, and at its lower left."""

    x: float
    y: float
    width: float
    height: float
    value: str
    label: str


@dataclass(frozen=True)
class Columns:
    """A chart of columns; `lines`: place and text of its grid; `last`: label at the right end."""

    width: int
    height: int
    base: float
    columns: list[Column]
    lines: list[tuple[float, str]]
    last: str


@dataclass(frozen=True)
class Bar:
    """A bar below its label, with the value at the right."""

    y: float
    width: float
    label: str
    value: str
    kind: str


@dataclass(frozen=True)
class Bars:
    """A chart of bars, one below the other, all against the whole width."""

    width: int
    height: int
    bars: list[Bar]


def columns(intervals: list[Interval]) -> Columns:
    """How many students lie in each interval."""
    base = HEIGHT - BOTTOM
    most = max(interval.students for interval in intervals) or 1
    step = _step(most)
    top = step * math.ceil(most / step)
    wide = (WIDTH - LEFT - RIGHT) / len(intervals)
    rise = (base - TOP) / top
    shown = [
        Column(
            x=LEFT + wide * place,
            y=base - rise * interval.students,
            width=wide,
            height=rise * interval.students,
            value=str(interval.students or ""),
            label=f"{interval.low:g}",
        )
        for place, interval in enumerate(intervals)
    ]
    lines = [(base - rise * students, str(students)) for students in range(0, top + 1, step)]
    return Columns(WIDTH, HEIGHT, base, shown, lines, f"{intervals[-1].high:g}")


def bars(rows: Iterable[tuple[str, float, str, str]]) -> Bars:
    """A bar for each label, share (0 to 1), value in words and kind."""
    shown = [
        Bar(ROW * place, WIDTH * min(max(share, 0.0), 1.0), _cut(label), value, kind)
        for place, (label, share, value, kind) in enumerate(rows)
    ]
    return Bars(WIDTH, ROW * len(shown), shown)


def _cut(label: str) -> str:
    return label if len(label) <= LETTERS else f"{label[: LETTERS - 1]}…"


def _step(high: int) -> int:
    """1, 2, 5, 10, ...: at most five lines of a grid."""
    return next(factor * 10**power for power in range(10) for factor in (1, 2, 5) if high / (factor * 10**power) <= 5)
