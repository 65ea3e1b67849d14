"""Public checks of 02_fcn: torchvision's own FCN on a backbone of two layers."""

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.transfer.training_probes import (
    frozen_answers,
    frozen_training,
    gradient_counts,
    head_weights,
    kept_weights,
    new_head,
    returns_the_model,
    validation,
    validation_manners,
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
    "2.3 Validation",
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

TASKS = (FCN_HEAD, FROZEN_ENCODER, VALIDATION)
