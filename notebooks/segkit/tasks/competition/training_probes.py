"""What the tests ask of a schedule, of losses and of what an auxiliary head adds to one."""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Candidate
from segkit.checking.probes import Outputs


def factors(
    candidate: Candidate,
    *,
    steps: Iterable[int],
    cycle_steps: int,
    settings: dict | None = None,
    doubles: Iterable[str] = (),
) -> Outputs:
    """What `poly_restarts` says of some steps, each asked by itself, in the order given."""
    candidate.begin(doubles=doubles)
    said = [candidate.call("poly_restarts", step, cycle_steps, **(settings or {})).result for step in steps]
    return {"the row of factors": _row(said)}


def _row(answers: list) -> Any:
    """Numbers in a row; if there is anything else among them, the first such answer."""
    for answer in answers:
        single = isinstance(answer, torch.Tensor) and answer.numel() == 1
        if not single and not isinstance(answer, (int, float)):
            return answer
    return torch.tensor([_float(answer) for answer in answers], dtype=torch.float64)


def _float(answer: Any) -> float:
    try:
        return float(answer)
    except OverflowError:  # an int of hundreds of digits
        return torch.inf
