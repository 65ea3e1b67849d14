"""Fingerprints: equal for equal answers, whatever their size; different for others; never an error of ours."""

import json

import pytest
import torch
from test_compare import ODD_ANSWERS

from segkit.checking.candidate import AnswerError
from segkit.checking.fingerprints import LARGEST, NUMBERS, fingerprint, fingerprint_of_error, same_fingerprint
from segkit.checking.values import decode, encode

WHAT = "the output"


def of(value) -> dict:
    return json.loads(json.dumps(fingerprint({WHAT: value})))  # as it is kept


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(), (NUMBERS,), (2, 3, 4, 5)])
def test_equal_answers_have_the_same_fingerprint_up_to_the_tolerance(shape):
    answer = numbers(*shape)
    assert same_fingerprint(of(answer + 1e-6), of(answer), 1e-4)
    assert same_fingerprint(of(answer.float()), of(answer), 1e-4)
    assert not same_fingerprint(of(answer + 1e-2), of(answer), 1e-4)


def test_other_values_shapes_names_and_types_differ():
    answer = numbers(3, 8)
    for other in (numbers(3, 8, seed=1), answer.T, answer[:2], answer.flatten(), None, [1.0], 3, answer * torch.nan):
        assert not same_fingerprint(of(other), of(answer), 1e-4)
    assert not same_fingerprint(fingerprint({"another": answer}), of(answer), 1e-4)
    one_wrong = answer.clone()
    one_wrong[1, 2] += 1
    assert not same_fingerprint(of(one_wrong), of(answer), 1e-4)


def test_where_chance_decides_only_facts_and_shapes_are_compared():
    fact = "whether a second call gives the same output (1 is yes)"
    one, other = ({WHAT: numbers(9, seed=seed), fact: torch.tensor(0)} for seed in (1, 2))
    assert same_fingerprint(fingerprint(one), fingerprint(other), 1e-4, claims_only=True)
    right = fingerprint(other | {fact: torch.tensor(1)})
    assert not same_fingerprint(fingerprint(one), right, 1e-4, claims_only=True)


def test_errors_are_the_same_but_for_numbers_and_places():
    size = "Your code raised RuntimeError: size mismatch, {} and 4 (in forward, cell 20: `x @ y`)."
    one, other = (fingerprint_of_error(AnswerError(size.format(number), "RuntimeError")) for number in (3, 77))
    assert same_fingerprint(one, other, 1e-4)
    assert not same_fingerprint(one, fingerprint_of_error(AnswerError("Another.", "RuntimeError")), 1e-4)


def test_an_error_is_the_same_in_the_words_of_torch_2_11_and_2_14():
    words = (
        "Your code raised RuntimeError: one of the variables needed for gradient computation has been modified by an "
        "inplace operation: [torch.DoubleTensor [2, 3]], which is output 0 of {}, is at version 1; expected version 0 "
        "instead. Hint: enable anomaly detection to find the operation that failed to compute its {}."
    )
    old, new, other = (
        fingerprint_of_error(AnswerError(words.format(*differing), "RuntimeError"))
        for differing in (("AsStridedBackward0", "gra"), ("AsStrided", "gradient, wi"), ("Mul", "gradient, wi"))
    )
    assert same_fingerprint(old, new, 1e-4) and not same_fingerprint(old, other, 1e-4)


@pytest.mark.parametrize(
    "answer",
    [*ODD_ANSWERS, 10**400, float("inf"), torch.zeros(LARGEST + 1)],
    ids=lambda answer: type(answer).__name__,
)
def test_whatever_a_student_returns_has_a_fingerprint(answer):
    """An error here would be a fault of the grader, which a student could cause."""
    tensors = {}
    value = decode(encode(answer(numbers(2, 3)) if callable(answer) else answer, tensors), tensors)
    assert set(of(value)) == {WHAT}
    assert not same_fingerprint(of(value), of(numbers(4, 4)), 1e-4)
