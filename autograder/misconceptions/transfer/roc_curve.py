"""Misconceptions about the ROC curve of a class (task 5.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

roc = partial(Misconception, "roc_curve")
change = partial(edits, "roc_curve")
KNOWN = "labelled = target != ignore_index"
PICKED = "score, positive = scores[:, label][labelled], (target == label)[labelled]"
ORDER = "order = score.argsort(descending=True)"
STEPS = "steps = torch.cat([score[1:] != score[:-1], torch.ones(1, dtype=torch.bool)])"
RATES = "false_rate, true_rate = (torch.cat([torch.zeros(1), count]) / count[-1] for count in counts)"
AREA = "torch.trapezoid(true_rate, false_rate)"
COUNTS = "counts = [hits.double().cumsum(dim=0)[steps] for hits in (~positive, positive)]"

MISCONCEPTIONS = (
    roc(
        "from the chosen class, not from the scores",
        symptom="The curve is made of what the argmax chose, so that there is one threshold and a curve of three "
        "points.",
        hint="A ROC curve shows what every threshold would do. How many different scores do your pixels have after the "
        "argmax?",
        changes=change(PICKED, PICKED.replace("scores[:, label]", "(scores.argmax(dim=1) == label)")),
        fails="different_scores equal_scores",
        also="ignored one_sided other_classes manners",
    ),
    roc(
        "the score of the best class",
        symptom="Every pixel is sorted by the score of the class that it was given, whichever that was.",
        hint="A pixel that is surely background has a high best score. Should it come first on the curve of the pets?",
        changes=change("scores[:, label]", "scores.amax(dim=1)"),
        fails="different_scores",
        also="equal_scores ignored other_classes manners",
    ),
    roc(
        "ignored pixels counted as the rest",
        symptom="Pixels labelled 255 count as pixels of the other classes.",
        hint="Is a pixel that nobody labelled a false alarm? Count the steps of your curve, and the known pixels.",
        changes=change(KNOWN, "labelled = torch.ones_like(target, dtype=torch.bool)"),
        fails="ignored",
        also="manners",
    ),
    roc(
        "labels above 2 left out",
        symptom="Only pixels with the labels 0, 1 and 2 count, as if there were never more classes.",
        hint="With five classes, which pixels are missing from your curve? Only one label means that a pixel is "
        "unknown.",
        changes=change(KNOWN, "labelled = target < 3"),
        fails="other_classes",
        public=False,
    ),
    roc(
        "a point for every pixel, also where scores are equal",
        symptom="Pixels with equal scores are let in one after the other, in an order that chance decides.",
        hint="A threshold lets in all pixels of one score or none. How many points may the curve have for three equal "
        "scores?",
        changes=change(STEPS, "steps = torch.ones(len(score), dtype=torch.bool)"),
        fails="equal_scores",
    ),
    roc(
        "without the origin",
        symptom="The curve begins with the first pixel that is let in, and not at (0, 0).",
        hint="Which two rates has a threshold that is higher than every score?",
        changes=change("torch.cat([torch.zeros(1), count]) / count[-1]", "count / count[-1]"),
        fails="different_scores",
        also="equal_scores ignored one_sided other_classes manners",
    ),
    roc(
        "lowest scores first",
        symptom="The pixels are let in from the lowest score on, so that the curve lies on the other side of the "
        "diagonal.",
        hint="Which pixels does a high threshold let in: those with high scores or those with low ones?",
        changes=change("descending=True", "descending=False"),
        fails="different_scores",
        also="equal_scores ignored other_classes manners",
    ),
    roc(
        "the curve runs backwards",
        symptom="The points are right, but come from (1, 1) to (0, 0), and the area is negative.",
        hint="In which order do thresholds fall? The first point belongs to the highest.",
        changes=change(
            "for count in counts)",
            "for count in counts)\n    false_rate, true_rate = false_rate.flip(0), true_rate.flip(0)",
        ),
        fails="different_scores",
        also="equal_scores ignored one_sided other_classes manners",
    ),
    roc(
        "axes exchanged",
        symptom="False and true positive rates have changed places.",
        hint="A good classifier has many true and few false alarms: on which side of the diagonal is your curve?",
        changes=change("(~positive, positive)", "(positive, ~positive)"),
        fails="different_scores",
        also="equal_scores ignored one_sided other_classes manners",
    ),
    roc(
        "divided by all pixels",
        symptom="Both counts are divided by the number of all pixels, so that neither rate reaches 1.",
        hint="Which rates has a threshold below every score? All pixels of the class are found then.",
        changes=change("/ count[-1]", "/ len(score)"),
        fails="different_scores one_sided",
        also="equal_scores ignored other_classes manners",
    ),
    roc(
        "precision and recall",
        symptom="The first rate is the share of right pixels among those that were let in, and not the false "
        "positive rate.",
        hint="The false positive rate asks how many of the *other* pixels were let in. By what do you divide?",
        changes=change(
            RATES,
            RATES + "\n    let_in = counts[0] + counts[1]\n"
            "    false_rate = torch.cat([torch.ones(1), counts[1] / let_in])",
        ),
        fails="different_scores",
        also="equal_scores ignored one_sided other_classes manners",
    ),
    roc(
        "the area of the steps below",
        symptom="The area is added up from rectangles, so that a step that goes up and across at once counts as a "
        "corner.",
        hint="For equal scores the curve is a slanted line. Which area has a strip below it?",
        changes=change(AREA, "(true_rate[:-1] * false_rate.diff()).sum()"),
        fails="equal_scores",
    ),
    roc(
        "the area over the number of points",
        symptom="The area is the mean of the true positive rates, as if the false positive rates were evenly spaced.",
        hint="How wide is the strip below two neighbouring points of your curve?",
        changes=change(AREA, "true_rate.mean()"),
        fails="different_scores",
        also="equal_scores ignored one_sided other_classes manners",
    ),
    roc(
        "zeros where a class is nowhere",
        symptom="Rates of a class without a single pixel are zeros, where they are unknown.",
        hint="Of no pixels, which share was found? Whoever averages areas must be able to leave this class out.",
        changes=change("/ count[-1]", "/ count[-1].clamp(min=1)"),
        fails="one_sided",
    ),
    roc(
        "another softmax",
        symptom="The scores go through a softmax once more, which changes the order of the pixels.",
        hint="The docstring says what comes in. May anything that mixes the scores of several classes be done to it?",
        changes=change("scores[:, label]", "scores.softmax(dim=1)[:, label]"),
        fails="different_scores",
        also="equal_scores ignored other_classes",
    ),
    roc(
        "the first image only",
        symptom="Only the first image of the batch is used.",
        hint="How many known pixels are there in the whole batch, and how many does your curve let in at its end?",
        changes=change(
            PICKED,
            PICKED.replace("[:, label][labelled]", "[0, label][labelled[0]]").replace(
                "(target == label)[labelled]", "(target == label)[0][labelled[0]]"
            ),
        ),
        fails="different_scores",
        also="equal_scores ignored one_sided other_classes manners",
    ),
    roc(
        "the target is changed in place",
        symptom="The curve is right, but the target that was passed in is changed.",
        hint="The next class needs the same target. What does it find there after your function has been called?",
        changes=change(AREA, AREA + " + 0 * target.fill_(0).sum()"),
        fails="manners",
        public=False,
    ),
)
