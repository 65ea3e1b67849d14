"""What drives a metric where the student's code runs: a request can call a function, but no method."""

from typing import Any

import torch


def ask_metric(metric: Any, steps: list) -> list:
    """Call methods of a metric, or look at an attribute, in order; what `update` and `reset` return is left out.

    Args:
        steps: lists of a name and its arguments, such as `["update", prediction, target]` and `["mean_iou"]`.
    """
    answers = []
    for name, *arguments in steps:
        found = getattr(metric, name)
        found = found(*arguments) if callable(found) else found
        if name not in ("update", "reset"):
            answers.append(found.clone() if isinstance(found, torch.Tensor) else found)
    return answers


DOUBLES = {"ask_metric": ask_metric}
