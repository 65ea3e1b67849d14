"""Misconceptions about the loss and the training step (task 3.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

training = partial(Misconception, "training_step")
loss = partial(edits, "segmentation_loss")
step = partial(edits, "training_step")

MEAN = "total / labelled.clamp(min=1)"
TOTAL = 'F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="sum")'
STEPS = "second_step stale_gradients training_mode other_optimizer manners"

MISCONCEPTIONS = (
    # segmentation_loss
    training(
        "softmax before cross-entropy",
        symptom="The loss makes probabilities of the logits before it hands them to a cross-entropy that does so "
        "itself.",
        hint="The loss of two pixels was worked out by hand in the text. How small can it get if all that goes in lies "
        "between 0 and 1?",
        changes=loss("F.cross_entropy(logits,", "F.cross_entropy(logits.softmax(dim=1),"),
        fails="loss",
        also="ignored gradient other_ignore_index",
    ),
    training(
        "no softmax at all",
        symptom="The loss is the negative logit of the true class; the logits of the other classes play no part.",
        hint="Raise all logits of a pixel by 10. Should the loss change, and does yours?",
        changes=loss("F.cross_entropy(", "F.nll_loss("),
        fails="loss gradient",
        also="ignored other_ignore_index",
        perhaps="nothing_labelled",
    ),
    training(
        "a sigmoid for each class",
        symptom="Each class is judged by itself with a binary cross-entropy, as if a pixel could have several classes.",
        hint="A pixel has exactly one class. What should a larger logit of one class do to the probabilities of the "
        "others?",
        changes=loss(
            f"total = {TOTAL}",
            "truth = F.one_hot(torch.where(target == ignore_index, 0, target), logits.shape[1]).permute(0, 3, 1, 2)\n"
            "    each = F.binary_cross_entropy_with_logits(logits, truth.to(logits.dtype), reduction='none')\n"
            "    total = (each.mean(dim=1) * (target != ignore_index)).sum()",
        ),
        fails="loss gradient",
        also="ignored other_ignore_index",
    ),
    training(
        "logits flattened without moving the classes",
        symptom="The logits are cut into rows of K numbers with the pixels still in front, so that a row mixes pixels, "
        "not classes.",
        hint="In memory the numbers of a batch lie class after class. What are the first K of them, the classes of one "
        "pixel or the pixels of one class?",
        changes=loss(
            "F.cross_entropy(logits, target,",
            "F.cross_entropy(logits.reshape(-1, logits.shape[1]), target.flatten(),",
        ),
        fails="loss gradient",
        also="ignored other_ignore_index",
    ),
    training(
        "smoothed labels",
        symptom="The loss asks for 90 % of the true class and shares out the rest, as some training recipes do.",
        hint="The formula has one logarithm per pixel, that of the true class. What else is added up in your loss?",
        changes=loss('reduction="sum"', 'reduction="sum", label_smoothing=0.1'),
        fails="loss",
        also="ignored gradient other_ignore_index",
    ),
    training(
        "the sum over pixels",
        symptom="The loss is the sum over the pixels, not their mean.",
        hint="The same picture twice in a batch: should the loss double?",
        changes=loss(MEAN, "total"),
        fails="loss",
        also="ignored gradient other_ignore_index",
    ),
    training(
        "divided by the number of images",
        symptom="The sum over the pixels is divided by the number of images.",
        hint="A model that knows nothing about four classes should have a loss of log 4. What does yours say for an "
        "image of 4096 pixels?",
        changes=loss(MEAN, "total / len(logits)"),
        fails="loss",
        also="ignored gradient other_ignore_index",
    ),
    training(
        "divided by all pixels",
        symptom="The sum over the labelled pixels is divided by the number of all pixels, ignored ones included.",
        hint="Half of the pixels lose their label. Should a model that is equally good at all of them have half the "
        "loss?",
        changes=loss("labelled.clamp(min=1)", "target.numel()"),
        fails="ignored other_ignore_index",
    ),
    training(
        "images averaged, not pixels",
        symptom="The loss is averaged in each image first and then over the images.",
        hint="One image has 10 labelled pixels and another one 1000. How much should a single pixel of each weigh?",
        changes=loss(
            f"return {MEAN}",
            "each = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction='none').sum(dim=(1, 2))\n"
            "    return (each / (target != ignore_index).sum(dim=(1, 2)).clamp(min=1)).mean()",
        ),
        fails="ignored",
        public=False,
    ),
    training(
        "ignored pixels taught as background",
        symptom="Pixels without a label enter the loss as background.",
        hint="An unlabelled car is in the picture. What does your loss teach the model to call it?",
        changes=loss(
            "    labelled = (target != ignore_index).sum()\n",
            "    target = torch.where(target == ignore_index, 0, target)\n"
            "    labelled = target.new_tensor(target.numel())\n",
        ),
        fails="ignored nothing_labelled",
        also="other_ignore_index",
    ),
    training(
        "255 ignored, whatever is asked",
        symptom="Pixels with the label 255 are left out, whatever number marks the ignored pixels.",
        hint="Another data set marks unlabelled pixels with -1. In which places does your loss have to know that?",
        changes=loss("ignore_index=ignore_index", "ignore_index=255"),
        fails="other_ignore_index",
        public=False,
    ),
    training(
        "NaN for a batch without labels",
        symptom="A batch without a labelled pixel has the loss NaN, where 0 is wanted.",
        hint="What is the sum over no pixels, and by what is it divided? One such batch makes the mean loss of its "
        "epoch NaN, too.",
        changes=loss(MEAN, "F.cross_entropy(logits, target, ignore_index=ignore_index)"),
        fails="nothing_labelled",
    ),
    training(
        "a fresh 0 for a batch without labels",
        symptom="A batch without a labelled pixel gets a 0 that does not come from the logits, so that backward raises "
        "an error.",
        hint="Gradients flow back along the operations that made a number. Which operation made this 0?",
        changes=loss(f"return {MEAN}", "return total / labelled if labelled > 0 else torch.tensor(0.0)"),
        fails="nothing_labelled",
    ),
    training(
        "cut off from the logits",
        symptom="The loss has the right value, but no gradient flows back from it.",
        hint="A loss is there to be differentiated. At which point does yours become a mere number?",
        changes=loss("    return total", "    total = total.detach()\n    return total"),
        fails="nothing_labelled gradient",
    ),
    # training_step
    training(
        "no zero_grad()",
        symptom="Gradients of earlier batches are never cleared, so that each step adds them to its own.",
        hint="The experiment with w² shows what backward does to gradients that are already there. Who clears them?",
        changes=step("    optimizer.zero_grad()\n", ""),
        fails="second_step stale_gradients",
    ),
    training(
        "zero_grad() after the step",
        symptom="The gradients are cleared after the step only, so that those that somebody else left still come in.",
        hint="The function is called for the first time, and a gradient is there already. When would it have to go?",
        changes=step(
            "    optimizer.zero_grad()\n",
            "",
            "    optimizer.step()\n",
            "    optimizer.step()\n    optimizer.zero_grad()\n",
        ),
        fails="stale_gradients",
        public=False,
    ),
    training(
        "no train()",
        symptom="A model that comes in evaluation mode is trained in evaluation mode.",
        hint="BatchNorm collects its statistics in one of the two modes. Who puts the model back after an evaluation?",
        changes=step("    model.train()\n", ""),
        fails="training_mode",
    ),
    training(
        "in evaluation mode",
        symptom="The model is put into evaluation mode for the step.",
        hint="Which of the two modes is the one in which Dropout drops and BatchNorm looks at the batch?",
        changes=step("model.train()", "model.eval()"),
        fails="step training_mode",
        also="returned_loss second_step stale_gradients other_optimizer manners",
    ),
    training(
        "no step",
        symptom="After the step all parameters are what they were before.",
        hint="Three things must happen in an order: gradients are cleared, worked out, and used. Which one is missing, "
        "or comes too early or too late?",
        changes=step("    optimizer.step()\n", ""),
        fails="step second_step stale_gradients training_mode other_optimizer",
        also="manners",
    ),
    training(
        "one batch late",
        symptom="The optimiser steps before backward, with the gradients of the batch before.",
        hint="Where do the gradients come from that the very first step uses?",
        changes=step(
            "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()",
            "    optimizer.step()\n    optimizer.zero_grad()\n    loss.backward()",
        ),
        fails="step second_step",
        also="stale_gradients training_mode other_optimizer manners",
    ),
    training(
        "an update by hand",
        symptom="The parameters are moved against the gradient by hand; the optimiser only lends its learning rate.",
        hint="Momentum and AdamW do more than subtract a multiple of the gradient. Who would do that here?",
        changes=step(
            "    optimizer.step()\n",
            "    with torch.no_grad():\n        for parameter in model.parameters():\n"
            '            parameter -= optimizer.param_groups[0]["lr"] * parameter.grad\n',
        ),
        fails="other_optimizer",
        also="second_step",
        public=False,
    ),
    training(
        "softmax before the loss",
        symptom="The loss gets probabilities in the place of logits, and makes probabilities of them once more.",
        hint="What does the loss expect, scores or probabilities? Two softmaxes one after the other flatten every "
        "difference.",
        changes=step("model(images)", "model(images).softmax(dim=1)"),
        fails="step returned_loss",
        also=STEPS,
    ),
    training(
        "images rescaled in place",
        symptom="The images are stretched to -1..1 once more, in the tensor that was passed in.",
        hint="The transform has normalised them already. And what does a second step on the same batch see?",
        changes=step("    model.train()\n", "    model.train()\n    images.sub_(0.5).div_(0.5)\n"),
        fails="step manners",
        also="returned_loss second_step stale_gradients training_mode other_optimizer",
    ),
    training(
        "the loss after the step",
        symptom="The loss that comes back is worked out anew after the parameters have changed.",
        hint="Two losses of one batch exist, before and after the step. Which one is wanted, and which one costs a "
        "second forward?",
        changes=step("loss.item()", "segmentation_loss(model(images), target).item()"),
        fails="returned_loss",
    ),
    training(
        "the loss times the batch size",
        symptom="The loss that comes back is multiplied by the number of images, as for the sum of an epoch.",
        hint="The loss is a mean over the pixels of the batch. Should it double when the batch does?",
        changes=step("loss.item()", "loss.item() * len(images)"),
        fails="returned_loss",
    ),
    training(
        "returns nothing",
        symptom="The step is taken, but no loss comes back.",
        hint="What would a plot of the losses show that your function returns?",
        changes=step("    return loss.item()\n", ""),
        fails="returned_loss",
    ),
)
