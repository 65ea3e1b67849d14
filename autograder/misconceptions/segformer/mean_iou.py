"""Misconceptions about the confusion matrix, mean IoU and the evaluation of a data set (task 3.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

measure = partial(Misconception, "mean_iou")
confusion_matrix = partial(edits, "confusion_matrix")
mean_iou = partial(edits, "mean_iou")
evaluate = partial(edits, "evaluate")

LABELLED = "    labelled = target != ignore_index"
SQUARE = "(num_classes, num_classes)"
COUNT = "torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)"
UNION = "confusion.sum(dim=0) + confusion.sum(dim=1) - intersection"
IOUS = "(intersection[occurs] / union[occurs])"

MISCONCEPTIONS = (
    # confusion_matrix
    measure(
        "rows and columns exchanged",
        symptom="Rows of the matrix are predicted classes and columns true ones; it should be the other way round.",
        hint="A single pixel of class 0 is called 1. In which cell of the matrix should it be counted, and in which "
        "cell is it in yours?",
        changes=confusion_matrix(
            "target[labelled] * num_classes + prediction[labelled]",
            "prediction[labelled] * num_classes + target[labelled]",
        ),
        fails="rows_and_columns",
    ),
    measure(
        "every pair counted once",
        symptom="A cell of the matrix says whether a pair of classes occurs, not how many pixels have it.",
        hint="What is the sum of the whole matrix, and how many labelled pixels are there? Adding to a cell that is "
        "named several times in one assignment adds only once.",
        changes=confusion_matrix(
            f"return {COUNT}",
            "matrix = torch.zeros(num_classes**2, dtype=torch.int64)\n    matrix[pairs] += 1\n"
            "    return matrix.reshape(num_classes, num_classes)",
        ),
        fails="rows_and_columns ignored",
        also="other_classes other_ignore_index manners",
    ),
    measure(
        "ignored pixels counted as right",
        symptom="Pixels without a label are counted on the diagonal, as if the prediction were right there.",
        hint="Nobody knows what is in these pixels. What should the sum of the whole matrix be?",
        changes=confusion_matrix(
            LABELLED,
            "    target = torch.where(target == ignore_index, prediction, target)\n    labelled = target == target",
        ),
        fails="ignored other_ignore_index",
        also="manners",
    ),
    measure(
        "ignored pixels counted as background",
        symptom="Pixels without a label are counted as true background.",
        hint="A model calls an unlabelled car a car. Does your matrix count that as an error?",
        changes=confusion_matrix(
            LABELLED, "    target = torch.where(target == ignore_index, 0, target)\n    labelled = target == target"
        ),
        fails="ignored other_ignore_index",
        also="manners",
    ),
    measure(
        "ignored pixels not left out",
        symptom="Pixels without a label are counted like all others: the true class 255 makes pairs far beyond the "
        "matrix.",
        hint="Give the pair of a pixel whose label is 255 its number. How many cells would the matrix need for it, and "
        "should the pixel be counted at all?",
        changes=confusion_matrix(LABELLED, "    labelled = target == target"),
        fails="ignored other_ignore_index",
        also="manners",
    ),
    measure(
        "background is ignored too",
        symptom="Pixels whose true class is 0 are left out, so that the first row of the matrix is empty.",
        hint="Background is a class like the others here. Where does the matrix count a background pixel that is "
        "called a vehicle?",
        changes=confusion_matrix(LABELLED, f"{LABELLED}\n    labelled = labelled & (target > 0)"),
        fails="rows_and_columns",
        also="ignored other_classes other_ignore_index manners",
    ),
    measure(
        "255 ignored, whatever is asked",
        symptom="Pixels with the label 255 are left out, whatever number marks the ignored pixels.",
        hint="Another data set marks unlabelled pixels with -1. How does your function learn of it?",
        changes=confusion_matrix("!= ignore_index", "!= 255"),
        fails="other_ignore_index",
        public=False,
    ),
    measure(
        "as many pairs as are seen",
        symptom="The counts end at the largest pair that occurs, and then they do not fill a square matrix.",
        hint="If the last class neither occurs nor is predicted, how many different pairs can be seen, and how many "
        "cells has the matrix?",
        changes=confusion_matrix(", minlength=num_classes**2", ""),
        fails="other_classes",
    ),
    measure(
        "a matrix of four classes, whatever is asked",
        symptom="The confusion matrix is 4 x 4, whatever number of classes is asked for.",
        hint="ADE20K itself has 150 classes. How large must the matrix be for those?",
        changes=confusion_matrix(
            LABELLED, f"    num_classes = 4\n{LABELLED}\n    labelled &= (target < 4) & (prediction < 4)"
        ),
        fails="other_classes",
    ),
    measure(
        "shares, not counts",
        symptom="The matrix holds shares of all pixels instead of numbers of pixels.",
        hint="Two batches of different size are to be added up. Is the sum of their shares the share of their sum?",
        changes=confusion_matrix(SQUARE, f"{SQUARE} / len(pairs)"),
        fails="rows_and_columns manners",
        also="ignored other_classes other_ignore_index",
    ),
    measure(
        "every row divided by its sum",
        symptom="Each row of the matrix holds shares of its true class, as in many figures, instead of numbers of "
        "pixels.",
        hint="Can you still tell from the matrix which class is rare? The union of an IoU needs to know it.",
        changes=confusion_matrix(
            f"return {COUNT}", f"matrix = {COUNT}\n    return matrix / matrix.sum(dim=1, keepdim=True)"
        ),
        fails="rows_and_columns manners",
        also="ignored other_classes other_ignore_index",
    ),
    measure(
        "counts are floats",
        symptom="The counts are right, but they are floats and not int64.",
        hint="A float32 can no longer count single pixels beyond about 17 million. How many pixels has a data set?",
        changes=confusion_matrix(SQUARE, f"{SQUARE}.float()"),
        fails="manners",
    ),
    # mean_iou
    measure(
        "twice the intersection in the union",
        symptom="The pixels of the intersection are counted twice in the union.",
        hint="A class is found perfectly: its row and its column hold the same 10 pixels. How many pixels are in the "
        "union, and what should the IoU be?",
        changes=mean_iou(UNION, "confusion.sum(dim=0) + confusion.sum(dim=1)"),
        fails="mean",
        also="absent_class one_sided_class",
    ),
    measure(
        "Dice",
        symptom="The mean is one of Dice scores (twice the intersection over the sum of both sizes), not of IoUs.",
        hint="Two sets of 2 pixels share one. How many pixels are in their union, and what does your formula divide "
        "by?",
        changes=mean_iou(IOUS, "(2 * intersection / (union + intersection))[occurs]"),
        fails="mean",
        also="absent_class one_sided_class",
    ),
    measure(
        "recall",
        symptom="Each class is judged by the share of its true pixels that were found; false alarms cost nothing.",
        hint="A model calls every pixel a vehicle. What does your measure say about the class vehicle?",
        changes=mean_iou(UNION, "confusion.sum(dim=1)"),
        fails="mean one_sided_class",
        also="absent_class",
    ),
    measure(
        "precision",
        symptom="Each class is judged by the share of right pixels among those called so; misses cost nothing.",
        hint="A model calls a single pixel a vehicle, rightly, and misses a thousand others. What does your measure "
        "say?",
        changes=mean_iou(UNION, "confusion.sum(dim=0)"),
        fails="mean one_sided_class",
        also="absent_class",
    ),
    measure(
        "share of right pixels",
        symptom="The result is the share of all pixels that are right, in which large classes decide.",
        hint="Nine tenths of a data set are background, and a model answers nothing else. What would a mean over "
        "classes say of it?",
        changes=mean_iou(f"{IOUS}.mean()", "intersection.sum() / confusion.sum()"),
        fails="mean absent_class one_sided_class",
    ),
    measure(
        "ratio of sums",
        symptom="Intersections and unions are added up over the classes and divided once, so that large classes "
        "decide.",
        hint="Should a class with ten pixels weigh as much as one with a million? Which comes first, the mean or the "
        "division?",
        changes=mean_iou(f"{IOUS}.mean()", "intersection.sum() / union.sum()"),
        fails="mean one_sided_class",
        also="absent_class",
    ),
    measure(
        "weighted by the size of the class",
        symptom="The IoUs are weighted by the number of true pixels of each class.",
        hint="A plain mean treats a rare class like a frequent one. What happens to the score if the rarest class is "
        "never found?",
        changes=mean_iou(f"{IOUS}.mean()", f"({IOUS} * confusion.sum(dim=1)[occurs]).sum() / confusion.sum()"),
        fails="mean one_sided_class",
        also="absent_class",
    ),
    measure(
        "background left out of the mean",
        symptom="The mean runs over the classes 1 to 3 only.",
        hint="How many IoUs go into the mean when all four classes occur?",
        changes=mean_iou("    occurs = union > 0", "    occurs = union > 0\n    occurs[0] = False"),
        fails="mean",
        also="one_sided_class",
        perhaps="absent_class",
    ),
    measure(
        "no mean",
        symptom="The IoU of each class is returned, where a single number is wanted.",
        hint="Two models are to be ranked. What is still to be done with the four numbers?",
        changes=mean_iou(f"{IOUS}.mean()", IOUS),
        fails="mean",
        also="absent_class one_sided_class nothing",
    ),
    measure(
        "absent classes counted as 0",
        symptom="A class that occurs neither in the truth nor in the prediction lowers the mean as an IoU of 0.",
        hint="A photograph shows no vehicle, and the model sees none. What did it do wrong?",
        changes=mean_iou(IOUS, "(intersection / union.clamp(min=1))"),
        fails="absent_class nothing",
    ),
    measure(
        "absent classes counted as 1",
        symptom="A class that occurs neither in the truth nor in the prediction raises the mean as an IoU of 1.",
        hint="Add ten classes that never occur to the list of classes. Has the model become better?",
        changes=mean_iou(IOUS, "(intersection / union).nan_to_num(1.0)"),
        fails="absent_class nothing",
    ),
    measure(
        "absent classes make it NaN",
        symptom="One class that occurs nowhere is enough to make the whole mean NaN.",
        hint="What is the union of such a class, and what is 0 divided by 0? The mean has to know which classes take "
        "part.",
        changes=mean_iou(IOUS, "(intersection / union)"),
        fails="absent_class",
    ),
    measure(
        "classes that are never true left out",
        symptom="A class that is predicted but never true is left out of the mean, where it should count as 0.",
        hint="A model sees vehicles in a data set without any. Its IoU of vehicles has an empty intersection; is its "
        "union empty as well?",
        changes=mean_iou("union > 0", "confusion.sum(dim=1) > 0"),
        fails="one_sided_class",
    ),
    measure(
        "classes that are never predicted left out",
        symptom="A class that is true but never predicted is left out of the mean, where it should count as 0.",
        hint="A model that never says person misses all of them. Which pixels are in the union of that class?",
        changes=mean_iou("union > 0", "confusion.sum(dim=0) > 0"),
        fails="one_sided_class",
    ),
    measure(
        "0 if nothing occurs",
        symptom="An empty matrix has the mean IoU 0, where NaN is wanted.",
        hint="A score of 0 says that a model is as bad as can be. What does a matrix without a pixel say about it?",
        changes=mean_iou("union[occurs]).mean()", "union[occurs]).sum() / occurs.sum().clamp(min=1)"),
        fails="nothing",
        public=False,
    ),
    # evaluate
    measure(
        "no eval()",
        symptom="The model predicts in training mode if it comes in training mode.",
        hint="Dropout and BatchNorm act differently in training. What would a second evaluation of the same model say?",
        changes=evaluate("    model.eval()\n", ""),
        fails="evaluation_mode",
    ),
    measure(
        "left in evaluation mode",
        symptom="A model that comes in training mode is in evaluation mode afterwards.",
        hint="Evaluation happens between two epochs. In which mode would the second one train?",
        changes=evaluate("    model.train(was_training)\n", ""),
        fails="model_restored",
    ),
    measure(
        "left in training mode",
        symptom="The model is in training mode afterwards, even if it came in evaluation mode.",
        hint="Somebody evaluates a finished model and then shows it photographs. What must the function note at its "
        "beginning?",
        changes=evaluate("model.train(was_training)", "model.train()"),
        fails="model_restored",
    ),
    measure(
        "with gradients",
        symptom="The model predicts with a graph for gradients, which costs memory and is never used.",
        hint="Evaluation never calls backward. What does PyTorch keep of every forward, unless it is told not to?",
        changes=evaluate("with torch.no_grad():", "with torch.enable_grad():"),
        fails="model_restored",
    ),
    measure(
        "the last batch only",
        symptom="The matrix is that of the last batch; all earlier ones are forgotten.",
        hint="How many pixels should the whole matrix count for a data set of 100 images, and how many does yours?",
        changes=evaluate("confusion += ", "confusion = "),
        fails="several_batches",
    ),
    measure(
        "the first batch only",
        symptom="The function returns after the first batch, before the model's mode is restored.",
        hint="How many pixels does the matrix count? Compare with the size of the data set, and see where the loop "
        "ends.",
        changes=evaluate("target.cpu(), num_classes)\n", "target.cpu(), num_classes)\n            return confusion\n"),
        fails="several_batches",
        also="model_restored",
    ),
    measure(
        "averaged over batches",
        symptom="The sum of the matrices is divided by the number of batches.",
        hint="The last batch is smaller than the others. Should its pixels weigh more than theirs?",
        changes=evaluate("return confusion", "return confusion / len(loader)"),
        fails="several_batches",
    ),
    measure(
        "mean IoU instead of the matrix",
        symptom="The evaluation returns a mean IoU, not the confusion matrix from which it is worked out.",
        hint="Notebook 4 reads misses and false alarms of every class from the result. Can it find them in one number?",
        changes=evaluate("return confusion", "return mean_iou(confusion)"),
        fails="one_batch several_batches",
        also="evaluate_other_classes evaluation_mode model_restored",
    ),
    measure(
        "argmax over the columns",
        symptom="The class is not chosen among the channels of the logits, so that prediction and target differ in "
        "shape.",
        hint="Choosing the largest logit removes one axis. Which axis of the logits counts classes, and which ones "
        "does the target have?",
        changes=evaluate("argmax(dim=1)", "argmax(dim=-1)"),
        fails="one_batch several_batches",
        also="evaluate_other_classes evaluation_mode model_restored",
    ),
    measure(
        "prediction and target exchanged",
        symptom="The matrix is counted with the prediction as the truth and the truth as the prediction.",
        hint="Which of its two arguments does your counting function search for ignored pixels?",
        changes=evaluate("prediction.cpu(), target.cpu()", "target.cpu(), prediction.cpu()"),
        fails="one_batch several_batches",
        also="evaluate_other_classes evaluation_mode model_restored",
    ),
    measure(
        "four classes, whatever is asked",
        symptom="The evaluation counts four classes, whatever number of classes is asked for.",
        hint="The number of classes reaches the evaluation. Who else has to be told?",
        changes=evaluate("target.cpu(), num_classes)", "target.cpu())"),
        fails="evaluate_other_classes",
        public=False,
    ),
)
