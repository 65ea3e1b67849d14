"""What can happen to a photograph on its way to a model: noise, blur, weather and compression, at five strengths.

In the manner of Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
perturbations", but with formulas of our own in place of their tables: results are not comparable with theirs. Sizes
grow with the image, so that a corruption looks alike at 256 and at 1024 pixels.
"""

import math

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision.transforms.v2 import functional

from segkit.errors import CourseError

STRENGTHS = (1, 2, 3, 4, 5)


def corrupt(image: Tensor, name: str, strength: int, seed: int = 0) -> Tensor:
    """An image as it looks after a corruption.

    Args:
        image: uint8 (3, H, W); it is left as it is.
        name: one of `CORRUPTIONS`.
        strength: 1 to 5, or 0 for the image itself.
        seed: decides where noise, drops and flakes lie; the same seed gives the same at every strength's own scale.

    Returns:
        uint8 (3, H, W), on the CPU.

    Raises:
        CourseError: if the image is none, or the corruption or the strength is unknown.
    """
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise CourseError(
            f"corrupt takes an image uint8 (3, height, width), not {image.dtype} {tuple(image.shape)}: "
            "corrupt first, resize and normalise afterwards."
        )
    if name not in _FUNCTIONS:
        raise CourseError(f"There is no corruption {name!r}: choose among {', '.join(CORRUPTIONS)}.")
    if strength not in (0, *STRENGTHS):
        raise CourseError(f"strength={strength!r} must be 0 (clean) or one of 1 to 5.")
    image = image.as_subclass(Tensor).cpu()
    if strength == 0:
        return image.clone()
    generator = torch.Generator().manual_seed(seed)
    changed = _FUNCTIONS[name](image / 255, strength, generator)
    return (changed.clamp(0, 1) * 255).round().to(torch.uint8)


# ---- each takes an image (3, H, W) in 0..1 and returns another


def _noise(image: Tensor, strength: int, generator: torch.Generator) -> Tensor:
    """Gaussian noise, as of a sensor in the dark."""
    return image + 0.07 * strength * torch.randn(image.shape, generator=generator)


def _blur(image: Tensor, strength: int, generator: torch.Generator) -> Tensor:
    """Out of focus: a Gaussian of 0.4 % of the shorter side per step, about a pixel at 256."""
    return _soft(image, 0.004 * strength)


def _fog(image: Tensor, strength: int, generator: torch.Generator) -> Tensor:
    """Light grey that covers the image in drifts: up to 85 % of a pixel's light is the fog's."""
    density = 0.17 * strength * (0.6 + 0.4 * _drifts(image.shape[-2:], generator))
    return (1 - density) * image + density * 0.85


def _snow(image: Tensor, strength: int, generator: torch.Generator) -> Tensor:
    """Flakes of several sizes, blown to one side, and a paler, greyer world behind them."""
    pale = 0.12 * strength
    behind = (1 - pale) * image + pale * (0.3 * functional.rgb_to_grayscale(image) + 0.55)
    flakes = _soft(_strokes(image, 90 * strength, 0.012, 0.018, slant=0.6, generator=generator), 0.003)
    return torch.lerp(behind, torch.ones(()), (1.3 * flakes).clamp(max=1))


def _rain(image: Tensor, strength: int, generator: torch.Generator) -> Tensor:
    """Long thin streaks in front of a darker, softer image."""
    behind = _soft(image, 0.0012 * strength) * (1 - 0.07 * strength)
    streaks = _strokes(image, 70 * strength, 0.12, 0.005, slant=0.25, generator=generator)
    return torch.lerp(behind, torch.full((), 0.85), 0.7 * streaks)


def _jpeg(image: Tensor, strength: int, generator: torch.Generator) -> Tensor:
    """JPEG of quality 48, 24, 12, 6, 3."""
    return functional.jpeg((image * 255).round().to(torch.uint8), 96 // 2**strength) / 255


_FUNCTIONS = {"noise": _noise, "blur": _blur, "fog": _fog, "snow": _snow, "rain": _rain, "jpeg": _jpeg}
CORRUPTIONS = tuple(_FUNCTIONS)


# ---- what weather is made of


def _soft(image: Tensor, width: float) -> Tensor:
    """Blurred by a Gaussian whose standard deviation is `width` shorter sides."""
    sigma = width * min(image.shape[-2:])
    return functional.gaussian_blur(image, 2 * math.ceil(3 * sigma) + 1, sigma)


def _drifts(size, generator: torch.Generator) -> Tensor:
    """Smooth random numbers 0..1 of shape `size`: random grids of 2, 4, 8 and 16 cells, added up."""
    total = torch.zeros(1, *size)
    for level in range(4):
        cells = 2 << level
        grid = torch.rand(1, cells, cells, generator=generator)
        total += 0.5**level * functional.resize(grid, list(size), antialias=False)
    return (total - total.min()) / (total.max() - total.min()).clamp(min=1e-6)


def _strokes(image: Tensor, count: int, length, thickness, *, slant, generator: torch.Generator) -> Tensor:
    """Random strokes in one direction: how much of each pixel they cover, (1, H, W) in 0..1.

    Args:
        count: how many there are on a square; other shapes get as many per area.
        length, thickness: in shorter sides of the image, times something from a half to one and a half.
        slant: how far a stroke goes sideways for each pixel downwards.
    """
    height, width = image.shape[-2:]
    scale = 2  # drawn larger and shrunk: soft edges
    side = scale * min(height, width)
    page = Image.new("L", (scale * width, scale * height))
    draw = ImageDraw.Draw(page)
    strokes = torch.rand(round(count * max(height, width) / min(height, width)), 3, generator=generator)
    for across, down, size in (strokes * torch.tensor([page.width, page.height, 1])).tolist():
        reach = (0.5 + size) * length * side
        width_of_line = max(1, round((0.5 + size) * thickness * side))
        draw.line((across, down, across + slant * reach, down + reach), fill=255, width=width_of_line)
    return functional.pil_to_tensor(page.resize((width, height), Image.Resampling.BOX)) / 255
