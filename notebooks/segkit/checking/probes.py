"""What a test asks of a candidate: each probe builds, calls, and returns named tensors.

The same probe is run on the student's code and, for the right answer, on the reference: in a notebook the right
answer is a recorded one. A probe's keyword arguments are its case.
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from segkit.checking.arrangements import Design, arrangements
from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.objects import DTYPES
from segkit.checking.parameters import canonical_values, vector_count, weight_count
from segkit.checking.values import Handle

Outputs = dict[str, Any]


def build_with_canonical_parameters(
    candidate: Candidate,
    name: str,
    arguments: dict[str, Any],
    dtype: str = "float64",
) -> Handle:
    """An object of the class `name` whose parameters depend on their shapes only: see `canonical_values`."""
    module = candidate.build(name, dtype=dtype, **arguments)
    state, design = candidate.state(module), design_of(candidate.assignment, name, arguments)
    ways = arrangements(state, design)
    candidate.arrangements, candidate.registered = len(ways), weight_count(state, design)
    candidate.assign(module, canonical_values(state, 0, design, ways[candidate.arrangement % len(ways)]))
    return module


def design_of(assignment: str, name: str, arguments: dict[str, Any]) -> Design:
    """What the design of the class `name` says about its matrices; nothing, if the assignment does not tell."""
    package = f"segkit.tasks.{assignment}"
    if find_spec(f"{package}.designs") is None:
        return Design()
    designs = import_module(f"{package}.designs").DESIGNS
    return designs[name](arguments) if name in designs else Design()


def module_output(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    train: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output of a module in evaluation mode, or in training mode.

    Args:
        name: the class.
        arguments: its constructor's.
        inputs: what its forward takes.
        doubles: names of earlier tasks to replace by neutral stand-ins.
    """
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments)
    return {"the output": candidate.call(module, *inputs, train=train).result}


def module_gradients(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    cotangent: torch.Tensor,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The gradient of sum(output * cotangent) by each input, in evaluation mode."""
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments)
    gradients = candidate.call(module, *inputs, train=False, cotangents=cotangent).input_gradients
    return {f"the gradient by input {number}": gradient for number, gradient in enumerate(gradients, start=1)}


def module_weights(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    cotangent: torch.Tensor,
    norms: bool = False,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output, how many numbers a module's weights hold, and how many of them backward reaches.

    Args:
        norms: also count the vectors that backward reaches: for a module whose own vectors all belong to norms. Else
            biases and norms are left out of the counts, for some of them cannot matter.
    """
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments)
    state, design = candidate.state(module), design_of(candidate.assignment, name, arguments)
    answer = candidate.call(module, *inputs, train=False, cotangents=cotangent)
    used = [entry for entry in state if entry.name in set(answer.reached)]
    return {
        "the output": answer.result,
        "the number of weights": torch.tensor(weight_count(state, design)),
        "the number of weights that get a gradient": torch.tensor(weight_count(used, design)),
        **({"the number of values in norms that get a gradient": torch.tensor(vector_count(used))} if norms else {}),
    }


def module_manners(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output, and whether the module minds its manners, 1 for yes.

    It leaves its input as it was, a second call gives the same, and a sample does not see its neighbours.
    """
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments)
    first = candidate.call(module, *inputs, train=False)
    second = candidate.call(module, *inputs, train=False).result
    alone = candidate.call(module, *_first_sample(inputs), train=False).result
    answers = (first.result, second, alone)
    if not all(isinstance(answer, torch.Tensor) and answer.ndim for answer in answers):
        raise AnswerError("The output is not a tensor with a batch axis.")
    return {
        "the output": first.result,
        "whether the input is left unchanged (1 is yes)": torch.tensor(int(not any(first.inputs_changed))),
        "whether a second call gives the same output (1 is yes)": torch.tensor(int(_close(first.result, second))),
        "whether a sample's output is independent of the rest of its batch (1 is yes)": torch.tensor(
            int(_close(alone, first.result[:1]))
        ),
    }


def module_in_precision(
    candidate: Candidate,
    *,
    dtype: str,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output for parameters and inputs of `dtype` ("float32", "bfloat16"), and whether it has it, 1 for yes."""
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments, dtype)
    result = candidate.call(module, *_in_precision(inputs, DTYPES[dtype]), train=False).result
    right = isinstance(result, torch.Tensor) and result.dtype == DTYPES[dtype]
    return {f"the output in {dtype}": result, f"whether its dtype is {dtype} (1 is yes)": torch.tensor(int(right))}


def function_result(
    candidate: Candidate, *, name: str, arguments: list, settings: dict | None = None, doubles: Iterable[str] = ()
) -> Outputs:
    """What a function of the notebook returns; a tuple gives one entry per item."""
    candidate.begin(doubles=doubles)
    result = candidate.call(name, *arguments, **(settings or {})).result
    if isinstance(result, tuple):
        return {f"item {number} of the result": item for number, item in enumerate(result, start=1)}
    return {"the result": result}


def _first_sample(value: Any) -> Any:
    return value[:1] if isinstance(value, torch.Tensor) else [_first_sample(item) for item in value]


def _in_precision(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, torch.Tensor) else [_in_precision(item, dtype) for item in value]


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.numel() == 0:
        return a.shape == b.shape
    a, b = a.double(), b.double()
    return torch.allclose(a, b, rtol=0, atol=1e-9 * (1 + float(b.abs().nan_to_num().max())), equal_nan=True)
