"""What the tests of the warm-up ask of functions beyond their result; see `segkit.checking.probes`."""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Candidate
from segkit.checking.probes import Outputs


def function_gradient(
    candidate: Candidate,
    *,
    name: str,
    arguments: list,
    cotangent: torch.Tensor,
    settings: dict[str, Any] | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The gradient of sum(result * cotangent) by each floating-point argument."""
    candidate.begin(doubles=doubles)
    answer = candidate.call(name, *arguments, cotangents=cotangent, **(settings or {}))
    return {f"the gradient by input {number}": gradient for number, gradient in enumerate(answer.input_gradients, 1)}


def function_manners(
    candidate: Candidate,
    *,
    name: str,
    arguments: list,
    settings: dict[str, Any] | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The result; whether it has the dtype of the first argument, and whether the arguments are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call(name, *arguments, **(settings or {}))
    dtype = arguments[0].dtype
    kept = isinstance(answer.result, torch.Tensor) and answer.result.dtype == dtype
    return {
        "the result": answer.result,
        f"whether {str(dtype).removeprefix('torch.')} stays {str(dtype).removeprefix('torch.')} (1 is yes)": _yes(kept),
        "whether what was passed in is left unchanged (1 is yes)": _yes(not any(answer.inputs_changed)),
    }


def _yes(fact: bool) -> torch.Tensor:
    return torch.tensor(int(fact))
