"""What differs between two answers, in words: each kind of difference has its own sentence."""

import math
import re

import pytest
import torch
from torch import nn

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.compare import TOLERANCE, difference
from segkit.checking.probes import (
    function_result,
    module_gradients,
    module_in_precision,
    module_manners,
    module_output,
    module_weights,
)
from segkit.checking.public import first_difference
from segkit.checking.values import Unknown
from segkit.checking.workbench import Workbench


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MAPS = numbers(2, 3, 5, 6)  # two samples, three channels


def changed(where, by=1.0, start=MAPS):
    wrong = start.clone()
    wrong[where] += by
    return wrong


# --- equal ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (MAPS.clone(), MAPS),
        (MAPS.float(), MAPS),
        (MAPS + 0.5 * TOLERANCE * float(MAPS.std()), MAPS),
        (torch.tensor([1, 2, 255]), torch.tensor([1, 2, 255])),
        (torch.tensor([1.0, 2.0]), torch.tensor([1, 2])),
        (torch.tensor([0.5, math.nan]), torch.tensor([0.5, math.nan])),
        (torch.tensor([math.inf, -math.inf, 1.0]), torch.tensor([math.inf, -math.inf, 1.0])),
        (torch.ones(2, 0), torch.ones(2, 0)),
        (0.25, torch.tensor(0.25)),
        (True, torch.tensor(1)),
        (3, torch.tensor(3)),
        (math.nan, torch.tensor(math.nan)),
        (torch.full((4,), 5.0 + 0.5 * TOLERANCE), torch.full((4,), 5.0)),  # no spread: relative to 1
    ],
)
def test_the_right_answer_has_no_difference(actual, expected):
    assert difference(actual, expected) is None


def test_the_tolerance_is_relative_to_the_spread_of_the_answer():
    error = 1.5 * TOLERANCE * float(MAPS.std())
    assert "times the spread" in difference(MAPS + error, MAPS)
    assert difference(MAPS + error, MAPS, tolerance=2 * TOLERANCE) is None
    assert difference(1000 * (MAPS + error), 1000 * MAPS) is not None
    assert difference(1000 * MAPS + error, 1000 * MAPS) is None
    assert difference(MAPS / 1000 + error, MAPS / 1000) is not None


def test_whole_numbers_must_be_equal_whatever_the_tolerance():
    right = torch.arange(1000)
    assert difference(right + (right == 3), right, tolerance=10.0) is not None


# --- kinds and shapes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "found"),
    [
        (Unknown("generator"), "a generator"),
        (Unknown("tensor of torch.complex64"), "a tensor of torch.complex64"),
        ("text", "a str"),
        ([1, 2], "a list"),
        ((torch.ones(2),), "a tuple"),
        ({"x": 1}, "a dict"),
    ],
    ids=str,
)
def test_an_answer_of_another_type_is_named(actual, found):
    assert difference(actual, MAPS, what="the output") == (
        f"The output is {found}; a tensor of shape (2, 3, 5, 6) was expected."
    )
    assert difference(actual, torch.tensor(0.5)) == f"The answer is {found}; a number was expected."


def test_a_forgotten_return_is_asked_about():
    sentence = difference(None, MAPS, what="the output")
    assert sentence.startswith("The output is None; a tensor of shape (2, 3, 5, 6) was expected")
    assert "return" in sentence


def test_another_number_of_axes():
    assert difference(MAPS.flatten(2), MAPS).endswith(
        "shape (2, 3, 30); (2, 3, 5, 6) was expected: it has 3 axes instead of 4."
    )
    assert difference(torch.ones(30), MAPS).endswith(": it has 1 axis instead of 4.")
    assert difference(2.0, torch.ones(3)).endswith("has shape (); (3,) was expected: it has 0 axes instead of 1.")
    assert difference(torch.ones(3), torch.tensor(2.0)).endswith("has shape (3,); a single number was expected.")


def test_another_order_of_axes():
    assert difference(MAPS.transpose(1, 2), MAPS) == (
        "The answer has shape (2, 5, 3, 6); (2, 3, 5, 6) was expected: "
        "the sizes are right but the axes are in another order."
    )


