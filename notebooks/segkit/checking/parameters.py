"""Parameter values that depend on nothing but what a parameter is: its canonical shape.

Two right implementations name, order and fuse their layers differently. If every parameter gets values that depend
only on its canonical shape, both become the same function, and their answers can be compared:

* axes of length one do not count: a 1x1 convolution is a linear layer, a depthwise filter is (C, k, k);
* a convolution is a linear layer over the patches that it sees;
* any other matrix whose longer side is a multiple of the shorter one is made of copies of one square block, so that a
  fused key/value layer (2C, C) equals two separate (C, C) ones, and concatenation may go in any order;
* a bias follows the matrix beside it: that of (2C, C) is two copies of the one of (C, C).

What shapes leave open is for `segkit.checking.arrangements`.
"""

import math
import zlib
from functools import lru_cache

import numpy
import torch

from segkit.checking.arrangements import (
    Arrangement,
    Design,
    head_count,
    is_free_bias,
    is_free_matrix,
    is_fused,
    is_pixels_first,
    is_single_filter,
    is_unfolded,
    split_matrices,
    stack_of,
    without_ones,
)
from segkit.checking.candidate import StateEntry


def canonical_values(
    state: list[StateEntry],
    seed: int = 0,
    design: Design | None = None,
    arrangement: Arrangement | None = None,
) -> dict[str, torch.Tensor]:
    """Float64 values for the parameters of `state` and the statistics of its BatchNorms, by name.

    Weights are scaled by the root of how many numbers they sum up; vectors lie in +-[0.5, 1.5], far enough from their
    usual start (0 or 1) that a missing bias, norm or statistic shows. Buffers other than BatchNorm's are left alone.
    """
    values = _Values(state, seed, design or Design(), arrangement or Arrangement())
    return {entry.name: values.of(entry).reshape(entry.shape) for entry in state if not _is_other_buffer(entry)}


def weight_count(state: list[StateEntry], design: Design | None = None) -> int:
    """How many numbers the matrices and filters hold; vectors are left out, for some biases cannot matter."""
    return sum(math.prod(entry.shape) for entry in state if _is_weight(entry, design or Design()))


def vector_count(state: list[StateEntry]) -> int:
    """How many numbers the vectors hold: biases, and the weights and biases of norms."""
    return sum(math.prod(e.shape) for e in state if e.kind == "parameter" and len(without_ones(e.shape)) < 2)


def _is_weight(entry: StateEntry, design: Design) -> bool:
    return entry.kind == "parameter" and len(without_ones(entry.shape)) >= 2 and not is_free_bias(entry, design)


def _is_other_buffer(entry: StateEntry) -> bool:
    return entry.kind == "buffer" and not entry.name.endswith(("running_mean", "running_var"))


