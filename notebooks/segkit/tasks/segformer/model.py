"""Public checks of 03_model: the network with stand-ins for its parts, measures and steps that fit on a line.

The bonus has a file of its own, `fast_decoder`.
"""

import torch

from segkit.checking.inputs import Numbers
from segkit.checking.probes import module_output, module_weights
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.model_probes import evaluation, evaluation_manners
from segkit.tasks.segformer.probes import result
from segkit.tasks.segformer.training_probes import (
    loss_value,
    loss_without_labels,
    trained_parameters,
    training_losses,
)

PARTS = ("MixTransformerEncoderLayer", "MLPDecoder")
SMALL = dict(
    num_classes=3, channels=(8, 12, 20, 16), n_layers=(1, 2, 1, 3), reduction_ratios=(4, 2, 1, 1),
    num_heads=(2, 4, 5, 2), expansion_factor=3, embed_channels=10,
)  # fmt: skip


def _network(title: str, size: tuple[int, int], seed: int, **arguments) -> PublicCheck:
    inputs = [Numbers(seed).normal(1, 3, *size)]
    return PublicCheck(title, module_output, dict(name="SegFormer", arguments=arguments, inputs=inputs, doubles=PARTS))


SEGFORMER = Task(
    "segformer",
    "3.1 SegFormer, assembled",
    (
        _network("the default settings (with stand-ins for your stage and your decoder)", (32, 64), 301),
        _network("other settings, and an image of 50 x 67 (with the same stand-ins)", (50, 67), 302, **SMALL),
        _network("logits at a given size", (32, 64), 303, **SMALL, out_dims=(10, 14)),
        PublicCheck(
            "every stage has weights of its own, and all are used",
            module_weights,
            dict(
                name="SegFormer",
                arguments=SMALL,
                inputs=[Numbers(304).normal(1, 3, 32, 32)],
                cotangent=Numbers(305).normal(1, 3, 8, 8),
                doubles=PARTS,
            ),
        ),
    ),
)


def _confusion(title: str, prediction: list, target: list, **settings: int) -> PublicCheck:
    arguments = [torch.tensor(prediction), torch.tensor(target)]
    case = dict(name="confusion_matrix", arguments=arguments, settings=settings, what="your confusion matrix")
    return PublicCheck(title, result, case)


def _mean(title: str, matrix: list) -> PublicCheck:
    case = dict(name="mean_iou", arguments=[torch.tensor(matrix)], what="your mean IoU")
    return PublicCheck(title, result, case)


def _data_set(seed: int, *batch_sizes: int) -> dict:
    """Images that carry logits, and targets with ignored pixels; class 3 is neither true nor predicted."""
    numbers, count = Numbers(seed), sum(batch_sizes)
    images = numbers.normal(count, 4, 3, 5).float()
    images[:, 3] = -9
    targets = numbers.integers(0, 3, count, 3, 5)
    targets[numbers.normal(count, 3, 5) > 1] = 255
    return dict(images=images, targets=targets, batch_sizes=list(batch_sizes))


MEAN_IOU = Task(
    "mean_iou",
    "3.2 Mean IoU of a whole data set",
    (
        _confusion(
            "confusion_matrix: prediction 0 1 1 1 0, truth 0 0 0 1 255",
            [0, 1, 1, 1, 0],
            [0, 0, 0, 1, 255],
            num_classes=2,
        ),
        _confusion(
            "confusion_matrix: the tiny picture of the text",
            [[0, 1, 1, 1], [0, 0, 1, 2]],
            [[0, 0, 1, 1], [0, 2, 1, 255]],
        ),
        _mean("mean_iou: two classes with IoU 1/2", [[1, 1], [0, 1]]),
        _mean("mean_iou: a class that occurs nowhere", [[2, 1, 0], [0, 3, 0], [0, 0, 0]]),
        _mean("mean_iou: a class that is never predicted", [[2, 1, 0], [0, 3, 0], [1, 0, 0]]),
        _mean("mean_iou: a class that is predicted and never true", [[2, 1, 1], [0, 3, 0], [0, 0, 0]]),
        PublicCheck("evaluate: a loader with one batch", evaluation, _data_set(311, 3)),
        PublicCheck("evaluate: batches of 2, 2 and 1 images", evaluation, _data_set(312, 2, 2, 1)),
        PublicCheck(
            "evaluate: a model that comes in training mode", evaluation, dict(**_data_set(313, 3), training=True)
        ),
        PublicCheck("evaluate: the model's mode afterwards, and no gradients", evaluation_manners, _data_set(314, 3)),
    ),
)


def _loss(title: str, logits: list, target: list) -> PublicCheck:
    """Logits (K, w) and target (w,): the loss of an image of one row."""
    values = torch.tensor(logits, dtype=torch.float64)[None, :, None]
    return PublicCheck(title, loss_value, dict(logits=values, target=torch.tensor(target)[None, None]))


def _steps(seed: int, count: int = 1) -> dict:
    numbers, batches = Numbers(seed), []
    for _ in range(count):
        target = numbers.integers(0, 4, 2, 4, 5)
        target[0, 0, 0] = 3
        batches.append((numbers.normal(2, 3, 4, 5), target))
    return dict(batches=batches, optimizer=dict(name="sgd", lr=0.3))


TRAINING_STEP = Task(
    "training_step",
    "3.3 Loss and training step",
    (
        _loss("the loss: two pixels, logits (2, 0) and (0, 0), classes 0 and 1", [[2, 0], [0, 0]], [0, 1]),
        _loss("the loss: the same and an ignored pixel", [[2, 0, 5], [0, 0, -5]], [0, 1, 255]),
        PublicCheck("the loss: no labelled pixel", loss_without_labels, dict(logits=Numbers(321).normal(1, 3, 2, 3))),
        PublicCheck("the step: the loss that it returns", training_losses, _steps(322)),
        PublicCheck("the step: the model's parameters after it", trained_parameters, _steps(323)),
        PublicCheck("the step: the parameters after a second one", trained_parameters, _steps(324, count=2)),
        PublicCheck(
            "the step: a model that comes in evaluation mode", trained_parameters, dict(**_steps(325), training=False)
        ),
    ),
)

TASKS = (SEGFORMER, MEAN_IOU, TRAINING_STEP)
