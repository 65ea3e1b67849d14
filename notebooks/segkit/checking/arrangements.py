"""The ways in which a right module may hold its parameters: fused, split among heads, transposed, unfolded.

The shape of a parameter leaves open what its rows and columns stand for. Where a module holds one that can be read in
several ways, each reading is an arrangement: the values of `segkit.checking.parameters` are put into it accordingly,
and the module is right if it is so in one of them.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from segkit.checking.candidate import AnswerError, Candidate, StateEntry


@dataclass(frozen=True)
class Design:
    """What a design says about matrices, beyond their shapes.

    Args:
        heads: the number of heads, by the number of channels that they share.
        patches: channels and side of the patches that are mapped linearly, by the count of numbers in one.
        filters: how many numbers a depthwise filter has.
        copies: sizes of biases that are copies of a shorter one, whose size follows.
        joined: numbers of channels that are joined with as many others before one linear layer maps them all.
        idle: shapes of matrices, or of filters (out, in, height, width), whose bias is set to 0, because it stands
            before a BatchNorm, which a design may as well leave out.
    """

    heads: dict[int, int] = field(default_factory=dict)
    patches: dict[int, tuple[int, int]] = field(default_factory=dict)
    filters: tuple[int, ...] = ()
    copies: dict[int, int] = field(default_factory=dict)
    joined: tuple[int, ...] = ()
    idle: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Arrangement:
    """One reading of a module's parameters.

    Args:
        fused: in which order a fused matrix holds its parts: `"stacked"`, `"by head"` (first head: query, key, value;
            second head: ...), `"by channel"` (first channel of each part, second of each, ...).
        patch: whether a linear layer over patches gets each of them channel by channel (`"channels first"`) or pixel
            by pixel (`"channels last"`).
        free: how matrices that belong to no layer of PyTorch are stored: `"out, in"` or `"in, out"`, or so that the
            last of them differs.
        split: whether matrices of single heads come `"by part"` (all queries, all keys, ...) or `"by head"`.
    """

    fused: str = "stacked"
    patch: str = "channels first"
    free: str = "out, in"
    split: str = "by part"


ORDERS = ("stacked", "by head", "by channel")
PATCHES = ("channels first", "channels last")
FREE = ("out, in", "in, out", "out, in but the last", "in, out but the last")
SPLIT = ("by part", "by head")


def arrangements(state: list[StateEntry], design: Design) -> list[Arrangement]:
    """The ways to read the parameters of `state`, the usual one first: a single one for most modules."""
    entries = [entry for entry in state if entry.kind == "parameter"]
    shapes = {without_ones(entry.shape) for entry in entries}
    fused = [ORDERS[0]]
    if any(is_fused_by_parts(shape, design) for shape in shapes):
        fused = list(ORDERS)
    elif any(is_fused(shape, design) for shape in shapes):
        fused = [ORDERS[0], ORDERS[-1]]
    patch = PATCHES if any(is_unfolded(entry, design) for entry in entries) else PATCHES[:1]
    free = FREE if any(is_free_matrix(entry, design) for entry in entries) else FREE[:1]
    split = SPLIT if split_matrices(entries, design) else SPLIT[:1]
    return [Arrangement(*choice) for choice in product(fused, patch, free, split)]


def each_arrangement(candidate: Candidate, probe, case: dict) -> Iterator[dict]:
    """The answers to a probe in every arrangement of what it builds.

    Raises:
        AnswerError: if there is no answer in the first one; in the others the probe is simply without an answer.
    """
    number = 0
    while number == 0 or number < candidate.arrangements:
        candidate.arrangement, candidate.arrangements = number, 1
        try:
            yield probe(candidate, **case)
        except AnswerError as error:
            if number == 0 or error.stopped:
                raise
        finally:
            candidate.arrangement = 0
        number += 1


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes of length one do not count: a 1x1 convolution is a linear layer."""
    return tuple(size for size in shape if size != 1)


