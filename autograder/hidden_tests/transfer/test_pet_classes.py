"""1.1 pet_classes: the values 1, 2, 3 of a trimap become classes 0, 1, 2."""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners


def trimap(draw, values, *shape: int) -> dict:
    """Every one of the values at least once, in any order."""
    count = torch.Size(shape).numel()
    numbers = draw.shuffled([*values, *(draw.choose(*values) for _ in range(count - len(values)))])
    arguments = [torch.tensor(numbers, dtype=torch.uint8).reshape(shape)]
    return dict(name="pet_classes", arguments=arguments, what="the class map")


@graded("pet, background and border", share=2)
def test_classes(judge, draw):
    judge.same(result, **trimap(draw, (1, 2, 3), 6, 9))


@graded("a trimap without a border, or without a background", share=1)
def test_missing_values(judge, draw):
    for values in draw.shuffled([(1, 2), (1, 3), (2,), (3,)]):
        judge.same(result, **trimap(draw, values, 4, 5))


@graded("trimaps of any shape, a batch or a row of pixels", share=1)
def test_any_shape(judge, draw):
    judge.same(result, **trimap(draw, (1, 2, 3), draw.choose(11, 14)))
    judge.same(result, **trimap(draw, (1, 2, 3), 2, 3, 5))


@graded("classes are int64, and the trimap is left as it was", share=1)
def test_manners(judge, draw):
    judge.same(result_and_manners, **trimap(draw, (1, 2, 3), 5, 7))
