"""The layouts in which parameters may hold a published tensor: its axes in another order, cut into equal pieces.

A tensor has axes with names, such as `("out part", "out head", "out row", "in")` for the matrices of queries, keys and
values together. A layout is an order of the axes: permuted to it and cut along the first ones, the tensor is what one
parameter, or several of one shape, hold one after the other.
"""

import math
from collections.abc import Iterable
from itertools import accumulate
from operator import mul

from torch import Tensor

from segkit.checking.arrangements import without_ones
from segkit.checking.candidate import StateEntry

Layout = tuple[str, ...]


def layouts(entries: list[StateEntry], sizes: dict[str, int], orders: Iterable[Layout]) -> list[Layout]:
    """Those of `orders` in which `entries` can hold a tensor, each function once.

    Args:
        entries: parameters of one shape.
        sizes: of the tensor's axes, by name. The names of what a linear map makes begin with "out", the names of what
            it is made of with "in"; a layer of PyTorch holds the former first.
        orders: layouts, the usual one first.
    """
    possible: dict[Layout, Layout] = {}
    for order in orders:
        lengths = [sizes[axis] for axis in order]
        if _fits(entries, lengths) and (not entries[0].layer or _outputs_first(_uncut(order, lengths, len(entries)))):
            possible.setdefault(tuple(axis for axis in order if sizes[axis] > 1), order)
    return list(possible.values())


def held(tensor: Tensor, axes: Layout, layout: Layout, entries: list[StateEntry]) -> dict[str, Tensor]:
    """What each of `entries` holds of a tensor with these axes in this layout, by name."""
    flat = tensor.permute([axes.index(axis) for axis in layout]).reshape(-1)
    pieces = flat.split([math.prod(entry.shape) for entry in entries])
    return {entry.name: piece.reshape(entry.shape) for entry, piece in zip(entries, pieces, strict=True)}


def _fits(entries: list[StateEntry], lengths: list[int]) -> bool:
    """Whether axes of these lengths can be cut into as many pieces, and joined to the shape of one."""
    count, shape = len(entries), entries[0].shape
    boundaries = set(accumulate(lengths, mul, initial=1))
    wanted = [count, *(count * size for size in accumulate(without_ones(shape), mul))]
    return math.prod(lengths) == count * math.prod(shape) and boundaries.issuperset(wanted)


def _uncut(order: Layout, lengths: list[int], count: int) -> Layout:
    """The axes that are left when the first ones are cut into `count` pieces."""
    first = next(place for place, size in enumerate(accumulate(lengths, mul, initial=1)) if size == count)
    return order[first:]


def _outputs_first(axes: Layout) -> bool:
    inputs = [axis.startswith("in") for axis in axes]
    return inputs == sorted(inputs)
