"""What drawings of architectures are put together from: boxes, arrows, maps."""

from itertools import pairwise

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from segkit.canvas import INK

# Light shades of the colours of segkit.canvas, dark enough to differ and light enough for black text.
PALE_BLUE, PALE_ORANGE, PALE_GREEN, PALE_PURPLE, PALE_GREY = "#CFE3F2", "#FBE3B3", "#C5E9DC", "#F2DAE7", "#ECECEC"


def box(axis, x, y, width, height, text, color, *, title=None, size=8):
    """A labelled box around the point (x, y)."""
    shape = "round,pad=0,rounding_size=0.7"
    corner = (x - width / 2, y - height / 2)
    axis.add_patch(FancyBboxPatch(corner, width, height, boxstyle=shape, fc=color, ec=INK, lw=0.8, zorder=3))
    if title is None:
        axis.text(x, y, text, ha="center", va="center", fontsize=size, zorder=4)
        return
    axis.text(x, y + height / 2 - 0.8, title, ha="center", va="top", fontsize=9, fontweight="bold", zorder=4)
    axis.text(x, y + height / 2 - 2.9, text, ha="center", va="top", fontsize=8, zorder=4, linespacing=1.3)


def arrow(axis, start, end, *, bend=None):
    """An arrow, straight or with a corner at `bend`."""
    points = [start, end] if bend is None else [start, bend, end]
    for one, other in pairwise(points[:-1]):
        axis.plot(*zip(one, other, strict=True), color=INK, lw=0.9, zorder=2, solid_capstyle="round")
    head = {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0}
    axis.add_patch(FancyArrowPatch(points[-2], points[-1], color=INK, lw=0.9, zorder=2, **head))


def feature_map(axis, x, y, size, depth, *, cells, color):
    """A feature map around (x, y): `size` is how high it looks, `depth` how many channels it seems to have."""
    width, slant = size * 1.15, depth * 0.55
    left, bottom, right, top = x - (width + slant) / 2, y - size / 2, x + (width - slant) / 2, y + size / 2
    look = {"edgecolor": INK, "linewidth": 0.7, "zorder": 3}
    back_left, back_right = (left + slant, top + slant), (right + slant, top + slant)
    axis.add_patch(Polygon([(left, top), back_left, back_right, (right, top)], facecolor=color, alpha=0.55, **look))
    below = (right + slant, bottom + slant)
    axis.add_patch(Polygon([(right, bottom), below, back_right, (right, top)], facecolor=color, alpha=0.8, **look))
    axis.add_patch(Rectangle((left, bottom), width, size, facecolor=color, **look))
    for part in np.arange(1, cells) / cells:
        axis.plot([left + part * width] * 2, [bottom, top], color="white", lw=0.5, zorder=3)
        axis.plot([left, right], [bottom + part * size] * 2, color="white", lw=0.5, zorder=3)
