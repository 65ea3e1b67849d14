"""The paper that plots and figures are drawn on: one look, an alternative text, shown once by a notebook, no window."""

import base64
import html
import io
import sys

import matplotlib
from matplotlib.figure import Figure

# Okabe & Ito (2008): colours that people with any kind of colour vision can tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
DARK_BLUE = "#004C80"  # their blue and green are too alike without cones for short waves; this one is not
GREY, LIGHT_GREY, INK = "#767676", "#D9D9D9", "#222222"
# Of the classes 0, 1, 2 ... and of pixels without one.
PALETTE = (LIGHT_GREY, GREEN, ORANGE, DARK_BLUE, PURPLE, SKY, VERMILLION, YELLOW)
IGNORE_COLOR = BLACK
LINE_COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

LOOK = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: a figure looks the same everywhere
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": False,
    "grid.color": LIGHT_GREY,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


class Canvas(Figure):
    """A Figure that a notebook shows when it is the last value of a cell, whether or not pyplot is in use.

    pyplot would show a figure that is drawn and returned twice, keep it in memory, and open windows elsewhere.
    `alt` says in words what is to be seen, for those who do not see it.
    """

    alt = ""

    def _repr_png_(self) -> bytes:
        return _as_png(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        return _with_alt(_as_png(self), self.alt)


class Described:
    """Any matplotlib figure and its alternative text, as the last value of a cell."""

    def __init__(self, figure: Figure, alt: str) -> None:
        self.figure, self.alt = figure, alt

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        return _with_alt(_as_png(self.figure), self.alt)


def describe(figure: Figure, alt: str) -> Described:
    """A figure of your own with an alternative text, as the last value of a cell: it takes the place of `plt.show()`.

    Args:
        figure: any matplotlib figure. One of pyplot's is closed, so that it is not shown twice.
        alt: what is to be seen, in words.
    """
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return Described(figure, alt)


def _as_png(figure: Figure) -> bytes:
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)
    return page.getvalue()


def _with_alt(png: bytes, alt: str) -> tuple[dict, dict]:
    """A picture for every reader of notebooks, and what it says about itself.

    JupyterLab shows a picture without the alternative text that stands in its metadata, so it gets HTML; nbconvert,
    which makes feedback and PDF, takes the picture and the metadata.
    """
    picture = base64.b64encode(png).decode()
    page = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{picture}">'
    return {"text/html": page, "image/png": picture, "text/plain": alt}, {"image/png": {"alt": alt}}


def new_canvas(width: float, height: float, rows: int = 1, columns: int = 1, **options) -> tuple[Canvas, list]:
    """A figure of `width` x `height` inches, and the list of its axes, row by row."""
    with matplotlib.rc_context(LOOK):
        figure = Canvas(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.flat)


def in_our_look(function):
    """Decorator: whatever `function` draws has our fonts and colours, and the settings outside stay as they are."""
    return matplotlib.rc_context(LOOK)(function)
