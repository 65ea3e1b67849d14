"""What differs between two answers, as a sentence for the person who wrote one of them."""

from typing import Any

import torch

from segkit.checking.values import Unknown

TOLERANCE = 1e-4  # of the expected answer's std: norms' eps variants stay under 2e-5, a tanh-GELU shows at 5e-4


def difference(
    actual: Any, expected: torch.Tensor, *, tolerance: float = TOLERANCE, what: str = "the answer", reveal: bool = False
) -> str | None:
    """None if `actual` is the expected tensor; otherwise one or two sentences that say what differs.

    Args:
        tolerance: largest error allowed, relative to the standard deviation of `expected` (to 1 if that is smaller
            than 1e-6). Integer and boolean answers must be equal.
        what: names the answer in the sentence.
        reveal: also say the expected number at the first difference (for public cases only).
    """
    if isinstance(actual, (bool, int, float)):
        actual = torch.tensor(actual)
    if not isinstance(actual, torch.Tensor):
        kind = actual.type_name if isinstance(actual, Unknown) else type(actual).__name__
        return f"{_capital(what)} is a {kind}; a tensor of shape {_shape(expected)} was expected."
    if actual.shape != expected.shape:
        return _shape_sentence(actual, expected, what)
    wanted, got = expected.double(), actual.double()
    exact = not expected.is_floating_point()
    allowed = 0.0 if exact else tolerance * _scale(wanted)
    both_nan = wanted.isnan() & got.isnan()
    error = torch.where(both_nan, 0.0, (got - wanted).abs())
    wrong = ~(error <= allowed)
    if not wrong.any():
        return None
    return " ".join(
        filter(None, [_value_sentence(got, wanted, wrong, what, exact, reveal), _pattern(got, wanted, wrong)])
    )


def _shape(tensor: torch.Tensor) -> str:
    return str(tuple(tensor.shape))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _scale(expected: torch.Tensor) -> float:
    finite = expected[expected.isfinite()]
    spread = float(finite.std()) if finite.numel() > 1 else float(finite.abs().sum())
    return spread if spread > 1e-6 else 1.0


def _shape_sentence(actual: torch.Tensor, expected: torch.Tensor, what: str) -> str:
    sentence = f"{_capital(what)} has shape {_shape(actual)}; {_shape(expected)} was expected"
    if actual.ndim != expected.ndim:
        return f"{sentence}: it has {actual.ndim} axes instead of {expected.ndim}."
    if sorted(actual.shape) == sorted(expected.shape):
        return f"{sentence}: the sizes are right but the axes are in another order."
    axes = [str(axis) for axis in range(expected.ndim) if actual.shape[axis] != expected.shape[axis]]
    return f"{sentence}: axis {' and axis '.join(axes)} (counted from 0) {'differs' if len(axes) == 1 else 'differ'}."


def _value_sentence(got, wanted, wrong, what: str, exact: bool, reveal: bool) -> str:
    share = float(wrong.double().mean())
    count = "every one" if bool(wrong.all()) else f"{share:.0%}" if share >= 0.01 else "less than 1%"
    start = f"{_capital(what)} has the right shape {_shape(wanted)}, but {count} of its {wanted.numel()} numbers"
    if wanted.numel() == 1:
        start = f"{_capital(what)} is a single number, as it should be, but it"
    first = tuple(int(i) for i in wrong.nonzero()[0]) if wrong.ndim else ()
    place = f" at {list(first)}" if wanted.numel() > 1 else ""
    yours = f"yours{place} is {float(got[first]):.5g}"
    sentence = f"{start} {'is' if wanted.numel() == 1 or count == 'every one' else 'are'} wrong"
    if not got.isfinite().all() and wanted.isfinite().all():
        return f"{sentence}: it contains {'NaN' if got.isnan().any() else 'infinity'}."
    if not exact:
        largest = float((got - wanted).abs().nan_to_num(0).max()) / _scale(wanted)
        sentence += f", by up to {largest:.2g} times the spread (standard deviation) of the right answer"
    return f"{sentence}; {yours}{f', right is {float(wanted[first]):.5g}' if reveal else ''}."


def _pattern(got: torch.Tensor, wanted: torch.Tensor, wrong: torch.Tensor) -> str | None:
    """What the errors have in common, if that can be said: it is often the shortest way to the mistake."""
    if wanted.numel() < 8 or not (got.isfinite().all() and wanted.isfinite().all()):
        return None
    if float(got.std()) == 0:
        return "All your numbers are the same."
    if wanted.ndim >= 2 and min(wanted.shape[-2:]) >= 4 and not wrong[..., 1:-1, 1:-1].any():
        return "Only the border is wrong: look at the padding, or at how the edges are sampled."
    if float(wanted.std()) > 1e-6:
        return _linear_pattern(got.flatten(), wanted.flatten()) or _axis_pattern(got, wanted, wrong)
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
        parts.append(f"{'plus' if parts else 'the right answer plus'} {offset:.4g}")
    return f"Your answer is {' '.join(parts)}." if parts else None


def _axis_pattern(got: torch.Tensor, wanted: torch.Tensor, wrong: torch.Tensor) -> str | None:
    names = {4: ("samples of the batch", "channels", "rows", "columns"), 2: ("rows", "columns")}.get(wanted.ndim)
    for axis, size in enumerate(wanted.shape):
        others = [other for other in range(wanted.ndim) if other != axis]
        bad = wrong.any(dim=others) if others else wrong
        if names and 0 < int(bad.sum()) < size:
            return f"Of its {size} {names[axis]}, {int(bad.sum())} are wrong and the others right."
        if wanted.ndim > 1 and torch.allclose(got.flip(axis), wanted, rtol=0, atol=1e-6 * float(wanted.std())):
            return f"It is the right answer mirrored along axis {axis}."
    return None
