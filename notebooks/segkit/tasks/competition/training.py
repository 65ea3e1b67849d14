"""Public checks of 02_training: few steps, few pixels, numbers that can be worked out by hand."""

import torch
from torch.nn.functional import one_hot

from segkit.checking.inputs import Numbers
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.competition.training_probes import factors, loss, loss_and_gradient, loss_of_nothing


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

_SIX = ([0.9, 0.8, 0.6, 0.3, 0.4, 0.05], [0, 0, 0, 0, 255, 1])


def _pixels(probabilities: list[float], target: list[int]) -> dict:
    """A row of pixels of two classes, and how probable the true one is."""
    true = torch.tensor(probabilities, dtype=torch.float64)
    first = torch.where(torch.tensor(target) == 1, 1 - true, true)
    logits = torch.stack([first, 1 - first]).log()[None, :, None]  # (1, 2, 1, pixels)
    return dict(name="ohem_loss", logits=logits, target=torch.tensor(target)[None, None])


def _ohem(title: str, pixels: tuple[list, list], probe=loss, **settings) -> PublicCheck:
    return PublicCheck(title, probe, dict(**_pixels(*pixels), settings=settings))


def _two_images() -> dict:
    """A hard image and an easy one."""
    numbers = Numbers(211)
    target = numbers.integers(0, 3, 2, 3, 4)
    logits = numbers.normal(2, 3, 3, 4)
    logits[1] += 6 * one_hot(target[1], 3).movedim(-1, 0)
    return dict(name="ohem_loss", logits=logits, target=target)


OHEM_LOSS = Task(
    "ohem_loss",
    "2.2 Only the hard pixels",
    (
        _ohem("the six pixels of the text, at least 2", _SIX, min_kept=2),
        _ohem("the six pixels, at least 4", _SIX, min_kept=4),
        _ohem("the six pixels, at least 8", _SIX, min_kept=8),
        _ohem("the six pixels, the second class weighs 3", _SIX, min_kept=2, weight=torch.tensor([1.0, 3.0]).double()),
        _ohem("the hardest pixel alone, class weights 0.9 and 0.1", _SIX, threshold=0.0, min_kept=1,
              weight=torch.tensor([0.9, 0.1]).double()),
        _ohem("four equally hard pixels, at least 3 of 6", ([0.5, 0.1, 0.5, 0.9, 0.5, 0.5], [0] * 6), threshold=0.0,
              min_kept=3),
        PublicCheck(
            "no pixel has a label", loss_of_nothing,
            dict(name="ohem_loss", logits=Numbers(212).normal(2, 3, 2, 4), settings=dict(min_kept=4)),
        ),
        PublicCheck(
            "a hard image and an easy one, at least 7 of 24 pixels", loss,
            dict(**_two_images(), settings=dict(threshold=0.0, min_kept=7)),
        ),
        _ohem("the gradient by the logits of the six pixels", _SIX, loss_and_gradient, min_kept=4),
    ),
)  # fmt: skip

TASKS = (POLY_RESTARTS, OHEM_LOSS)
