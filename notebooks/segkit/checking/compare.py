"""What differs between two answers, as a sentence for the person who wrote one of them."""

import math
import re
from typing import Any

import torch

from segkit.checking.values import Unknown

TOLERANCE = 1e-4  # of the expected answer's std: norms' eps variants stay under 2e-5, a tanh-GELU shows at 5e-4
SHOWN_WHOLE = 8  # numbers; as many fit on a line
TABLE = 16  # numbers of a matrix of counts that is shown whole
COUNTED = 20  # from so many wrong numbers on, their share says more than their number
_CLAIM = re.compile(r"whether (.+) \(1 is yes\)")


def difference(
    actual: Any, expected: torch.Tensor, *, tolerance: float = TOLERANCE, what: str = "the answer", reveal: bool = False
) -> str | None:
    """None if `actual` is the expected tensor; otherwise one or two sentences that say what differs.

    Args:
        tolerance: largest error allowed, relative to the standard deviation of `expected` (to 1 if that is smaller
            than 1e-6). Integer and boolean answers must be equal, whatever their dtype.
        what: names the answer in the sentence; "whether ... (1 is yes)" names a fact that must hold.
        reveal: also say the expected numbers (for public cases only).
    """
    if isinstance(actual, (bool, int, float)):
        too_large = isinstance(actual, int) and abs(actual) >= 2**63
        actual = torch.tensor(math.inf if too_large else actual, dtype=torch.float64)
    if not isinstance(actual, torch.Tensor):
        return _kind_sentence(actual, expected, what)
    if actual.shape != expected.shape:
        return _shape_sentence(actual, expected, what)
    wanted, got = expected.double(), actual.double()
    exact = not expected.is_floating_point()
    allowed = 0.0 if exact else tolerance * _scale(wanted)
    same = (got == wanted) | (wanted.isnan() & got.isnan())  # infinity - infinity is not 0
    error = torch.where(same, 0.0, (got - wanted).abs())
    wrong = ~(error <= allowed)
    if not wrong.any():
        return None
    if claim := _CLAIM.fullmatch(what):
        return f"The values are right, but this does not hold: {claim[1]}."
    pattern = _label_pattern(got, wanted, wrong, reveal) if _is_labels(expected) else _pattern(got, wanted, wrong)
    return " ".join(filter(None, [_value_sentence(got, expected, wrong, what, reveal), pattern]))


def _shape(tensor: torch.Tensor) -> str:
    return str(tuple(tensor.shape))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _scale(expected: torch.Tensor) -> float:
    finite = expected[expected.isfinite()]
    spread = float(finite.std()) if finite.numel() > 1 else float(finite.abs().sum())
    return spread if spread > 1e-6 else 1.0


def _is_labels(expected: torch.Tensor) -> bool:
    """Whether these are class labels: integers, few different ones, each of them many times."""
    if expected.is_floating_point() or expected.numel() <= SHOWN_WHOLE or _is_table(expected):
        return False
    return 4 * expected.unique().numel() <= expected.numel()


def _is_table(expected: torch.Tensor) -> bool:
    """Whether this may be a confusion matrix: small and square. Its rows and columns are classes, not places."""
    return expected.ndim == 2 and expected.shape[0] == expected.shape[1] < SHOWN_WHOLE


def _kind_sentence(actual: Any, expected: torch.Tensor, what: str) -> str:
    wanted = f"a tensor of shape {_shape(expected)}" if expected.ndim else "a number"
    if actual is None:
        return f"{_capital(what)} is None; {wanted} was expected: is there a return?"
    kind = actual.type_name if isinstance(actual, Unknown) else type(actual).__name__
    return f"{_capital(what)} is a {kind}; {wanted} was expected."


def _shape_sentence(actual: torch.Tensor, expected: torch.Tensor, what: str) -> str:
    sentence = f"{_capital(what)} has shape {_shape(actual)}; {_shape(expected)} was expected"
    if not expected.ndim:
        return f"{_capital(what)} has shape {_shape(actual)}; a single number was expected."
    if actual.ndim != expected.ndim:
        return f"{sentence}: it has {actual.ndim} {'axis' if actual.ndim == 1 else 'axes'} instead of {expected.ndim}."
    if sorted(actual.shape) == sorted(expected.shape):
        return f"{sentence}: the sizes are right but the axes are in another order."
    axes = [str(axis) for axis in range(expected.ndim) if actual.shape[axis] != expected.shape[axis]]
    return f"{sentence}: axis {' and axis '.join(axes)} (counted from 0) {'differs' if len(axes) == 1 else 'differ'}."