class _Values:
    """The values of one module's parameters in one arrangement."""

    def __init__(self, state: list[StateEntry], seed: int, design: Design, arrangement: Arrangement) -> None:
        self.seed, self.design, self.arrangement = seed, design, arrangement
        self.split = split_matrices(state, design)
        free = [entry.name for entry in state if is_free_matrix(entry, design)]
        self.last_free = free[-1] if free else None
        self.beside: dict[str, list[StateEntry]] = {}  # matrices by the module that holds them
        for entry in state:
            if len(without_ones(entry.shape)) == 2:
                self.beside.setdefault(_owner(entry.name), []).append(entry)
        self.single_filters = [entry.name for entry in state if is_single_filter(entry, design)]
        self.idle_filters = {entry.name for entry in state if len(entry.shape) == 4 and entry.shape in design.idle}

    def of(self, entry: StateEntry) -> torch.Tensor:
        shape = without_ones(entry.shape)
        if is_free_bias(entry, self.design) or len(shape) < 2:
            value = self._vector(entry)
            return value.abs() if entry.name.endswith("running_var") else value
        if entry.name in self.single_filters:
            return self._single_filters()[self.single_filters.index(entry.name)]
        if is_pixels_first(entry, self.design):
            return self._pixels_first(shape)
        transposed = is_free_matrix(entry, self.design) and self._is_transposed(entry)
        if not entry.layer and stack_of(shape, self.design):
            return self._stack(shape, transposed)
        shape = shape[::-1] if transposed else shape
        value = self._of_one_head(entry, shape) if entry.name in self.split else self._matrix(entry, shape)
        return value.T.contiguous() if transposed else value

    def _is_transposed(self, entry: StateEntry) -> bool:
        usual = self.arrangement.free.startswith("in, out")
        return usual ^ (self.arrangement.free.endswith("last") and entry.name == self.last_free)

    def _matrix(self, entry: StateEntry, shape: tuple[int, ...]) -> torch.Tensor:
        """A matrix (out, in) or the filters (out, in, height, width) of a convolution."""
        if len(shape) == 2 and shape[1] not in {*self.design.patches, *self.design.filters}:
            weight = _copies(shape, self.seed)
            if is_fused(shape, self.design):
                weight = weight.index_select(int(shape[0] < shape[1]), self._order(max(shape), min(shape)))
            return weight
        weight = _over_patches((shape[0], math.prod(shape[1:])), self.seed)
        unfolded = is_unfolded(entry, self.design) and shape[1] in self.design.patches
        if unfolded and self.arrangement.patch == "channels last":
            channels, side = self.design.patches[shape[1]]
            weight = weight.unflatten(1, (channels, side * side)).transpose(1, 2).flatten(1)
        return weight

    def _pixels_first(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Filters (height, width, channels) of a depthwise convolution, or (height, width, in, out) of any other."""
        if len(shape) == 3:
            return _over_patches((shape[2], shape[0] * shape[1]), self.seed).T.contiguous()
        weight = _over_patches((shape[3], math.prod(shape[:3])), self.seed).unflatten(1, (shape[2], shape[0], shape[1]))
        return weight.permute(2, 3, 1, 0).contiguous()

    def _single_filters(self) -> torch.Tensor:
        """The filters of a depthwise convolution that are held one by one."""
        return _over_patches((len(self.single_filters), self.design.filters[0]), self.seed)

    def _order(self, size: int, block: int) -> torch.Tensor:
        """Which of `size` stacked rows stands where in a matrix that fuses parts of `block` rows."""
        rows = torch.arange(size).view(-1, block)
        if self.arrangement.fused == "by channel":
            return rows.T.flatten()
        if self.arrangement.fused == "by head" and block in self.design.heads:
            return rows.unflatten(1, (self.design.heads[block], -1)).transpose(0, 1).flatten()
        return rows.flatten()

    def _of_one_head(self, entry: StateEntry, shape: tuple[int, ...]) -> torch.Tensor:
        """The rows, or the columns, of one head in a (C, C) matrix."""
        channels, rows = max(shape), self._rows_of_head(entry.name, shape)
        whole = _copies((channels, channels), self.seed)
        if shape[0] == channels:
            return whole[:, rows].repeat(1, shape[1] // (rows.stop - rows.start))
        return whole[rows].repeat(shape[0] // (rows.stop - rows.start), 1)

    def _rows_of_head(self, name: str, shape: tuple[int, ...]) -> slice:
        heads = head_count(shape, self.design)
        number, count = self.split[name]
        head = number % heads if self.arrangement.split == "by part" else number // (count // heads)
        each = max(shape) // heads
        return slice(head * each, (head + 1) * each)

    def _stack(self, shape: tuple[int, ...], transposed: bool) -> torch.Tensor:
        """Matrices with axes for parts or heads, for example (3, C, C) or (heads, C, C / heads)."""
        parts, channels = stack_of(shape, self.design)
        whole = _copies((channels, channels), self.seed)
        by_head = (self.design.heads.get(channels, 1), -1)
        if len(shape) - (parts > 1) == 3 and shape[-2] == channels:  # one matrix for each head
            whole = whole.unflatten(0, by_head).mT if transposed else whole.unflatten(1, by_head).transpose(0, 1)
        elif transposed:
            whole = whole.T
        return whole.reshape(1, -1).repeat(parts, 1)

    def _vector(self, entry: StateEntry) -> torch.Tensor:
        size = math.prod(entry.shape)
        weight = f"{_owner(entry.name)}.weight"
        if weight in self.single_filters and size == 1:
            count = len(self.single_filters)
            block = self.design.copies.get(count, count)
            return _vector(block, self.seed)[[self.single_filters.index(weight) % block]]
        matrix = self._matrix_of_bias(entry, size)
        if weight in self.idle_filters or (matrix and without_ones(matrix.shape) in self.design.idle):
            return torch.zeros(size, dtype=torch.float64)
        if matrix and matrix.name in self.split:
            return self._bias_of_one_head(matrix, size)
        block = self._block(entry, matrix, size)
        values = _vector(block, self.seed).repeat(size // block)
        fused = matrix and is_fused(without_ones(matrix.shape), self.design)
        return values[self._order(size, block)] if size > block and fused else values

    def _matrix_of_bias(self, entry: StateEntry, size: int) -> StateEntry | None:
        """The matrix beside a bias, which may stand transposed if it belongs to no layer."""
        beside = self.beside.get(_owner(entry.name), [])
        rows = [matrix for matrix in beside if without_ones(matrix.shape)[0] == size]
        columns = [matrix for matrix in beside if not matrix.layer and without_ones(matrix.shape)[1] == size]
        return next(iter([*rows, *columns]), None)

    def _block(self, entry: StateEntry, matrix: StateEntry | None, size: int) -> int:
        """The size of the vector of which a fused layer's bias has several copies."""
        if is_free_bias(entry, self.design):
            return max(channels for channels in self.design.heads if size % channels == 0)
        if size in self.design.copies:
            return self.design.copies[size]
        if matrix:
            block = min(without_ones(matrix.shape))
            is_patch = without_ones(matrix.shape)[1] in {*self.design.patches, *self.design.filters}
            if size % block == 0 and not is_patch:
                return block
        return size

    def _bias_of_one_head(self, matrix: StateEntry, size: int) -> torch.Tensor:
        shape = without_ones(matrix.shape)
        rows, values = self._rows_of_head(matrix.name, shape), _vector(max(shape), self.seed)
        if size < max(shape):
            return values[rows].repeat(size // (rows.stop - rows.start))
        # The outputs of all heads are added up, and with them their biases: the first has the whole of it.
        return values if rows.start == 0 else torch.zeros_like(values)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _copies(shape: tuple[int, int], seed: int) -> torch.Tensor:
    """A matrix made of copies of one square block where its sides allow it."""
    side = min(shape)
    if max(shape) % side:
        return _normal(shape, seed) / math.sqrt(shape[1])
    # Scaled as a block: four (E, E) layers that are added up are the (E, 4E) one that fuses.
    return _normal((side, side), seed).repeat(shape[0] // side, shape[1] // side) / math.sqrt(side)


def _over_patches(shape: tuple[int, int], seed: int) -> torch.Tensor:
    return _normal(shape, seed) / math.sqrt(shape[1])


@lru_cache(maxsize=512)  # the layers of a module, and the modules of a class, have the same few shapes
def _vector(size: int, seed: int) -> torch.Tensor:
    generator = _generator((size,), seed)
    signs, sizes = generator.randint(0, 2, size) * 2.0 - 1.0, generator.uniform(0.5, 1.5, size)
    return torch.from_numpy(signs * sizes)


@lru_cache(maxsize=512)
def _normal(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.from_numpy(_generator(shape, seed).standard_normal(shape))


def _generator(shape: tuple[int, ...], seed: int) -> numpy.random.RandomState:
    # RandomState's streams are frozen: the recorded answers stay true with any later numpy.
    return numpy.random.RandomState(zlib.crc32(f"{seed}:{shape}".encode()))
