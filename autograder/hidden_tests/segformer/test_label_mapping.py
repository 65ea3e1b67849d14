"""1.1 map_labels: ADE20K's 150 classes and the unlabelled pixels become four classes."""

import torch

from autograder.testing import graded
from segkit.subset import ADE20K_CLASSES
from segkit.tasks.segformer.probes import result, result_and_manners

LISTED = {number for numbers in ADE20K_CLASSES.values() for number in numbers}
USUAL = (1, 2, 3, 4, 6, 7)  # wall, building, sky, floor, ceiling, road: no source of doubt
ONE_OF_EACH = (5, 13, 21)  # tree, person, car


def annotation(draw, ids, *shape: int) -> dict:
    """Every id at least once, the rest by chance."""
    count = torch.Size(shape).numel()
    numbers = draw.shuffled([*ids, *(draw.choose(*ids) for _ in range(count - len(ids)))])
    return dict(name="map_labels", arguments=[torch.tensor(numbers, dtype=torch.uint8).reshape(shape)])


@graded("trees, grass and other plants", share=1)
def test_plants(judge, draw):
    judge.same(result, **annotation(draw, (*USUAL, *ADE20K_CLASSES[1]), 5, 8), what="the label map")


@graded("people and animals", share=1)
def test_people_and_animals(judge, draw):
    judge.same(result, **annotation(draw, (*USUAL, *ADE20K_CLASSES[2]), 7, 4), what="the label map")


@graded("all seven kinds of vehicles", share=1)
def test_vehicles(judge, draw):
    judge.same(result, **annotation(draw, (*USUAL, *ADE20K_CLASSES[3]), 6, 9), what="the label map")


@graded("every other id, and the unlabelled pixels, are background", share=1)
def test_background(judge, draw):
    others = [number for number in range(151) if number not in LISTED]
    judge.same(result, **annotation(draw, (*others, *ONE_OF_EACH), 12, 17), what="the label map")


@graded("annotations of any shape, a batch or a row of pixels", share=1)
def test_any_shape(judge, draw):
    judge.same(result, **annotation(draw, (*USUAL, *ONE_OF_EACH), draw.choose(11, 14)), what="the row of labels")
    judge.same(result, **annotation(draw, (*USUAL, *ONE_OF_EACH), 2, 3, 5), what="the batch of label maps")


@graded("labels are int64, and the annotation is left as it was", share=1)
def test_manners(judge, draw):
    judge.same(result_and_manners, **annotation(draw, (*USUAL, *ONE_OF_EACH), 6, 7), what="the label map")
