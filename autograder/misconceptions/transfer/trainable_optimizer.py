"""Misconceptions about the optimiser of a model that is partly frozen (task 2.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

optimizer = partial(Misconception, "trainable_optimizer")
build = partial(edits, "build_optimizer")

TRAINED = "trained = [parameter for parameter in model.parameters() if parameter.requires_grad]"

MISCONCEPTIONS = (
    optimizer(
        "frozen parameters are held",
        symptom="The optimiser holds all parameters of the model, frozen ones included.",
        hint="A frozen parameter may still have a gradient from before. What does an optimiser do with what it holds?",
        changes=build(TRAINED, "trained = list(model.parameters())"),
        fails="frozen leftover other_parts",
    ),
    optimizer(
        "thawed for the optimiser",
        symptom="All parameters are made to take gradients again before the optimiser is built.",
        hint="Who decides what is frozen: the one who froze it, or the optimiser?",
        changes=build(TRAINED, "trained = list(model.requires_grad_(True).parameters())"),
        fails="frozen leftover other_parts",
    ),
    optimizer(
        "only the head",
        symptom="The optimiser holds the head alone, also if other parts are trained.",
        hint="Fine-tuning trains the encoder as well. By what can you tell which parameters are trained?",
        changes=build(TRAINED, "trained = list(model.head.parameters())"),
        fails="steps other_parts",
    ),
    optimizer(
        "by the encoder's name",
        symptom="The optimiser leaves out the encoder if any of it is frozen, and holds everything else.",
        hint="Parts of an encoder can be frozen, or parts of a head. What do you ask each parameter?",
        changes=build(
            TRAINED,
            "frozen = not all(parameter.requires_grad for parameter in model.encoder.parameters())\n"
            "    trained = list((model.head if frozen else model).parameters())",
        ),
        fails="other_parts",
        public=False,
    ),
    optimizer(
        "weights without biases",
        symptom="The optimiser holds matrices and filters, but no biases and no scale or shift of a norm.",
        hint="Count the numbers that the optimiser holds. Which ones are not there?",
        changes=build("if parameter.requires_grad]", "if parameter.requires_grad and parameter.ndim > 1]"),
        fails="frozen other_parts",
        also="steps",
    ),
    optimizer(
        "no amsgrad",
        symptom="It is AdamW in its usual form, without amsgrad.",
        hint="The recipe names a variant that keeps the largest second moment seen so far. Where is it switched on?",
        changes=build(", amsgrad=True", ""),
        fails="settings",
    ),
    optimizer(
        "Adam",
        symptom="It is Adam, which decays no weights, and not AdamW.",
        hint="What do the papers' names Adam and AdamW stand for, and what is the W?",
        changes=build("torch.optim.AdamW", "torch.optim.Adam"),
        fails="settings steps",
    ),
    optimizer(
        "1e-3, whatever is asked",
        symptom="The learning rate is 0.001, whatever was asked for.",
        hint="Two of your runs are to differ in the learning rate. Which argument says so?",
        changes=build("lr=learning_rate", "lr=1e-3"),
        fails="settings steps",
    ),
    optimizer(
        "a higher rate for the head",
        symptom="The head learns ten times as fast as the encoder, as in the SegFormer paper.",
        hint="The recipe of this assignment has one learning rate. How many does your optimiser have?",
        changes=build(
            TRAINED,
            "rates = ((model.encoder, learning_rate), (model.head, 10 * learning_rate))\n"
            "    parts = [([p for p in part.parameters() if p.requires_grad], rate) for part, rate in rates]\n"
            "    trained = [{'params': held, 'lr': rate} for held, rate in parts if held]",
        ),
        fails="settings steps",
    ),
    optimizer(
        "no weight decay",
        symptom="The weight decay is switched off, where the recipe leaves it at PyTorch's default.",
        hint="Which settings does the recipe name, and what about all others?",
        changes=build("amsgrad=True", "amsgrad=True, weight_decay=0.0"),
        fails="steps",
    ),
)
