"""The remainder where all cycles are equal; else the function calls itself for what comes after the first cycle."""


def poly_restarts(step, cycle_steps, power=0.9, cycle_factor=1, floor=0.0):
    if cycle_factor == 1:
        step %= cycle_steps
    if step >= cycle_steps:
        return poly_restarts(step - cycle_steps, cycle_steps * cycle_factor, power, cycle_factor, floor)
    return floor + (1 - floor) * pow(1 - step / cycle_steps, power)
