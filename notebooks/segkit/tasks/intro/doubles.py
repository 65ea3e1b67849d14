"""The neutral stand-in for the earlier task that `PixelLinear` uses."""

import torch


def normalize_channels(images, eps=1e-5):
    """Not a normalisation: each number by itself becomes another one, and another eps gives other numbers."""
    return torch.sin(2 * images) + images / 2 + eps**0.1


DOUBLES = {"normalize_channels": normalize_channels}
