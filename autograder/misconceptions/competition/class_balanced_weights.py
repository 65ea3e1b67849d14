"""Misconceptions about weights by the effective number of samples (task 1.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

balance = partial(Misconception, "class_balanced_weights")
weights = partial(edits, "class_balanced_weights")

EFFECTIVE = "(1 - beta**n) / (1 - beta)"
WHERE = "torch.where(occurs, 1 / effective, 0.0)"
MEAN = "weights / weights[occurs].mean()"

MISCONCEPTIONS = (
    balance(
        "one over the count",
        symptom="Each weight is one over the class's count, whatever beta is.",
        hint="A thousandth pixel of the same road is hardly news. Which number of the formula says so, and where is it "
        "in your code?",
        changes=weights(EFFECTIVE, "n"),
        fails="weights beta",
        also="absent millions manners",
    ),
    balance(
        "the effective number itself",
        symptom="The weights are the effective numbers, so that the most frequent class weighs most.",
        hint="The loss shall listen to rare classes. Does your weight grow or shrink with the count?",
        changes=weights("1 / effective", "effective"),
        fails="weights",
        also="absent beta millions near_one manners",
        perhaps="beta",
    ),
    balance(
        "not normalised",
        symptom="The weights are one over the effective number, with no common factor that makes them average to 1.",
        hint="With small weights everywhere the loss is small, and so are its gradients. What shall the weights of the "
        "classes that occur average to?",
        changes=weights(MEAN, "weights"),
        fails="absent",
        also="all but absent",
        perhaps="manners",
    ),
    balance(
        "they add up to 1",
        symptom="The weights add up to 1, where those of the classes that occur should average to 1.",
        hint="What do four equal weights add up to if their average is 1?",
        changes=weights(MEAN, "weights / weights.sum()"),
        fails="absent",
        also="all but absent",
        perhaps="manners",
    ),
    balance(
        "the average of all classes is 1",
        symptom="The classes that never occur are counted in the average, so that the others weigh too much.",
        hint="One of four classes never occurs. Over how many of them runs the average that shall be 1?",
        changes=weights("weights[occurs].mean()", "weights.mean()"),
        fails="absent",
    ),
    balance(
        "one over zero",
        symptom="A class that never occurs gets an infinite weight, or the division spoils all others.",
        hint="What is 1 - beta^0, and what do you divide by it?",
        changes=weights(WHERE, "1 / effective", "weights[occurs].mean()", "weights.mean()"),
        fails="absent",
    ),
    balance(
        "an absent class counted once",
        symptom="A class that never occurs gets the weight of one that occurs once: the largest of all.",
        hint="How often will the loss meet a pixel of a class that never occurs? The docstring names its weight.",
        changes=weights(
            "n = counts.to(torch.float64)", "counts = counts.clamp(min=1)\n    n = counts.to(torch.float64)"
        ),
        fails="absent",
    ),
    balance(
        "beta times n",
        symptom="Beta is multiplied by the count, not raised to its power.",
        hint="In the formula n stands above the line of beta. What is 0.5 to the power of 3?",
        changes=weights("beta**n", "beta * n"),
        fails="weights",
        also="all",
    ),
    balance(
        "shares, not counts",
        symptom="The power is the share of a class, not how many samples of it there are.",
        hint="Of a class that is a third of ten pixels, and of ten million, how many samples were seen?",
        changes=weights("n = counts.to(torch.float64)", "n = counts / counts.sum().to(torch.float64)"),
        fails="weights",
        also="all",
    ),
    balance(
        "float32 on the way",
        symptom="Counts and powers are float32, which has seven digits: a beta near 1 becomes 1, or another number.",
        hint="How many digits of 0.9999999 are left in a float32, and what is left of 1 minus that?",
        changes=weights("counts.to(torch.float64)", "counts.to(torch.float32)"),
        fails="millions near_one",
    ),
    balance(
        "always the same beta",
        symptom="Beta is 0.999, whatever is asked.",
        hint="Call it with beta 0 and with beta 0.9. Which line of yours uses the argument?",
        changes=weights("    n = counts", "    beta = 0.999\n    n = counts"),
        fails="beta",
        also="weights absent millions near_one manners",
    ),
    balance(
        "beta 0.9999 if none is given",
        symptom="Without a beta it is 0.9999, as in the paper's code, and not the 0.999 of the signature.",
        hint="Papers, their code and this signature name different numbers. Which one does a call without beta mean "
        "here?",
        changes=weights("beta: float = 0.999)", "beta: float = 0.9999)"),
        fails="beta",
    ),
    balance(
        "they are float64",
        symptom="The weights are right, but float64.",
        hint="A loss multiplies them with float32 logits. What does cross-entropy say to weights of another type?",
        changes=weights(".to(torch.float32)", ""),
        fails="manners",
    ),
    balance(
        "the counts are overwritten",
        symptom="The weights are right, but the counts that were passed in are not what they were.",
        hint="Whoever counted may want to print the counts afterwards. Which of your lines writes into them?",
        changes=weights("    return", "    counts.clamp_(max=1)\n    return"),
        fails="manners",
    ),
)
