"""Public checks of 04_results: known logits on small pictures, confusion matrices that can be worked out by hand."""

import torch
from torch.nn import functional

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.model_probes import (
    full_resolution,
    full_resolution_input,
    full_resolution_manners,
    worst,
    worst_manners,
)
from segkit.tasks.segformer.probes import result


def _prediction(seed: int, size: tuple[int, int], num_classes: int = 4, **settings) -> dict:
    numbers = Numbers(seed)
    logits = numbers.normal(num_classes, 3, 5).float()
    return dict(image=numbers.smooth_image(*size), logits=logits, settings=settings)


# One row, two classes: the left cell is sure of class 0 (by 3), the right one leans to class 1 (by 1).
_two_cells = dict(
    image=Numbers(401).smooth_image(1, 8),
    logits=torch.tensor([[[3.0, 0.0]], [[0.0, 1.0]]]),
    settings=dict(input_size=(4, 8)),
)

PREDICTION = Task(
    "prediction",
    "4.1 Predictions at the photograph's resolution",
    (
        PublicCheck("two cells become eight pixels, as in the text", full_resolution, _two_cells),
        PublicCheck("15 cells become a photograph of 18 x 25", full_resolution, _prediction(402, (18, 25))),
        PublicCheck(
            "what the model sees at input_size=(8, 12)",
            full_resolution_input,
            _prediction(403, (18, 25), input_size=(8, 12)),
            tolerance=1e-3,
        ),
        PublicCheck(
            "a model that comes in training mode", full_resolution, dict(**_prediction(404, (12, 20)), training=True)
        ),
        PublicCheck(
            "the dtype, the model's mode afterwards, no gradients, and the image itself",
            full_resolution_manners,
            _prediction(405, (12, 20)),
        ),
    ),
)


def _ious(title: str, matrix: list) -> PublicCheck:
    case = dict(name="per_class_iou", arguments=[torch.tensor(matrix)], what="your vector of IoUs")
    return PublicCheck(title, result, case)


PER_CLASS_IOU = Task(
    "per_class_iou",
    "4.2 Each class by itself",
    (
        _ious("three classes that occur", [[2, 1, 0], [1, 4, 1], [0, 0, 3]]),
        _ious("a class that occurs nowhere", [[2, 1, 0], [1, 4, 0], [0, 0, 0]]),
        _ious("a class that is never predicted", [[2, 0, 0], [1, 0, 0], [0, 0, 3]]),
        _ious("a class that is predicted and never true", [[2, 0, 1], [0, 4, 0], [0, 0, 0]]),
    ),
)


def _scored(seed: int, *wrong: int | None) -> dict:
    """Images of 4 x 6 pixels that carry logits; `wrong` pixels of each are wrong, or none is labelled (None)."""
    numbers, images, targets = Numbers(seed), [], []
    for count in wrong:
        target = numbers.integers(0, 4, 4, 6)
        said = target.clone().view(-1)
        said[: count or 0] = (said[: count or 0] + 1) % 4
        images.append(5 * functional.one_hot(said.view(4, 6), 4).permute(2, 0, 1).float().contiguous())
        targets.append(torch.full((4, 6), 255) if count is None else target)
    return dict(images=images, targets=targets)


WORST_IMAGES = Task(
    "worst_images",
    "4.3 Where it fails",
    (
        PublicCheck(
            "four images with 2, 14, 6 and 20 wrong pixels, the three worst (with your functions of notebook 3)",
            worst,
            dict(**_scored(411, 2, 14, 6, 20), count=3),
        ),
        PublicCheck(
            "four images, the second one without a labelled pixel", worst, dict(**_scored(412, 4, None, 12, 8), count=4)
        ),
        PublicCheck(
            "a model that comes in training mode", worst, dict(**_scored(413, 2, 14, 6, 20), count=2, training=True)
        ),
        PublicCheck(
            "the same answer twice, the model's mode afterwards, no gradients",
            worst_manners,
            _scored(414, 18, 3, 12, 22, 7, 15),
        ),
    ),
)

TASKS = (PREDICTION, PER_CLASS_IOU, WORST_IMAGES)
