"""Public checks of 04_transfer: models of a few layers that have an `encoder` and a `head`."""

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.transfer.training_probes import (
    OTHER,
    loaded_answer,
    loaded_names,
    loaded_parts,
    refused_weights,
    trained_after_loading,
    validation,
    validation_manners,
)


def _batches(seed: int, count: int) -> list:
    numbers = Numbers(seed)
    return [(numbers.normal(2, 3, 4, 6), numbers.integers(0, 3, 2, 4, 6)) for _ in range(count)]


ENCODER_WEIGHTS = Task(
    "encoder_weights",
    "4.1 The encoder of another model",
    (
        PublicCheck(
            "weights of a model of 19 classes: the logits of yours, of 3",
            loaded_answer,
            dict(images=Numbers(431).normal(2, 3, 4, 6), source=OTHER),
        ),
        PublicCheck("the head, whose shapes differ", loaded_parts, dict(part="rest", source=OTHER)),
        PublicCheck(
            "the head, where the other one has its shapes",
            loaded_parts,
            dict(part="rest", source=dict(OTHER, num_classes=3)),
        ),
        PublicCheck("the names that come back", loaded_names, {}),
        PublicCheck(
            "encoder.3.1.running_mean is missing",
            refused_weights,
            dict(changes=dict(without="encoder.3.1.running_mean")),
        ),
        PublicCheck(
            "encoder.3.0.bias has one number", refused_weights, dict(changes=dict(reshaped="encoder.3.0.bias"))
        ),
        PublicCheck(
            "the other model, after yours was trained",
            trained_after_loading,
            dict(whose="source", batches=_batches(432, 1), learning_rate=0.1),
        ),
    ),
)


def _data_set(seed: int, *batch_sizes: int) -> dict:
    """Images that carry logits, and targets with ignored pixels."""
    numbers, count = Numbers(seed), sum(batch_sizes)
    targets = numbers.integers(0, 3, count, 3, 5)
    targets[numbers.normal(count, 3, 5) > 1] = 255
    images = numbers.normal(count, 3, 3, 5).float()
    return dict(images=images, targets=targets, batch_sizes=list(batch_sizes), doubles=("SegmentationMetric",))


_counted = (Numbers(420).integers(0, 3, 2, 4), Numbers(421).integers(0, 3, 2, 4))

VALIDATION = Task(
    "validation",
    "4.2 Validation",
    (
        PublicCheck("one batch (with a stand-in for your metric)", validation, _data_set(422, 3)),
        PublicCheck("batches of 2, 2 and 1 images", validation, _data_set(423, 2, 2, 1)),
        PublicCheck(
            "a model that answers with a dictionary", validation, dict(**_data_set(424, 2), model="DictionaryOfLogits")
        ),
        PublicCheck("a model that comes in training mode", validation, dict(**_data_set(425, 3), training=True)),
        PublicCheck("a metric that has counted before", validation, dict(**_data_set(426, 2), counted=_counted)),
        PublicCheck("a float, the model's mode afterwards, and no gradients", validation_manners, _data_set(427, 3)),
    ),
)

TASKS = (ENCODER_WEIGHTS, VALIDATION)
