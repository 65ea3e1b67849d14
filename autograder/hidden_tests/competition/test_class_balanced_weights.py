"""1.1 class_balanced_weights: one over the effective number, 0 for what never occurs, in float64 on the way."""

from functools import partial

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners

weights = dict(name="class_balanced_weights", what="the vector of weights")
manners = partial(result_and_manners, dtype="float32")


def counts(draw, *limits: int) -> torch.Tensor:
    """A count of each class, class c in 1..limits[c]."""
    return torch.stack([draw.integers(1, limit + 1) for limit in limits])


@graded("one over the effective number of each class", share=3)
def test_weights(judge, draw):
    given = counts(draw, *draw.shuffled([4, 30, 200, 1000, 5000]))
    judge.same(result, **weights, arguments=[given, draw.choose(0.9, 0.99, 0.995)])


@graded("the average of those that occur is 1; a class that never occurs gets 0", share=1.5)
def test_absent(judge, draw):
    given = torch.tensor(draw.shuffled([0, 0, *counts(draw, 5, 50, 500).tolist()]))
    judge.same(result, **weights, arguments=[given, draw.choose(0.9, 0.99)])


@graded("beta 0, where all are alike, and 0.999 if none is given", share=1)
def test_beta(judge, draw):
    given = counts(draw, 9, 90, 900, 9000)
    judge.same(result, **weights, arguments=[given, 0.0])
    judge.same(result, **weights, arguments=[given])


@graded("millions of pixels, and a beta that fits them", share=1.5)
def test_millions(judge, draw):
    given = counts(draw, *draw.shuffled([10**4, 10**6, 10**8, 10**9])) + 1000
    judge.same(result, **weights, arguments=[given, 1 - draw.choose(1e-7, 3e-7, 1e-8)])


@graded("a beta as near to 1 as numbers get: one over the count", share=1)
def test_near_one(judge, draw):
    given = torch.tensor(draw.shuffled([3, 5, 7, *counts(draw, 20, 90).tolist()]))
    judge.same(result, **weights, arguments=[given, 1 - draw.choose(2, 4, 8) * 2.0**-53])


@graded("float32 weights, and the counts are left as they were", share=1)
def test_manners(judge, draw):
    judge.same(manners, **weights, arguments=[counts(draw, 5, 50, 500), 0.99])
