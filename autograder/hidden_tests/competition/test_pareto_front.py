"""4.1 pareto_front: a mask of the entries that no other is as good as in both and better than in one."""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners

MASK = dict(name="pareto_front", what="the mask")


def entries(draw, length: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Costs and scores in no order, all different: what costs more is mostly better, but not always."""
    costs = torch.tensor(draw.shuffled(range(10, 10 + 3 * length, 3)))
    noise = torch.tensor(draw.shuffled(range(length))) / length
    return costs, 0.2 + 0.01 * costs + 0.237 * noise  # no two of these are equal


@graded("different entries, in any order", share=3)
def test_front(judge, draw):
    for length in (5, 12, 20, 30):
        judge.same(result, arguments=list(entries(draw, length)), **MASK)


@graded("entries of equal cost", share=1)
def test_equal_costs(judge, draw):
    costs, scores = entries(draw)
    order = scores.argsort(descending=True)
    costs[order[3]] = costs[order[0]]
    costs[order[4]] = costs[order[1]]
    judge.same(result, arguments=[costs, scores], **MASK)
    judge.same(result, arguments=[torch.full_like(costs, 7), scores], **MASK)


@graded("entries of equal score", share=1)
def test_equal_scores(judge, draw):
    costs, scores = entries(draw)
    order = costs.argsort()
    scores[order[2]] = scores[order[0]]
    scores[order[8]] = scores[order[-1]]
    judge.same(result, arguments=[costs, scores], **MASK)
    judge.same(result, arguments=[costs, torch.full_like(scores, 0.5)], **MASK)


@graded("entries that are equal in both", share=1)
def test_same_entries(judge, draw):
    costs, scores = entries(draw)
    order = draw.shuffled([*range(len(costs)), *range(len(costs))])
    judge.same(result, arguments=[costs[order], scores[order]], **MASK)


@graded("one entry, and none", share=0.5)
def test_few(judge, draw):
    costs, scores = entries(draw, 1)
    judge.same(result, arguments=[costs, scores], **MASK)
    judge.same(result, arguments=[costs[:0], scores[:0]], **MASK)


@graded("multiply-adds of whole models, which differ by few", share=0.5)
def test_large_costs(judge, draw):
    costs, scores = entries(draw)
    judge.same(result, arguments=[50_260_000_000 + draw.choose(1, 3) * costs, scores], **MASK)


@graded("the mask is of bool, and the entries are left as they were", share=0.5)
def test_manners(judge, draw):
    judge.same(result_and_manners, arguments=list(entries(draw)), dtype="bool", **MASK)
