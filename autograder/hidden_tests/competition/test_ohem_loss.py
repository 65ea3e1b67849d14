"""2.2 ohem_loss: the mean over pixels below the threshold, or over the hardest, if these are too few.

Which pixels count must not hang on a hair: nothing is asked where a probability is the threshold, and among equally
hard pixels any may be taken.
"""

import torch
from torch.nn.functional import one_hot

from autograder.testing import graded
from segkit.tasks.competition.training_probes import loss, loss_and_gradient, loss_and_manners, loss_of_nothing

OHEM = "ohem_loss"


def pixels(draw, *, num_classes: int = 4, sure: float = 2.0, ignored: int = 0, ignore_index: int = 255) -> dict:
    """Logits that know something of the target: about half of the pixels have less than 0.7 for their class."""
    height, width = draw.choose((5, 8), (6, 7), (4, 9))
    target = draw.integers(0, num_classes, 2, height, width)
    logits = 1.5 * draw.normal(2, num_classes, height, width) + sure * one_hot(target, num_classes).movedim(-1, 1)
    target.view(-1)[draw.shuffled(range(target.numel()))[:ignored]] = ignore_index
    return dict(name=OHEM, logits=logits, target=target)


@graded("the pixels below the threshold, where these are enough", share=2.5)
def test_threshold(judge, draw):
    judge.same(loss, **pixels(draw), settings=dict(min_kept=draw.choose(3, 5)))
    settings = dict(threshold=draw.choose(0.5, 0.85), min_kept=2)
    judge.same(loss, **pixels(draw, num_classes=draw.choose(3, 6)), settings=settings)


@graded("the hardest pixels, where too few are below the threshold", share=2)
def test_min_kept(judge, draw):
    for threshold in draw.shuffled([0.0, 0.02]):
        settings = dict(threshold=threshold, min_kept=draw.choose(30, 35, 40))
        judge.same(loss, **pixels(draw, sure=3.0), settings=settings)


@graded("all labelled pixels, where there are fewer than the minimum", share=1)
def test_fewer_than_min_kept(judge, draw):
    judge.same(loss, **pixels(draw, ignored=draw.choose(20, 25)), settings=dict(min_kept=1000))
    judge.same(loss, **pixels(draw, sure=4.0, ignored=20), settings={})


@graded("pixels that are ignored", share=1.5)
def test_ignored(judge, draw):
    judge.same(loss, **pixels(draw, ignored=draw.choose(20, 30)), settings=dict(min_kept=3))
    judge.same(loss, **pixels(draw, ignored=20), settings=dict(threshold=0.0, min_kept=draw.choose(15, 25)))


@graded("no pixel is labelled, or none is kept: 0, and a gradient of zeros; or none weighs anything: 0", share=1)
def test_nothing(judge, draw):
    judge.same(loss_of_nothing, name=OHEM, logits=pixels(draw)["logits"], settings=dict(min_kept=4))
    judge.same(loss_and_gradient, **pixels(draw), settings=dict(threshold=0.0, min_kept=0))
    judge.same(loss, **pixels(draw), settings=dict(weight=torch.zeros(4, dtype=torch.float64)))


@graded("pixels that are equally hard: no more than the minimum", share=0.5)
def test_equal_pixels(judge, draw):
    """Three kinds of pixels, and a minimum in the middle of the second kind."""
    kinds, counts = 2 * draw.normal(3, 3), draw.choose((6, 16, 6), (8, 14, 6))
    kinds[:, 0] = torch.tensor([-4.0, 0.0, 4.0]) + kinds[:, 1:].amax(dim=1)
    order = draw.shuffled([kind for kind, count in enumerate(counts) for _ in range(count)])
    logits = kinds[order].T.reshape(1, 3, 4, 7)
    settings = dict(threshold=0.0, min_kept=counts[0] + draw.choose(5, 7))
    judge.same(loss, name=OHEM, logits=logits, target=torch.zeros(1, 4, 7, dtype=torch.int64), settings=settings)


@graded("class weights: in the mean, not in the choice", share=1.5)
def test_weights(judge, draw):
    weight = torch.tensor(draw.shuffled([0.1, 0.5, 1.0, 4.0]), dtype=torch.float64)
    judge.same(loss, **pixels(draw, ignored=10), settings=dict(min_kept=3, weight=weight))
    judge.same(loss, **pixels(draw), settings=dict(threshold=0.0, min_kept=draw.choose(20, 30), weight=weight))
    judge.same(loss, **pixels(draw), settings=dict(min_kept=3, weight=weight / 1000))


@graded("the gradient by the logits: only kept pixels have one", share=1)
def test_gradient(judge, draw):
    judge.same(loss_and_gradient, **pixels(draw, ignored=10), settings=dict(min_kept=draw.choose(3, 5)))
    judge.same(loss_and_gradient, **pixels(draw), settings=dict(threshold=0.0, min_kept=draw.choose(20, 30)))


@graded("a hard image beside an easy one: chosen among all pixels of the batch", share=0.75)
def test_whole_batch(judge, draw):
    case = pixels(draw)
    easy = one_hot(case["target"][1], 4).movedim(-1, 0)
    case["logits"][1] = case["logits"][1] / 3 + 6 * easy
    judge.same(loss, **case, settings=dict(threshold=0.0, min_kept=draw.choose(25, 30)))


@graded("very sure and very wrong: a large number, and not infinity", share=0.5)
def test_far_off(judge, draw):
    case = pixels(draw)
    judge.same(loss, **dict(case, logits=1000 * case["logits"]), settings=dict(min_kept=1))


@graded("another ignore_index", share=0.5)
def test_other_ignore_index(judge, draw):
    for ignore_index in draw.shuffled([-1, 99]):
        case = pixels(draw, ignored=20, ignore_index=ignore_index)
        judge.same(loss, **case, settings=dict(min_kept=3, ignore_index=ignore_index))


@graded("logits and target are left as they were", share=0.25)
def test_manners(judge, draw):
    judge.same(loss_and_manners, **pixels(draw, ignored=5), settings=dict(min_kept=3))
