"""Public checks of 02_training: few steps, few pixels, numbers that can be worked out by hand."""

from segkit.checking.public import PublicCheck, Task
from segkit.tasks.competition.training_probes import factors


def _factors(title: str, steps: range, cycle_steps: int, **settings: float) -> PublicCheck:
    return PublicCheck(title, factors, dict(steps=steps, cycle_steps=cycle_steps, settings=settings))


POLY_RESTARTS = Task(
    "poly_restarts",
    "2.1 A schedule that begins anew",
    (
        _factors("one cycle of 4 steps, power 1", range(4), 4, power=1.0),
        _factors("one cycle of 5 steps, power 0.9", range(5), 5),
        _factors("two cycles of 4 steps", range(8), 4),
        _factors("cycles of 1, 2 and 4 steps", range(7), 1, cycle_factor=2),
        _factors("two cycles of 4 steps, floor 0.4, power 1", range(8), 4, power=1.0, floor=0.4),
        _factors("first steps of cycles that are three times as long", (0, 1, 4, 13, 40, 121, 364), 1, cycle_factor=3),
    ),
)

TASKS = (POLY_RESTARTS,)
