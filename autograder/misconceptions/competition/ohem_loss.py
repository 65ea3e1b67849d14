"""Misconceptions about the loss of the hard pixels (task 2.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

ohem = partial(Misconception, "ohem_loss")
change = partial(edits, "ohem_loss")
LABELLED = "labelled = target != ignore_index"
LOSSES = 'F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")[labelled]'
BELOW = "below = int(((-losses.detach()).exp() < threshold).sum())"
COUNT = "count = max(below, min(min_kept, len(losses)))"
KEPT = "kept = losses.detach().topk(count).indices"
TOTAL = "total = weights[kept].sum()"
RESULT = "return (weights * losses)[kept].sum() / torch.where(total > 0, total, 1)"
VALUES = "ignored equal_pixels weights gradient whole_batch far_off other_ignore_index manners"

MISCONCEPTIONS = (
    ohem(
        "the easiest pixels",
        symptom="As many pixels as are hard are kept, but those with the highest probability of their class.",
        hint="Which pixels should the model learn from, and which of them have the largest loss?",
        changes=change(".topk(count)", ".topk(count, largest=False)"),
        fails="threshold min_kept",
        also=VALUES,
    ),
    ohem(
        "no minimum",
        symptom="Only pixels below the threshold are kept, however few they are.",
        hint="Late in the training three pixels are below the threshold. How many does min_kept want?",
        changes=change(COUNT, "count = below"),
        fails="min_kept fewer_than_min_kept",
        also="ignored equal_pixels weights gradient whole_batch",
    ),
    ohem(
        "no threshold",
        symptom="Always the min_kept hardest pixels are kept, however many are below the threshold.",
        hint="The word is: at least. Which pixels of the text's table are kept for n = 2?",
        changes=change(COUNT, "count = min(min_kept, len(losses))"),
        fails="threshold",
        also="ignored weights gradient far_off other_ignore_index manners",
    ),
    ohem(
        "at most the minimum",
        symptom="Pixels must be below the threshold and among the min_kept hardest: the smaller of the two numbers "
        "counts.",
        hint="Threshold and minimum: is a pixel kept if it meets one of them, or only if it meets both?",
        changes=change(COUNT, "count = min(below, min_kept)"),
        fails="threshold min_kept fewer_than_min_kept",
        also=VALUES,
    ),
    ohem(
        "divided by all labelled pixels",
        symptom="The sum over the kept pixels is divided by the number of all labelled ones.",
        hint="Easy pixels were left out above the line. Where are they in yours below it?",
        changes=change(TOTAL, "total = weights.sum()"),
        fails="threshold min_kept",
        also=VALUES,
    ),
    ohem(
        "the sum",
        symptom="The losses of the kept pixels are added up and not averaged.",
        hint="More pixels are kept at the beginning of a training than at its end. What does that do to a sum?",
        changes=change(RESULT, "return (weights * losses)[kept].sum()"),
        fails="threshold min_kept",
        also=f"fewer_than_min_kept {VALUES}",
    ),
    ohem(
        "filled up with ignored pixels",
        symptom="Where labelled pixels are too few, pixels without a label fill up the minimum, with a loss of 0.",
        hint="Cross-entropy gives ignored pixels a loss of 0. Do they count when you count what is there?",
        changes=change(
            LOSSES,
            LOSSES.removesuffix("[labelled]") + ".flatten()",
            "weight[target[labelled]]",
            "weight[target.clamp(max=len(weight) - 1)].flatten()",
        ),
        fails="fewer_than_min_kept",
    ),
    ohem(
        "ignored pixels taught as the first class",
        symptom="Pixels without a label count as pixels of class 0.",
        hint="Nobody said what these pixels show. What does your loss teach the model to call them?",
        changes=change(
            LABELLED,
            "target = torch.where(target == ignore_index, 0, target)\n    labelled = torch.ones_like(target).bool()",
        ),
        fails="ignored nothing",
        also="fewer_than_min_kept weights gradient other_ignore_index manners",
    ),
    ohem(
        "unsure instead of wrong",
        symptom="Pixels are chosen by the probability of the most likely class: unsure ones are kept, and not wrong "
        "ones.",
        hint="A pixel of the road is called sky, with a probability of 0.99. Is it hard, and does yours keep it?",
        changes=change(
            BELOW,
            "likely = logits.detach().softmax(dim=1).amax(dim=1)[labelled]\n"
            "    below = int((likely < threshold).sum())",
            KEPT,
            "kept = likely.topk(count, largest=False).indices",
        ),
        fails="threshold min_kept",
        also=VALUES,
        perhaps="min_kept whole_batch manners",
    ),
    ohem(
        "the threshold is held against the loss",
        symptom="A pixel counts as hard if its loss is above the threshold, which is meant for its probability.",
        hint="A probability of 0.6 is below 0.7. How large is the loss of such a pixel?",
        changes=change("(-losses.detach()).exp() < threshold", "losses.detach() > threshold"),
        fails="threshold",
        also="min_kept ignored nothing equal_pixels weights gradient whole_batch other_ignore_index manners",
        perhaps="far_off",
    ),
    ohem(
        "a weight that grows with the loss",
        symptom="All pixels count, each with a weight that falls smoothly with its probability, as in the focal loss.",
        hint="Focal loss and this one want the same and do it differently. How much does pixel 1 of the table count?",
        changes=change(RESULT, "return ((1 - (-losses).exp()) ** 2 * losses).sum() / max(len(losses), 1)"),
        fails="threshold min_kept",
        also="all",
    ),
    ohem(
        "a minimum for each image",
        symptom="The minimum is multiplied by the number of images.",
        hint="For two images and min_kept = 30, how many pixels of the batch have to be kept, 30 or 60?",
        changes=change("min(min_kept, len(losses))", "min(min_kept * len(logits), len(losses))"),
        fails="min_kept whole_batch",
        also="ignored weights gradient",
    ),
    ohem(
        "each image by itself",
        symptom="Pixels are chosen in each image by itself, and the images' losses averaged.",
        hint="One image is hard and the other easy. From which should more pixels come?",
        changes=change(
            f"    {LABELLED}",
            "    if len(logits) > 1:\n"
            "        rest = (threshold, min_kept, weight, ignore_index)\n"
            "        return sum(ohem_loss(a[None], b[None], *rest) for a, b in zip(logits, target)) / len(logits)\n"
            f"    {LABELLED}",
        ),
        fails="whole_batch",
        also="threshold min_kept fewer_than_min_kept ignored weights gradient far_off other_ignore_index manners",
        perhaps="threshold manners fewer_than_min_kept far_off",
    ),
    ohem(
        "no class weights",
        symptom="The weights of the classes play no part.",
        hint="Where in your code does the argument called weight appear?",
        changes=change("if weight is None else weight[target[labelled]]", ""),
        fails="weights",
        also="nothing",
    ),
    ohem(
        "chosen by the weighted loss",
        symptom="The weights of the classes also decide which pixels are hard.",
        hint="Should a rare class, which weighs much, be able to push a pixel out that the model gets quite wrong?",
        changes=change(
            BELOW,
            "below = int(((-weights * losses.detach()).exp() < threshold).sum())",
            "losses.detach().topk",
            "(weights * losses.detach()).topk",
        ),
        fails="weights",
    ),
    ohem(
        "divided by the number of kept pixels",
        symptom="The weighted sum is divided by the number of kept pixels and not by the sum of their weights.",
        hint="Multiply all class weights by ten. Should the loss change?",
        changes=change(TOTAL, "total = torch.ones_like(weights[kept]).sum()"),
        fails="weights",
    ),
    ohem(
        "divided by 1 at least",
        symptom="The sum of the weights below the line is taken for 1 where it is smaller.",
        hint="A clamp against the division by zero also changes sums that are no zero. How small may a sum of weights "
        "be?",
        changes=change("torch.where(total > 0, total, 1)", "total.clamp(min=1)"),
        fails="weights",
    ),
    ohem(
        "NaN where nothing is kept",
        symptom="Without a pixel to keep, the loss is 0 divided by 0.",
        hint="One batch without labels, and all weights of the model are NaN. What is a sum over nothing divided by?",
        changes=change("torch.where(total > 0, total, 1)", "total"),
        fails="nothing",
    ),
    ohem(
        "a fresh 0 where nothing is kept",
        symptom="Without a pixel to keep, the loss is a 0 that does not come from the logits, so that backward raises "
        "an error.",
        hint="Gradients flow back along the operations that made a number. Which operation made this 0?",
        changes=change(f"    {TOTAL}", f"    if count == 0:\n        return torch.tensor(0.0)\n    {TOTAL}"),
        fails="nothing",
    ),
    ohem(
        "all pixels that are as hard as the last",
        symptom="All pixels are kept that are as hard as the last one needed, also where fewer would do.",
        hint="A minimum of three, and four pixels share the second place. How many have to be kept?",
        changes=change(
            KEPT,
            "falling = losses.detach().sort(descending=True).values\n"
            "    kept = losses.detach() > (falling[count - 1] - 1e-9 if count else torch.inf)",
        ),
        fails="equal_pixels",
    ),
    ohem(
        "no gradient",
        symptom="The loss has the right value, but no gradient flows back from it.",
        hint="Choosing needs no gradient, the mean does. At which point does yours become a mere number?",
        changes=change("(weights * losses)[kept]", "(weights * losses.detach())[kept]"),
        fails="gradient nothing",
    ),
    ohem(
        "the logarithm of a softmax",
        symptom="The loss is the logarithm of a probability that has been rounded to 0, and so infinite.",
        hint="What is the smallest number that a softmax can say, and what is its logarithm?",
        changes=change("F.cross_entropy(logits, target,", "F.nll_loss(logits.softmax(dim=1).log(), target,"),
        fails="far_off",
        public=False,
    ),
    ohem(
        "255 ignored, whatever is asked",
        symptom="Pixels with the label 255 are left out, whatever number marks the ignored pixels.",
        hint="Another data set marks pixels without a label with -1. In how many places does your loss have to know?",
        changes=change(
            LABELLED, LABELLED.replace("ignore_index", "255"), "ignore_index=ignore_index", "ignore_index=255"
        ),
        fails="other_ignore_index",
        public=False,
    ),
    ohem(
        "the target is changed in place",
        symptom="The loss is right, but the target that was passed in is changed.",
        hint="The auxiliary head's loss needs the same target next. What does it find there?",
        changes=change(LABELLED, LABELLED + "\n    target[~labelled] = 0"),
        fails="manners",
        public=False,
    ),
)
