"""What all plots do to their arguments: to arrays, to colours, and refusing what does not fit."""

import numpy as np
import torch
from matplotlib.colors import to_rgb
from torch import Tensor

from segkit.canvas import PALETTE
from segkit.data import IGNORE, denormalise
from segkit.errors import CourseError


def as_array(values) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype is torch.bfloat16 else values
    return np.asarray(values)


def rgb(color: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in to_rgb(color))


def as_picture(image) -> np.ndarray:
    """An image (3, H, W) as (H, W, 3) in 0..1. A float image with values outside 0..1 counts as normalised."""
    image = torch.as_tensor(image).detach().cpu()
    if image.ndim != 3 or image.shape[0] != 3:
        raise CourseError(f"An image must have shape (3, height, width), but this one has {tuple(image.shape)}.")
    if image.dtype == torch.uint8:
        image = image / 255
    elif image.min() < 0 or image.max() > 1:
        image = denormalise(image.float())
    return image.permute(1, 2, 0).float().numpy()


def resized(labels: np.ndarray, size) -> np.ndarray:
    """Labels repeated or left out, none mixed, to the size (height, width)."""
    rows = np.arange(size[0]) * labels.shape[0] // size[0]
    columns = np.arange(size[1]) * labels.shape[1] // size[1]
    return labels[rows[:, None], columns]


def outlines_of(labels: np.ndarray) -> np.ndarray:
    """Where a pixel's label differs from its right or lower neighbour's."""
    outlines = np.zeros(labels.shape, bool)
    outlines[:-1] |= labels[:-1] != labels[1:]
    outlines[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return outlines


def require_labels(labels: np.ndarray, colors: int = len(PALETTE)):
    wrong = labels[(labels != IGNORE) & ((labels < 0) | (labels >= colors))] if labels.ndim == 2 else None
    if wrong is None:
        raise CourseError(f"Labels must have shape (height, width), but these have {labels.shape}.")
    if wrong.size:
        raise CourseError(f"There is a label {wrong[0]}: labels are 0 to {colors - 1}, and {IGNORE} where ignored.")


def require_same_number(**lists):
    if len({len(values) for values in lists.values()}) > 1 or not all(len(values) for values in lists.values()):
        found = ", ".join(f"{len(values)} {name}" for name, values in lists.items())
        raise CourseError(f"There must be as many of each, and at least one, but there are {found}.")


def short(count: int) -> str:
    """12, 3.4k, 5.6M"""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
