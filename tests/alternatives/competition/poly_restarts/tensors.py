"""A logarithm that is rounded up or down until it fits, and a tensor as the answer."""

import math


def poly_restarts(step, cycle_steps, power=0.9, cycle_factor=1, floor=0.0):
    def begin_of(cycle):
        return cycle_steps * sum(cycle_factor**earlier for earlier in range(cycle))

    cycle = step // cycle_steps
    if cycle_factor > 1:
        cycle = int(math.log((step // cycle_steps) * (cycle_factor - 1) + 1, cycle_factor))
        cycle += int(step >= begin_of(cycle + 1)) - int(step < begin_of(cycle))
    position = torch.tensor(step - begin_of(cycle), dtype=torch.float64) / (cycle_steps * cycle_factor**cycle)
    return torch.lerp(
        torch.tensor(floor, dtype=torch.float64), torch.ones((), dtype=torch.float64), (1 - position) ** power
    )