def test_other_sizes_are_named_by_axis():
    assert difference(MAPS[:, :, :4], MAPS).endswith(": axis 2 (counted from 0) differs.")
    assert difference(MAPS[:1, :, :, :2], MAPS).endswith(": axis 0 and axis 3 (counted from 0) differ.")


# --- values ---------------------------------------------------------------------------------------------------------


def test_how_many_are_wrong_where_and_by_how_much():
    spread = float(MAPS.std())
    sentence = difference(changed((1, 2, 3, 4), 3 * spread), MAPS, what="the result")
    assert sentence.startswith(
        "The result has the right shape (2, 3, 5, 6), but 1 of its 180 numbers is wrong, by up to"
    )
    assert "by up to 3 times the spread (standard deviation) of the right answer" in sentence
    assert f"yours at [1, 2, 3, 4] is {float(MAPS[1, 2, 3, 4]) + 3 * spread:.5g}" in sentence
    assert "but 2 of its 180 numbers are wrong" in difference(changed((0, 1, 2, slice(2))), MAPS)
    assert "but 50% of its 180 numbers are wrong" in difference(changed(0), MAPS)
    assert "but every one of its 180 numbers is wrong" in difference(numbers(2, 3, 5, 6, seed=1), MAPS)
    matrix = numbers(3, 5)
    assert "yours in row 1, column 4 is" in difference(changed((1, 4), start=matrix), matrix)


@pytest.mark.parametrize(("actual", "word"), [(0.25, "small"), (0.75, "large"), (1, "large"), (-1, "small")])
def test_a_single_number_is_too_large_or_too_small(actual, word):
    sentence = difference(actual, torch.tensor(0.5), what="the loss")
    assert sentence.startswith(f"The loss is {actual}, which is too {word}")


def test_the_right_number_is_revealed_only_when_asked():
    right = MAPS.clone()
    right[0, 0, 0, 0] = 0.123456789
    wrong = numbers(2, 3, 5, 6, seed=1)
    assert "right is 0.12346" in difference(wrong, right, reveal=True)
    for answer in (wrong, changed((0, 0, 0, 0), start=right), right[:1], right.mT, None):
        assert "0.123" not in difference(answer, right)
    assert difference(3, torch.tensor(4), reveal=True) == "The answer is 3; right is 4."
    assert "4" not in difference(3, torch.tensor(4))
    small, other = torch.tensor([1.5, 2.5]), torch.tensor([1.5, 3.5])
    assert difference(other, small, reveal=True) == "The answer is [1.5, 3.5]; right is [1.5, 2.5]."
    assert "2.5" not in difference(other, small)
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3])
    assert "should be 3" in difference(torch.where(torch.arange(12) == 7, 0, labels), labels, reveal=True)
    assert "3" not in difference(torch.where(torch.arange(12) == 7, 0, labels), labels)


@pytest.mark.parametrize(("value", "word"), [(math.nan, "NaN"), (math.inf, "infinity"), (-math.inf, "infinity")])
def test_nan_and_infinity_are_said(value, word):
    wrong = MAPS.clone()
    wrong[0, 1, 2, 3] = value
    assert difference(wrong, MAPS).endswith(f"1 of its 180 numbers is wrong: it contains {word}.")


def test_nan_is_expected_or_not_expected():
    assert difference(math.nan, torch.tensor(0.5)) == "The answer is NaN; a number was expected."
    assert difference(0.5, torch.tensor(math.nan)) == "The answer is 0.5; NaN was expected."


def test_a_number_where_nan_is_right_is_no_error_of_a_certain_size():
    right = torch.tensor([0.5, math.nan, 0.25, 0.75])
    sentence = difference(torch.tensor([0.5, 0.0, 0.25, 0.75]), right)
    assert sentence == "The answer has the right shape (4,), but 1 of its 4 numbers is wrong; yours at [1] is 0."
    assert "right is [0.5, NaN, 0.25, 0.75]" in difference(torch.tensor([0.5, 0.0, 0.25, 0.75]), right, reveal=True)
    assert "yours at [0] is NaN" in difference(torch.tensor([math.nan, math.nan, 0.25, 0.75]), right)


