"""What a test asks of a candidate: each probe builds, calls, and returns named tensors.

The same probe is run on the student's code and, for the right answer, on the reference: in a notebook the right
answer is a recorded one. A probe's keyword arguments are its case.
"""

from collections.abc import Iterable
from typing import Any

import torch

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.parameters import canonical_values, vector_count, weight_count
from segkit.checking.values import Handle

Outputs = dict[str, Any]
Shapes = Iterable[tuple[int, int]]


def build_with_canonical_parameters(
    candidate: Candidate,
    name: str,
    arguments: dict[str, Any],
    dtype: str = "float64",
    idle_biases: Shapes = (),
) -> Handle:
    """An object of the class `name` whose parameters depend on their shapes only: see `canonical_values`."""
    module = candidate.build(name, dtype=dtype, **arguments)
    candidate.assign(module, canonical_values(candidate.state(module), idle_biases=idle_biases))
    return module


def module_output(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    idle_biases: Shapes = (),
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output of a module in evaluation mode.

    Args:
        name: the class.
        arguments: its constructor's.
        inputs: what its forward takes.
        idle_biases: as in `canonical_values`.
        doubles: names of earlier tasks to replace by neutral stand-ins.
    """
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments, idle_biases=idle_biases)
    return {"the output": candidate.call(module, *inputs, train=False).result}


def module_gradients(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    cotangent: torch.Tensor,
    idle_biases: Shapes = (),
    doubles: Iterable[str] = (),
) -> Outputs:
    """The gradient of sum(output * cotangent) by each input, in evaluation mode."""
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments, idle_biases=idle_biases)
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
    idle_biases: Shapes = (),
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output, how many numbers a module's weights hold, and how many of them backward reaches.

    Args:
        norms: also count the vectors that backward reaches: for a module whose own vectors all belong to norms. Else
            biases and norms are left out of the counts, for some of them cannot matter.
    """
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments, idle_biases=idle_biases)
    state = candidate.state(module)
    answer = candidate.call(module, *inputs, train=False, cotangents=cotangent)
    used = [entry for entry in state if entry.name in set(answer.reached)]
    return {
        "the output": answer.result,
        "the number of weights": torch.tensor(weight_count(state)),
        "the number of weights that get a gradient": torch.tensor(weight_count(used)),
        **({"the number of values in norms that get a gradient": torch.tensor(vector_count(used))} if norms else {}),
    }


def module_manners(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    idle_biases: Shapes = (),
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output, and whether the module minds its manners, 1 for yes.

    It leaves its input as it was, a second call gives the same, and a sample does not see its neighbours.
    """
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments, idle_biases=idle_biases)
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


def module_in_float32(
    candidate: Candidate,
    *,
    name: str,
    arguments: dict[str, Any],
    inputs: list,
    idle_biases: Shapes = (),
    doubles: Iterable[str] = (),
) -> Outputs:
    """The output for float32 parameters and inputs, and whether it is float32, 1 for yes."""
    candidate.begin(doubles=doubles)
    module = build_with_canonical_parameters(candidate, name, arguments, "float32", idle_biases)
    result = candidate.call(module, *_to_float32(inputs), train=False).result
    right = isinstance(result, torch.Tensor) and result.dtype == torch.float32
    return {"the output in float32": result, "whether its dtype is float32 (1 is yes)": torch.tensor(int(right))}


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


def _to_float32(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) else [_to_float32(item) for item in value]


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.numel() == 0:
        return a.shape == b.shape
    a, b = a.double(), b.double()
    return torch.allclose(a, b, rtol=0, atol=1e-9 * (1 + float(b.abs().nan_to_num().max())), equal_nan=True)
