"""What the tests ask of functions that work on data: labels, shares, confusion matrices.

As in `segkit.checking.probes`, each probe builds, calls, and returns named tensors, and its keyword arguments are its
case. Answers may come as tensors, arrays, lists or numbers, and labels in any integer dtype. Transforms, training and
models in use have modules of their own beside this one.
"""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import Candidate
from segkit.checking.probes import Outputs
from segkit.checking.values import Make


def on_cpu(tensor: torch.Tensor) -> Make:
    """A tensor that stays on the CPU, as data does, when the models of a test are on another device."""
    return Make("on_cpu", tensor=tensor)


def as_tensor(value: Any) -> Any:
    """A tensor of numbers that came as a list; anything else as it is."""
    if isinstance(value, (list, tuple)):
        try:
            return torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            return value
    return value


def yes(fact: bool) -> torch.Tensor:
    """1 for yes: the form in which a probe returns a fact that must hold."""
    return torch.tensor(int(fact))


def result(
    candidate: Candidate,
    *,
    name: str,
    arguments: list,
    settings: dict | None = None,
    what: str = "the result",
    doubles: Iterable[str] = (),
) -> Outputs:
    """What a function of the notebook returns, called `what`; its tensors stay on the CPU."""
    candidate.begin(doubles=doubles)
    return {what: as_tensor(candidate.call(name, *map(_data, arguments), **(settings or {})).result)}


def result_of_generator(
    candidate: Candidate, *, name: str, items: list, what: str = "the result", doubles: Iterable[str] = ()
) -> Outputs:
    """As `result`, for a function that gets its items one by one and only once."""
    candidate.begin(doubles=doubles)
    items = [on_cpu(item) for item in items]
    return {what: as_tensor(candidate.call(name, Make("generator", items=items)).result)}


def result_and_manners(
    candidate: Candidate,
    *,
    name: str,
    arguments: list,
    settings: dict | None = None,
    what: str = "the result",
    dtype: str | None = "int64",
    doubles: Iterable[str] = (),
) -> Outputs:
    """As `result`, and whether the dtype is right (None: any) and the arguments are left unchanged."""
    candidate.begin(doubles=doubles)
    answer = candidate.call(name, *map(_data, arguments), **(settings or {}))
    value = as_tensor(answer.result)
    right_dtype = has_dtype("its dtype", value, dtype) if dtype else {}
    return {what: value, **right_dtype, **unchanged(answer.inputs_changed)}


def _data(argument: Any) -> Any:
    if isinstance(argument, torch.Tensor):
        return on_cpu(argument)
    return [_data(item) for item in argument] if isinstance(argument, (list, tuple)) else argument


def has_dtype(whose: str, value: Any, dtype: str) -> Outputs:
    """Whether a value is a tensor of that dtype."""
    right = isinstance(value, torch.Tensor) and str(value.dtype) == f"torch.{dtype}"
    return {f"whether {whose} is {dtype} (1 is yes)": yes(right)}


def unchanged(inputs_changed: list[bool]) -> Outputs:
    """Whether no input of a call was changed in place."""
    return {"whether what was passed in is left unchanged (1 is yes)": yes(not any(inputs_changed))}