def _value_sentence(got, expected, wrong, what: str, reveal: bool) -> str:
    wanted = expected.double()
    if wanted.numel() == 1:
        return _number_sentence(float(got), float(wanted), what, reveal)
    if reveal and _is_shown_whole(expected):
        return f"{_capital(what)} is {_numbers(got)}; right is {_numbers(wanted)}."
    word = "labels" if _is_labels(expected) else "numbers"
    sentence = f"{_capital(what)} has the right shape {_shape(wanted)}, but {_how_many(wrong, word)} wrong"
    if not got.isfinite().all() and wanted.isfinite().all():
        return f"{sentence}: it contains {'NaN' if got.isnan().any() else 'infinity'}."
    if expected.is_floating_point() and wanted[wrong].isfinite().all() and got[wrong].isfinite().all():
        largest = float((got - wanted).abs()[wrong].max()) / _scale(wanted)
        times = f"{largest:.2g}" if largest < 100 else f"{largest:.0f}"
        sentence += f", by up to {times} times the spread (standard deviation) of the right answer"
    first = tuple(int(i) for i in wrong.nonzero()[0])
    place = f"in row {first[0]}, column {first[1]}" if wanted.ndim == 2 else f"at {list(first)}"
    right = f", right is {_number(wanted[first])}" if reveal else ""
    return f"{sentence}; yours {place} is {_number(got[first])}{right}."


def _number_sentence(got: float, wanted: float, what: str, reveal: bool) -> str:
    start = f"{_capital(what)} is {_number(got)}"
    if reveal:
        return f"{start}; right is {_number(wanted)}."
    if got != got or wanted != wanted:
        return f"{start}; {'NaN' if wanted != wanted else 'a number'} was expected."
    # By how much is not said: with the number that came, it would be the hidden right one.
    return f"{start}, which is too {'large' if got > wanted else 'small'}."


def _how_many(wrong: torch.Tensor, word: str) -> str:
    count, total = int(wrong.sum()), wrong.numel()
    if count == total:
        return f"every one of its {total} {word} is"
    if count > 0.99 * total:
        return f"nearly every one of its {total} {word} is"
    few = count <= COUNTED or count < 0.01 * total
    some = f"{count} of its {total} {word}" if few else f"{count / total:.0%} of its {total} {word}"
    return f"{some} {'is' if count == 1 else 'are'}"


def _is_shown_whole(expected: torch.Tensor) -> bool:
    if not expected.is_floating_point() and _is_table(expected):
        return expected.numel() <= TABLE
    return expected.numel() <= SHOWN_WHOLE and (expected.ndim < 3 or sum(size > 1 for size in expected.shape) < 2)


def _number(value: Any) -> str:
    return f"{float(value):.5g}".replace("nan", "NaN")


def _numbers(tensor: torch.Tensor) -> str:
    """The numbers of a small tensor, in brackets as Python writes lists."""
    if tensor.ndim == 0:
        return _number(tensor)
    return f"[{', '.join(_numbers(part) for part in tensor)}]"


def _label_pattern(got: torch.Tensor, wanted: torch.Tensor, wrong: torch.Tensor, reveal: bool) -> str | None:
    """What wrong labels have in common. Labels are names: no factor and no spread makes sense of them."""
    shift = (got - wanted).unique()
    if shift.numel() == 1:
        return f"Every label is {_number(shift.abs())} too {'large' if shift > 0 else 'small'}."
    strange = sorted(set(got.unique().tolist()) - set(wanted.unique().tolist()))
    if strange:
        named = f"{', '.join(map(_number, strange[:4]))}{', ...' if len(strange) > 4 else ''}"
        return f"It contains {named}, which the right answer does not."
    if shape := _rearranged(got, wanted):
        return shape
    concerned = wanted[wrong].unique()
    if reveal and concerned.numel() == 1:
        return f"All that is wrong should be {_number(concerned)}."
    if _only_border(wrong) and 4 * int(wrong.sum()) >= sum(wrong.shape[-2:]):  # a few pixels are there by chance
        return "Only the border is wrong: look at how the edges are sampled."
    return None


