"""Plots for the notebooks: predictions beside the truth, curves, confusion matrix, class shares and IoU, maps.

Every `show_...` function returns its figure, which a notebook shows if it is the last value of a cell;
`figure.savefig(path)` writes it to a file. `figure.alt` says in words what is to be seen, for those who do not see it;
`describe(figure, words)` gives such a text to a figure of your own. Colours are told apart by people with any kind of
colour vision.
"""

from segkit.canvas import IGNORE_COLOR, PALETTE, describe
from segkit.plots.curves import show_curves, show_lines, show_reliability
from segkit.plots.maps import show_attention, show_maps, show_receptive_fields
from segkit.plots.per_class import show_class_iou, show_class_shares, show_confusion
from segkit.plots.pictures import colorize, overlay, show_confidence, show_images, show_overlay, show_predictions

__all__ = [
    "IGNORE_COLOR",
    "PALETTE",
    "colorize",
    "describe",
    "overlay",
    "show_attention",
    "show_class_iou",
    "show_class_shares",
    "show_confidence",
    "show_confusion",
    "show_curves",
    "show_images",
    "show_lines",
    "show_maps",
    "show_overlay",
    "show_predictions",
    "show_receptive_fields",
    "show_reliability",
]
