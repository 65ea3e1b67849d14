"""4.1 load_encoder: all of the encoder and nothing of the head, copied; what does not fit is refused."""

from autograder.testing import graded
from segkit.tasks.transfer.training_probes import (
    loaded_answer,
    loaded_names,
    loaded_parts,
    refused_weights,
    trained_after_loading,
)


def images(draw):
    return draw.normal(2, 3, *draw.choose((6, 8), (8, 4), (10, 6)))


def other(draw, num_classes: int = 19, **settings) -> dict:
    """The settings of a model with other weights."""
    return dict(num_classes=num_classes, shift=draw.choose(0.7, 1.3, 2.1), **settings)


@graded("the logits of the model afterwards", share=2)
def test_logits(judge, draw):
    judge.same(loaded_answer, images=images(draw), source=other(draw))


@graded("the encoder's running statistics come along", share=1)
def test_statistics(judge, draw):
    judge.same(loaded_parts, part="encoder statistics", source=other(draw))


@graded("the model's own head stays, also if the other one has its shapes", share=2)
def test_head(judge, draw):
    judge.same(loaded_parts, part="rest", source=other(draw, num_classes=3))
    judge.same(loaded_parts, part="rest", source=other(draw))


@graded("the names that come back", share=1)
def test_names(judge, draw):
    judge.same(loaded_names, target=dict(num_classes=draw.choose(3, 5)))


@graded("a weight of the encoder is missing: refused, and nothing is changed", share=1)
def test_missing(judge, draw):
    name = draw.choose("encoder.3.1.running_var", "encoder.3.0.bias", "encoder.3.1.weight")
    judge.same(refused_weights, changes=dict(without=name))


@graded("a weight of the encoder has another shape: refused, and nothing is changed", share=1)
def test_other_shape(judge, draw):
    name = draw.choose("encoder.3.1.running_mean", "encoder.3.0.bias", "encoder.2.1.bias")
    judge.same(refused_weights, changes=dict(reshaped=name))
    judge.same(refused_weights, changes=dict(enlarged=name))


@graded("a weight of a larger encoder: refused, and nothing is changed", share=0.5)
def test_surplus(judge, draw):
    judge.same(refused_weights, changes=dict(surplus=draw.choose("encoder.4.0.weight", "encoder.5.1.bias")))


def training(draw) -> dict:
    size = draw.choose((6, 8), (8, 4))
    batches = [(draw.normal(2, 3, *size), draw.integers(0, 3, 2, *size)) for _ in range(2)]
    return dict(batches=batches, learning_rate=draw.choose(0.1, 0.2))


@graded("copied: training the model leaves the other one's weights alone", share=1)
def test_copied(judge, draw):
    judge.same(trained_after_loading, whose="source", **training(draw))


@graded("into the parameters that are there: an optimiser made before trains them", share=0.5)
def test_same_parameters(judge, draw):
    judge.same(trained_after_loading, whose="target", **training(draw))
