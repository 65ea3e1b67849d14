"""Misconceptions about the normalised confusion matrix (task 5.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

shares = partial(Misconception, "class_shares")
change = partial(edits, "confusion_shares")
RESULT = "return confusion.double() / confusion.sum(dim=1, keepdim=True)"

MISCONCEPTIONS = (
    shares(
        "divided by the columns",
        symptom="The columns add up to one, where the rows should.",
        hint="Of 10 pixels that are pet, 6 are called pet. Which sum is the 10: that of a row or that of a column?",
        changes=change(RESULT, "return confusion.double() / confusion.sum(dim=0, keepdim=True)"),
        fails="all_classes",
        also="absent_class never_predicted other_classes manners",
    ),
    shares(
        "row sums along the wrong axis",
        symptom="Each number is divided by the sum of another row: that of the row with the number of its column.",
        hint="Which shape has your vector of sums, and along which axis is it spread over the matrix?",
        changes=change(", keepdim=True", ""),
        fails="all_classes",
        also="absent_class never_predicted other_classes manners",
    ),
    shares(
        "divided by all pixels",
        symptom="All numbers together add up to one, where each row should.",
        hint="A rare class is found perfectly. What should stand on the diagonal in its row, and what does?",
        changes=change(RESULT, "return confusion.double() / confusion.sum()"),
        fails="all_classes absent_class",
        also="never_predicted other_classes manners",
    ),
    shares(
        "rows and columns exchanged",
        symptom="The shares are right, but truth and prediction have changed places.",
        hint="In which row of the result do the pixels of class 0 stand?",
        changes=change(RESULT, "return (confusion.double() / confusion.sum(dim=1, keepdim=True)).T"),
        fails="all_classes",
        also="absent_class never_predicted other_classes manners",
    ),
    shares(
        "absent classes 0",
        symptom="A class that never occurs has zeros in its row, as if it had been missed.",
        hint="Nothing was there to be found. Is that the same as having found nothing of what was there?",
        changes=change(RESULT, RESULT + ".clamp(min=1)"),
        fails="absent_class",
    ),
    shares(
        "absent classes left out",
        symptom="The row of a class that never occurs is missing, and all later rows move up.",
        hint="Somebody reads row 2 of your result. Is it always class 2?",
        changes=change(
            RESULT, RESULT.replace("return ", "shares = ") + "\n    return shares[~shares.isnan().any(dim=1)]"
        ),
        fails="absent_class",
    ),
    shares(
        "NaN for a class that is never predicted",
        symptom="A class that is never predicted gets NaN in its column, where its shares are 0.",
        hint="Nobody called a pixel class 2. Of the pixels that are pet, which share was called class 2?",
        changes=change(
            RESULT,
            RESULT.replace("return ", "shares = ") + "\n    shares[:, confusion.sum(dim=0) == 0] = torch.nan\n"
            "    return shares",
        ),
        fails="never_predicted",
    ),
    shares(
        "the diagonal alone",
        symptom="Only the share of right pixels of each class comes back, a vector, where a matrix is wanted.",
        hint="The diagonal says how much of a class was found. Where does one see what the rest was taken for?",
        changes=change(RESULT, "return (confusion.double() / confusion.sum(dim=1, keepdim=True)).diagonal()"),
        fails="all_classes",
        also="absent_class never_predicted other_classes manners",
    ),
    shares(
        "per cent",
        symptom="The shares are given in per cent.",
        hint="To what does a row add up in the example of the docstring?",
        changes=change(RESULT, "return 100 * confusion.double() / confusion.sum(dim=1, keepdim=True)"),
        fails="all_classes",
        also="absent_class never_predicted other_classes manners",
    ),
    shares(
        "whole numbers",
        symptom="The division is one of whole numbers, which leaves nothing but zeros and ones.",
        hint="What is 6 // 10? Look for what makes your shares integers.",
        changes=change(RESULT, "return confusion // confusion.sum(dim=1, keepdim=True).clamp(min=1)"),
        fails="all_classes absent_class",
        also="never_predicted other_classes manners",
    ),
    shares(
        "three classes, whatever comes in",
        symptom="The result always has three rows and columns, whatever the size of the matrix is.",
        hint="How many classes a matrix has can be seen from the matrix. Where does your code look instead?",
        changes=change(
            RESULT,
            "shares = torch.full((3, 3), torch.nan)\n    for row in range(3):\n        for column in range(3):\n"
            "            shares[row, column] = confusion[row, column] / confusion[row].sum()\n    return shares",
        ),
        fails="other_classes",
        public=False,
    ),
    shares(
        "the matrix is changed in place",
        symptom="The shares are right, but the matrix that was passed in is changed.",
        hint="The next cell computes the IoU from the same matrix. Which numbers does it find there?",
        changes=change(
            RESULT,
            RESULT.replace("return ", "shares = ") + "\n    confusion.zero_()\n    return shares",
        ),
        fails="manners",
        public=False,
    ),
)
