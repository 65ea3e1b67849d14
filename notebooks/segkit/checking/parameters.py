"""Parameter values that depend on nothing but a parameter's shape.

Two right implementations name, order and fuse their layers differently. If every parameter gets values that depend
only on its canonical shape, both become the same function, and their answers can be compared:

* axes of length one do not count: a 1x1 convolution is a linear layer, a depthwise filter is (C, k, k);
* a matrix whose longer side is a multiple of the shorter one is made of copies of one square block, so that a fused
  key/value layer (2C, C) equals two separate (C, C) ones, and concatenation may go in any order;
* a bias follows the matrix beside it: that of (2C, C) is two copies of the one of (C, C).
"""

import math
import zlib
from collections.abc import Iterable

import numpy
import torch

from segkit.checking.candidate import StateEntry


def canonical_values(
    state: list[StateEntry], seed: int = 0, idle_biases: Iterable[tuple[int, int]] = ()
) -> dict[str, torch.Tensor]:
    """Float64 values for the parameters of `state` and the statistics of its BatchNorms, by name.

    Weights are scaled by 1/sqrt(fan-in); vectors lie in +-[0.5, 1.5], far enough from their usual start (0 or 1)
    that a missing bias, norm or statistic shows. Buffers other than BatchNorm's are left alone.

    Args:
        idle_biases: shapes of matrices whose bias is set to 0, because it stands before a BatchNorm, which a design
            may as well leave out.
    """
    idle = {tuple(shape) for shape in idle_biases}
    matrices = {_owner(entry.name): _canonical(entry.shape) for entry in state if len(_canonical(entry.shape)) == 2}
    values = {}
    for entry in state:
        if entry.kind == "buffer" and not entry.name.endswith(("running_mean", "running_var")):
            continue
        shape = _canonical(entry.shape)
        matrix = matrices.get(_owner(entry.name))
        value = _vector(shape, matrix, seed) if len(shape) < 2 else _weight(shape, seed)
        if len(shape) < 2 and matrix in idle:
            value = torch.zeros_like(value)
        if entry.name.endswith("running_var"):
            value = value.abs()
        values[entry.name] = value.reshape(entry.shape)
    return values


def weight_count(state: list[StateEntry]) -> int:
    """How many numbers the matrices and filters hold; vectors are left out, for some biases cannot matter."""
    return sum(math.prod(e.shape) for e in state if e.kind == "parameter" and len(_canonical(e.shape)) >= 2)


def vector_count(state: list[StateEntry]) -> int:
    """How many numbers the vectors hold: biases, and the weights and biases of norms."""
    return sum(math.prod(e.shape) for e in state if e.kind == "parameter" and len(_canonical(e.shape)) < 2)


def _canonical(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _weight(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    fan_in = math.prod(shape[1:])
    if len(shape) == 2:
        side = min(shape)
        if max(shape) % side == 0:
            block = _normal((side, side), seed)
            return block.repeat(shape[0] // side, shape[1] // side) / math.sqrt(fan_in)
    return _normal(shape, seed) / math.sqrt(fan_in)


def _vector(shape: tuple[int, ...], matrix: tuple[int, int] | None, seed: int) -> torch.Tensor:
    size = math.prod(shape)
    block = matrix[1] if matrix and matrix[0] == size and size % matrix[1] == 0 else size
    generator = _generator((block,), seed)
    signs, sizes = generator.randint(0, 2, block) * 2.0 - 1.0, generator.uniform(0.5, 1.5, block)
    return torch.from_numpy(signs * sizes).repeat(size // block)


def _normal(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.from_numpy(_generator(shape, seed).standard_normal(shape))


def _generator(shape: tuple[int, ...], seed: int) -> numpy.random.RandomState:
    # RandomState's streams are frozen: the recorded answers stay true with any later numpy.
    return numpy.random.RandomState(zlib.crc32(f"{seed}:{shape}".encode()))
