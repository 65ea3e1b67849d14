"""1.2 train_ids: Cityscapes' ids become the 19 that models are trained on, and 255."""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners
from segkit.transfer.classes import CITYSCAPES_IDS, CITYSCAPES_LABELS

OTHERS = tuple(number for number in CITYSCAPES_LABELS if number not in CITYSCAPES_IDS)
USUAL = (7, 11, 23, 26)  # road, building, sky, car: what most pictures are made of
LICENCE_PLATE = 255


def annotation(draw, ids, *shape: int) -> dict:
    """Every id at least once, the rest by chance."""
    count = torch.Size(shape).numel()
    numbers = draw.shuffled([*ids, *(draw.choose(*ids) for _ in range(count - len(ids)))])
    arguments = [torch.tensor(numbers, dtype=torch.uint8).reshape(shape)]
    return dict(name="train_ids", arguments=arguments, what="the map of train ids")


@graded("the 19 classes that are trained", share=2)
def test_trained(judge, draw):
    judge.same(result, **annotation(draw, CITYSCAPES_IDS, 6, 9))


@graded("all other ids are ignored", share=1)
def test_others(judge, draw):
    judge.same(result, **annotation(draw, (*OTHERS, *USUAL), 5, 8))


@graded("a licence plate is ignored", share=0.5)
def test_licence_plate(judge, draw):
    judge.same(result, **annotation(draw, (*USUAL, LICENCE_PLATE), 4, 7))


@graded("annotations of any shape, a batch or a row of pixels", share=0.75)
def test_any_shape(judge, draw):
    judge.same(result, **annotation(draw, USUAL, draw.choose(11, 14)))
    judge.same(result, **annotation(draw, USUAL, 2, 3, 5))


@graded("train ids are int64, and the annotation is left as it was", share=0.75)
def test_manners(judge, draw):
    judge.same(result_and_manners, **annotation(draw, USUAL, 5, 7))
