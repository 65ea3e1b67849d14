"""What the tests ask of the measures of 05_report."""

from collections.abc import Iterable

import torch

from segkit.checking.candidate import AnswerError, Candidate
from segkit.checking.probes import Outputs
from segkit.tasks.segformer.probes import as_tensor, on_cpu, unchanged

CURVE = ("the false positive rates", "the true positive rates", "the area")


def roc(
    candidate: Candidate, *, scores: torch.Tensor, target: torch.Tensor, label: int, doubles: Iterable[str] = ()
) -> Outputs:
    """The ROC curve of one class against the rest: two vectors of rates, and the area below."""
    return _curve(candidate, scores, target, label, doubles)[0]


def roc_and_manners(
    candidate: Candidate, *, scores: torch.Tensor, target: torch.Tensor, label: int, doubles: Iterable[str] = ()
) -> Outputs:
    """As `roc`, and whether scores and target are left unchanged."""
    curve, inputs_changed = _curve(candidate, scores, target, label, doubles)
    return curve | unchanged(inputs_changed)


def _curve(candidate: Candidate, scores, target, label: int, doubles: Iterable[str]) -> tuple[Outputs, list[bool]]:
    """The parts of the answer by name, and which inputs were changed.

    Raises:
        AnswerError: if the answer does not consist of three parts.
    """
    candidate.begin(doubles=doubles)
    answer = candidate.call("roc_curve", on_cpu(scores), on_cpu(target), label)
    parts = answer.result
    if not isinstance(parts, (list, tuple)) or len(parts) != len(CURVE):
        raise AnswerError(
            "roc_curve should return three things: the false positive rates, the true positive rates, and the area.",
            "no curve",
        )
    return dict(zip(CURVE, map(as_tensor, parts), strict=True)), answer.inputs_changed
