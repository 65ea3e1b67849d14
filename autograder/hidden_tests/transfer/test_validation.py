"""4.2 validate: one mean IoU over a whole data set, of a model in evaluation mode.

The metric is replaced by a neutral double; agreeing with the reference's own metric counts as well.
"""

from autograder.testing import graded
from segkit.tasks.transfer.training_probes import validation, validation_manners

METRIC = ("SegmentationMetric",)


def data_set(draw, *batch_sizes: int, num_classes: int = 3) -> dict:
    """Images that carry logits, and targets with ignored pixels."""
    size = (sum(batch_sizes), *draw.choose((4, 6), (5, 3)))
    images = draw.normal(size[0], num_classes, *size[1:]).float()
    targets = draw.integers(0, num_classes, *size)
    targets[draw.normal(*size) > 1] = 255
    case = dict(images=images, targets=targets, batch_sizes=list(batch_sizes))
    return dict(**case, num_classes=num_classes, doubles=METRIC)


@graded("a single batch", share=1.5)
def test_one_batch(judge, draw):
    judge.same(validation, **data_set(draw, draw.choose(3, 4)))


@graded("several batches, the last of which is smaller", share=1.5)
def test_several_batches(judge, draw):
    judge.same(validation, **data_set(draw, 3, 3, draw.choose(1, 2)))


@graded("another number of classes", share=0.5)
def test_other_classes(judge, draw):
    judge.same(validation, **data_set(draw, 3, num_classes=draw.choose(4, 6)))


@graded("a model that answers with a dictionary", share=1.5)
def test_dictionary(judge, draw):
    judge.same(validation, **data_set(draw, 2, 2), model="DictionaryOfLogits")


@graded("the model predicts in evaluation mode", share=1)
def test_evaluation_mode(judge, draw):
    judge.same(validation, **data_set(draw, 4), training=True)


@graded("a metric that has counted before", share=1)
def test_counted_before(judge, draw):
    counted = (draw.integers(0, 3, 2, 5, 7), draw.integers(0, 3, 2, 5, 7))
    judge.same(validation, **data_set(draw, 3), counted=counted)


@graded("a float; the model is in the mode in which it came; no gradients", share=0.5)
def test_manners(judge, draw):
    judge.same(validation_manners, **data_set(draw, 4))
