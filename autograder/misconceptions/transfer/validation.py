"""Misconceptions about validating a model (task 4.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

validation = partial(Misconception, "validation")
validate = partial(edits, "validate")

UPDATE = "            metric.update(logits.argmax(dim=1).cpu(), target.cpu())\n"

MISCONCEPTIONS = (
    validation(
        "averaged over batches",
        symptom="The metric is reset for every batch, and the batches' figures are averaged.",
        hint="A batch of one image counts as much as one of three in yours. What adds up correctly: counts or ratios?",
        changes=validate(
            "    metric.reset()\n",
            "    figures = []\n",
            UPDATE,
            "            metric.reset()\n" + UPDATE + "            figures.append(float(metric.mean_iou()))\n",
            "    return float(metric.mean_iou())",
            "    return sum(figures) / len(figures)",
        ),
        fails="several_batches",
        also="dictionary",
    ),
    validation(
        "only the last batch",
        symptom="The metric is reset for every batch, so that only the last one is judged.",
        hint="When does a metric begin anew: once per batch, or once per data set?",
        changes=validate(
            "    metric.reset()\n",
            "",
            "        for images, target in loader:\n",
            "        for images, target in loader:\n            metric.reset()\n",
        ),
        fails="several_batches",
        also="dictionary",
    ),
    validation(
        "no reset",
        symptom="What the metric had counted before is counted again.",
        hint="The same metric judges epoch after epoch. What is still in it when the second one begins?",
        changes=validate("    metric.reset()\n", ""),
        fails="counted_before",
    ),
    validation(
        "no eval()",
        symptom="The model predicts in the mode in which it comes, which after a training is training mode.",
        hint="In which mode does BatchNorm use what it has learned, and not the batch?",
        changes=validate("    model.eval()\n", ""),
        fails="evaluation_mode",
    ),
    validation(
        "left in evaluation mode",
        symptom="The model is left in evaluation mode, whatever mode it came in.",
        hint="The training goes on after a validation. In which mode?",
        changes=validate("    model.train(was_training)\n", ""),
        fails="manners",
    ),
    validation(
        "put into training mode afterwards",
        symptom="The model is put into training mode afterwards, even if it came in evaluation mode.",
        hint="Somebody validates a finished model, and then predicts with it. What do they get?",
        changes=validate("model.train(was_training)", "model.train()"),
        fails="manners",
    ),
    validation(
        "with gradients",
        symptom="Every prediction builds a graph for gradients that nobody asks for.",
        hint="Validation needs no backward. What keeps the memory for it from being used?",
        changes=validate("torch.no_grad()", "torch.enable_grad()"),
        fails="manners",
    ),
    validation(
        "logits are taken for granted",
        symptom="The function fails for a model whose answer is a dictionary.",
        hint="What does torchvision's FCN return? Print the type of its answer.",
        changes=validate("if isinstance(logits, dict):", "if False:"),
        fails="dictionary",
    ),
    validation(
        "the auxiliary answer",
        symptom="Of a dictionary, the last entry is judged, which is the auxiliary classifier's.",
        hint="Which of an FCN's two answers is the one that people use?",
        changes=validate('logits = logits["out"]', "logits = list(logits.values())[-1]"),
        fails="dictionary",
    ),
    validation(
        "the class axis is not axis 1",
        symptom="The largest logit is looked for along the last axis, which is the width, not along the classes.",
        hint="Logits are (B, K, H, W). Which axis must be gone from the labels?",
        changes=validate("argmax(dim=1)", "argmax(dim=-1)"),
        fails="one_batch several_batches other_classes",
        also="dictionary evaluation_mode counted_before manners",
    ),
    validation(
        "a tensor comes back",
        symptom="The mean IoU comes back as a tensor and not as a Python number.",
        hint="A figure goes into a table or a file of JSON. What do you get if you write your result there?",
        changes=validate("float(metric.mean_iou())", "torch.as_tensor(metric.mean_iou())"),
        fails="manners",
    ),
    validation(
        "the first batch only",
        symptom="The loop ends after the first batch.",
        hint="How many batches does your loop see before it returns?",
        changes=validate(UPDATE, UPDATE + "            break\n"),
        fails="several_batches",
        also="dictionary",
    ),
    validation(
        "three classes, whatever the metric counts",
        symptom="Only the first three logits are compared, however many classes there are.",
        hint="Somebody validates a model of 19 classes with your function. Which of them can win?",
        changes=validate("logits.argmax", "logits[:, :3].argmax"),
        fails="other_classes",
        public=False,
    ),
)
