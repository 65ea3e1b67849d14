"""Public checks of 02_fcn: torchvision's own FCN on a backbone of two layers, and a model of a few layers."""

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.transfer.training_probes import (
    frozen_answers,
    frozen_training,
    gradient_counts,
    head_weights,
    kept_weights,
    new_head,
    optimizer_holdings,
    optimizer_settings,
    optimizer_steps,
    returns_the_model,
)

_images = Numbers(401).normal(2, 3, 6, 8)

FCN_HEAD = Task(
    "fcn_head",
    "2.1 A head for other classes",
    (
        PublicCheck(
            "an FCN without auxiliary classifier, 21 classes become 3",
            new_head,
            dict(num_classes=3, images=_images, model=dict(aux=False)),
        ),
        PublicCheck(
            "an FCN with auxiliary classifier, 21 classes become 5",
            new_head,
            dict(num_classes=5, images=_images, model={}),
        ),
        PublicCheck("all other layers keep their weights", kept_weights, dict(num_classes=3, model={})),
        PublicCheck("the last layers: shapes, and whether they are new", head_weights, dict(num_classes=21, model={})),
        PublicCheck(
            "the model comes back",
            returns_the_model,
            dict(name="replace_head", model="TinyFCN", arguments=[3], settings={}),
        ),
    ),
)


def _training(seed: int, model: str, num_classes: int) -> dict:
    numbers = Numbers(seed)
    batches = [(numbers.normal(2, 3, 4, 6), numbers.integers(0, num_classes, 2, 4, 6)) for _ in range(2)]
    return dict(model=model, batches=batches, optimizer=dict(name="sgd", lr=0.1, momentum=0.5, weight_decay=0.1))


FROZEN_ENCODER = Task(
    "frozen_encoder",
    "2.2 A frozen encoder",
    (
        PublicCheck("an FCN: how many numbers take a gradient", gradient_counts, dict(model="TinyFCN")),
        PublicCheck(
            "two steps: the encoder's weights",
            frozen_training,
            dict(**_training(411, "TinyFCN", 21), part="encoder weights"),
        ),
        PublicCheck(
            "two steps: the encoder's running statistics",
            frozen_training,
            dict(**_training(412, "TinyFCN", 21), part="encoder statistics"),
        ),
        PublicCheck(
            "two steps: all other numbers", frozen_training, dict(**_training(413, "TinyFCN", 21), part="rest")
        ),
        PublicCheck(
            "the logits in training mode, then in evaluation mode",
            frozen_answers,
            dict(model="TinyFCN", images=_images, modes=[True, False]),
        ),
        PublicCheck(
            "a model with an `encoder`: how many numbers take a gradient", gradient_counts, dict(model="TinySegFormer")
        ),
        PublicCheck(
            "the model comes back",
            returns_the_model,
            dict(name="freeze_encoder", model="TinyFCN", arguments=[], settings={}),
        ),
    ),
)


def _batches(seed: int, count: int) -> list:
    numbers = Numbers(seed)
    return [(numbers.normal(2, 3, 4, 6), numbers.integers(0, 3, 2, 4, 6)) for _ in range(count)]


TRAINABLE_OPTIMIZER = Task(
    "trainable_optimizer",
    "2.3 An optimiser for what is trained",
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

TASKS = (FCN_HEAD, FROZEN_ENCODER, TRAINABLE_OPTIMIZER)
