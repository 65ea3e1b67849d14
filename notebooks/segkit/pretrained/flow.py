"""In which order a stage's input meets its parameters: read from the graph that PyTorch records for backward.

Names and order of registration say little about what a parameter is for; where the data meet it says more. A norm's
scale is met before its shift, a query's matrix before the output's, the first block's before the second's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segkit.checking.arrangements import without_ones


@dataclass(frozen=True)
class Meeting:
    """Where the data first meet a parameter.

    Args:
        depth: the number of operations on the longest way from the input to there.
        turn: the parameter's place among those of the same operation, matrices before vectors.
        after: the names of the parameters that the data met last before.
    """

    depth: int
    turn: int
    after: frozenset[str]


def meetings(module: nn.Module, features: Tensor) -> dict[str, Meeting]:
    """Where the data meet each parameter of `module` on their way from `features` to its output.

    Parameters that they do not meet are left out.

    Raises:
        Exception: whatever the module raises.
    """
    features = features.clone().requires_grad_()
    with torch.enable_grad():
        output = module(features)
    names = {parameter: name for name, parameter in module.named_parameters()}
    axes = {name: len(without_ones(parameter.shape)) for parameter, name in names.items()}
    depths: dict = {}  # of the operations that depend on the input
    last: dict = {}  # what the data that leave such an operation met last
    carried: dict = {}  # the parameters that the other operations only reshape
    found: dict[str, Meeting] = {}
    for operation, ways in _in_order(output.grad_fn):
        variable = getattr(operation, "variable", None)
        before = [way for way in ways if way in depths]
        if variable is features:
            depths[operation], last[operation] = 0, frozenset()
        elif not before:
            own = {names[variable]} if variable in names else set()
            carried[operation] = own.union(*(carried[way] for way in ways))
        else:
            depths[operation] = 1 + max(depths[way] for way in before)
            after = frozenset().union(*(last[way] for way in before))
            if operation.name().startswith("Addcmul"):
                ways = [*ways[1:], *ways[:1]]  # torch.addcmul(shift, x, scale) adds its first argument last
            met = dict.fromkeys(name for way in ways for name in sorted(carried.get(way, ())))
            for turn, name in enumerate(sorted(met, key=lambda name: -axes[name])):
                if name not in found or depths[operation] < found[name].depth:
                    found[name] = Meeting(depths[operation], turn, after)
                after = frozenset({name})
            last[operation] = after
    return found


def _in_order(root) -> Iterator[tuple]:
    """The operations that lead to `root`, each after those that it depends on, with these."""
    done: set = set()
    waiting = [] if root is None else [root]
    while waiting:
        operation = waiting[-1]
        ways = [way for way, _ in operation.next_functions if way is not None]
        missing = [way for way in ways if way not in done]
        if missing:
            waiting.extend(missing)
        else:
            waiting.pop()
            if operation not in done:
                done.add(operation)
                yield operation, ways
