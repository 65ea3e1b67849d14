"""Misconceptions about frozen encoders (task 2.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

frozen = partial(Misconception, "frozen_encoder")
freeze = partial(edits, "freeze_encoder")

NO_GRADIENTS = "    encoder.requires_grad_(False)\n"
HOOK = "    encoder.register_forward_pre_hook(stay_in_evaluation_mode)"

MISCONCEPTIONS = (
    frozen(
        "BatchNorm is not frozen",
        symptom="No gradient reaches the encoder, but after train() its BatchNorms use the batch's statistics.",
        hint="Running statistics are no parameters, and model.train() reaches every part. What survives it in yours?",
        changes=freeze(HOOK, "    encoder.eval()  #"),
        fails="statistics training_mode",
        also="rest modes encoder",
    ),
    frozen(
        "momentum 0",
        symptom="The running statistics no longer change, but in training mode the BatchNorms still use the batch's.",
        hint="In training mode a BatchNorm remembers the batch, and it normalises with it. Which of the two is left?",
        changes=freeze(
            HOOK,
            "    for module in encoder.modules():\n"
            "        if isinstance(module, nn.BatchNorm2d):\n"
            "            module.momentum = 0.0\n"
            "    return model",
        ),
        fails="training_mode",
        also="rest modes encoder",
    ),
    frozen(
        "an attribute of the module instead of its parameters",
        symptom="The parameters still take gradients, for requires_grad was set on the module and not on them.",
        hint="Python lets you set any attribute on a module. Which objects have a requires_grad that PyTorch looks at?",
        changes=freeze(NO_GRADIENTS, "    encoder.requires_grad = False\n"),
        fails="weights encoder",
        also="rest",
    ),
    frozen(
        "only the convolutions",
        symptom="The convolutions are frozen, but scale and shift of the normalisation layers are trained.",
        hint="A BatchNorm has four rows of numbers: two that it learns by gradients and two that it collects. What "
        "happens to the first two in yours?",
        changes=freeze(
            NO_GRADIENTS,
            "    for module in encoder.modules():\n"
            "        if isinstance(module, nn.Conv2d):\n"
            "            module.requires_grad_(False)\n",
        ),
        fails="weights encoder",
        also="rest",
    ),
    frozen(
        "only what is called weight",
        symptom="Parameters called weight are frozen, the biases are trained.",
        hint="List the names of the parameters that still take a gradient. What do they have in common?",
        changes=freeze(
            NO_GRADIENTS,
            "    for name, parameter in encoder.named_parameters():\n"
            "        if name.endswith('weight'):\n"
            "            parameter.requires_grad_(False)\n",
        ),
        fails="weights encoder",
        also="rest",
    ),
    frozen(
        "only BatchNorm is frozen",
        symptom="The normalisation layers are frozen, but the convolutions between them take gradients.",
        hint="How many of the encoder's parameters should be left to the optimiser?",
        changes=freeze(
            NO_GRADIENTS,
            "    for module in encoder.modules():\n"
            "        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):\n"
            "            module.requires_grad_(False)\n",
        ),
        fails="weights encoder",
        also="rest",
    ),
    frozen(
        "the whole model is frozen",
        symptom="No parameter of the model takes a gradient, those of the head included.",
        hint="What is left to learn your classes?",
        changes=freeze("encoder.requires_grad_(False)", "model.requires_grad_(False)"),
        fails="rest",
        also="weights statistics modes encoder",
    ),
    frozen(
        "the head's BatchNorm as well",
        symptom="All BatchNorms of the model stay in evaluation mode, also those of the head, which trains.",
        hint="The head begins with statistics that fit nothing. Who may change them?",
        changes=freeze(HOOK, "    model.register_forward_pre_hook(stay_in_evaluation_mode)"),
        fails="rest",
        also="training_mode modes encoder",
    ),
    frozen(
        "the auxiliary classifier as well",
        symptom="The auxiliary classifier is frozen together with the backbone.",
        hint="Which parts of an FCN are its encoder, and which begin anew for your classes?",
        changes=freeze(
            NO_GRADIENTS,
            NO_GRADIENTS + "    if getattr(model, 'aux_classifier', None) is not None:\n"
            "        model.aux_classifier.requires_grad_(False)\n",
        ),
        fails="rest",
        also="weights",
    ),
    frozen(
        "the first layers only",
        symptom="Only the first of the encoder's parts is frozen, the others are trained.",
        hint="Print the encoder: what are its children, and how many of them does your function reach?",
        changes=freeze(NO_GRADIENTS, "    next(encoder.children()).requires_grad_(False)\n"),
        fails="weights encoder",
        also="rest",
    ),
    frozen(
        "a backbone is taken for granted",
        symptom="The function knows an encoder by the name backbone only.",
        hint="Your SegFormer has no backbone. Under which name does it keep its encoder?",
        changes=freeze('model.backbone if hasattr(model, "backbone") else model.encoder', "model.backbone"),
        fails="encoder",
    ),
    frozen(
        "nothing comes back",
        symptom="The encoder is frozen, but the function returns nothing.",
        hint="What would `model = freeze_encoder(model)` leave in `model`?",
        changes=freeze("    return model", "    return None"),
        fails="returned",
    ),
    frozen(
        "thawed by evaluation",
        symptom="The encoder stays in evaluation mode until the model itself is evaluated, and is thawed by the next "
        "training.",
        hint="Between two epochs a trainer calls model.eval() and then model.train(). What does your function do then?",
        changes=freeze(
            HOOK,
            "    encoder.eval()\n    calls = []\n\n"
            "    def train(mode=True):\n"
            "        calls.append(mode)\n"
            "        return nn.Module.train(encoder, mode and False in calls)\n\n"
            "    encoder.train = train",
        ),
        fails="modes",
        public=False,
    ),
)
