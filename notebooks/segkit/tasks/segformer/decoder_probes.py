"""Probes of the decoder that changes the order of its work: the same logits, with fewer multiply-adds."""

import math
import zlib
from typing import Any

import numpy
import torch

from segkit.checking.candidate import AnswerError, Candidate, StateEntry
from segkit.checking.probes import Outputs, build_with_canonical_parameters

SLOW, FAST = "MLPDecoder", "FastMLPDecoder"
SAVES = "whether it saves multiply-adds: no more of them than with every map fused at its own size (1 is yes)"
SLACK = 1.1  # biases and norms that are written out are multiplications, too


def fast_output(candidate: Candidate, *, arguments: dict[str, Any], inputs: list, train: bool = False, **_) -> Outputs:
    """The output, in evaluation or training mode, and whether it took few enough multiply-adds."""
    candidate.begin()
    module = build_with_canonical_parameters(candidate, FAST, arguments)
    answer = candidate.call(module, *inputs, train=train, count_multiply_adds=True)
    return {"the output": answer.result, SAVES: _saves(answer.multiply_adds, arguments, inputs)}


def with_own_weights(candidate: Candidate, *, arguments: dict[str, Any], inputs: list, seed: int, **_) -> Outputs:
    """How far the logits of the two decoders are apart once the fast one has the weights of the slow one, by name.

    All weights differ, so that the order of blocks matters. The fast decoder is called before it gets them: what it
    may have kept of its first weights is of no use then.
    """
    candidate.begin()
    slow, fast = candidate.build(SLOW, **arguments), candidate.build(FAST, **arguments)
    candidate.call(fast, *inputs, train=False)
    values = _values_by_name(_same_state(candidate.state(slow), candidate.state(fast)), seed)
    candidate.assign(slow, values)
    candidate.assign(fast, values)
    right = candidate.call(slow, *inputs, train=False).result
    answer = candidate.call(fast, *inputs, train=False, count_multiply_adds=True)
    return {
        f"the difference between {FAST}'s logits and {SLOW}'s for the same weights": _apart(answer.result, right),
        SAVES: _saves(answer.multiply_adds, arguments, inputs),
    }


def multiply_adds_of_own_sizes(arguments: dict[str, Any], inputs: list) -> int:
    """Multiply-adds of a decoder that maps and fuses every map at its own size, and classifies at the logits' size.

    Products of weights, which do not depend on the maps, are counted as well.
    """
    (maps,), embed = inputs, arguments["embed_channels"]
    batch, _, *first = maps[0].shape
    height, width = arguments["out_dims"] or first
    levels = sum(batch * h * w * embed * (channels + embed) for _, channels, h, w in (map.shape for map in maps))
    products = embed * embed * sum(arguments["in_channels"])
    return levels + products + batch * height * width * embed * arguments["num_classes"]


def _saves(counted: int, arguments: dict[str, Any], inputs: list) -> torch.Tensor:
    return torch.tensor(int(counted <= SLACK * multiply_adds_of_own_sizes(arguments, inputs)))


def _same_state(slow: list[StateEntry], fast: list[StateEntry]) -> list[StateEntry]:
    """The parameters and statistics of both decoders.

    Raises:
        AnswerError: if they are not the same by name and shape.
    """
    names = [{entry.name: entry.shape for entry in state} for state in (slow, fast)]
    lost = sorted(name for name in names[0].keys() | names[1].keys() if names[0].get(name) != names[1].get(name))
    if lost:
        sentence = f"{FAST} cannot take the weights of your {SLOW}: {lost[0]} is not in both, in the same shape."
        raise AnswerError(sentence, "other names")
    return slow


def _values_by_name(state: list[StateEntry], seed: int) -> dict[str, torch.Tensor]:
    """Numbers that differ from one parameter to the next, scaled so that maps keep their spread; variances positive."""
    values = {}
    for entry in state:
        numbers = numpy.random.RandomState(zlib.crc32(f"{seed}:{entry.name}".encode())).standard_normal(entry.shape)
        value = torch.from_numpy(numpy.asarray(numbers)) / math.sqrt(math.prod(entry.shape[1:]) or 1)
        values[entry.name] = 0.5 + value.abs() if entry.name.endswith("running_var") else value
    return values


def _apart(answer: Any, right: Any) -> torch.Tensor:
    """The difference in units of the right logits' spread.

    Raises:
        AnswerError: if one of them is no tensor, or they differ in shape.
    """
    for name, value in ((SLOW, right), (FAST, answer)):
        if not isinstance(value, torch.Tensor) or value.ndim != 4:
            raise AnswerError(f"{name} does not return logits (B, num_classes, height, width).", "no logits")
    if answer.shape != right.shape:
        shapes = f"{tuple(answer.shape)} and {tuple(right.shape)}"
        raise AnswerError(f"The logits of {FAST} and {SLOW} have the shapes {shapes}.", "other shapes")
    return (answer.double() - right.double()) / right.double().std()