def test_a_number_too_large_for_a_tensor_is_a_wrong_number():
    assert difference(10**4000, torch.tensor(3)).startswith("The answer is inf, which is too large")
    assert difference(-(2**63), torch.tensor(3)) is not None
    assert difference(2**63 - 1, torch.tensor(2**63 - 1)) is None


def test_a_broken_promise_is_said_in_its_own_words():
    what = "whether the input is left unchanged (1 is yes)"
    assert difference(torch.tensor(1), torch.tensor(1), what=what) is None
    sentence = difference(torch.tensor(0), torch.tensor(1), what=what)
    assert sentence == "The values are right, but this does not hold: the input is left unchanged."


# --- patterns -------------------------------------------------------------------------------------------------------


def pattern(actual, expected=MAPS):
    """The sentences after the first, which says how much is wrong."""
    sentence = difference(actual, expected)
    first = re.match(r".*?; yours (at \[[\d, ]*\]|in row \d+, column \d+) is \S+\.( |$)", sentence)
    return sentence[first.end() :]


def test_only_the_border():
    wrong = MAPS.clone()
    wrong[..., 0, :] += 1
    wrong[..., :, -1] *= 2
    assert pattern(wrong) == "Only the border is wrong: look at the padding, or at how the edges are sampled."
    assert "border" not in pattern(changed((0, 0, 2, 2), start=wrong))


def test_the_border_of_a_map_counts_but_a_confusion_matrix_has_none():
    labels = torch.arange(64).reshape(8, 8) % 4
    wrong = labels.clone()
    wrong[0] = labels[0].flip(0)
    assert "Only the border" in pattern(wrong, labels)
    map = numbers(1, 4, 4)
    assert "Only the border" in pattern(changed((0, 0, slice(None)), numbers(4, seed=1), map), map)
    matrix = torch.arange(16).reshape(4, 4) ** 2
    sentence = pattern(changed((0, slice(None)), 1, matrix), matrix)
    assert sentence == "Of its 4 rows, 1 is wrong."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: 2 * x, "Your answer is 2 times the right answer."),
        (lambda x: -x, "Your answer is -1 times the right answer."),
        (lambda x: x / math.sqrt(3), "Your answer is 0.5774 times the right answer."),
        (lambda x: x + 0.5, "Your answer is the right answer plus 0.5."),
        (lambda x: 3 * x - 2, "Your answer is 3 times the right answer minus 2."),
    ],
)
def test_a_factor_and_an_offset(wrong, words):
    assert pattern(wrong(MAPS)) == words


PER_CHANNEL = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)[:, None, None]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x - PER_CHANNEL, "Each channel is right up to an offset of its own: is a bias missing"),
        (lambda x: x * PER_CHANNEL, "Each channel is right up to a factor and an offset of its own"),
        (lambda x: x * PER_CHANNEL + PER_CHANNEL, "Each channel is right up to a factor and an offset of its own"),
    ],
)
def test_a_factor_and_an_offset_for_each_channel(wrong, words):
    assert pattern(wrong(MAPS)).startswith(words)


def test_nothing_is_claimed_where_there_is_no_pattern():
    assert pattern(numbers(2, 3, 5, 6, seed=1)) == ""
    assert pattern(2 * MAPS + 1e-3 * numbers(2, 3, 5, 6, seed=1)) == ""
    assert pattern(MAPS.flip(2) + 1e-3 * numbers(2, 3, 5, 6, seed=1)) == ""


def test_all_the_same():
    assert pattern(torch.zeros_like(MAPS)) == "All your numbers are the same."


@pytest.mark.parametrize(
    ("axis", "shape", "words"),
    [
        (2, (2, 3, 5, 6), "axis 2 in reverse order"),
        (3, (2, 3, 5, 6), "axis 3 in reverse order"),
        (0, (5, 6), "its rows in reverse order"),
        (2, (2, 5, 3), "its columns in reverse order"),
    ],
)
def test_mirrored(axis, shape, words):
    right = numbers(*shape)
    assert pattern(right.flip(axis), right) == f"It is the right answer with {words}."


