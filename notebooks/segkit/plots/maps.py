"""Maps of numbers."""

import math

import numpy as np
from matplotlib.figure import Figure

from segkit.canvas import in_our_look, new_canvas
from segkit.plots.arrays import as_array


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
    return figure
