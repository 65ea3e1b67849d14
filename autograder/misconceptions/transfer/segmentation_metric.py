"""Misconceptions about a metric that counts over all batches (task 1.4)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

metric = partial(Misconception, "segmentation_metric")
segmentation_metric = partial(edits, "SegmentationMetric")

LABELLED = "        labelled = target != self.ignore_index"
PAIRS = "self.num_classes * target[labelled] + prediction[labelled]"
COUNTS = "counts.reshape(self.num_classes, self.num_classes).cpu()"
ADDED = f"        self.confusion += {COUNTS}"
UNION = "self.confusion.sum(dim=0) + self.confusion.sum(dim=1) - intersection"
IOUS = "return intersection / union"
MEAN = "return self.iou().nanmean()"

MISCONCEPTIONS = (
    # what is counted
    metric(
        "rows and columns exchanged",
        symptom="Rows of the matrix are predicted classes and columns true ones; it should be the other way round.",
        hint="A single pixel of class 0 is called 1. In which cell of the matrix should it be counted, and in which "
        "cell is it in yours?",
        changes=segmentation_metric(PAIRS, "self.num_classes * prediction[labelled] + target[labelled]"),
        fails="rows_and_columns",
    ),
    metric(
        "every pair counted once",
        symptom="A cell of the matrix says whether a pair of classes occurs, not how many pixels have it.",
        hint="What is the sum of the whole matrix, and how many labelled pixels are there? Adding to a cell that is "
        "named several times in one assignment adds only once.",
        changes=segmentation_metric(COUNTS, f"{COUNTS}.clamp(max=1)"),
        fails="rows_and_columns ignored several_batches scores",
        also="all but rows_and_columns ignored several_batches scores nothing",
    ),
    metric(
        "ignored pixels counted as right",
        symptom="Pixels without a label are counted on the diagonal, as if the prediction were right there.",
        hint="Nobody knows what is in these pixels. What should the sum of the whole matrix be?",
        changes=segmentation_metric(
            LABELLED,
            "        target = torch.where(target == self.ignore_index, prediction, target)\n"
            "        labelled = target == target",
        ),
        fails="ignored settings",
        also="manners",
    ),
    metric(
        "ignored pixels counted as class 0",
        symptom="Pixels without a label are counted as if their true class were 0.",
        hint="Nobody knows what is in these pixels. Does your matrix count it as an error if they are called 1?",
        changes=segmentation_metric(
            LABELLED,
            "        target = torch.where(target == self.ignore_index, 0, target)\n        labelled = target == target",
        ),
        fails="ignored settings",
        also="manners",
    ),
    metric(
        "ignored pixels counted as the last class",
        symptom="Pixels without a label are counted as if their true class were the last one.",
        hint="A label of 255 was brought into the range of the classes. Which class did it become?",
        changes=segmentation_metric(
            LABELLED,
            "        target = torch.where(target == self.ignore_index, self.num_classes - 1, target)\n"
            "        labelled = target == target",
        ),
        fails="ignored settings",
        also="manners",
    ),
    metric(
        "class 0 is ignored too",
        symptom="Pixels whose true class is 0 are left out, so that the first row of the matrix is empty.",
        hint="Class 0 is the pet here. Where does the matrix count a pixel of it that is called background?",
        changes=segmentation_metric(LABELLED, f"{LABELLED}\n        labelled = labelled & (target > 0)"),
        fails="rows_and_columns scores",
        also="all but rows_and_columns scores nothing absent_class",
        perhaps="absent_class",
    ),
    metric(
        "255 ignored, whatever is asked",
        symptom="Pixels with the label 255 are left out, whatever number marks the ignored pixels.",
        hint="Another data set marks unlabelled pixels with -1. How does the metric learn of it?",
        changes=segmentation_metric("num_classes, ignore_index\n", "num_classes, 255\n"),
        fails="settings",
    ),
    metric(
        "three classes, whatever is asked",
        symptom="The metric counts three classes, whatever number of classes is asked for.",
        hint="Cityscapes has 19 classes. How large must the matrix be for those?",
        changes=segmentation_metric(
            "num_classes, self.ignore_index = num_classes", "num_classes, self.ignore_index = 3"
        ),
        fails="settings",
        also="absent_class",
        perhaps="nothing",
    ),
    metric(
        "as many pairs as are seen",
        symptom="The counts end at the largest pair that occurs in a batch, and then they do not fill a square matrix.",
        hint="If the last class neither occurs nor is predicted in a batch, how many different pairs can be seen, and "
        "how many cells has the matrix?",
        changes=segmentation_metric(", minlength=self.num_classes**2", ""),
        fails="settings several_batches",
        perhaps="absent_class",
    ),
    metric(
        "shares, not counts",
        symptom="The matrix adds up shares of each batch's pixels instead of numbers of pixels.",
        hint="Two batches of different size are to be added up. Is the sum of their shares the share of their sum?",
        changes=segmentation_metric("counts.reshape(", "(counts / counts.sum()).reshape(", "dtype=torch.int64", ""),
        fails="several_batches manners",
        also="rows_and_columns ignored settings asked_in_between reset two_metrics",
    ),
    # when it is counted
    metric(
        "the last batch only",
        symptom="The matrix is that of the last batch; all earlier ones are forgotten.",
        hint="How many pixels should the matrix count after two batches, and how many does yours?",
        changes=segmentation_metric("self.confusion += ", "self.confusion = "),
        fails="several_batches",
        also="asked_in_between",
    ),
    metric(
        "mean IoU averaged over batches",
        symptom="The mean IoU of every batch is worked out by itself, and these numbers are averaged.",
        hint="The same pictures in batches of another size: does the number change? Pixels are counted first, over "
        "everything, and divided last.",
        changes=segmentation_metric(
            "        self.confusion = torch",
            "        self.scores = []\n        self.confusion = torch",
            ADDED,
            f"{ADDED}\n        batch = {COUNTS}.double()\n"
            "        hit = batch.diagonal()\n"
            "        self.scores.append((hit / (batch.sum(dim=0) + batch.sum(dim=1) - hit)).nanmean())",
            MEAN,
            "return torch.stack(self.scores).mean() if self.scores else torch.tensor(torch.nan)",
        ),
        fails="several_batches",
        also="asked_in_between",
    ),
    metric(
        "IoUs averaged over batches",
        symptom="The IoUs of every batch are worked out by themselves, and averaged class by class over the batches.",
        hint="A class has ten pixels in one batch and ten thousand in another. Should both weigh the same?",
        changes=segmentation_metric(
            "        self.confusion = torch",
            "        self.scores = [torch.full((self.num_classes,), torch.nan, dtype=torch.float64)]\n"
            "        self.confusion = torch",
            ADDED,
            f"{ADDED}\n        batch = {COUNTS}.double()\n"
            "        hit = batch.diagonal()\n"
            "        self.scores.append(hit / (batch.sum(dim=0) + batch.sum(dim=1) - hit))",
            IOUS,
            "return torch.stack(self.scores).nanmean(dim=0)",
        ),
        fails="several_batches",
        also="asked_in_between",
    ),
    metric(
        "asking forgets everything",
        symptom="The counts are set back when the mean IoU is asked for, so that later updates begin anew.",
        hint="Ask twice for the mean IoU without an update in between. Who decides when a metric forgets?",
        changes=segmentation_metric(MEAN, "mean = self.iou().nanmean()\n        self.reset()\n        return mean"),
        fails="asked_in_between",
        also="several_batches",
    ),
    metric(
        "reset does nothing",
        symptom="After a reset the pixels of before are still counted.",
        hint="A new epoch begins. How many pixels has the matrix right after the reset?",
        changes=segmentation_metric(
            "        self.confusion = torch",
            '        if not hasattr(self, "confusion"):\n            self.confusion = torch',
        ),
        fails="reset",
    ),
    metric(
        "one matrix for all metrics",
        symptom="All metrics share one matrix, so that each of them counts the others' pixels.",
        hint="One metric counts training, the other one validation. Where does an attribute live that is not set on "
        "self?",
        changes=segmentation_metric(
            "self.confusion = torch", "type(self).confusion = torch", "self.confusion +=", "type(self).confusion +="
        ),
        fails="two_metrics",
    ),
    # what is made of the counts
    metric(
        "twice the intersection in the union",
        symptom="The pixels of the intersection are counted twice in the union.",
        hint="A class is found perfectly: its row and its column hold the same 10 pixels. How many pixels are in the "
        "union, and what should the IoU be?",
        changes=segmentation_metric(UNION, "self.confusion.sum(dim=0) + self.confusion.sum(dim=1)"),
        fails="scores",
        also="absent_class one_sided_class several_batches asked_in_between reset manners",
    ),
    metric(
        "Dice",
        symptom="The scores are Dice (twice the intersection over the sum of both sizes), not IoU.",
        hint="Two sets of 2 pixels share one. How many pixels are in their union, and what does your formula divide "
        "by?",
        changes=segmentation_metric(IOUS, "return 2 * intersection / (union + intersection)"),
        fails="scores",
        also="absent_class one_sided_class several_batches asked_in_between reset manners",
    ),
    metric(
        "recall",
        symptom="Each class is judged by the share of its true pixels that were found; false alarms cost nothing.",
        hint="A model calls every pixel a pet. What does your measure say about the class pet?",
        changes=segmentation_metric(UNION, "self.confusion.sum(dim=1)"),
        fails="scores one_sided_class",
        also="absent_class several_batches asked_in_between reset manners",
    ),
    metric(
        "precision",
        symptom="Each class is judged by the share of right pixels among those called so; misses cost nothing.",
        hint="A model calls a single pixel a pet, rightly, and misses a thousand others. What does your measure say?",
        changes=segmentation_metric(UNION, "self.confusion.sum(dim=0)"),
        fails="scores one_sided_class",
        also="absent_class several_batches asked_in_between reset manners",
    ),
    metric(
        "share of right pixels",
        symptom="The mean is the share of all pixels that are right, in which large classes decide.",
        hint="Two thirds of the pixels are background, and a model answers nothing else. What would a mean over "
        "classes say of it?",
        changes=segmentation_metric(MEAN, "return self.confusion.diagonal().sum() / self.confusion.sum()"),
        fails="scores one_sided_class",
        also="absent_class several_batches asked_in_between reset",
    ),
    metric(
        "weighted by the size of the class",
        symptom="The IoUs are weighted by the number of true pixels of each class.",
        hint="A plain mean treats a rare class like a frequent one. What happens to the score if the rarest class is "
        "never found?",
        changes=segmentation_metric(
            MEAN,
            "weights = self.confusion.sum(dim=1) / self.confusion.sum()\n"
            "        return (self.iou() * weights).nansum() / (self.confusion.sum() > 0)",
        ),
        fails="scores one_sided_class",
        also="absent_class several_batches asked_in_between reset",
    ),
    metric(
        "the last class left out of the mean",
        symptom="The mean runs over all classes but the last one.",
        hint="How many IoUs go into the mean when all classes occur? The border is a class like the others.",
        changes=segmentation_metric(MEAN, "return self.iou()[:-1].nanmean()"),
        fails="scores",
        also="one_sided_class several_batches asked_in_between reset",
        perhaps="absent_class",
    ),
    metric(
        "absent classes counted as 0",
        symptom="A class that is neither true nor predicted anywhere gets IoU 0 and pulls the mean down.",
        hint="A street without a train: has the model made a mistake about trains?",
        changes=segmentation_metric(IOUS, "return (intersection / union).nan_to_num(0)"),
        fails="absent_class nothing",
    ),
    metric(
        "absent classes counted as 1",
        symptom="A class that is neither true nor predicted anywhere gets IoU 1 and lifts the mean.",
        hint="Does a model deserve a full score for a class of which there is no pixel?",
        changes=segmentation_metric(IOUS, "return (intersection / union).nan_to_num(1)"),
        fails="absent_class nothing",
    ),
    metric(
        "one NaN spoils the mean",
        symptom="The mean is NaN as soon as one class occurs nowhere.",
        hint="The mean runs over the classes that have an IoU. How many of them are there, and what is their sum?",
        changes=segmentation_metric("nanmean()", "mean()"),
        fails="absent_class",
    ),
    metric(
        "classes that are never true left out",
        symptom="A class that is predicted but never true has no IoU, where it should count as 0.",
        hint="A model sees pets where there are none. Which pixels are in the union of that class?",
        changes=segmentation_metric(
            IOUS, "return torch.where(self.confusion.sum(dim=1) > 0, intersection / union, torch.nan)"
        ),
        fails="one_sided_class",
    ),
    metric(
        "classes that are never predicted left out",
        symptom="A class that is true but never predicted has no IoU, where it should count as 0.",
        hint="A model that never says border misses all of it. Which pixels are in the union of that class?",
        changes=segmentation_metric(
            IOUS, "return torch.where(self.confusion.sum(dim=0) > 0, intersection / union, torch.nan)"
        ),
        fails="one_sided_class",
    ),
    # manners
    metric(
        "counts are floats",
        symptom="The counts are right, but they are floats and not int64.",
        hint="A float32 can no longer count single pixels beyond about 17 million. How many pixels has a data set?",
        changes=segmentation_metric("dtype=torch.int64", "dtype=torch.float32"),
        fails="manners",
    ),
    metric(
        "IoUs are float32",
        symptom="The IoUs are right to seven digits, but they are float32 and not float64.",
        hint="Two libraries are compared to the sixth digit. How many digits has a float32, and how many are lost in a "
        "quotient of large counts?",
        changes=segmentation_metric("to(torch.float64)", "to(torch.float32)"),
        fails="manners",
    ),
    metric(
        "the target is overwritten",
        symptom="The counts are right, but ignored pixels get another number in the target that was passed in.",
        hint="The same target goes into the loss afterwards. What does it see where the ignored pixels were?",
        changes=segmentation_metric(LABELLED, f"{LABELLED}\n        target[~labelled] = 0"),
        fails="manners",
    ),
)
