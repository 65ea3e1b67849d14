"""2.1 poly_restarts: a power of what is left of the cycle, which begins anew; longer cycles, and a floor."""

from autograder.testing import graded
from segkit.tasks.competition.training_probes import factors


@graded("one cycle: the power 0.9 of what is left of it", share=2.5)
def test_one_cycle(judge, draw):
    cycle = draw.choose(12, 17, 20)
    judge.same(factors, steps=draw.shuffled(range(cycle)), cycle_steps=cycle)


@graded("other powers", share=1)
def test_power(judge, draw):
    for power in draw.shuffled([0.5, 1.0, draw.choose(2.0, 3.0)]):
        judge.same(factors, steps=draw.shuffled(range(9)), cycle_steps=9, settings=dict(power=power))


@graded("cycles of one length, one after the other", share=2.5)
def test_restarts(judge, draw):
    cycle = draw.choose(5, 7, 8)
    judge.same(factors, steps=draw.shuffled(range(4 * cycle)), cycle_steps=cycle)


@graded("each cycle longer than the one before", share=2)
def test_longer_cycles(judge, draw):
    cycle, factor = draw.choose((4, 2), (5, 2), (3, 3))
    steps = range(cycle * (1 + factor + factor**2 + factor**3))
    judge.same(factors, steps=draw.shuffled(steps)[:40], cycle_steps=cycle, settings=dict(cycle_factor=factor))


@graded("the first and the last step of late cycles", share=1)
def test_late_cycles(judge, draw):
    cycle, factor = draw.choose(2, 3, 4), draw.choose(3, 10)
    starts = [cycle * (factor**number - 1) // (factor - 1) for number in range(1, 7)]
    steps = [step for start in starts for step in (start - 1, start)]
    judge.same(factors, steps=steps, cycle_steps=cycle, settings=dict(cycle_factor=factor))


@graded("a floor: the factor falls from 1 towards it", share=1.5)
def test_floor(judge, draw):
    cycle, settings = draw.choose(10, 12), dict(floor=draw.choose(0.25, 0.4))
    judge.same(factors, steps=draw.shuffled(range(2 * cycle)), cycle_steps=cycle, settings=settings)
