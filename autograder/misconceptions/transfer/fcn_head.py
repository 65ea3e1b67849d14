"""Misconceptions about the head of an FCN (task 2.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

fcn_head = partial(Misconception, "fcn_head")
head = partial(edits, "replace_head")

NEW = "head[-1] = nn.Conv2d(head[-1].in_channels, num_classes, kernel_size=1)"
BOTH = "for head in (model.classifier, model.aux_classifier):"

MISCONCEPTIONS = (
    fcn_head(
        "the auxiliary classifier is forgotten",
        symptom="Only the main classifier gets the new classes, the auxiliary one keeps the old ones.",
        hint="Which two answers does the dictionary of an FCN hold when it was made with an auxiliary classifier?",
        changes=head(BOTH, "for head in (model.classifier,):"),
        fails="auxiliary",
        also="other_widths new_layers",
    ),
    fcn_head(
        "an auxiliary classifier is taken for granted",
        symptom="The function takes an auxiliary classifier for granted and fails for a model that has none.",
        hint="Without aux_loss=True, what is model.aux_classifier?",
        changes=head("if head is not None:", "if True:"),
        fails="logits",
    ),
    fcn_head(
        "512 channels, whatever the model",
        symptom="The new layer takes 512 channels, the width in FCN-ResNet50's main head, whatever the head has.",
        hint="The auxiliary head of the same model is narrower. Where could the function look up the width?",
        changes=head("head[-1].in_channels", "512"),
        fails="logits auxiliary other_widths",
        also="new_layers",
    ),
    fcn_head(
        "the widths of FCN-ResNet50's heads, typed in",
        symptom="The new layer is as wide as the check's model needs it, a number that was typed in.",
        hint="Another backbone has another width. Which layer knows it?",
        changes=head("head[-1].in_channels", "(6 if head is model.classifier else 4)"),
        fails="other_widths",
        public=False,
    ),
    fcn_head(
        "one more layer behind the old one",
        symptom="A new layer is put behind the old last one, so that the pixels go through the old classes.",
        hint="How many 1x1 convolutions stand at the end of your head, and what do the outputs of the first one mean?",
        changes=head(NEW, "head.append(nn.Conv2d(head[-1].out_channels, num_classes, kernel_size=1))"),
        fails="logits auxiliary new_layers",
        also="other_widths",
    ),
    fcn_head(
        "whole new heads",
        symptom="The heads are made anew as a whole, so that everything they had learned is lost.",
        hint="A head of an FCN has a 3x3 convolution and a BatchNorm before its last layer. Do they have to change?",
        changes=head(
            BOTH,
            "for name in ('classifier', 'aux_classifier'):\n"
            "        if getattr(model, name) is not None:\n"
            "            width = getattr(model, name)[0].in_channels\n"
            "            setattr(model, name, type(getattr(model, name))(width, num_classes))\n"
            "            getattr(model, name)[3].p = 0.0\n"
            "    for head in ():",
        ),
        fails="kept",
    ),
    fcn_head(
        "a 3x3 convolution",
        symptom="The new last layer looks at 3x3 pixels and not at one.",
        hint="The layer before has looked around already. What is the kernel of the layer that is replaced?",
        changes=head("kernel_size=1", "kernel_size=3, padding=1"),
        fails="logits auxiliary new_layers",
        also="other_widths",
    ),
    fcn_head(
        "no bias",
        symptom="The new last layer has no bias.",
        hint="A rare class should begin with a lower score than a frequent one. Which numbers could learn that?",
        changes=head("kernel_size=1", "kernel_size=1, bias=False"),
        fails="logits auxiliary new_layers",
        also="other_widths",
    ),
    fcn_head(
        "the old layer cut short",
        symptom="The old last layer is kept and cut to the new number of classes, so that old classes get new names.",
        hint="What did the first outputs of the old layer mean? Do they deserve a head start as your classes?",
        changes=head(
            NEW,
            "head[-1].out_channels = num_classes\n"
            "            head[-1].weight = nn.Parameter(head[-1].weight.detach()[:num_classes])\n"
            "            head[-1].bias = nn.Parameter(head[-1].bias.detach()[:num_classes])",
        ),
        fails="new_layers",
    ),
    fcn_head(
        "nothing comes back",
        symptom="The model is changed, but the function returns nothing.",
        hint="What would `model = replace_head(model, 3)` leave in `model`?",
        changes=head("    return model", "    return None"),
        fails="returned",
    ),
)
