"""Misconceptions about the classes of a trimap (task 1.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

classes = partial(Misconception, "pet_classes")
pet_classes = partial(edits, "pet_classes")

ANSWER = "trimap.to(torch.int64) - 1"

MISCONCEPTIONS = (
    classes(
        "the values stay as they are",
        symptom="The values 1, 2 and 3 are taken for classes as they are, so that no pixel has class 0.",
        hint="A network with three classes has the channels 0, 1 and 2. What does a loss do with a class 3?",
        changes=pet_classes(ANSWER, "trimap.to(torch.int64)"),
        fails="classes",
        also="all but classes",
    ),
    classes(
        "the border becomes 0",
        symptom="The border is class 0, the pet 1 and the background 2.",
        hint="Which class should follow which is in the description of the result. What does a remainder make of 3?",
        changes=pet_classes(ANSWER, "trimap.to(torch.int64) % 3"),
        fails="classes missing_values",
        also="any_shape manners",
    ),
    classes(
        "background is 0",
        symptom="Background is class 0 and the pet is class 1, as in many data sets, but not in this one.",
        hint="A curve of the class pet would be drawn from another class. In which order are the three names given?",
        changes=pet_classes(ANSWER, "torch.tensor([0, 1, 0, 2], device=trimap.device)[trimap.long()]"),
        fails="classes",
        also="all but classes",
    ),
    classes(
        "numbered as they turn up",
        symptom="The smallest value of a trimap becomes 0, the next one 1, whatever these values are.",
        hint="A photograph has no border, or nothing but a pet. Which class has its background then?",
        changes=pet_classes(ANSWER, "trimap.unique(return_inverse=True)[1]"),
        fails="missing_values",
    ),
    classes(
        "the border is ignored",
        symptom="The border becomes 255, which loss and metric leave out, where it should be a class.",
        hint="How many classes has the network, and which pixels would teach it the third one?",
        changes=pet_classes(ANSWER, "torch.where(trimap == 3, 255, trimap.to(torch.int64) - 1)"),
        fails="classes missing_values",
        also="any_shape manners",
    ),
    classes(
        "the border is part of the pet",
        symptom="The border gets the class of the pet, so that only two classes are left.",
        hint="Which numbers does your class map contain? Three names are given for them.",
        changes=pet_classes(ANSWER, "(trimap == 2).to(torch.int64)"),
        fails="classes missing_values",
        also="any_shape manners",
    ),
    classes(
        "scaled like colours",
        symptom="The values are divided by 255 as if they were colours, so that every pixel becomes class 0.",
        hint="A colour of 128 is half of 255. What would half a class be?",
        changes=pet_classes(ANSWER, "(trimap / 255).to(torch.int64)"),
        fails="classes missing_values",
        also="any_shape manners",
    ),
    classes(
        "classes are uint8",
        symptom="The classes are right, but they come as another type of number than int64.",
        hint="From which tensor does the result inherit its dtype? A loss wants class numbers as int64.",
        changes=pet_classes(ANSWER, "trimap - 1"),
        fails="manners",
    ),
    classes(
        "two axes are taken for granted",
        symptom="Only a single trimap (H, W) is accepted; a batch, or a row of pixels, raises an error.",
        hint="The class of a pixel depends on its value alone. Where does the code need the number of axes?",
        changes=pet_classes("    return trimap", "    H, W = trimap.shape\n    return trimap"),
        fails="any_shape",
    ),
    classes(
        "one long row",
        symptom="The classes are right, but all of them come in one row and the shape of the trimap is lost.",
        hint="Put the result beside the photograph: which class belongs to the pixel in row 2, column 3?",
        changes=pet_classes(ANSWER, f"({ANSWER}).flatten()"),
        fails="any_shape",
        also="all but any_shape",
    ),
    classes(
        "the trimap is changed in place",
        symptom="The classes are right, but the trimap that was passed in is overwritten.",
        hint="Call the function twice with the same tensor. What would the second call see?",
        changes=pet_classes(ANSWER, "trimap.sub_(1).to(torch.int64)"),
        fails="manners",
    ),
)
