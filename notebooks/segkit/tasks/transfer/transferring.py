"""Public checks of 04_transfer: models of a few layers that have an `encoder` and a `head`."""

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.transfer.training_probes import (
    OTHER,
    loaded_answer,
    loaded_names,
    loaded_parts,
    optimizer_holdings,
    optimizer_settings,
    optimizer_steps,
    refused_weights,
    trained_after_loading,
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

TRAINABLE_OPTIMIZER = Task(
    "trainable_optimizer",
    "4.2 An optimiser for what is trained",
    (
        PublicCheck("kind and settings", optimizer_settings, dict(learning_rate=0.003, frozen=[])),
        PublicCheck(
            "three steps of a model in which nothing is frozen",
            optimizer_steps,
            dict(batches=_batches(441, 3), learning_rate=0.05, frozen=[]),
        ),
        PublicCheck(
            "the encoder is frozen: what the optimiser holds",
            optimizer_holdings,
            dict(learning_rate=0.003, frozen=["encoder."]),
        ),
        PublicCheck(
            "the encoder is frozen, old gradients are there: the encoder after two steps",
            optimizer_steps,
            dict(batches=_batches(442, 2), learning_rate=0.05, frozen=["encoder."], leftover=0.5, part="frozen"),
        ),
    ),
)

TASKS = (ENCODER_WEIGHTS, TRAINABLE_OPTIMIZER)
