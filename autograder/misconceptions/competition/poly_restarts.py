"""Misconceptions about the schedule (task 2.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

schedule = partial(Misconception, "poly_restarts")
change = partial(edits, "poly_restarts")
LOOP = "    while step >= length:"
NEXT = "length *= cycle_factor"
RESULT = "return floor + (1 - floor) * (1 - step / length) ** power"
LEFT = "(1 - step / length) ** power"

MISCONCEPTIONS = (
    schedule(
        "no restarts",
        symptom="After the first cycle the factor stays at the floor: nothing begins anew.",
        hint="How much does a model learn after the first cycle if its learning rate stays where it ended?",
        changes=change(LOOP, "    step = min(step, length)\n    while step > length:"),
        fails="restarts longer_cycles late_cycles",
        also="floor",
    ),
    schedule(
        "half a cosine",
        symptom="The factor falls along half a cosine, as in the paper on restarts, and not as a power.",
        hint="Two papers are put together here. From which of them is the curve inside a cycle?",
        changes=change(LEFT, "(1 + __import__('math').cos(__import__('math').pi * step / length)) / 2"),
        fails="one_cycle power",
        also="restarts longer_cycles late_cycles floor",
    ),
    schedule(
        "a straight line",
        symptom="The factor falls along a straight line, whatever power is asked for.",
        hint="Half of the cycle is left. What is 0.5 to the power of 0.9, and what comes out of yours?",
        changes=change(LEFT, "(1 - step / length)"),
        fails="one_cycle power",
        also="restarts longer_cycles late_cycles floor",
    ),
    schedule(
        "the power of what is over",
        symptom="The power is taken of the share of the cycle that is over, and then subtracted from 1.",
        hint="Of which of the two shares is the power in the equation: of what is over, or of what is left?",
        changes=change(LEFT, "(1 - (step / length) ** power)"),
        fails="one_cycle power",
        also="restarts longer_cycles late_cycles floor",
    ),
    schedule(
        "the power 0.9, whatever is asked",
        symptom="The power is 0.9, whatever power is asked for.",
        hint="Where in your code does the argument called power appear?",
        changes=change("** power", "** 0.9"),
        fails="power",
    ),
    schedule(
        "steps counted from 1",
        symptom="Every step is taken for the one after it, so that a cycle begins below 1 and has a step at the floor.",
        hint="How many steps of its cycle have been taken before the very first one?",
        changes=change(
            "    length = cycle_steps\n", "    length = cycle_steps\n    step += 1\n", "step >= length", "step > length"
        ),
        fails="one_cycle",
        also="power restarts longer_cycles late_cycles floor",
    ),
    schedule(
        "the floor is reached in the last step",
        symptom="The factor arrives at the floor in the last step of a cycle, one step too early.",
        hint="A cycle of 4 steps has the shares 4/4, 3/4, 2/4 and 1/4 left. Which ones do your four steps have?",
        changes=change("step / length", "step / max(length - 1, 1)"),
        fails="one_cycle",
        also="power restarts longer_cycles late_cycles floor",
    ),
    schedule(
        "the restart one step late",
        symptom="Each cycle has one step more, at the floor, before the next one begins.",
        hint="In the table of the text, which factor has step 2: that of an end or that of a beginning?",
        changes=change("step >= length", "step > length", "step -= length", "step -= length + 1"),
        fails="restarts longer_cycles late_cycles",
        also="floor",
    ),
    schedule(
        "all cycles equally long",
        symptom="Every cycle is as long as the first, whatever cycle_factor says.",
        hint="After a cycle of 2 steps, with a factor of 2, how many steps does the next one have?",
        changes=change(NEXT, "length = cycle_steps"),
        fails="longer_cycles late_cycles",
    ),
    schedule(
        "longer by the same amount each time",
        symptom="The cycles are once, twice, three times as long as the first, where each should be a multiple of the "
        "one before.",
        hint="With a factor of 2 the lengths are 1, 2, 4, 8. From which cycle on do yours differ?",
        changes=change(NEXT, "length += (cycle_factor - 1) * cycle_steps"),
        fails="longer_cycles late_cycles",
    ),
    schedule(
        "longer only once",
        symptom="Only the second cycle is longer than the one before it, and all later ones are as long as the second.",
        hint="With a factor of 2 the lengths are 1, 2, 4, 8. Which earlier length is each of yours twice as large as?",
        changes=change(NEXT, "length = cycle_steps * cycle_factor"),
        fails="longer_cycles late_cycles",
    ),
    schedule(
        "longer from the first cycle on",
        symptom="The first cycle is longer already, by the factor that only the second should have.",
        hint="How many steps does the first cycle have in the equation, and after how many does yours end?",
        changes=change("length = cycle_steps\n", "length = cycle_steps * cycle_factor\n"),
        fails="longer_cycles late_cycles",
    ),
    schedule(
        "the factor is added",
        symptom="The factor is added to the length of each cycle, where the length should be multiplied by it.",
        hint="With a factor of 1 all cycles are equally long. Are yours?",
        changes=change(NEXT, "length += cycle_factor"),
        fails="restarts longer_cycles late_cycles",
        also="floor",
    ),
    schedule(
        "the next cycle is taken away",
        symptom="The length grows before it is taken from the step, so that the next cycle is taken away.",
        hint="One cycle is over, and the next begins. The length of which of the two do you take from the step?",
        changes=change(
            "step -= length\n        length *= cycle_factor\n", "length *= cycle_factor\n        step -= length\n"
        ),
        fails="longer_cycles late_cycles",
    ),
    schedule(
        "longer cycles fall as fast as the first",
        symptom="In a longer cycle the factor falls as fast as in the first, and then waits at the floor for the rest.",
        hint="In the middle of every cycle half of it is left. By which length do you divide?",
        changes=change("1 - step / length", "max(1 - step / cycle_steps, 0)"),
        fails="longer_cycles late_cycles",
    ),
    schedule(
        "the cycle by a logarithm",
        symptom="The number of the cycle comes from a logarithm, which rounding makes too small just where a few late "
        "cycles begin.",
        hint="What does Python say to math.log(243, 3)? Try to count in whole numbers.",
        changes=change(
            LOOP,
            "    if cycle_factor > 1:\n"
            "        import math\n"
            "        number = int(math.log(step * (cycle_factor - 1) / cycle_steps + 1, cycle_factor))\n"
            "        length = cycle_steps * cycle_factor**number\n"
            "        step -= cycle_steps * (cycle_factor**number - 1) // (cycle_factor - 1)\n"
            "    while cycle_factor == 1 and step >= length:",
        ),
        fails="late_cycles",
    ),
    schedule(
        "the floor cuts the curve off",
        symptom="The factor falls as if there were no floor and is cut off where it gets below.",
        hint="With a floor of 0.4 and power 1, which factor stands in the middle of a cycle: 0.5 or 0.7?",
        changes=change(RESULT, f"return max(floor, {LEFT})"),
        fails="floor",
    ),
    schedule(
        "the floor on top",
        symptom="The floor is added to the whole curve, which therefore begins above 1.",
        hint="At the first step of a cycle the rate is the base rate. What is your factor there?",
        changes=change(RESULT, f"return floor + {LEFT}"),
        fails="floor",
    ),
    schedule(
        "no floor",
        symptom="The factor falls to 0, whatever floor is asked for.",
        hint="Where in your code does the argument called floor appear?",
        changes=change(RESULT, f"return {LEFT}"),
        fails="floor",
    ),
)
