"""Maps of numbers: by themselves, over a photograph, around a position."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure

from segkit.analysis.receptive_field import smallest_share
from segkit.canvas import VERMILLION, in_our_look, new_canvas
from segkit.plots.arrays import as_array, as_picture
from segkit.plots.pictures import show_picture
from segkit.plots.words import counted, listed, named, sentences

LEAST_GRADIENT = -4  # power of 10, of the largest: what is smaller looks like nothing


@in_our_look
def show_maps(maps, *, titles=None, label: str = "", columns: int = 4) -> Figure:
    """Maps (H, W) of numbers side by side, all on one colour scale, which `label` names."""
    maps = [as_array(values).astype(float) for values in maps]
    columns = min(columns, len(maps))
    rows = math.ceil(len(maps) / columns)
    low, high = min(np.nanmin(values) for values in maps), max(np.nanmax(values) for values in maps)
    figure, axes = new_canvas(2.4 * columns + 0.9, 2.5 * rows, rows, columns)
    for index, axis in enumerate(axes):
        axis.set_axis_off()
        if index < len(maps):
            image = axis.imshow(maps[index], cmap="cividis", vmin=low, vmax=high)
            axis.set_title(titles[index] if titles else "")
    figure.colorbar(image, ax=axes, label=label, shrink=0.8)
    names = named(titles, len(maps), "map")
    ranges = (f"{name} {np.nanmin(m):.3g} to {np.nanmax(m):.3g}" for name, m in zip(names, maps, strict=True))
    figure.alt = sentences(f"{counted(len(maps), 'map')} of {label or 'numbers'} as colours: {listed(ranges)}")
    return figure


@in_our_look
def show_attention(image, position: tuple[int, int], maps, *, titles=None, columns: int = 5) -> Figure:
    """The image with a position marked, and over grey copies of it what that position looks at.

    Args:
        image: (3, H, W), as in `show_images`.
        position: (row, column) of a pixel of the image.
        maps: weights (h, w), of any size, with sum 1; each has a colour scale of its own, from 0 to its largest.
        titles: a text per map.
        columns: pictures in a row, the marked image among them.
    """
    picture = as_picture(image)
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    columns = min(columns, 1 + len(maps))
    rows = math.ceil((1 + len(maps)) / columns)
    aspect = picture.shape[0] / picture.shape[1]
    figure, axes = new_canvas(2.1 * columns, (2.1 * aspect + 0.5) * rows, rows, columns)
    show_picture(axes[0], picture, picture.shape)
    axes[0].set_title("who asks")
    halves = []
    for axis, weights, number in zip(axes[1:], maps, range(len(maps)), strict=False):
        weights = as_array(weights)
        show_picture(axis, grey, picture.shape)
        shown = weights / weights.max()
        show_picture(axis, shown, picture.shape, cmap="inferno", vmin=0, vmax=1, alpha=0.3 + 0.5 * shown)
        axis.set_title(titles[number] if titles else "")
        fewest = round(smallest_share(torch.as_tensor(weights), 0.5) * weights.size)
        half = f"half of it on {fewest} of {weights.size} keys"
        axis.set_xlabel(half)
        halves.append(half)
    for axis in axes[: 1 + len(maps)]:
        _mark(axis, position)
    for axis in axes[1 + len(maps) :]:
        axis.set_axis_off()
    names = named(titles, len(maps), "map")
    figure.alt = sentences(
        f"What the pixel in row {position[0]}, column {position[1]} of an image attends to, over grey copies of it",
        listed((f"{name}: {half}" for name, half in zip(names, halves, strict=True)), "; "),
    )
    return figure


def _mark(axis, position):
    """A cross that is seen on light and on dark."""
    row, column = position
    for color, size, width in (("white", 11, 4), (VERMILLION, 9, 2)):
        axis.plot(column + 0.5, row + 0.5, "x", color=color, markersize=size, markeredgewidth=width)


@in_our_look
def show_receptive_fields(fields: dict, *, part: float = 0.95) -> Figure:
    """Effective receptive fields: a row per network, a column per stage, {"network": [(H, W), ...]}.

    Gradients are on a logarithmic scale, the largest of each map being 1. Below a map stands the smallest share of the
    image that holds `part` of the gradient.
    """
    stages = max(map(len, fields.values()))
    figure, axes = new_canvas(2.1 * stages + 1.2, 2.3 * len(fields), len(fields), stages)
    for row, (name, maps) in enumerate(fields.items()):
        for axis, values in zip(axes[row * stages :], maps, strict=False):
            values = torch.as_tensor(as_array(values)).double()
            shown = (values / values.max()).clamp(min=10.0**LEAST_GRADIENT).log10()
            image = axis.imshow(shown, cmap="cividis", vmin=LEAST_GRADIENT, vmax=0)
            axis.set(xticks=[], yticks=[], xlabel=f"{part:.0%} on {smallest_share(values, part):.1%}")
            axis.spines[:].set_visible(False)
        axes[row * stages].set_ylabel(name)
    for stage, axis in enumerate(axes[:stages], start=1):
        axis.set_title(f"stage {stage}")
    ticks = range(LEAST_GRADIENT, 1)
    figure.colorbar(image, ax=axes, label="gradient, largest = 1", shrink=0.8, ticks=ticks, format="$10^{%d}$")
    figure.alt = sentences(
        f"Effective receptive fields, a row per network: the smallest share of the image with {part:.0%} of the sum",
        *(
            f"{name}: {listed(_share_in_words(*stage, part) for stage in enumerate(maps, 1))}"
            for name, maps in fields.items()
        ),
    )
    return figure


def _share_in_words(stage: int, values, part: float) -> str:
    return f"stage {stage} {smallest_share(torch.as_tensor(as_array(values)).double(), part):.1%}"
