"""Misconceptions about the weights of another encoder (task 4.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

encoder_weights = partial(Misconception, "encoder_weights")
load = partial(edits, "load_encoder")

GIVEN = 'given = {name: tensor for name, tensor in weights.items() if name.startswith("encoder.")}'
OWN = 'own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("encoder.")}'
LOAD = "model.load_state_dict(given, strict=False)"
SHAPE = "        if given[name].shape != tensor.shape:\n"
MISSING = "    for name in sorted(own.keys() ^ given.keys()):\n"

MISCONCEPTIONS = (
    encoder_weights(
        "the head is loaded as well",
        symptom="Whatever has a fitting name and shape is copied, also the head of the other model.",
        hint="Two heads of the same shapes can belong to different classes. By what do you tell which weights are an "
        "encoder's?",
        changes=load(
            LOAD,
            "kept = model.state_dict()\n"
            "    fitting = {name: tensor for name, tensor in weights.items() if tensor.shape == kept[name].shape}\n"
            "    model.load_state_dict(fitting, strict=False)",
        ),
        fails="head",
        also="logits same_parameters",
    ),
    encoder_weights(
        "the head begins anew",
        symptom="The layers of the model's own head are reset to random numbers while the encoder is loaded.",
        hint="Only the encoder is to change. What does your model's head hold before the call, and what after?",
        changes=load(
            LOAD,
            LOAD + "\n    for layer in model.head:\n        if hasattr(layer, 'reset_parameters'):\n"
            "            layer.reset_parameters()",
        ),
        fails="head",
        also="logits same_parameters",
        random=True,
    ),
    encoder_weights(
        "only parameters, no statistics",
        symptom="The parameters are copied, but the running statistics of the normalisation layers are not.",
        hint="A BatchNorm normalises with numbers that no optimiser ever saw. Are they parameters?",
        changes=load(
            LOAD,
            "trained = dict(model.named_parameters())\n"
            "    model.load_state_dict({name: given[name] for name in given if name in trained}, strict=False)",
        ),
        fails="logits statistics",
        also="same_parameters",
    ),
    encoder_weights(
        "nothing is loaded",
        symptom="No weight changes: the names are not those that the model looks for, and nothing complained.",
        hint="With strict=False names that fit nothing are passed over in silence. What does load_state_dict "
        "return, and which of its lists is long?",
        changes=load(
            LOAD,
            'model.load_state_dict({name.removeprefix("encoder."): given[name] for name in given}, strict=False)',
        ),
        fails="logits statistics same_parameters",
    ),
    encoder_weights(
        "names without encoder",
        symptom="The names that come back are those inside the encoder, without the part that says so.",
        hint="Look a name of yours up in model.state_dict(). Is it there?",
        changes=load("return list(own)", 'return [name.removeprefix("encoder.") for name in own]'),
        fails="names",
    ),
    encoder_weights(
        "all names",
        symptom="The names of all weights come back, those of the head included.",
        hint="The list is to say what was copied. Was all of it?",
        changes=load("return list(own)", "return list(weights)"),
        fails="names",
    ),
    encoder_weights(
        "no names",
        symptom="The weights are copied, but no list of names comes back.",
        hint="What does a reader of your notebook want to see after the call, to believe that something was loaded?",
        changes=load("    return list(own)", "    return None"),
        fails="names",
    ),
    encoder_weights(
        "missing weights are passed over",
        symptom="A weight of the encoder that is missing is passed over, so that a part of it stays random.",
        hint="An encoder that is half loaded looks like a bad idea of yours and not like an error. Who should notice?",
        changes=load(
            MISSING,
            "    for name in sorted(given.keys() - own.keys()):\n",
            "    for name, tensor in own.items():\n" + SHAPE,
            "    for name, tensor in own.items():\n        if name in given and given[name].shape != tensor.shape:\n",
        ),
        fails="missing",
    ),
    encoder_weights(
        "surplus weights are passed over",
        symptom="Weights of a larger encoder are taken without a word, as far as the model has a place for them.",
        hint="A checkpoint of a deeper encoder fits all of your names. Is it the encoder that you built?",
        changes=load(MISSING, "    for name in sorted(own.keys() - given.keys()):\n"),
        fails="surplus",
        public=False,
    ),
    encoder_weights(
        "shapes that broadcast",
        symptom="A weight of another shape is spread over the whole tensor, for a copy broadcasts.",
        hint="What does copy_ do with a single number and a tensor of six? Who looks at shapes in yours?",
        changes=load(
            SHAPE,
            "        if False:\n",
            LOAD,
            "with torch.no_grad():\n        for name, tensor in own.items():\n            tensor.copy_(given[name])",
        ),
        fails="other_shape",
    ),
    encoder_weights(
        "what does not fit is left out",
        symptom="Weights of another shape are left out in silence, so that a part of the encoder stays random.",
        hint="The call seems to have worked. How would you ever find out that one layer was not loaded?",
        changes=load(
            SHAPE,
            "        if False:\n",
            LOAD,
            "fitting = {name: given[name] for name, tensor in own.items() if given[name].shape == tensor.shape}\n"
            "    model.load_state_dict(fitting, strict=False)",
        ),
        fails="other_shape",
    ),
    encoder_weights(
        "a KeyError of the dictionary",
        symptom="A missing weight is noticed by a KeyError in the middle of copying and not by a ValueError.",
        hint="Which exception does the docstring promise, and in which state should the model be then?",
        changes=load(
            MISSING,
            "    for name in sorted(given.keys() - own.keys()):\n",
        ),
        fails="missing",
    ),
    encoder_weights(
        "half loaded when it is refused",
        symptom="Weights are copied one by one until one does not fit, so that a refused call leaves half of them.",
        hint="Somebody catches your ValueError and goes on. What model do they have?",
        changes=load(
            "        if given[name].shape != tensor.shape:\n",
            "        if given[name].shape == tensor.shape:\n            tensor.copy_(given[name])\n        else:\n",
        ),
        fails="other_shape",
    ),
    encoder_weights(
        "not copied but shared",
        symptom="The model's parameters are the tensors of the other model, so that training one changes the other.",
        hint="A state_dict holds no copies. Whose memory do your parameters point to after the call?",
        changes=load(
            LOAD,
            LOAD + "\n    for name, parameter in model.named_parameters():\n"
            "        if name in given:\n            parameter.data = given[name]",
        ),
        fails="copied",
    ),
    encoder_weights(
        "new parameters",
        symptom="The model gets new parameters, which an optimiser that was made before knows nothing about.",
        hint="An optimiser holds objects, not names. Are the parameters after the call the objects from before?",
        changes=load(
            LOAD,
            LOAD + "\n    for module in model.encoder.modules():\n"
            "        for name, parameter in list(module.named_parameters(recurse=False)):\n"
            "            setattr(module, name, nn.Parameter(parameter.detach().clone()))",
        ),
        fails="same_parameters",
        public=False,
    ),
)
