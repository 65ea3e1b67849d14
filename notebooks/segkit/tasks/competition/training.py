"""Public checks of 02_training: few steps, few pixels, numbers that can be worked out by hand."""

import torch
from torch.nn.functional import one_hot

from segkit.checking.inputs import Numbers
from segkit.checking.probes import module_gradients, module_output
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.competition.training_probes import (
    auxiliary_gradients,
    auxiliary_value,
    distillation,
    distillation_gradients,
    factors,
    loss,
    loss_and_gradient,
    loss_of_nothing,
)


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

_head = dict(
    name="AuxiliaryHead",
    arguments=dict(in_channels=3, channels=4, num_classes=2),
    inputs=[Numbers(221).normal(2, 3, 4, 6)],
)


def _logits(seed: int, *, main: tuple = (4, 6), auxiliary: tuple = (4, 6)) -> dict:
    """Logits of both heads and a target of 4 x 6 pixels, one of them without a label."""
    numbers = Numbers(seed)
    target = numbers.integers(0, 3, 2, 4, 6)
    target[1, 2, 3] = 255
    both = [2 * numbers.normal(2, 3, *size) for size in (main, auxiliary)]
    return dict(main_logits=both[0], auxiliary_logits=both[1], target=target)


AUXILIARY_HEAD = Task(
    "auxiliary_head",
    "2.3 A second head",
    (
        PublicCheck("the head: maps of 3 channels, 4 inside, 2 classes", module_output, _head),
        PublicCheck("the head in training mode", module_output, dict(_head, train=True)),
        PublicCheck(
            "the head: the gradient by the maps",
            module_gradients,
            dict(_head, cotangent=Numbers(222).normal(2, 2, 4, 6)),
        ),
        PublicCheck("the loss: logits as large as the target", auxiliary_value, _logits(223)),
        PublicCheck(
            "the loss: auxiliary logits of 2 x 3 for a target of 4 x 6", auxiliary_value, _logits(224, auxiliary=(2, 3))
        ),
        PublicCheck("the loss: both logits are smaller", auxiliary_value, _logits(225, main=(2, 3), auxiliary=(1, 2))),
        PublicCheck("the loss: weight 0.1", auxiliary_value, dict(_logits(226), settings=dict(weight=0.1))),
        PublicCheck(
            "the loss: no auxiliary logits, as in evaluation",
            auxiliary_value,
            dict(_logits(227), auxiliary_logits=None),
        ),
        PublicCheck("the loss: the gradients by both logits", auxiliary_gradients, _logits(228)),
    ),
)


def _two_maps(student: list, teacher: list, **settings) -> dict:
    """One image, one row of pixels, a list for each channel."""
    both = [torch.tensor(rows, dtype=torch.float64)[None, :, None] for rows in (student, teacher)]
    return dict(student_logits=both[0], teacher_logits=both[1], settings=settings)


def _two_models(seed: int) -> dict:
    numbers = Numbers(seed)
    return dict(student_logits=2 * numbers.normal(2, 3, 2, 4), teacher_logits=2 * numbers.normal(2, 3, 2, 4))


_LN_3 = 1.0986122886681098

DISTILLATION = Task(
    "distillation",
    "2.4 Bonus: a teacher",
    (
        PublicCheck(
            "one channel of two pixels, as in the text", distillation,
            _two_maps([[0.0, 0.0]], [[_LN_3, 0.0]], temperature=1.0),
        ),
        PublicCheck(
            "the same at temperature 2", distillation, _two_maps([[0.0, 0.0]], [[_LN_3, 0.0]], temperature=2.0)
        ),
        PublicCheck(
            "a second channel, in which student and teacher agree", distillation,
            _two_maps([[0.0, 0.0], [1.0, 3.0]], [[_LN_3, 0.0], [1.0, 3.0]], temperature=1.0),
        ),
        PublicCheck(
            "the student's channel is 5 higher everywhere", distillation,
            _two_maps([[5.0, 5.0]], [[_LN_3, 0.0]], temperature=1.0),
        ),
        PublicCheck("two images, three channels, the default temperature", distillation, _two_models(231)),
        PublicCheck(
            "logits in the thousands", distillation,
            _two_maps([[0.0, 2000.0, 900.0]], [[1500.0, 0.0, 1000.0]], temperature=1.0),
        ),
        PublicCheck("the gradients", distillation_gradients, _two_models(232)),
    ),
)  # fmt: skip

TASKS = (POLY_RESTARTS, OHEM_LOSS, AUXILIARY_HEAD, DISTILLATION)