def is_fused_by_parts(shape: tuple[int, ...], design: Design) -> bool:
    """Whether these are the matrices of keys and values, perhaps of queries too, in one."""
    return len(shape) == 2 and shape[1] in design.heads and shape[0] in (2 * shape[1], 3 * shape[1])


def is_fused(shape: tuple[int, ...], design: Design) -> bool:
    """Whether these are the matrices of several parts in one; or one that maps joined channels."""
    joins = len(shape) == 2 and shape[0] in design.joined and shape[1] > shape[0] and shape[1] % shape[0] == 0
    return joins or is_fused_by_parts(shape, design)


def is_unfolded(entry: StateEntry, design: Design) -> bool:
    """Whether this maps patches that were unfolded before, where others have a convolution."""
    shape = without_ones(entry.shape)
    sizes = shape[-1:] if entry.layer else shape
    return len(shape) == 2 and any(size in design.patches for size in sizes)


def is_free_matrix(entry: StateEntry, design: Design) -> bool:
    """Whether this is a matrix, perhaps split among heads, that belongs to no layer of PyTorch."""
    shape = without_ones(entry.shape)
    if entry.layer or is_free_bias(entry, design):
        return False
    return (len(shape) == 2 and not set(shape) & set(design.filters)) or bool(stack_of(shape, design))


def is_pixels_first(entry: StateEntry, design: Design) -> bool:
    """Whether these are filters (height, width, channels) or (height, width, in, out) that belong to no layer."""
    shape = without_ones(entry.shape)
    places = math.prod(shape[:-1])
    return not entry.layer and (
        (len(shape) == 3 and places in design.filters and shape[-1] not in shape[:-1])
        or (len(shape) == 4 and shape[0] == shape[1] and design.patches.get(places) == (shape[2], shape[0]))
    )


def is_single_filter(entry: StateEntry, design: Design) -> bool:
    """Whether this is the filter of a single channel: a convolution from one channel to one."""
    return bool(entry.layer) and entry.shape[:2] == (1, 1) and math.prod(entry.shape) in design.filters


def is_free_bias(entry: StateEntry, design: Design) -> bool:
    """Whether this is a bias that belongs to no layer and has axes for parts or heads."""
    count = math.prod(entry.shape)
    several = not entry.layer and len(without_ones(entry.shape)) > 1
    return several and any(count in (channels, 2 * channels, 3 * channels) for channels in design.heads)


def stack_of(shape: tuple[int, ...], design: Design) -> tuple[int, int] | None:
    """Parts and channels, if this is a stack of (C, C) matrices, with axes for parts or heads."""
    if len(shape) < 3:
        return None
    if len(shape) == 3 and shape[1] == shape[2] and shape[1] in design.joined:
        return shape[0], shape[1]
    for channels, heads in design.heads.items():
        for parts in (1, 2, 3):
            rest = list(shape[1:] if parts > 1 else shape)
            if parts > 1 and shape[0] != parts:
                continue
            if sorted(rest) in (sorted([channels, channels]), sorted([channels, heads, channels // heads])):
                return parts, channels
    return None


def split_matrices(entries: list[StateEntry], design: Design) -> dict[str, tuple[int, int]]:
    """The matrices of single heads, by name, with their number among those of their shape, and how many these are."""
    shapes = Counter(without_ones(entry.shape) for entry in entries)
    found, seen = {}, Counter()
    for entry in entries:
        shape = without_ones(entry.shape)
        if is_split(shape, design) and shapes[shape] % head_count(shape, design) == 0:
            found[entry.name] = (seen[shape], shapes[shape])
        seen[shape] += 1
    return found


def is_split(shape: tuple[int, ...], design: Design) -> bool:
    """Whether this maps to, or from, the channels of a single head."""
    return head_count(shape, design) > 1


def head_count(shape: tuple[int, ...], design: Design) -> int:
    """How many heads there are if this is the matrix of a single one, else 1."""
    if len(shape) == 2:
        for channels, heads in design.heads.items():
            if channels in shape and heads > 1:
                other = shape[1] if shape[0] == channels else shape[0]
                each = channels // heads
                if other < channels and other % each == 0 and other // each <= 3:
                    return heads
    return 1
