"""4.2 per_class_iou: intersection over union of each class, NaN where there is neither truth nor prediction."""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners

VECTOR = dict(name="per_class_iou", what="the vector of IoUs")


def confusion(draw, num_classes: int = 4) -> torch.Tensor:
    return draw.integers(2, 60, num_classes, num_classes) + torch.diag(draw.integers(50, 200, num_classes))


@graded("all classes occur", share=2)
def test_all_classes(judge, draw):
    judge.same(result, arguments=[confusion(draw)], **VECTOR)


@graded("a class that occurs nowhere is NaN", share=2)
def test_absent_class(judge, draw):
    matrix, absent = confusion(draw), draw.choose(0, 1, 2, 3)
    matrix[absent], matrix[:, absent] = 0, 0
    judge.same(result, arguments=[matrix], **VECTOR)


@graded("a class that is only predicted, or never predicted, is 0", share=1)
def test_one_sided_class(judge, draw):
    label, matrix = draw.choose(1, 2, 3), confusion(draw)
    never_true, never_predicted = matrix.clone(), matrix.clone()
    never_true[label], never_predicted[:, label] = 0, 0
    judge.same(result, arguments=[never_true], **VECTOR)
    judge.same(result, arguments=[never_predicted], **VECTOR)


@graded("fewer classes, and more", share=0.5)
def test_other_classes(judge, draw):
    judge.same(result, arguments=[confusion(draw, draw.choose(2, 3))], **VECTOR)
    judge.same(result, arguments=[confusion(draw, draw.choose(6, 7))], **VECTOR)


@graded("the matrix is left as it was", share=0.5)
def test_manners(judge, draw):
    judge.same(result_and_manners, arguments=[confusion(draw)], dtype=None, **VECTOR)