def _pattern(got: torch.Tensor, wanted: torch.Tensor, wrong: torch.Tensor) -> str | None:
    """What the errors have in common, if that can be said: it is often the shortest way to the mistake."""
    if wanted.numel() < 4 or not (got.isfinite().all() and wanted.isfinite().all()):
        return None
    if shape := _rearranged(got, wanted):
        return shape
    if wanted.numel() <= SHOWN_WHOLE:
        return None
    if float(got.std()) == 0:
        return "All your numbers are the same."
    if not _is_table(wanted) and _only_border(wrong):
        return "Only the border is wrong: look at the padding, or at how the edges are sampled."
    if float(wanted.std()) > 1e-6:
        found = _linear_pattern(got.flatten(), wanted.flatten()) or _channel_pattern(got, wanted)
        return found or _axis_pattern(wanted, wrong)
    return None


def _only_border(wrong: torch.Tensor) -> bool:
    return wrong.ndim >= 2 and min(wrong.shape[-2:]) >= 4 and not wrong[..., 1:-1, 1:-1].any()


def _rearranged(got: torch.Tensor, wanted: torch.Tensor) -> str | None:
    """Whether it is the right answer in another order; exactly it, up to rounding."""
    close = 1e-6 * _scale(wanted)
    if wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] and torch.allclose(got.T, wanted, rtol=0, atol=close):
        return "It is the right answer with rows and columns exchanged."
    names = {3: ("channels", "rows", "columns"), 2: ("rows", "columns")}.get(wanted.ndim)
    for axis in range(wanted.ndim if wanted.ndim > 1 else 0):
        if torch.allclose(got.flip(axis), wanted, rtol=0, atol=close):
            order = f"its {names[axis]} in reverse order" if names else f"axis {axis} in reverse order"
            return f"It is the right answer with {order}."
    return None


def _linear_pattern(got: torch.Tensor, wanted: torch.Tensor) -> str | None:
    design = torch.stack([wanted, torch.ones_like(wanted)], dim=1)
    factor, offset = torch.linalg.lstsq(design, got[:, None]).solution.flatten().tolist()
    fit = float((got - factor * wanted - offset).abs().max())
    if fit > 1e-6 * float(wanted.std()) + 1e-12 or abs(factor) < 1e-9:
        return None
    parts = []
    if abs(factor - 1) > 1e-6:
        parts.append(f"{factor:.4g} times the right answer")
    if abs(offset) > 1e-6:
        sign = "plus" if offset > 0 else "minus"
        parts.append(f"{sign if parts else f'the right answer {sign}'} {abs(offset):.4g}")
    return f"Your answer is {' '.join(parts)}." if parts else None


def _channel_pattern(got: torch.Tensor, wanted: torch.Tensor) -> str | None:
    """Whether every channel is right up to a factor and an offset of its own, as with another norm or bias."""
    if wanted.ndim not in (3, 4) or wanted.shape[-3] < 2 or wanted[..., 0, :, :].numel() < 16:
        return None
    got, wanted = (x.transpose(0, -3).flatten(1) for x in (got, wanted))  # (channels, numbers)
    got, wanted = (x - x.mean(dim=1, keepdim=True) for x in (got, wanted))
    factors = (got * wanted).sum(dim=1, keepdim=True) / wanted.square().sum(dim=1, keepdim=True).clamp(min=1e-30)
    if (got - factors * wanted).abs().max() > 1e-5 * got.std() or factors.abs().min() < 1e-6:
        return None
    if (factors - 1).abs().max() < 1e-6:
        return "Each channel is right up to an offset of its own: is a bias missing, or one too many?"
    return "Each channel is right up to a factor and an offset of its own: look at the normalisation."


def _axis_pattern(wanted: torch.Tensor, wrong: torch.Tensor) -> str | None:
    names = {
        4: ("samples of the batch", "channels", "rows", "columns"),
        3: ("channels", "rows", "columns"),
        2: ("rows", "columns"),
    }.get(wanted.ndim, ())
    for axis, name in enumerate(names):
        bad = wrong.any(dim=[other for other in range(wanted.ndim) if other != axis])
        if 0 < int(bad.sum()) < len(bad):
            return f"Of its {len(bad)} {name}, {int(bad.sum())} {'is' if bad.sum() == 1 else 'are'} wrong."
    return None
