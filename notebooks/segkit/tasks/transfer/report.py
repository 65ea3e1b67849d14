"""Public checks of 05_report: matrices, curves and costs that can be worked out by hand."""

import torch

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.probes import result
from segkit.tasks.transfer.report_probes import roc


def _shares(title: str, matrix: list) -> PublicCheck:
    case = dict(name="confusion_shares", arguments=[torch.tensor(matrix)], what="your matrix of shares")
    return PublicCheck(title, result, case)


CLASS_SHARES = Task(
    "class_shares",
    "5.1 Where the pixels of each class go",
    (
        _shares("three classes that occur", [[6, 2, 2], [1, 3, 0], [0, 4, 1]]),
        _shares("a class that is never true", [[3, 1, 0], [0, 4, 1], [0, 0, 0]]),
        _shares("a class that is never predicted", [[3, 1, 0], [1, 3, 0], [2, 2, 0]]),
    ),
)


def _roc(title: str, scores: list, target: list, label: int) -> PublicCheck:
    """One row of pixels and two classes, whose scores add up to one."""
    second = torch.tensor(scores, dtype=torch.float64)
    both = torch.stack([1 - second, second])[None, :, None]  # (1, 2, 1, pixels)
    return PublicCheck(title, roc, dict(scores=both, target=torch.tensor(target)[None, None], label=label))


def _random_scores(seed: int) -> dict:
    numbers = Numbers(seed)
    target = numbers.integers(0, 3, 2, 4, 5)
    logits = numbers.normal(2, 3, 4, 5) + torch.nn.functional.one_hot(target, 3).movedim(-1, 1)
    return dict(scores=logits.softmax(dim=1), target=target, label=2)


ROC_CURVE = Task(
    "roc_curve",
    "5.2 The ROC curve of a class",
    (
        _roc("the four pixels of the text", [0.9, 0.7, 0.6, 0.2], [1, 0, 1, 0], 1),
        _roc("equal scores", [0.9, 0.6, 0.6, 0.6, 0.2], [1, 1, 0, 0, 0], 1),
        _roc("pixels that are ignored", [0.9, 0.8, 0.7, 0.6, 0.2], [1, 255, 0, 1, 255], 1),
        PublicCheck("class 2 of three, two images", roc, _random_scores(1501)),
        _roc("a class that is nowhere", [0.9, 0.7, 0.2], [0, 0, 0], 1),
    ),
)


def _cost(title: str, *arguments: int) -> PublicCheck:
    case = dict(name="attention_cost", arguments=list(arguments), what="your number of multiply-adds")
    return PublicCheck(title, result, case)


ATTENTION_COST = Task(
    "attention_cost",
    "5.8 Bonus: what the reduction saves",
    (
        _cost("a map of 2 x 3, 4 channels, one head, no reduction", 2, 3, 4, 1, 1),
        _cost("a map of 4 x 6, 4 channels, two heads, no reduction", 4, 6, 4, 2, 1),
        _cost("a map of 4 x 6, 4 channels, one head, a reduction by 2", 4, 6, 4, 1, 2),
        _cost("sides that do not divide: 5 x 7, 6 channels, two heads, a reduction by 2", 5, 7, 6, 2, 2),
    ),
)

TASKS = (CLASS_SHARES, ROC_CURVE, ATTENTION_COST)
