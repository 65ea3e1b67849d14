"""Public checks of 04_competition: fronts of a handful of entries, which can be read off a sheet of paper."""

import torch

from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.probes import result


def _front(title: str, costs: list, scores: list) -> PublicCheck:
    arguments = [torch.tensor(costs), torch.tensor(scores)]
    return PublicCheck(title, result, dict(name="pareto_front", arguments=arguments, what="your mask"))


PARETO_FRONT = Task(
    "pareto_front",
    "4.1 Entries that nobody beats",
    (
        _front("the five entries of the text", [15, 50, 70, 90, 350], [0.55, 0.61, 0.28, 0.59, 0.64]),
        _front("in another order", [60, 20, 40, 10, 50, 30], [0.50, 0.42, 0.35, 0.30, 0.60, 0.45]),
        _front("one that is the cheapest and the best", [30, 10, 20, 40], [0.50, 0.60, 0.40, 0.55]),
        _front("equal costs", [20, 10, 20, 30], [0.50, 0.30, 0.40, 0.60]),
        _front("equal scores", [30, 20, 10, 40], [0.50, 0.50, 0.30, 0.60]),
        _front("the same entry twice", [20, 30, 20, 10, 40], [0.50, 0.40, 0.50, 0.30, 0.60]),
    ),
)

TASKS = (PARETO_FRONT,)
