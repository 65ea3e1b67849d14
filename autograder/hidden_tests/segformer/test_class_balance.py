"""1.3 class_shares: pixels are added up over all targets, ignored ones left out, and divided once."""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners, result_of_generator

SHARES = dict(what="the vector of shares")


def targets(draw, *shapes: tuple[int, int], num_classes: int = 4, ignored: int = 0) -> list[torch.Tensor]:
    """Targets whose classes have unequal shares; the first `ignored` pixels of each are 255."""
    made = []
    for height, width in shapes:
        target = torch.minimum(*(draw.integers(0, num_classes, height, width) for _ in range(2)))
        target[0, :2] = num_classes - 1  # the last class occurs as well
        target.view(-1)[2 : 2 + ignored] = 255
        made.append(target)
    return made


@graded("targets of one size", share=1)
def test_one_size(judge, draw):
    shape = draw.choose((5, 8), (7, 4))
    judge.same(result, name="class_shares", arguments=[targets(draw, shape, shape, shape)], **SHARES)


@graded("targets of several sizes: every pixel counts the same", share=1)
def test_several_sizes(judge, draw):
    shapes = draw.shuffled([(3, 4), (6, 9), draw.choose((12, 15), (16, 11))])
    judge.same(result, name="class_shares", arguments=[targets(draw, *shapes)], **SHARES)


@graded("ignored pixels count neither above nor below the line", share=1)
def test_ignored(judge, draw):
    shape = draw.choose((5, 8), (7, 4))
    listed = targets(draw, shape, shape, ignored=draw.choose(7, 9, 12))
    judge.same(result, name="class_shares", arguments=[listed], **SHARES)


@graded("a generator, which can be walked through once", share=0.5)
def test_generator(judge, draw):
    items = targets(draw, (4, 6), (4, 6), (4, 6))
    judge.same(result_of_generator, name="class_shares", items=items, **SHARES)


@graded("another number of classes, and one that never occurs", share=0.5)
def test_other_classes(judge, draw):
    listed = targets(draw, (5, 7), (5, 7), num_classes=draw.choose(3, 5))
    settings = dict(num_classes=6)
    judge.same(result, name="class_shares", arguments=[listed], settings=settings, **SHARES)


@graded("targets as masks are stored, uint8", share=0.5)
def test_uint8(judge, draw):
    listed = [target.to(torch.uint8) for target in targets(draw, (6, 5), (6, 5))]
    judge.same(result, name="class_shares", arguments=[listed], **SHARES)


@graded("the targets are left as they were", share=0.25)
def test_manners(judge, draw):
    listed = targets(draw, (5, 6), (5, 6), ignored=5)
    judge.same(result_and_manners, name="class_shares", arguments=[listed], dtype=None, **SHARES)
