"""Names beside the points of a figure, each on the side where it covers no other one."""

from matplotlib.axes import Axes

SIDES = ((0, 6, "center", "bottom"), (8, 0, "left", "center"), (-8, 0, "right", "center"), (0, -6, "center", "top"))


def place_labels(axis: Axes, names: list[str], x, y, color: str) -> None:
    """Write each name beside its point; one that fits nowhere without covering another name or point is left out."""
    figure = axis.figure
    figure.draw_without_rendering()
    inside, taken = axis.get_window_extent(), []
    points = axis.transData.transform(list(zip(x, y, strict=True)))
    for name, at in zip(names, zip(x, y, strict=True), strict=True):
        for right, up, horizontal, vertical in SIDES:
            label = axis.annotate(
                name, at, (right, up), textcoords="offset points", ha=horizontal, va=vertical, color=color, fontsize=8
            )
            box = label.get_window_extent()
            within = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
            if within and not any(map(box.overlaps, taken)) and box.count_contains(points) == 0:
                taken.append(box)
                break
            label.remove()
