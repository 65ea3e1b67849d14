"""5.2 roc_curve: the rates at every score of a class, highest first, and the area below, over known pixels."""

import torch
from torch.nn.functional import one_hot

from autograder.testing import graded
from segkit.tasks.transfer.report_probes import roc, roc_and_manners


def scored(draw, *, num_classes: int = 3, levels: int | None = None, ignored: float | None = None) -> dict:
    """Probabilities that know something of the target; with `levels`, only so many different ones."""
    batch, height, width = draw.choose((2, 5, 7), (3, 4, 6), (2, 6, 5))
    target = draw.integers(0, num_classes, batch, height, width)
    logits = draw.normal(batch, num_classes, height, width) + one_hot(target, num_classes).movedim(-1, 1)
    scores = logits.softmax(dim=1)
    if levels:
        scores = (scores * levels).round() / levels
    if ignored:
        target[draw.normal(batch, height, width) > ignored] = 255
    return dict(scores=scores, target=target, label=draw.choose(*range(num_classes)))


@graded("scores that all differ: rates and area", share=2.5)
def test_different_scores(judge, draw):
    judge.same(roc, **scored(draw))


@graded("scores of which many are equal: one point for each", share=1.5)
def test_equal_scores(judge, draw):
    judge.same(roc, **scored(draw, levels=draw.choose(4, 5, 8)))


@graded("pixels that are ignored", share=1)
def test_ignored(judge, draw):
    judge.same(roc, **scored(draw, ignored=draw.choose(0.3, 0.6)))


@graded("a class that is nowhere, and one that is everywhere", share=0.5)
def test_one_sided(judge, draw):
    case = scored(draw)
    nowhere = (case["label"] + 1) % 3
    judge.same(roc, **{**case, "target": torch.full_like(case["target"], nowhere)})
    judge.same(roc, **{**case, "target": torch.full_like(case["target"], case["label"])})


@graded("two classes, and more", share=0.5)
def test_other_classes(judge, draw):
    judge.same(roc, **scored(draw, num_classes=2))
    judge.same(roc, **scored(draw, num_classes=draw.choose(5, 6)))


@graded("scores and target are left as they were", share=0.5)
def test_manners(judge, draw):
    judge.same(roc_and_manners, **scored(draw, ignored=0.5))