def test_transposed():
    right = numbers(4, 4)
    assert pattern(right.T, right) == "It is the right answer with rows and columns exchanged."


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ((slice(1, 2),), "Of its 2 samples of the batch, 1 is wrong."),
        ((slice(None), slice(1, 3)), "Of its 3 channels, 2 are wrong."),
        ((slice(None), slice(None), slice(1, 3)), "Of its 5 rows, 2 are wrong."),
        ((..., slice(2, 3)), "Of its 6 columns, 1 is wrong."),
    ],
)
def test_wrong_samples_channels_rows_or_columns(where, words):
    wrong = MAPS.clone()
    wrong[where] = numbers(*wrong[where].shape, seed=1)
    assert pattern(wrong) == words


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda labels: labels + 1, "Every label is 1 too large."),
        (lambda labels: labels - 2, "Every label is 2 too small."),
        (lambda labels: torch.where(labels == 3, 255, labels), "It contains 255, which the right answer does not."),
        (lambda labels: labels.flip(1), "It is the right answer with its columns in reverse order."),
    ],
)
def test_wrong_labels(wrong, words):
    labels = torch.tensor([[0, 0, 1, 1, 2, 3]] * 5)
    sentence = difference(wrong(labels), labels)
    assert "of its 30 labels" in sentence and "spread" not in sentence
    assert pattern(wrong(labels), labels) == words


# --- several answers ------------------------------------------------------------------------------------------------


def test_the_first_wrong_answer_is_named():
    right = {"the output": MAPS, "the gradient": torch.ones(2)}
    assert first_difference(dict(right), right, reveal=False) is None
    answers = {"the output": MAPS, "the gradient": torch.zeros(2)}
    assert first_difference(answers, right, reveal=False).startswith("The gradient has the right shape (2,), but")
    assert first_difference({"the output": MAPS}, right, reveal=False) == (
        "1 answers came back; 2 were expected (the output, the gradient)."
    )


class Returns(nn.Module):
    """A student's module whose forward gives back whatever a test puts here."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x):
        return self.answer(x) if callable(self.answer) else self.answer


ODD_ANSWERS = [
    None, "text", 3, 10**30, math.nan, [], (), {}, object(), torch.tensor(1), torch.ones(0), torch.ones(0, 3),
    torch.ones(2, dtype=torch.bool), torch.ones(3, dtype=torch.complex64), torch.ones(2, 4, 4, dtype=torch.uint8),
    torch.full((2, 3, 5, 6), math.nan), torch.eye(4).to_sparse(), torch.ones(2, device="meta"), [torch.ones(1), None],
    (torch.ones(2), torch.ones(3)), torch.ones(2, 3, 5, 6, dtype=torch.float16), lambda x: x[:0], lambda x: x > 0,
    lambda x: x if len(x) > 1 else x.float(), lambda x: x[0], lambda x: x.expand(7, *x.shape), lambda x: x * math.inf,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("answer", ODD_ANSWERS, ids=lambda answer: str(type(answer).__name__))
@pytest.mark.parametrize(
    "right", [MAPS, torch.tensor(3), torch.ones(2, dtype=torch.bool), torch.ones(0)], ids=lambda right: str(right.dtype)
)
def test_whatever_a_student_returns_is_a_sentence_and_never_an_error_of_ours(answer, right):
    """An exception here would be taken for a broken hidden test and stop the grading of everybody."""

    class Namespace:
        pass

    notebook = Namespace()
    notebook.Returns = lambda: Returns(answer)
    notebook.function = lambda: answer(MAPS) if callable(answer) else answer
    candidate = Candidate(Workbench(notebook).perform, "segformer")
    case = {"name": "Returns", "arguments": {}, "inputs": [MAPS]}
    cotangent = {"cotangent": torch.ones_like(MAPS)}
    for probe, settings in (
        (module_output, case),
        (module_manners, case),
        (module_in_precision, dict(case, dtype="bfloat16")),
        (module_weights, case | cotangent),
        (module_gradients, case | cotangent),
        (function_result, {"name": "function", "arguments": []}),
    ):
        try:
            answers = probe(candidate, **settings)
        except AnswerError as error:
            assert str(error)
            continue
        expected = {name: right for name in answers}
        problem = first_difference(answers, expected, reveal=True)
        assert problem is None or problem[0].isupper()
