"""Which part of an encoder stage each parameter of a student's stage belongs to.

The order in which the data meet them (`segkit.pretrained.flow`) tells the parts apart, whatever they are called and
however they are registered: patch merging, then for every block a norm, attention, a norm and Mix-FFN, then a norm.
What it leaves open, queries, keys and values, is for `segkit.pretrained.placing`.
"""

import math
from dataclasses import dataclass

from segkit.checking.arrangements import Design, is_free_bias, without_ones
from segkit.checking.candidate import StateEntry
from segkit.pretrained.flow import Meeting
from segkit.pretrained.sizes import StageSizes

_NORMS = ("LayerNorm", "GroupNorm")


class UnknownStructure(Exception):
    """The parameters cannot be told apart; the message says what was missing, as the end of a sentence."""


@dataclass(frozen=True)
class Group:
    """Parameters of one shape that hold a tensor together, and their biases; both in order of registration."""

    matrices: list[StateEntry]
    biases: list[StateEntry]


@dataclass(frozen=True)
class Block:
    """One block: norms as (scale, shift); `projections` hold queries, keys and values, in any order."""

    norm1: tuple[StateEntry, StateEntry]
    reduce: Group | None
    reduce_norm: tuple[StateEntry, StateEntry] | None
    projections: list[Group]
    project: Group
    norm2: tuple[StateEntry, StateEntry]
    widen: Group
    filters: Group
    narrow: Group


@dataclass(frozen=True)
class Roles:
    """The parts of a stage."""

    embed: Group
    embed_norm: tuple[StateEntry, StateEntry]
    blocks: list[Block]
    norm: tuple[StateEntry, StateEntry]


def roles(state: list[StateEntry], met: dict[str, Meeting], sizes: StageSizes) -> Roles:
    """The parts that the parameters `state` belong to.

    Args:
        state: in order of registration.
        met: where the data meet them; what they do not meet belongs to nothing.

    Raises:
        UnknownStructure: if there are others, or not as many, as the parts need.
    """
    return _Reader(state, met, sizes).stage()


class _Reader:
    """Takes the parameters in the order in which the data meet them."""

    def __init__(self, state: list[StateEntry], met: dict[str, Meeting], sizes: StageSizes) -> None:
        self.met, self.sizes = met, sizes
        self.design = Design(heads={sizes.channels: sizes.heads})
        self.places = {entry.name: place for place, entry in enumerate(state)}
        used = [entry for entry in state if entry.name in met]
        matrices = [entry for entry in used if not self._is_vector(entry)]
        self.matrices = sorted(matrices, key=lambda entry: met[entry.name].depth)  # ties: as registered
        self.biases: dict[str, list[StateEntry]] = {}
        norms = []
        for entry in used:
            if self._is_vector(entry):
                owner = self._matrix_of(entry, matrices)
                (self.biases.setdefault(owner.name, []) if owner else norms).append(entry)
        self.norms = sorted(norms, key=lambda entry: (met[entry.name].depth, met[entry.name].turn))

    def stage(self) -> Roles:
        sizes = self.sizes
        embed = self._take("the patch merging", sizes.channels * sizes.in_channels * sizes.patch**2)
        embed_norm = self._norm("the patch merging's norm")
        blocks = [self._block(f"block {number}") for number in range(1, sizes.n_layers + 1)]
        norm = self._norm("the final norm")
        surplus = [*self.matrices, *self.norms]
        if surplus:
            raise UnknownStructure(f"{surplus[0].name} {surplus[0].shape} is one parameter more than a stage needs")
        return Roles(self._group(embed), embed_norm, blocks, norm)

    def _block(self, where: str) -> Block:
        channels, hidden, reduced = self.sizes.channels, self.sizes.hidden, self.sizes.channels**2 * self.sizes.ratio**2
        norm1 = self._norm(f"the first norm of {where}")
        reduces = self.sizes.ratio > 1
        attention = self._take(f"the attention of {where}", 4 * channels**2 + reduced * reduces)
        reduce = next((entry for entry in attention if reduces and math.prod(entry.shape) == reduced), None)
        if reduces and reduce is None:
            raise UnknownStructure(f"the reduction of {where} is not one parameter of {reduced} numbers")
        rest = [entry for entry in attention if entry is not reduce]
        project = []
        while sum(math.prod(entry.shape) for entry in project) < channels**2:
            project.insert(0, rest.pop())
        return Block(
            norm1,
            self._group([reduce]) if reduce else None,
            self._norm(f"the norm after the reduction of {where}") if reduce else None,
            self._groups_by_shape(rest),
            self._group(project),
            self._norm(f"the second norm of {where}"),
            self._group(self._take(f"the first linear layer of Mix-FFN in {where}", channels * hidden)),
            self._group(self._take(f"the depthwise convolution of {where}", 9 * hidden)),
            self._group(self._take(f"the last linear layer of Mix-FFN in {where}", channels * hidden)),
        )

    def _take(self, what: str, count: int) -> list[StateEntry]:
        """The next matrices, which hold `count` numbers together."""
        taken, total = [], 0
        while total < count and self.matrices:
            taken.append(self.matrices.pop(0))
            total += math.prod(taken[-1].shape)
        if total != count:
            names = ", ".join(f"{entry.name} {entry.shape}" for entry in taken[:3]) or "nothing"
            raise UnknownStructure(f"{what} needs {count} weights, but there the data meet {names} with {total}")
        return taken

    def _norm(self, what: str) -> tuple[StateEntry, StateEntry]:
        pair = tuple(self.norms[:2])
        del self.norms[:2]
        if [math.prod(entry.shape) for entry in pair] != [self.sizes.channels] * 2:
            raise UnknownStructure(f"{what} has no scale and shift for {self.sizes.channels} channels")
        return pair

    def _groups_by_shape(self, entries: list[StateEntry]) -> list[Group]:
        groups: dict[tuple, list[StateEntry]] = {}
        for entry in sorted(entries, key=lambda entry: self.places[entry.name]):
            groups.setdefault((without_ones(entry.shape), bool(entry.layer)), []).append(entry)
        return [self._group(group) for group in groups.values()]

    def _group(self, matrices: list[StateEntry]) -> Group:
        matrices = sorted(matrices, key=lambda entry: self.places[entry.name])
        return Group(matrices, [bias for matrix in matrices for bias in self.biases.get(matrix.name, [])])

    def _is_vector(self, entry: StateEntry) -> bool:
        return len(without_ones(entry.shape)) < 2 or is_free_bias(entry, self.design)

    def _matrix_of(self, vector: StateEntry, matrices: list[StateEntry]) -> StateEntry | None:
        """The matrix that a bias belongs to: in the same layer, or met just before it; None for a norm's vector."""
        if vector.layer in _NORMS:
            return None
        owner = vector.name.rpartition(".")[0]
        beside = [matrix for matrix in matrices if vector.layer and matrix.name.rpartition(".")[0] == owner]
        before = [matrix for matrix in matrices if matrix.name in self.met[vector.name].after]
        return next(iter([*beside, *before]), None)
