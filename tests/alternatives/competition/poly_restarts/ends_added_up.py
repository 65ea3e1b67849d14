"""The ends of the cycles are added up until one lies beyond the step."""

from itertools import count


def poly_restarts(step, cycle_steps, power=0.9, cycle_factor=1, floor=0.0):
    begin = 0
    for number in count():
        length = cycle_steps * cycle_factor**number
        if step < begin + length:
            break
        begin += length
    left = (begin + length - step) / length
    return (1 - floor) * left**power + floor
