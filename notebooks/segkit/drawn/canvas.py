"""A picture and its annotation, painted together."""

import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from segkit.subset.classes import ADE20K_NAMES

# How rough the surface of a class looks: (size of the grain in pixels, strength); anything else is nearly smooth.
_GRAIN = {
    "sky": (60, 12),
    "tree": (5, 34),
    "plant": (4, 30),
    "palm tree": (4, 18),
    "flower": (3, 26),
    "grass": (3, 16),
    "field": (6, 10),
    "earth": (4, 9),
    "sand": (3, 8),
    "rock": (8, 22),
    "mountain": (16, 12),
    "hill": (16, 10),
    "sea": (7, 10),
    "water": (7, 10),
    "animal": (4, 9),
}
_PLAIN_GRAIN = (9, 5)


def class_id(name: str) -> int:
    """The id of an ADE20K class."""
    return ADE20K_NAMES.index(name)


def vary(colour, draw: Random, amount=16) -> tuple[int, int, int]:
    """A colour near `colour`: lighter or darker as a whole, and each channel a little by itself."""
    shift = draw.uniform(-amount, amount)
    return tuple(int(min(255, max(0, channel + shift + draw.uniform(-amount, amount) / 3))) for channel in colour)


def shade(colour, factor: float) -> tuple[int, int, int]:
    """The colour made darker (factor < 1) or lighter (> 1)."""
    return tuple(int(min(255, channel * factor)) for channel in colour)


class Canvas:
    """A picture and its annotation of one (width, height), drawn at twice that size so that edges come out smooth.

    Coordinates are pixels of the finished picture, y downwards. `label` is a class id, or None for a detail that
    changes the picture only.
    """

    def __init__(self, width: int, height: int, draw: Random):
        self.width, self.height, self.draw = width, height, draw
        self._picture = Image.new("RGB", (2 * width, 2 * height))
        self._labels = Image.new("L", (2 * width, 2 * height))
        self._pen, self._label_pen = ImageDraw.Draw(self._picture), ImageDraw.Draw(self._labels)

    def polygon(self, points, colour, label=None) -> None:
        """Fill the polygon through `points`."""
        corners = [(2 * x, 2 * y) for x, y in points]
        self._pen.polygon(corners, fill=colour)
        if label is not None:
            self._label_pen.polygon(corners, fill=label)

    def box(self, left, top, right, bottom, colour, label=None) -> None:
        """Fill a rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour, label)

    def ellipse(self, x, y, across, down, colour, label=None) -> None:
        """Fill the ellipse around (x, y) with these radii."""
        outline = (2 * (x - across), 2 * (y - down), 2 * (x + across), 2 * (y + down))
        self._pen.ellipse(outline, fill=colour)
        if label is not None:
            self._label_pen.ellipse(outline, fill=label)

    def line(self, points, width, colour, label=None) -> None:
        """Draw a line of `width` pixels, at least a thin one."""
        corners, thickness = [(2 * x, 2 * y) for x, y in points], max(1, round(2 * width))
        self._pen.line(corners, fill=colour, width=thickness, joint="curve")
        if label is not None:
            self._label_pen.line(corners, fill=label, width=thickness, joint="curve")

    def outline(self, points, place, colour, label=None) -> None:
        """Fill a polygon whose `points` are fractions (from the left, from the ground up) of `place`.

        `place` = (x of the middle, y of the ground, width, height); a negative width mirrors the shape.
        """
        x, y, width, height = place
        self.polygon([(x + (u - 0.5) * width, y - v * height) for u, v in points], colour, label)

    def gradient(self, top, bottom, colours, label) -> None:
        """Fill the full width from `top` to `bottom` with a gradual change between two colours."""
        for row in range(math.floor(2 * top), math.ceil(2 * bottom)):
            share = (row - 2 * top) / max(1, 2 * (bottom - top))
            colour = tuple(round(a + (b - a) * share) for a, b in zip(*colours, strict=True))
            self._pen.line([(0, row), (2 * self.width, row)], fill=colour)
        self._label_pen.rectangle((0, math.floor(2 * top), 2 * self.width, math.ceil(2 * bottom)), fill=label)

    def finish(self, light=(1.0, 1.0, 1.0)) -> tuple[Image.Image, Image.Image]:
        """(photograph, annotation): surfaces get their grain, the scene its light, the camera its blur and noise."""
        noise = np.random.default_rng(self.draw.getrandbits(64))
        labels = self._labels.resize((self.width, self.height), Image.Resampling.NEAREST)
        pixels = np.asarray(self._picture.reduce(2), dtype=np.float32)
        pixels = pixels + self._surface(np.asarray(labels), noise)[..., None]
        across = np.linspace(-1, 1, self.width)[:, None] * self.draw.uniform(-0.12, 0.12)
        pixels = pixels * np.asarray(light) * (1 + across)
        blurred = _to_picture(pixels).filter(ImageFilter.GaussianBlur(self.draw.uniform(0.2, 0.8)))
        pixels = np.asarray(blurred) + noise.normal(0, self.draw.uniform(2, 6), (self.height, self.width, 3))
        return _to_picture(pixels), labels

    def _surface(self, labels: np.ndarray, noise: np.random.Generator) -> np.ndarray:
        """What to add to each pixel (H, W): clumps of the grain of its class."""
        surface = np.zeros(labels.shape, np.float32)
        fields = {}
        for label in np.unique(labels):
            size, strength = _GRAIN.get(ADE20K_NAMES[label], _PLAIN_GRAIN)
            if size not in fields:
                fields[size] = _clumps(labels.shape, size, noise)
            surface = np.where(labels == label, strength * fields[size], surface)
        return surface


def _clumps(shape, size: int, noise: np.random.Generator) -> np.ndarray:
    """Random numbers of about unit spread (H, W) that change over `size` pixels, and finer ones on top."""
    field = np.zeros(shape, np.float32)
    for grain, strength in ((size, 0.8), (max(1, size // 3), 0.5)):
        coarse = noise.normal(0, strength, (shape[0] // grain + 2, shape[1] // grain + 2)).astype(np.float32)
        field += np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))
    return field


def _to_picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
