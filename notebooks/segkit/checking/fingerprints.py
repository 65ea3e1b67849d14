"""A few numbers that tell one answer from another without holding it: to recognise a mistake that was seen before."""

import math
import re
from typing import Any

import numpy
import torch

from segkit.checking.candidate import AnswerError
from segkit.checking.values import Unknown

NUMBERS = 6
LARGEST = 200_000  # numbers in an answer whose values are looked at: every test's right answer has far fewer
SAID = 200  # characters of an error that are compared: where a longer one is cut off depends on torch's version
CLAIM = "whether "
_NUMBERS = re.compile(r"\d+")
_BACKWARD = re.compile(r"Backward\d+\b")  # what torch 2.11 adds to an operation's name in its errors, and 2.14 does not
Fingerprint = dict[str, dict[str, Any]]


def fingerprint(answers: dict[str, Any]) -> Fingerprint:
    """A fingerprint of named answers, as a tree of JSON.

    A tensor of up to NUMBERS numbers is its own; of a larger one, its numbers are added up under random signs, which
    are the same for all tensors of that size.
    """
    return {name: _of_value(value) for name, value in answers.items()}


def fingerprint_of_error(error: AnswerError) -> Fingerprint:
    """That there was no answer, and what was raised instead, without its numbers and its place."""
    said = _BACKWARD.sub("", str(error).split(" (in ")[0])
    return {"": {"error": error.kind, "said": _NUMBERS.sub("0", said)}}


def same_fingerprint(one: Fingerprint, other: Fingerprint, tolerance: float, *, claims_only: bool = False) -> bool:
    """Whether two fingerprints are of the same answer.

    Args:
        tolerance: of the numbers' difference, relative to the standard deviation of `other`.
        claims_only: compare shapes and facts ("whether ...") and no other values, for answers that chance decides.
    """
    if list(one) != list(other):
        return False
    return all(
        _same_shape(one[name], other[name]) if claims_only and not name.startswith(CLAIM)
        else _same_value(one[name], other[name], tolerance)
        for name in other
    )  # fmt: skip


def _of_value(value: Any) -> dict[str, Any]:
    if isinstance(value, (bool, int, float)):
        too_large = isinstance(value, int) and abs(value) >= 2**63
        value = torch.tensor(math.inf if too_large else value, dtype=torch.float64)
    if not isinstance(value, torch.Tensor):
        return {"type": value.type_name if isinstance(value, Unknown) else type(value).__name__}
    if value.numel() > LARGEST:
        return {"shape": list(value.shape), "type": "large"}
    numbers = value.double().flatten()
    finite = numbers.nan_to_num(nan=0.0, posinf=1e6, neginf=-1e6)
    return {
        "shape": list(value.shape),
        "nan": int(numbers.isnan().sum()),
        "spread": float(finite.std()) if len(finite) > 1 else 0.0,
        "numbers": finite.tolist() if len(finite) <= NUMBERS else (_signs(len(finite)) @ finite).tolist(),
    }


def _signs(count: int) -> torch.Tensor:
    signs = numpy.random.RandomState(count).randint(0, 2, (NUMBERS, count)) * 2.0 - 1.0
    return torch.from_numpy(signs) / math.sqrt(count)


def _same_shape(one: dict, other: dict) -> bool:
    if any(one.get(key) != other.get(key) for key in ("error", "type", "shape")):
        return False
    return one.get("said", "")[:SAID] == other.get("said", "")[:SAID]


def _same_value(one: dict, other: dict, tolerance: float) -> bool:
    if not _same_shape(one, other) or one.get("nan") != other.get("nan"):
        return False
    if "numbers" not in other:
        return True
    allowed = 2 * tolerance * (other["spread"] if other["spread"] > 1e-6 else 1.0)
    pairs = zip(one["numbers"], other["numbers"], strict=True)
    return all(abs(mine - theirs) <= allowed + 1e-12 * abs(theirs) for mine, theirs in pairs)
