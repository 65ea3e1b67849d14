"""Attention weights of a student's own module, whatever style it is written in.

No attribute holds them, and a fused layer, `nn.MultiheadAttention` or `F.scaled_dot_product_attention` never gives them
out. But they are the one thing in the module that for every query is a distribution over the keys: not negative, with
sum 1. So the forward pass is run while every result of every operation is looked at, and what has this property and the
right size is kept. PyTorch's fused attention is told to compute step by step meanwhile.
"""

import math
from contextlib import contextmanager
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from segkit.analysis.parts import evaluating, parts_named, recording
from segkit.devices import device_of
from segkit.errors import CourseError

# A map whose sides differ from each other, and from the numbers of heads that models have: it tells axes apart.
_TRIAL = (16, 24)
_RATIOS = range(1, 9)  # how many times smaller the grid of the keys may be; the paper's largest is 8
_TOLERANCE = 1e-3  # of a sum of weights that should be 1


def attention_of_position(model: nn.Module, image: Tensor, position: tuple[int, int]) -> list[Tensor]:
    """What one position of an image looks at, in the last `EfficientSelfAttention` of every stage.

    Args:
        model: a SegFormer whose stages are `MixTransformerEncoderLayer`s.
        image: a network input, float (3, H, W).
        position: (row, column) of a pixel of this input.

    Returns:
        One tensor per stage, (heads, h, w): the weights of the query in which the pixel lies on the grid of the keys,
        h x w of them. They are positive and each head's sum is 1.

    Raises:
        CourseError: if the pixel lies outside, the model lacks such parts, or no weights can be found in one.
    """
    height, width = image.shape[-2:]
    row, column = position
    if not (0 <= row < height and 0 <= column < width):
        raise CourseError(f"Position {position} lies outside the image of {height} x {width} pixels.")
    maps = []
    for layer, features in _last_layer_of_each_stage(model, image):
        h, w = features.shape[-2:]
        weights = attention_weights(layer, features)
        maps.append(weights[:, row * h // height * w + column * w // width].cpu())
    return maps


def attention_weights(attention: nn.Module, features: Tensor) -> Tensor:
    """The weights softmax(Q K^T / sqrt(d)) of an attention module on one map (Xie et al. 2021, equation 1).

    Args:
        attention: any module that maps (1, C, H, W) to the same shape and attends from every position to a grid of
            keys that is R times smaller along each side (rounded down).
        features: (1, C, H, W).

    Returns:
        (heads, H * W, H // R, W // R), detached. Heads that agree to the last bit are counted once.

    Raises:
        CourseError: if no tensor in the forward pass is a distribution over the keys for every query.
    """
    with evaluating(attention):
        trial = torch.randn(1, features.shape[1], *_TRIAL, generator=torch.Generator().manual_seed(0)).to(features)
        layouts = _Layouts(_TRIAL)
        _run(attention, trial, layouts.consider)
        found = _Weights(features.shape[-2:], layouts.found)
        _run(attention, features, found.consider)
    if not found.matrices:
        raise CourseError(
            f"No attention weights were found in {type(attention).__name__}: nothing that it computes is, for every "
            'query, a distribution over the keys (not negative, sum 1). Does `check("attention")` pass?'
        )
    return torch.stack(found.matrices).unflatten(-1, found.key_grid)


def _last_layer_of_each_stage(model: nn.Module, image: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """The last attention module of each stage with the map that it gets, in the order in which they are called."""
    stage_of = {
        part: number
        for number, stage in enumerate(parts_named(model, "MixTransformerEncoderLayer"))
        for part in parts_named(stage, "EfficientSelfAttention")
    }
    with evaluating(model), torch.no_grad(), recording(list(stage_of)) as calls:
        model(image[None].to(device_of(model)))
    return list({stage_of[layer]: (layer, features) for layer, features, _ in calls}.values())


# ---- watching a forward pass


def _run(attention: nn.Module, features: Tensor, consider) -> None:
    """A forward pass in which `consider` sees the result of every operation."""
    with _composed_of_small_steps(), _Watch(consider), torch.no_grad():
        attention(features)


@contextmanager
def _composed_of_small_steps():
    """Fused kernels never write the weights anywhere, so none are used."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


class _Watch(TorchDispatchMode):
    def __init__(self, consider):
        super().__init__()
        self.consider = consider

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor) and value.is_floating_point():
                self.consider(value.detach())
        return result


class _Layout(NamedTuple):
    """How a tensor of weights is laid out."""

    ratio: int  # how many times smaller the grid of the keys is
    ndim: int
    queries: tuple[int, ...]  # the axes along which the queries lie, one or two
    keys: tuple[int, ...]

    def fits(self, tensor: Tensor, grid: tuple[int, int]) -> bool:
        """Whether a tensor of a forward pass on a map of this size can be weights that are laid out like this."""
        return (
            tensor.ndim == self.ndim
            and self.queries in _axes_of(tensor.shape, grid)
            and self.keys in _axes_of(tensor.shape, _reduced(grid, self.ratio))
            and _is_distribution(_as_matrices(tensor, self.queries, self.keys))
        )


class _Layouts:
    """Finds out, on a trial map, how the tensors that hold weights are laid out."""

    def __init__(self, grid: tuple[int, int]):
        self.grid = grid
        self.found: set[_Layout] = set()

    def consider(self, tensor: Tensor) -> None:
        if tensor.numel() % (self.grid[0] * self.grid[1]):
            return
        for ratio in _RATIOS:
            key_axes = _axes_of(tensor.shape, _reduced(self.grid, ratio))
            for queries, keys in product(_axes_of(tensor.shape, self.grid), key_axes):
                layout = _Layout(ratio, tensor.ndim, queries, keys)
                if not set(queries) & set(keys) and layout.fits(tensor, self.grid):
                    self.found.add(layout)


class _Weights:
    """Collects the weights on a map of any size, now that it is known how they are laid out.

    `matrices` holds one (H * W, keys) per head, `key_grid` the height and width of the grid of the keys.
    """

    def __init__(self, grid, layouts: set[_Layout]):
        self.grid = tuple(grid)
        self.layouts = sorted(layouts)
        self.matrices: list[Tensor] = []
        self.key_grid: tuple[int, int] = self.grid

    def consider(self, tensor: Tensor) -> None:
        for layout in self.layouts:
            if layout.fits(tensor, self.grid):
                self.key_grid = _reduced(self.grid, layout.ratio)
                return self._add(_as_matrices(tensor, layout.queries, layout.keys))

    def _add(self, matrices: Tensor) -> None:
        """Copies, slices and other views of what is known already are no heads of their own."""
        for matrix in matrices:
            if not any(torch.equal(matrix, known) for known in self.matrices) and not self._is_mean(matrix):
                self.matrices.append(matrix.clone())

    def _is_mean(self, matrix: Tensor) -> bool:
        """`nn.MultiheadAttention` returns the mean over its heads, unless it is told not to."""
        return len(self.matrices) > 1 and torch.allclose(matrix, torch.stack(self.matrices).mean(dim=0))


def _reduced(grid: tuple[int, int], ratio: int) -> tuple[int, int]:
    return (grid[0] // ratio, grid[1] // ratio)


def _axes_of(shape, grid) -> list[tuple[int, ...]]:
    """Where a grid (H, W) lies among the axes: as one of H * W, or as two neighbours."""
    flat = [(axis,) for axis, size in enumerate(shape) if size == grid[0] * grid[1]]
    return flat + [(axis, axis + 1) for axis in range(len(shape) - 1) if tuple(shape[axis : axis + 2]) == tuple(grid)]


def _as_matrices(tensor: Tensor, queries: tuple[int, ...], keys: tuple[int, ...]) -> Tensor:
    """(..., queries, keys) in any order of axes -> (heads, queries, keys)"""
    others = [axis for axis in range(tensor.ndim) if axis not in queries + keys]
    ordered = tensor.permute(*others, *queries, *keys)
    rows, columns = (math.prod(tensor.shape[axis] for axis in axes) for axes in (queries, keys))
    return ordered.reshape(-1, rows, columns)


def _is_distribution(matrices: Tensor) -> bool:
    sums = matrices.float().sum(dim=-1)
    return bool((matrices >= 0).all()) and bool(((sums - 1).abs() < _TOLERANCE).all())
