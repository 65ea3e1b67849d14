"""3.2 confusion_matrix, mean_iou and evaluate: pixels are counted over the whole data set and divided once.

Only the first test asks which axis is the truth: the other matrices are symmetric. `evaluate` is tried with a neutral
double for `confusion_matrix`; agreeing with the reference as a whole counts as well.
"""

import torch

from autograder.testing import graded
from segkit.tasks.segformer.model_probes import evaluation, evaluation_manners
from segkit.tasks.segformer.probes import result, result_and_manners

MATRIX = dict(what="the confusion matrix")
COUNTER = ("confusion_matrix",)


def symmetric(draw, *shape: int, num_classes: int = 4, ignored: int = 0, ignore_index: int = 255) -> list[torch.Tensor]:
    """Prediction and target that confuse i with j as often as j with i, and some pixels that are ignored."""
    a, b = (draw.integers(0, num_classes, *shape) for _ in range(2))
    a.view(-1)[0] = b.view(-1)[0] = num_classes - 1  # the last entry of the matrix is not 0
    prediction, target = torch.cat([a, b]), torch.cat([b, a])
    if ignored:
        extra = draw.integers(0, num_classes, ignored, *shape[1:])
        prediction, target = torch.cat([prediction, extra]), torch.cat([target, torch.full_like(extra, ignore_index)])
    return [prediction, target]


@graded("confusion_matrix: rows are the truth, columns the prediction", share=1.5)
def test_rows_and_columns(judge, draw):
    target = draw.integers(0, 4, 2, *draw.choose((5, 8), (7, 6)))
    prediction = torch.where(draw.normal(*target.shape) > 0, target, draw.integers(0, 4, *target.shape))
    judge.same(result, name="confusion_matrix", arguments=[prediction, target], **MATRIX)


@graded("confusion_matrix: ignored pixels are not counted", share=1)
def test_ignored(judge, draw):
    arguments = symmetric(draw, 4, draw.choose(5, 7), ignored=draw.choose(1, 2, 3))
    judge.same(result, name="confusion_matrix", arguments=arguments, **MATRIX)


@graded("confusion_matrix: another number of classes, one of which never occurs", share=0.5)
def test_other_classes(judge, draw):
    arguments = symmetric(draw, draw.choose(19, 24), num_classes=draw.choose(2, 5))
    judge.same(result, name="confusion_matrix", arguments=arguments, settings=dict(num_classes=6), **MATRIX)


@graded("confusion_matrix: another ignore_index", share=0.5)
def test_other_ignore_index(judge, draw):
    for ignore_index in draw.shuffled([-1, 99]):
        arguments = symmetric(draw, 3, 7, ignored=2, ignore_index=ignore_index)
        settings = dict(ignore_index=ignore_index)
        judge.same(result, name="confusion_matrix", arguments=arguments, settings=settings, **MATRIX)


@graded("confusion_matrix: int64, and what was passed in is left as it was", share=0.25)
def test_manners(judge, draw):
    judge.same(result_and_manners, name="confusion_matrix", arguments=symmetric(draw, 3, 8, ignored=1), **MATRIX)


def confusion(draw, *absent: int) -> torch.Tensor:
    """A matrix of four classes, of which `absent` occur nowhere."""
    matrix = draw.integers(2, 60, 4, 4) + torch.diag(draw.integers(50, 200, 4))
    matrix[list(absent)] = 0
    matrix[:, list(absent)] = 0
    return matrix


def judge_mean(judge, matrix: torch.Tensor) -> None:
    judge.same(result, name="mean_iou", arguments=[matrix], what="the mean IoU")


@graded("mean_iou: all classes occur", share=1)
def test_mean(judge, draw):
    judge_mean(judge, confusion(draw))


@graded("mean_iou: a class that occurs nowhere is left out", share=1)
def test_absent_class(judge, draw):
    judge_mean(judge, confusion(draw, draw.choose(0, 1, 2, 3)))


@graded("mean_iou: a class that is only predicted, or never predicted, has IoU 0 and counts", share=0.5)
def test_one_sided_class(judge, draw):
    label, matrix = draw.choose(1, 2, 3), confusion(draw)
    never_true, never_predicted = matrix.clone(), matrix.clone()
    never_true[label], never_predicted[:, label] = 0, 0
    judge_mean(judge, never_true)
    judge_mean(judge, never_predicted)
    single_pixel = confusion(draw, label)
    single_pixel[0, label] = 1
    judge_mean(judge, single_pixel)


@graded("mean_iou: NaN if no class occurs", share=0.25)
def test_nothing(judge, draw):
    judge_mean(judge, confusion(draw, 0, 1, 2, 3))


def data_set(draw, *batch_sizes: int, num_classes: int = 4, dtype=torch.float32) -> dict:
    """Images that carry logits, and targets with ignored pixels; the last class is neither true nor predicted."""
    size = (sum(batch_sizes), *draw.choose((4, 6), (5, 3)))
    images = draw.normal(size[0], num_classes, *size[1:]).to(dtype)
    images[:, -1] = -9
    targets = draw.integers(0, num_classes - 1, *size)
    targets[draw.normal(*size) > 1] = 255
    return dict(images=images, targets=targets, batch_sizes=list(batch_sizes), doubles=COUNTER)


@graded("evaluate: a single batch", share=1)
def test_one_batch(judge, draw):
    judge.same(evaluation, **data_set(draw, draw.choose(3, 4)))


@graded("evaluate: the sum over batches, the last of which is smaller", share=1)
def test_several_batches(judge, draw):
    judge.same(evaluation, **data_set(draw, 3, 3, draw.choose(1, 2), dtype=torch.float64))


@graded("evaluate: another number of classes", share=0.5)
def test_evaluate_other_classes(judge, draw):
    num_classes = draw.choose(3, 6)
    judge.same(evaluation, **data_set(draw, 4, num_classes=num_classes), num_classes=num_classes)


@graded("evaluate: the model predicts in evaluation mode", share=1)
def test_evaluation_mode(judge, draw):
    judge.same(evaluation, **data_set(draw, 4), training=True)


@graded("evaluate: the model is in the mode in which it came; no gradients", share=0.5)
def test_model_restored(judge, draw):
    judge.same(evaluation_manners, **data_set(draw, 4))
