"""Counts the multiplications that a call does, whatever it is written with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode


def multiply_add_counter() -> FlopCounterMode:
    """A context that counts matrix products and convolutions, and products number by number beside them.

    The latter, because a matrix product can be written as a product and a sum. Its `get_total_flops` counts a
    multiply-add as two.
    """
    from torch.utils.flop_counter import FlopCounterMode  # imports triton: most of a second, which few runs need

    by_number = dict.fromkeys((torch.ops.aten.mul, torch.ops.aten.mul_), _twice_the_numbers)
    return FlopCounterMode(display=False, custom_mapping=by_number)


def _twice_the_numbers(*_: object, out_shape: torch.Size, **__: object) -> int:
    return 2 * math.prod(out_shape)
