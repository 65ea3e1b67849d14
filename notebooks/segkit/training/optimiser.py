"""The optimiser: which parameters learn how fast, which decay, and the schedule of the learning rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from segkit.errors import CourseError
from segkit.training.settings import require

SCHEDULES = ("poly", "exponential", "constant")
DESCRIBED_STEPS = (0, 1, 10, 100, 1000)

Schedule = str | Callable[[int], float]
HEAD_NAMES = ("decoder", "decode_head", "head")
NORMS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


@dataclass(frozen=True)
class Optimisation:
    """AdamW with two learning rates and a schedule.

    Args:
        learning_rate: of the encoder, at the end of the warm-up.
        weight_decay: of weights.
        decay_norms: norms and biases decay as well, as with AdamW(model.parameters()).
        head_learning_rate_factor: how many times higher the learning rate of the head is.
        warmup_steps, schedule, poly_power, gamma: see `learning_rate_factor`.
        steps_per_epoch: after how many steps an "exponential" schedule takes its next one.

    Raises:
        CourseError: if a setting is wrong.
    """

    learning_rate: float = 6e-5
    weight_decay: float = 0.01
    decay_norms: bool = False
    head_learning_rate_factor: float = 10.0
    warmup_steps: int = 0
    schedule: Schedule = "poly"
    poly_power: float = 1.0
    gamma: float = 0.98
    steps_per_epoch: int = 1

    def __post_init__(self):
        rate, decay, factor, warmup = (
            self.learning_rate,
            self.weight_decay,
            self.head_learning_rate_factor,
            self.warmup_steps,
        )
        require(rate > 0, f"learning_rate={rate} must be positive, for example 6e-5.")
        require(decay >= 0, f"weight_decay={decay} must not be negative; the paper's is 0.01.")
        require(factor > 0, f"head_learning_rate_factor={factor} must be > 0.")
        require(warmup >= 0, f"warmup_steps={warmup} must not be negative; 0 is no warm-up.")
        require(
            callable(self.schedule) or self.schedule in SCHEDULES,
            f'schedule="{self.schedule}" is not known: choose one of {", ".join(SCHEDULES)}, or give a function.',
        )
        require(self.poly_power > 0, f"poly_power={self.poly_power} must be positive; 1 is a straight line.")
        require(0 < self.gamma <= 1, f"gamma={self.gamma} must lie between 0 and 1; 1 leaves the rate as it is.")

    def optimizer(self, model: nn.Module, head: nn.Module | None) -> torch.optim.AdamW:
        """AdamW for the parameters of the model that learn."""
        return torch.optim.AdamW(self.parameter_groups(model, head))

    def parameter_groups(self, model: nn.Module, head: nn.Module | None) -> list[dict]:
        """Body and head, each with and without weight decay; a group that nobody is in is left out."""
        in_head = set(head.parameters()) if head is not None else set()
        without_decay = set() if self.decay_norms else _norms_and_biases(model)
        head_rate = self.learning_rate * self.head_learning_rate_factor
        groups = {
            "body": {"lr": self.learning_rate, "weight_decay": self.weight_decay},
            "body, no decay": {"lr": self.learning_rate, "weight_decay": 0.0},
            "head": {"lr": head_rate, "weight_decay": self.weight_decay},
            "head, no decay": {"lr": head_rate, "weight_decay": 0.0},
        }
        for name, group in groups.items():
            group |= {"name": name, "params": []}
        for parameter in model.parameters():
            name = ("head" if parameter in in_head else "body") + (", no decay" if parameter in without_decay else "")
            if parameter.requires_grad:
                groups[name]["params"].append(parameter)
        return [group for group in groups.values() if group["params"]]

    def factor(self, step: int, total_steps: int) -> float:
        """The part of the full learning rate at `step` of a training of `total_steps`."""
        exponential = {"gamma": self.gamma, "steps_per_epoch": self.steps_per_epoch}
        schedule = {"schedule": self.schedule, "power": self.poly_power, **exponential}
        return learning_rate_factor(step, self.warmup_steps, total_steps, **schedule)


def learning_rate_factor(
    step: int,
    warmup_steps: int,
    total_steps: int,
    *,
    schedule: Schedule = "poly",
    power: float = 1.0,
    gamma: float = 0.98,
    steps_per_epoch: int = 1,
) -> float:
    """The part of the full learning rate that is used at `step` (counted from 0): a linear warm-up, then the schedule.

        min(1, (step + 1) / warmup_steps) * (1 - step / total_steps) ** power    "poly"
        min(1, (step + 1) / warmup_steps) * gamma ** (step // steps_per_epoch)   "exponential"
        min(1, (step + 1) / warmup_steps)                                        "constant"
        min(1, (step + 1) / warmup_steps) * schedule(step)                       a function

    "exponential" is torch's `ExponentialLR`, moved on after every epoch.

    With "poly", power 1 and 4 warm-up steps of 100: 0.25, 0.495, 0.735, 0.97, 0.96, ..., 0.01.
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    if callable(schedule):
        return warmup * _factor_of(schedule, step)
    if schedule == "exponential":
        return warmup * gamma ** (step // steps_per_epoch)
    return warmup if schedule == "constant" else warmup * max(0.0, 1.0 - step / total_steps) ** power


def _factor_of(schedule: Callable[[int], float], step: int) -> float:
    factor = schedule(step)
    try:
        value = float(factor)
    except (TypeError, ValueError):
        value = math.nan
    require(
        math.isfinite(value) and value >= 0,
        f"schedule({step}) must be a factor of the learning rate, a number of at least 0, not {factor!r}.",
    )
    return value


def described_schedule(schedule: Schedule) -> str:
    """The name of a schedule, or what a function gives at some steps: by this a run is compared when it goes on."""
    if not callable(schedule):
        return schedule
    return "function " + ", ".join(f"{step}: {_factor_of(schedule, step):.6g}" for step in DESCRIBED_STEPS)


def described_optimizer(optimizer: torch.optim.Optimizer) -> str:
    """Its kind, its settings and how many tensors it holds, in one line: what a run is compared by when it goes on."""
    settings = ", ".join(f"{name}={value}" for name, value in sorted(optimizer.defaults.items()))
    tensors = sum(len(group["params"]) for group in optimizer.param_groups)
    return f"{type(optimizer).__name__}({settings}) of {tensors} tensors"


def find_head(model: nn.Module, factor: float) -> nn.Module | None:
    """The decoder of the model, found by its class or its name; None if it learns as fast as the rest.

    Raises:
        CourseError: if there is none.
    """
    if factor == 1:
        return None
    for part in model.modules():
        if any(cls.__name__ == "MLPDecoder" for cls in type(part).__mro__):
            return part
    for name, part in model.named_children():
        if name in HEAD_NAMES:
            return part
    raise CourseError(
        f"There is no decoder to be found in {type(model).__name__}: say head=model.THE_PART that gets the higher "
        "learning rate, or head_learning_rate_factor=1."
    )


def _norms_and_biases(model: nn.Module) -> set[nn.Parameter]:
    """Biases, and scale and shift of norms: pulling those to 0 simplifies nothing."""
    return {
        parameter
        for module in model.modules()
        for parameter in module.parameters(recurse=False)
        if parameter.ndim <= 1 or isinstance(module, NORMS)
    }
