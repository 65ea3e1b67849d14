"""Public checks of 01_data: label maps that can be read at a glance, images that fit on a line."""

import torch

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.probes import result, result_and_manners, result_of_generator
from segkit.tasks.segformer.transform_probes import (
    resized_image,
    transform_coins,
    transform_manners,
    transformed_image,
    transformed_pair,
    transformed_target,
)

ROUNDED = 0.03  # of the image's spread: resizing in uint8, antialiased or not, stays below


def _labels(title: str, annotation: torch.Tensor, probe=result, what: str = "your label map") -> PublicCheck:
    arguments = [annotation.to(torch.uint8)]
    return PublicCheck(title, probe, dict(name="map_labels", arguments=arguments, what=what))


LABEL_MAPPING = Task(
    "label_mapping",
    "1.1 Label mapping",
    (
        _labels("sky, tree, grass / person, car, unlabelled", torch.tensor([[3, 5, 10], [13, 21, 0]])),
        _labels("all ids in a row, so that a position is an id", torch.arange(151), what="your row of labels"),
        _labels("a batch of two annotations", Numbers(101).integers(0, 151, 2, 4, 6), what="your batch of label maps"),
        _labels("the dtype, and the annotation itself", torch.tensor([[5, 13], [21, 1]]), probe=result_and_manners),
    ),
)


def _photograph(height: int, width: int, *, block: int, seed: int, labels: tuple[int, ...] = (0, 1, 2, 3)) -> dict:
    numbers = Numbers(seed)
    mask = numbers.blocks(labels, height, width, block).to(torch.uint8)
    return dict(image=numbers.smooth_image(height, width), mask=mask)


def _sizes(image_size: tuple[int, int], target_size: tuple[int, int], flip_probability: float = 0.0) -> dict:
    return dict(flip_probability=flip_probability, image_size=image_size, target_size=target_size)


_row = dict(image=Numbers(102).smooth_image(2, 6), mask=torch.tensor([[0, 1, 2, 3, 255, 0], [1] * 6]).to(torch.uint8))
_unresized = _photograph(12, 12, block=2, seed=103)
_larger = _photograph(36, 60, block=3, seed=104)
_fine = _photograph(37, 45, block=1, seed=105, labels=(0, 1, 2, 3, 255))

JOINT_TRANSFORM = Task(
    "joint_transform",
    "1.2 One transform for image and labels",
    (
        PublicCheck(
            "normalisation (the image is not resized)",
            transformed_image,
            dict(**_unresized, settings=_sizes((12, 12), (12, 12))),
        ),
        PublicCheck(
            "resizing the image to 24 x 30 (brightness and contrast aside)",
            resized_image,
            dict(**_larger, settings=_sizes((24, 30), (12, 20))),
            tolerance=ROUNDED,
        ),
        PublicCheck(
            "the first row of the mask is 0 1 2 3 255 0, the target has one row of 4",
            transformed_target,
            dict(**_row, settings=_sizes((2, 6), (1, 4))),
        ),
        PublicCheck(
            "a target of 8 x 16 from a mask of 37 x 45",
            transformed_target,
            dict(**_fine, settings=_sizes((20, 28), (8, 16))),
        ),
        PublicCheck(
            "flip_probability=1",
            transformed_pair,
            dict(**_unresized, settings=_sizes((12, 12), (12, 12), flip_probability=1.0)),
            tolerance=ROUNDED,
        ),
        PublicCheck(
            "flip_probability=0.5: one coin for both",
            transform_coins,
            dict(**_unresized, settings=_sizes((12, 12), (12, 12))),
            tolerance=ROUNDED,
        ),
        PublicCheck(
            "the dtypes, and image and mask themselves",
            transform_manners,
            dict(**_unresized, settings=_sizes((12, 12), (12, 12))),
            tolerance=ROUNDED,
        ),
    ),
)


def _shares(title: str, *targets: list, **settings: int) -> PublicCheck:
    arguments = [[torch.tensor(target) for target in targets]]
    case = dict(name="class_shares", arguments=arguments, settings=settings, what="your vector of shares")
    return PublicCheck(title, result, case)


CLASS_BALANCE = Task(
    "class_balance",
    "1.3 Class balance",
    (
        _shares("one target: 0 0 / 1 3", [[0, 0], [1, 3]]),
        _shares("two targets of different sizes: 0 1 and 2 2 2 / 3 3 3", [[0, 1]], [[2, 2, 2], [3, 3, 3]]),
        _shares("an ignored pixel: 0 0 / 0 1 and 3 255", [[0, 0], [0, 1]], [[3, 255]]),
        _shares("six classes, of which two occur", [[0, 4], [4, 4]], num_classes=6),
        PublicCheck(
            "a generator",
            result_of_generator,
            dict(
                name="class_shares",
                items=[torch.tensor([[0, 1]]), torch.tensor([[2, 3]])],
                what="your vector of shares",
            ),
        ),
    ),
)

TASKS = (LABEL_MAPPING, JOINT_TRANSFORM, CLASS_BALANCE)
