"""Public checks of 01_data_and_metric: annotations that can be read at a glance, metrics worked out by hand."""

import torch

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.probes import result, result_and_manners
from segkit.tasks.segformer.transform_probes import (
    resized_image,
    transform_manners,
    transformed_image,
    transformed_target,
)
from segkit.tasks.transfer.metric_probes import (
    measured,
    measured_after_reset,
    measured_beside_another,
    measured_twice,
    metric_manners,
)
from segkit.transfer.classes import CITYSCAPES_LABELS

ROUNDED = 0.03  # of the image's spread: resizing in uint8, antialiased or not, stays below


def _mapped(name: str, title: str, annotation: torch.Tensor, probe=result) -> PublicCheck:
    return PublicCheck(title, probe, dict(name=name, arguments=[annotation.to(torch.uint8)], what="your class map"))


PET_CLASSES = Task(
    "pet_classes",
    "1.1 Trimaps become classes",
    (
        _mapped("pet_classes", "pet, border, background in a row", torch.tensor([[1, 3, 2]])),
        _mapped("pet_classes", "a pet that fills its picture: no background", torch.tensor([[3, 3, 3], [3, 1, 1]])),
        _mapped("pet_classes", "a batch of two trimaps", Numbers(501).integers(1, 4, 2, 3, 5)),
        _mapped("pet_classes", "the dtype, and the trimap itself", torch.tensor([[1, 2], [3, 2]]), result_and_manners),
    ),
)

TRAIN_IDS = Task(
    "train_ids",
    "1.2 Label ids become train ids",
    (
        _mapped("train_ids", "road, building, sky / car, bicycle, unlabeled", torch.tensor([[7, 11, 23], [26, 33, 0]])),
        _mapped("train_ids", "all ids in a row, so that a position is an id", torch.arange(len(CITYSCAPES_LABELS))),
        _mapped("train_ids", "a licence plate (255) on a car", torch.tensor([[26, 255, 26]])),
        _mapped("train_ids", "a batch of two annotations", Numbers(502).integers(0, 34, 2, 3, 5)),
        _mapped(
            "train_ids", "the dtype, and the annotation itself", torch.tensor([[7, 8], [9, 24]]), result_and_manners
        ),
    ),
)


def _pair(height: int, width: int, *, block: int, seed: int, labels: tuple[int, ...] = (0, 1, 2)) -> dict:
    numbers = Numbers(seed)
    mask = numbers.blocks(labels, height, width, block).to(torch.uint8)
    return dict(name="resize_pair", image=numbers.smooth_image(height, width), mask=mask)


_row = dict(
    name="resize_pair", image=Numbers(503).smooth_image(2, 6), mask=torch.tensor([[0, 1, 2, 18, 255, 0], [1] * 6])
)
_unresized = _pair(12, 14, block=2, seed=504)

RESIZE_PAIR = Task(
    "resize_pair",
    "1.3 Image and mask at one size",
    (
        PublicCheck(
            "normalisation (the image is not resized)",
            transformed_image,
            dict(**_unresized, settings=dict(size=(12, 14))),
        ),
        PublicCheck(
            "resizing the image to 24 x 30 (brightness and contrast aside)",
            resized_image,
            dict(**_pair(36, 60, block=3, seed=505), settings=dict(size=(24, 30))),
            tolerance=ROUNDED,
        ),
        PublicCheck(
            "the first row of the mask is 0 1 2 18 255 0, the result has one row of 4",
            transformed_target,
            dict(_row, settings=dict(size=(1, 4))),
        ),
        PublicCheck(
            "a mask of 37 x 45 at 8 x 16",
            transformed_target,
            dict(**_pair(37, 45, block=1, seed=506, labels=(0, 1, 2, 255)), settings=dict(size=(8, 16))),
        ),
        PublicCheck(
            "64 x 64 if no size is given",
            transformed_target,
            dict(**_pair(96, 128, block=32, seed=507), settings={}),
        ),
        PublicCheck(
            "the dtypes of a mask of uint8, and image and mask themselves",
            transform_manners,
            dict(**_unresized, settings=dict(size=(12, 14)), target_dtype="uint8"),
            tolerance=ROUNDED,
        ),
        PublicCheck(
            "the dtypes of a mask of int64",
            transform_manners,
            dict(dict(_unresized, mask=_unresized["mask"].long()), settings=dict(size=(12, 14))),
            tolerance=ROUNDED,
        ),
    ),
)


def _batch(prediction: list, target: list) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of one image of one row."""
    return torch.tensor([[prediction]]), torch.tensor([[target]])


# Class 2 occurs nowhere in the first batch; the second one is larger and has all three.
_small = _batch([0, 1, 1, 1, 0], [0, 0, 0, 1, 255])
_large = _batch([0, 0, 2, 2, 1, 1, 2, 0], [0, 0, 2, 0, 1, 2, 2, 1])

SEGMENTATION_METRIC = Task(
    "segmentation_metric",
    "1.4 A metric that remembers",
    (
        PublicCheck(
            "confusion: prediction 0 1 1 1 0, target 0 0 0 1 255",
            measured,
            dict(batches=[_small], asked=["confusion"], settings=dict(num_classes=2)),
        ),
        PublicCheck(
            "confusion: another ignore_index, -1",
            measured,
            dict(
                batches=[_batch([0, 1, 1, 0], [0, 0, -1, 1])],
                asked=["confusion"],
                settings=dict(num_classes=2, ignore_index=-1),
            ),
        ),
        PublicCheck("iou and mean_iou: three classes", measured, dict(batches=[_large], asked=["iou", "mean_iou"])),
        PublicCheck(
            "iou and mean_iou: class 2 occurs nowhere", measured, dict(batches=[_small], asked=["iou", "mean_iou"])
        ),
        PublicCheck(
            "iou and mean_iou: class 2 is predicted and never true",
            measured,
            dict(batches=[_batch([0, 0, 2, 1], [0, 0, 0, 1])], asked=["iou", "mean_iou"]),
        ),
        PublicCheck(
            "iou and mean_iou: class 2 is true and never predicted",
            measured,
            dict(batches=[_batch([0, 0, 0, 1], [0, 0, 2, 1])], asked=["iou", "mean_iou"]),
        ),
        PublicCheck(
            "two batches of different size", measured, dict(batches=[_small, _large], asked=["confusion", "mean_iou"])
        ),
        PublicCheck("asked, told more, and asked again", measured_twice, dict(before=[_small], after=[_large])),
        PublicCheck("reset between two batches", measured_after_reset, dict(before=[_small], after=[_large])),
        PublicCheck("two metrics side by side", measured_beside_another, dict(first=[_small], second=[_large])),
        PublicCheck("the dtypes, and predictions and targets themselves", metric_manners, dict(batches=[_small])),
    ),
)

TASKS = (PET_CLASSES, TRAIN_IDS, RESIZE_PAIR, SEGMENTATION_METRIC)
