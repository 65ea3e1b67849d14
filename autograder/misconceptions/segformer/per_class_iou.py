"""Misconceptions about the IoU of each class (task 4.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

iou = partial(Misconception, "per_class_iou")
ious = partial(edits, "per_class_iou")

UNION = "confusion.sum(dim=0) + confusion.sum(dim=1) - intersection"
IOU = "return intersection / union"

MISCONCEPTIONS = (
    iou(
        "twice the intersection in the union",
        symptom="The pixels of the intersection are counted twice in the union.",
        hint="A class is found perfectly: its row and its column hold the same 10 pixels. How many pixels belong to "
        "the one or the other?",
        changes=ious(UNION, "confusion.sum(dim=0) + confusion.sum(dim=1)"),
        fails="all_classes",
        also="absent_class one_sided_class other_classes manners",
    ),
    iou(
        "Dice",
        symptom="The result is the Dice score of each class: twice the intersection over the sum of both sizes.",
        hint="Two sets of 2 pixels share one. Which part of their union is that, and what does your formula say?",
        changes=ious(IOU, "return 2 * intersection / (union + intersection)"),
        fails="all_classes",
        also="absent_class one_sided_class other_classes manners",
    ),
    iou(
        "recall",
        symptom="The result is the share of a class's true pixels that were found; false alarms cost nothing.",
        hint="A model calls every pixel a vehicle. Which value does the class vehicle get?",
        changes=ious(UNION, "confusion.sum(dim=1)"),
        fails="all_classes one_sided_class",
        also="absent_class other_classes manners",
    ),
    iou(
        "precision",
        symptom="The result is the share of right pixels among those called a class; misses cost nothing.",
        hint="A model calls a single pixel a vehicle, rightly, and misses a thousand. Which value does the class get?",
        changes=ious(UNION, "confusion.sum(dim=0)"),
        fails="all_classes one_sided_class",
        also="absent_class other_classes manners",
    ),
    iou(
        "divided by all pixels",
        symptom="The intersections are divided by the number of all pixels, so that rare classes get nearly 0.",
        hint="A rare class is found perfectly and never called wrongly. What should its IoU be, and what is it?",
        changes=ious(UNION, "confusion.sum()"),
        fails="all_classes absent_class",
        also="one_sided_class other_classes manners",
    ),
    iou(
        "accuracy of yes or no",
        symptom="The result is the share of all pixels for which 'is it this class?' was answered rightly.",
        hint="A rare class is never found. How many of all pixels are still answered rightly, and what should the IoU "
        "be?",
        changes=ious(IOU, "return (confusion.sum() - union + intersection) / confusion.sum()"),
        fails="all_classes absent_class one_sided_class",
        also="other_classes manners",
    ),
    iou(
        "the mean",
        symptom="A single number comes back, the mean of the IoUs, where one number per class is wanted.",
        hint="A mean of 0.5 may hide a class that is never found. Which number would show it?",
        changes=ious(IOU, "return (intersection / union).nanmean()"),
        fails="all_classes",
        also="absent_class one_sided_class other_classes manners",
    ),
    iou(
        "per cent",
        symptom="The IoUs are given in per cent.",
        hint="Between which two numbers does an IoU lie, according to the formula?",
        changes=ious(IOU, "return 100 * intersection / union"),
        fails="all_classes",
        also="absent_class one_sided_class other_classes manners",
    ),
    iou(
        "absent classes 0",
        symptom="A class that occurs neither in the truth nor in the prediction gets 0.",
        hint="Nothing was there and nothing was claimed. Is that the same as having found nothing of a class?",
        changes=ious(IOU, "return intersection / union.clamp(min=1)"),
        fails="absent_class",
    ),
    iou(
        "absent classes 1",
        symptom="A class that occurs neither in the truth nor in the prediction gets 1.",
        hint="What has the model shown about a class that no photograph contains?",
        changes=ious(IOU, "return (intersection / union).nan_to_num(1.0)"),
        fails="absent_class",
    ),
    iou(
        "absent classes left out",
        symptom="A class that occurs nowhere is missing from the result, and all later classes move up.",
        hint="Somebody reads entry 3 of your result. Is it always the IoU of class 3?",
        changes=ious(IOU, "return (intersection / union)[union > 0]"),
        fails="absent_class",
    ),
    iou(
        "NaN for a class that is never true",
        symptom="A class that is predicted but never true gets NaN, where its IoU is 0.",
        hint="The model sees vehicles in photographs without any. How many pixels are in the union of that class?",
        changes=ious(IOU, "return torch.where(confusion.sum(dim=1) > 0, intersection / union, torch.nan)"),
        fails="one_sided_class",
    ),
    iou(
        "NaN for a class that is never predicted",
        symptom="A class that is true but never predicted gets NaN, where its IoU is 0.",
        hint="A class is in the photographs and the model misses all of it. How many pixels are in its union?",
        changes=ious(IOU, "return torch.where(confusion.sum(dim=0) > 0, intersection / union, torch.nan)"),
        fails="one_sided_class",
    ),
    iou(
        "four classes, whatever comes in",
        symptom="The result always has four entries, whatever the size of the matrix is.",
        hint="How many classes a matrix has can be seen from the matrix. Where does your code look instead?",
        changes=ious(IOU, "return torch.stack([intersection[k] / union[k] for k in range(4)])"),
        fails="other_classes",
    ),
    iou(
        "the matrix is changed in place",
        symptom="The IoUs are right, but the matrix that was passed in is changed.",
        hint="The next cell draws the same matrix as a figure. What does it show after your function has been called?",
        changes=ious(
            "confusion.diagonal()",
            "confusion.diagonal().clone()\n    confusion.fill_diagonal_(0)",
            "- intersection",
            "+ intersection",
        ),
        fails="manners",
        public=False,
    ),
)
