"""A probe of the whole model: its output, and where its weights are."""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Candidate, StateEntry
from segkit.checking.parameters import weight_count
from segkit.checking.probes import Outputs, build_with_canonical_parameters, design_of

PARTS = ("encoder", "head")


def weights_of_parts(
    candidate: Candidate, *, name: str, arguments: dict[str, Any], inputs: list, doubles: Iterable[str] = ()
) -> Outputs:
    """The output, how many weights the attributes `encoder` and `head` hold, and how many are in neither."""
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments)
    state, design = candidate.state(module), design_of(candidate.assignment, name, arguments)
    weights = {part: weight_count([e for e in state if _is_in(e, part)], design) for part in PARTS}
    outside = sum(entry.kind == "parameter" and not any(_is_in(entry, part) for part in PARTS) for entry in state)
    return {
        "the output": candidate.call(module, *inputs, train=False).result,
        **{f"the number of weights in {part}": torch.tensor(count) for part, count in weights.items()},
        "the number of parameters outside of encoder and head": torch.tensor(outside),
    }


def _is_in(entry: StateEntry, part: str) -> bool:
    return entry.name.startswith(f"{part}.")
