"""Names beside the points of a figure, each where it covers no other one and nobody takes it for a neighbour's."""

from collections.abc import Iterator
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from segkit.canvas import GREY

NEAR, FAR = 6, (16, 22, 28, 36, 44, 58, 72)  # points; a name that stands far off is joined to its point by a thin line
DIRECTIONS = ((0, 1), (1, 0), (-1, 0), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
MARKER = 5  # half the side of a point's marker, with a little room
HORIZONTAL = {-1: "right", 0: "center", 1: "left"}
VERTICAL = {-1: "top", 0: "center", 1: "bottom"}


class _Drawn(NamedTuple):
    """What names must not cover, in pixels of the figure. Lines to names must not cross each other either."""

    boxes: list[Bbox]
    lines: list[Path]
    to_names: list[Path]

    def is_free(self, box: Bbox) -> bool:
        return not any(map(box.overlaps, self.boxes)) and not any(
            line.intersects_bbox(box, filled=False) for line in (*self.lines, *self.to_names)
        )


def place_labels(axis: Axes, names: list[str], x, y, color: str) -> None:
    """Write each name beside its point; one that fits nowhere without covering something is left out."""
    axis.figure.draw_without_rendering()
    inside, drawn = axis.get_window_extent(), _drawn_so_far(axis)
    points = axis.transData.transform(list(zip(x, y, strict=True)))
    margin = MARKER * axis.figure.dpi / 72
    drawn.boxes.extend(Bbox.from_extents(*(point - margin), *(point + margin)) for point in points)
    for index in sorted(range(len(names)), key=lambda index: y[index]):  # from below: there is most room at the border
        name, at = names[index], (x[index], y[index])
        for offset, direction in _places():
            label = axis.annotate(
                name, at, offset, textcoords="offset points", color=color, fontsize=8,
                ha=HORIZONTAL[direction[0]], va=VERTICAL[direction[1]],
            )  # fmt: skip
            box = label.get_window_extent()
            if _contains(inside, box) and drawn.is_free(box) and _leads(axis, at, offset, drawn, points, index):
                drawn.boxes.append(box)
                break
            label.remove()


def _drawn_so_far(axis: Axes) -> _Drawn:
    """The legend, and the lines that join points."""
    legend = axis.get_legend()
    boxes = [legend.get_window_extent()] if legend else []
    joined = [line for line in axis.lines if line.get_linestyle() != "None"]
    return _Drawn(boxes, [line.get_path().transformed(line.get_transform()) for line in joined], [])


def _places() -> Iterator[tuple[tuple[float, float], tuple[int, int]]]:
    """Offsets from a point, the nearest ones first, and the directions they lie in."""
    for distance in (NEAR, *FAR):
        for right, up in DIRECTIONS[: 4 if distance == NEAR else 8]:
            yield (distance * right, distance * up), (right, up)


def _contains(outer: Bbox, inner: Bbox) -> bool:
    return outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0 and inner.y1 <= outer.y1


def _leads(axis: Axes, at, offset, drawn: _Drawn, points, index: int) -> bool:
    """Join a name that stands far off to its point; False if the line would cross a name or another point."""
    if max(map(abs, offset)) <= NEAR:
        return True
    end = points[index] + [side * axis.figure.dpi / 72 for side in offset]
    line = Path([points[index], end])
    own = Bbox.from_extents(*(points[index] - 1), *(points[index] + 1))
    covered = any(line.intersects_bbox(box, filled=True) for box in drawn.boxes if not box.overlaps(own))
    if covered or any(line.intersects_path(other, filled=False) for other in drawn.to_names):
        return False
    axis.annotate(
        "", at, offset, textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "patchA": None, "shrinkA": 0, "shrinkB": 4},
    )  # fmt: skip
    drawn.to_names.append(line)
    return True
