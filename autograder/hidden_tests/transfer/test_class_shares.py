"""5.1 confusion_shares: a confusion matrix divided by the sums of its rows, NaN in a row without a pixel."""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.probes import result, result_and_manners

MATRIX = dict(name="confusion_shares", what="the matrix of shares")


def confusion(draw, num_classes: int = 3) -> torch.Tensor:
    return draw.integers(2, 60, num_classes, num_classes) + torch.diag(draw.integers(50, 200, num_classes))


@graded("all classes occur", share=2)
def test_all_classes(judge, draw):
    judge.same(result, arguments=[confusion(draw)], **MATRIX)


@graded("a class that never occurs: NaN in its row, nothing else changes", share=2)
def test_absent_class(judge, draw):
    matrix, absent = confusion(draw), draw.choose(0, 1, 2)
    matrix[absent] = 0
    judge.same(result, arguments=[matrix], **MATRIX)


@graded("a class that is never predicted", share=1)
def test_never_predicted(judge, draw):
    matrix, label = confusion(draw), draw.choose(0, 1, 2)
    matrix[:, label] = 0
    judge.same(result, arguments=[matrix], **MATRIX)


@graded("fewer classes, and more", share=0.5)
def test_other_classes(judge, draw):
    judge.same(result, arguments=[confusion(draw, 2)], **MATRIX)
    judge.same(result, arguments=[confusion(draw, draw.choose(5, 7))], **MATRIX)


@graded("the matrix is left as it was", share=0.5)
def test_manners(judge, draw):
    judge.same(result_and_manners, arguments=[confusion(draw)], dtype=None, **MATRIX)
