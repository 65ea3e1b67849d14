"""How a student's stage holds the tensors of a published one: one way of several, and the values that it gives.

What the parameters' roles leave open is which of them are queries, keys and values, and in which layout each holds
its part.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product

import torch
from torch import Tensor

from segkit.checking.candidate import StateEntry
from segkit.pretrained.layouts import Layout, held, layouts
from segkit.pretrained.names import Stage
from segkit.pretrained.roles import Block, Group, Roles, UnknownStructure
from segkit.pretrained.sizes import StageSizes

# Of each tensor the axes as published, then the other orders in which they are met.
_PATCH_ORDERS = (
    ("out", "in", "in row", "in column"), ("out", "in row", "in column", "in"),
    ("in", "in row", "in column", "out"), ("in row", "in column", "in", "out"),
)  # fmt: skip
_LINEAR_ORDERS = (("out", "in"), ("in", "out"))
_FILTERS_ORDERS = (("channel", "row", "column"), ("row", "column", "channel"))
# Queries, keys and values: stacked, by head (its query, key and value, then the next one's), by channel.
_ROW_ORDERS = (
    ("out part", "out head", "out row"), ("out head", "out part", "out row"), ("out head", "out row", "out part"),
)  # fmt: skip
_PROJECTION_ORDERS = tuple((*rows[:place], "in", *rows[place:]) for rows in _ROW_ORDERS for place in (3, 2, 1, 0))
_PROJECT_ORDERS = (("out", "in head", "in row"), ("in head", "in row", "out"), ("in head", "out", "in row"))
_PARTS = ("query", "key", "value")


@dataclass(frozen=True)
class Way:
    """One way to hold a stage's tensors; every block of the stage is read alike.

    Args:
        parts: queries, keys and values in the order in which the projections hold them.
        projections: a layout for each of their groups.
    """

    embed: Layout
    widen: Layout
    filters: Layout
    narrow: Layout
    reduce: Layout | None
    parts: tuple[str, ...]
    projections: tuple[Layout, ...]
    project: Layout


class Arranging:
    """The ways in which a stage may hold its tensors, and the values of its parameters in each of them.

    Raises:
        UnknownStructure: if there is no way.
    """

    def __init__(self, parts: Roles, sizes: StageSizes) -> None:
        self.roles, self.sizes = parts, sizes
        if len({_shapes(block) for block in parts.blocks}) > 1:
            raise UnknownStructure("its blocks do not hold their weights alike")
        block, channels, heads = parts.blocks[0], sizes.channels, sizes.heads
        self._embed = _options("the patch merging", parts.embed, _PATCH_ORDERS, sizes.shapes()["embed.weight"])
        self._widen = _options("Mix-FFN", block.widen, _LINEAR_ORDERS, (sizes.hidden, channels))
        self._filters = _options("the depthwise convolution", block.filters, _FILTERS_ORDERS, (sizes.hidden, 3, 3))
        self._narrow = _options("Mix-FFN", block.narrow, _LINEAR_ORDERS, (channels, sizes.hidden))
        self._reduce = [None]
        if block.reduce:
            shape = sizes.shapes()["0.reduce.weight"]
            self._reduce = _options("the reduction", block.reduce, _PATCH_ORDERS, shape)
        each = channels // heads
        self._projections = [
            _options("attention", group, _PROJECTION_ORDERS, (self._count(group), heads, each, channels))
            for group in block.projections
        ]
        self._project = _options("attention's output", block.project, _PROJECT_ORDERS, (channels, heads, each))

    def first(self) -> Way:
        """The usual way."""
        return Way(
            self._embed[0], self._widen[0], self._filters[0], self._narrow[0], self._reduce[0], _PARTS,
            tuple(options[0] for options in self._projections), self._project[0],
        )  # fmt: skip

    def of_patch_merging(self, way: Way) -> Iterator[Way]:
        """`way`, and the others that differ in the patch merging."""
        return (replace(way, embed=embed) for embed in self._embed)

    def of_mix_ffn(self, way: Way) -> Iterator[Way]:
        """`way`, and the others that differ in Mix-FFN."""
        for widen, filters, narrow in product(self._widen, self._filters, self._narrow):
            yield replace(way, widen=widen, filters=filters, narrow=narrow)

    def of_attention(self, way: Way) -> Iterator[Way]:
        """`way`, and the others that differ in attention."""
        layers = list(product(self._reduce, product(*self._projections), self._project))
        for (reduce, projections, project), parts in product(layers, permutations(_PARTS)):
            yield replace(way, reduce=reduce, parts=parts, projections=projections, project=project)

    def values(self, stage: Stage, way: Way) -> dict[str, Tensor]:
        """The values of the student's parameters, by their names.

        Raises:
            UnknownStructure: if the biases do not fit in this way.
        """
        values = _held(self.roles.embed, stage, "embed", _PATCH_ORDERS[0], way.embed)
        values |= _norm(self.roles.embed_norm, stage, "embed_norm") | _norm(self.roles.norm, stage, "norm")
        for number, block in enumerate(self.roles.blocks):
            values |= self._attention(block, stage, number, way)
            values |= _norm(block.norm1, stage, f"{number}.norm1") | _norm(block.norm2, stage, f"{number}.norm2")
            values |= _held(block.widen, stage, f"{number}.widen", _LINEAR_ORDERS[0], way.widen)
            values |= _held(block.filters, stage, f"{number}.filters", _FILTERS_ORDERS[0], way.filters)
            values |= _held(block.narrow, stage, f"{number}.narrow", _LINEAR_ORDERS[0], way.narrow)
        return values

    def _attention(self, block: Block, stage: Stage, number: int, way: Way) -> dict[str, Tensor]:
        values = {}
        if block.reduce:
            values |= _held(block.reduce, stage, f"{number}.reduce", _PATCH_ORDERS[0], way.reduce)
            values |= _norm(block.reduce_norm, stage, f"{number}.reduce_norm")
        parts = list(way.parts)
        for group, layout in zip(block.projections, way.projections, strict=True):
            count = self._count(group)
            values |= self._projection(group, stage, number, parts[:count], layout)
            del parts[:count]
        weight = stage[f"{number}.project.weight"].unflatten(1, (self.sizes.heads, -1))
        values |= held(weight, _PROJECT_ORDERS[0], way.project, block.project.matrices)
        if {math.prod(bias.shape) for bias in block.project.biases} != {self.sizes.channels}:
            raise UnknownStructure("attention's output has no bias of one number for each channel")
        first, *others = block.project.biases
        values[first.name] = stage[f"{number}.project.bias"].reshape(first.shape)
        # Outputs of single heads are added up, and with them their biases.
        return values | {other.name: torch.zeros(other.shape, dtype=torch.float64) for other in others}

    def _projection(self, group: Group, stage: Stage, number: int, parts: list[str], layout: Layout) -> dict:
        """Queries, keys or values, several of them in one if need be."""
        by_head = (self.sizes.heads, -1)
        weight = torch.stack([stage[f"{number}.{part}.weight"].unflatten(0, by_head) for part in parts])
        values = held(weight, _PROJECTION_ORDERS[0], layout, group.matrices)
        numbers = sum(math.prod(entry.shape) for entry in group.biases)
        if numbers == (len(parts) - 1) * self.sizes.channels and "key" in parts:
            parts = [part for part in parts if part != "key"]  # softmax takes the key's bias away, so some have none
        if numbers != len(parts) * self.sizes.channels:
            raise UnknownStructure("attention has not a bias for each of its projections")
        if parts:
            bias = torch.stack([stage[f"{number}.{part}.bias"].unflatten(0, by_head) for part in parts])
            values |= held(bias, _ROW_ORDERS[0], tuple(axis for axis in layout if axis != "in"), group.biases)
        return values

    def _count(self, group: Group) -> int:
        """How many of queries, keys and values a group holds."""
        return sum(math.prod(entry.shape) for entry in group.matrices) // self.sizes.channels**2


def _shapes(block: Block) -> tuple:
    """What has to be the same in all blocks of a stage: the shapes of the parameters, part by part."""
    groups = (block.reduce, *block.projections, block.project, block.widen, block.filters, block.narrow)
    return tuple(
        tuple((entry.shape, entry.layer) for entry in [*group.matrices, *group.biases]) for group in groups if group
    )


def _options(what: str, group: Group, orders: tuple[Layout, ...], shape: tuple[int, ...]) -> list[Layout]:
    """The layouts in which a group can hold a tensor, whose axes are those of the first of `orders`."""
    options = layouts(group.matrices, dict(zip(orders[0], shape, strict=True)), orders)
    if not options:
        shapes = f"{len(group.matrices)} of shape {group.matrices[0].shape}"
        raise UnknownStructure(f"{what} holds its weights in parameters ({shapes}) that cannot be read")
    return options


def _held(group: Group, stage: Stage, layer: str, axes: Layout, layout: Layout) -> dict[str, Tensor]:
    """The values of a group that holds a layer with a bias."""
    weight, bias = stage[f"{layer}.weight"], stage[f"{layer}.bias"]
    if sum(math.prod(entry.shape) for entry in group.biases) != len(bias):
        raise UnknownStructure(f"{group.matrices[0].name} has no bias of {len(bias)} numbers beside it")
    if weight.ndim > len(axes):
        weight = weight.squeeze(1)  # a depthwise filter sees one channel
    return held(weight, axes, layout, group.matrices) | held(bias, axes[:1], axes[:1], group.biases)


def _norm(pair: tuple[StateEntry, StateEntry], stage: Stage, layer: str) -> dict[str, Tensor]:
    scale, shift = pair
    values = {scale.name: stage[f"{layer}.weight"], shift.name: stage[f"{layer}.bias"]}
    return {entry.name: values[entry.name].reshape(entry.shape) for entry in pair}
