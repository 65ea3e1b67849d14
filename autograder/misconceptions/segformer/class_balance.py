"""Misconceptions about the shares of the classes (task 1.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import Code, edits

shares = partial(Misconception, "class_balance")
class_shares = partial(edits, "class_shares")

LABELLED = "target[target != IGNORE].long()"

MISCONCEPTIONS = (
    shares(
        "shares averaged over targets",
        symptom="The shares are worked out for each target and then averaged, so that a small target counts as much as "
        "a large one.",
        hint="One target has 2 pixels, all plants, and another one 98 pixels, none of them a plant. Which share of all "
        "pixels is plants?",
        changes=(
            Code(
                "01_data",
                """
def class_shares(targets, num_classes=4):
    counts = [torch.bincount(t[t != 255].long(), minlength=num_classes) for t in targets]
    return torch.stack([count / count.sum() for count in counts]).mean(dim=0)
""",
            ),
        ),
        fails="several_sizes",
    ),
    shares(
        "targets of one size taken for granted",
        symptom="All targets are stacked into one tensor, which raises an error as soon as two of them differ in size.",
        hint="Photographs have many sizes. What has to be kept of a target once its pixels are counted?",
        changes=class_shares("in targets:", "in torch.stack(list(targets)):"),
        fails="several_sizes",
    ),
    shares(
        "ignored pixels stay below the line",
        symptom="Ignored pixels belong to no class, but they are in the total by which the counts are divided.",
        hint="What must the shares of all classes add up to, and what do yours add up to when a target has ignored "
        "pixels?",
        changes=class_shares(
            "pixels / pixels.sum()",
            "pixels / everything",
            "    for target",
            "    everything = 0\n    for target",
            "        pixels +=",
            "        everything += target.numel()\n        pixels +=",
        ),
        fails="ignored",
        also="manners",
    ),
    shares(
        "ignored pixels counted as background",
        symptom="Ignored pixels are added to the background.",
        hint="The number 255 says that nobody knows what is there. Does the share of background change when you draw "
        "more such pixels?",
        changes=class_shares(LABELLED, "torch.where(target == IGNORE, 0, target).long().flatten()"),
        fails="ignored",
        also="manners",
    ),
    shares(
        "ignored pixels counted as the last class",
        symptom="Ignored pixels are added to the last class.",
        hint="The number 255 is larger than every label, and it is none. To which class does your code push it, and "
        "where could it be left out?",
        changes=class_shares(LABELLED, "target.long().clamp(max=num_classes - 1).flatten()"),
        fails="ignored",
        also="manners",
    ),
    shares(
        "counts, not shares",
        symptom="The result holds numbers of pixels, not shares.",
        hint="A share lies between 0 and 1. Which last step leads from how many to how much of the whole?",
        changes=class_shares("pixels / pixels.sum()", "pixels"),
        fails="one_size several_sizes",
        also="all but one_size several_sizes",
    ),
    shares(
        "per cent",
        symptom="The shares are given in per cent and add up to 100.",
        hint="What does the description of the result say about the sum of all shares?",
        changes=class_shares("pixels / pixels.sum()", "100 * pixels / pixels.sum()"),
        fails="one_size",
        also="all but one_size",
    ),
    shares(
        "divided as whole numbers",
        symptom="The counts are divided without a remainder, so that nearly every share becomes 0.",
        hint="What is 3 divided by 5 if only whole numbers are allowed?",
        changes=class_shares("pixels / pixels.sum()", "pixels // pixels.sum()"),
        fails="one_size several_sizes",
        also="all but one_size several_sizes",
    ),
    shares(
        "only the first target",
        symptom="The shares are those of the first target; the others are never looked at.",
        hint="At which moment does the function end, before or after the walk through all targets?",
        changes=class_shares("    return pixels", "        return pixels"),
        fails="one_size several_sizes",
        also="ignored generator",
        perhaps="other_classes uint8 manners",
    ),
    shares(
        "only the last target",
        symptom="The shares are those of the last target; the counts of the others are lost.",
        hint="Two targets, one with 3 pixels of background and one with 5. Which number do you hold after each of "
        "them?",
        changes=class_shares("pixels += ", "pixels = "),
        fails="one_size several_sizes",
        also="ignored generator",
        perhaps="other_classes uint8 manners",
    ),
    shares(
        "as many classes as are seen",
        symptom="A target's counts end at the largest label that it contains, and then do not fit those of all "
        "classes.",
        hint="A target contains the labels 0 and 1 only. How many numbers does counting give, and how many are wanted?",
        changes=class_shares(", minlength=num_classes", ""),
        fails="other_classes",
    ),
    shares(
        "classes that never occur are left out",
        symptom="A class without a pixel is missing from the result, and all later classes move up.",
        hint="Somebody reads entry 3 of your result. Is it always the share of class 3?",
        changes=class_shares("return pixels / pixels.sum()", "return pixels[pixels > 0] / pixels.sum()"),
        fails="other_classes",
    ),
    shares(
        "four classes, whatever is asked",
        symptom="The result has four entries, whatever number of classes is asked for.",
        hint="ADE20K itself has 150 classes. What would have to change to count those?",
        changes=class_shares("torch.zeros(num_classes", "torch.zeros(4", "minlength=num_classes)", "minlength=4)[:4]"),
        fails="other_classes",
    ),
    shares(
        "walks through the targets by index",
        symptom="The targets are asked for their number or for their i-th element, which a generator does not have.",
        hint="A generator makes one target after the other and forgets it. Which way of walking through needs nothing "
        "else?",
        changes=class_shares("in targets:", "in (targets[i] for i in range(len(targets))):"),
        fails="generator",
    ),
    shares(
        "walks through the targets twice",
        symptom="The targets are walked through a second time, when a generator has nothing left to give.",
        hint="Everything that is needed from a target has to be taken on one visit. What do you come back for?",
        changes=class_shares(
            "    for target",
            "    everything = sum(int((target != IGNORE).sum()) for target in targets)\n    for target",
            "pixels / pixels.sum()",
            "pixels / everything",
        ),
        fails="generator",
    ),
    shares(
        "int64 taken for granted",
        symptom="Targets of int64 are counted; those of uint8, as masks are stored, raise an error.",
        hint="Some functions of PyTorch take class numbers as int64 only. Which type do labels have when they come "
        "from a file?",
        changes=class_shares(
            LABELLED,
            "target[target != IGNORE]",
            "torch.bincount(labelled, minlength=num_classes)",
            "torch.nn.functional.one_hot(labelled, num_classes).sum(dim=0)",
        ),
        fails="uint8",
        public=False,
    ),
    shares(
        "the targets are changed in place",
        symptom="The shares are right, but ignored pixels get another number in the targets that were passed in.",
        hint="The same targets are used for training afterwards. What does the loss see where 255 has been?",
        changes=class_shares(
            LABELLED,
            "target\n        labelled[labelled == IGNORE] = num_classes\n        labelled = labelled.long().flatten()",
            "minlength=num_classes)",
            "minlength=num_classes)[:num_classes]",
        ),
        fails="manners",
        public=False,
    ),
)
