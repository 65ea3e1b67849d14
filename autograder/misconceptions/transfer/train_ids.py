"""Misconceptions about Cityscapes' label ids and train ids (task 1.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

ids = partial(Misconception, "train_ids")
train_ids = partial(edits, "train_ids")

TABLE = "torch.full((256,), IGNORE, device=label_ids.device)"
ENTRY = "table[number] = train_id"
ANSWER = "table[label_ids.long()]"

MISCONCEPTIONS = (
    ids(
        "train ids counted from 1",
        symptom="Every train id is one too large: road is 1 and bicycle is 19.",
        hint="A network with 19 classes has the channels 0 to 18. Which of them belongs to the road?",
        changes=train_ids("enumerate(CITYSCAPES_IDS)", "enumerate(CITYSCAPES_IDS, start=1)"),
        fails="trained",
        also="all but trained",
    ),
    ids(
        "label ids counted from 1",
        symptom="Each class gets the train id that belongs to the label id after its own.",
        hint="Look at a single pixel of road: which label id has it, and where in your table does its train id stand?",
        changes=train_ids(ENTRY, "table[number - 1] = train_id"),
        fails="trained others",
        also="all but trained others",
    ),
    ids(
        "seven subtracted",
        symptom="The train id is the label id less 7, as if no id were left out between road and bicycle.",
        hint="Road is 7 and 0, sidewalk 8 and 1. What comes after parking and rail track, which are not trained?",
        changes=train_ids(ENTRY, "table[number] = number - 7"),
        fails="trained",
        also="all but trained",
    ),
    ids(
        "one after the other in one tensor",
        symptom="Ids are replaced one after the other in one tensor, so that new numbers are taken for old ones.",
        hint="A car has just become 13. What becomes of it when the turn of the fence comes, whose label id is 13?",
        changes=train_ids(
            "    table = torch.full((256,), IGNORE, device=label_ids.device)\n",
            "    labels = label_ids.long()\n",
            "enumerate(CITYSCAPES_IDS)",
            "reversed(list(enumerate(CITYSCAPES_IDS)))",
            ENTRY,
            "labels = torch.where(labels == number, train_id, labels)",
            f"return {ANSWER}",
            "return torch.where(torch.isin(label_ids, torch.tensor(CITYSCAPES_IDS)), labels, IGNORE)",
        ),
        fails="trained",
        also="all but trained",
    ),
    ids(
        "0 taken for nothing",
        symptom="Road, whose train id is 0, becomes 255; all other ids are right.",
        hint="In Python 0 counts as false. Which class has a train id for which a test of truth says no?",
        changes=train_ids(ENTRY, "table[number] = train_id or IGNORE"),
        fails="trained",
        also="all but trained",
    ),
    ids(
        "the last three classes forgotten",
        symptom="Trains, motorcycles and bicycles (ids 31 to 33) are ignored; the other classes are right.",
        hint="Go through the list of ids from its end. Which is the largest one that your code knows?",
        changes=train_ids("enumerate(CITYSCAPES_IDS)", "enumerate(CITYSCAPES_IDS[:16])"),
        fails="trained",
    ),
    ids(
        "the rest becomes road",
        symptom="Ids that are not trained become 0, the train id of road, where they should be ignored.",
        hint="With what is a table filled before anything is written into it? Nobody knows what is in these pixels.",
        changes=train_ids(TABLE, "torch.zeros(256, dtype=torch.int64, device=label_ids.device)"),
        fails="others licence_plate",
    ),
    ids(
        "the rest becomes a class of its own",
        symptom="Ids that are not trained become 19, a twentieth class, where they should be ignored.",
        hint="Would a network have to find the border of the image, and the hood of the car that took the picture?",
        changes=train_ids("(256,), IGNORE", "(256,), 19"),
        fails="others licence_plate",
    ),
    ids(
        "the rest keeps its ids",
        symptom="Ids that are not trained stay as they are, and are taken for the classes of those numbers.",
        hint="A tunnel has the label id 16. Which class is number 16 among the train ids?",
        changes=train_ids(TABLE, "torch.arange(256, device=label_ids.device)"),
        fails="others",
    ),
    ids(
        "no place for 255",
        symptom="The table ends with the last label id, so that a licence plate (255) raises an error.",
        hint="How many different values can a uint8 have, and how many places has the table?",
        changes=train_ids("(256,)", "(34,)"),
        fails="licence_plate",
    ),
    ids(
        "a licence plate is part of the car",
        symptom="Licence plates get the train id of the last class, as an index of -1 does.",
        hint="A licence plate has the id -1. What stands at the place -1 of a list, and is that what is wanted?",
        changes=train_ids(f"    return {ANSWER}", f"    table[255] = 18\n    return {ANSWER}"),
        fails="licence_plate",
    ),
    ids(
        "train ids are uint8",
        symptom="The train ids are right, but they come as another type of number than int64.",
        hint="From which tensor does the result of a lookup inherit its dtype, and what is that tensor's?",
        changes=train_ids("(256,), IGNORE", "(256,), IGNORE, dtype=torch.uint8"),
        fails="manners",
    ),
    ids(
        "a uint8 index, taken for a mask",
        symptom="The lookup raises an error for every annotation, as it does when a uint8 index is taken for a mask.",
        hint="What does PyTorch make of an index of type uint8? It has an old meaning, true and false.",
        changes=train_ids(ANSWER, "table[label_ids]"),
        fails="all but any_shape manners",
        also="any_shape manners",
    ),
    ids(
        "two axes are taken for granted",
        symptom="Only a single annotation (H, W) is accepted; a batch, or a row of pixels, raises an error.",
        hint="The train id of a pixel depends on its label id alone. Where does the code need the number of axes?",
        changes=train_ids("    return table", "    H, W = label_ids.shape\n    return table"),
        fails="any_shape",
    ),
    ids(
        "the annotation is changed in place",
        symptom="The train ids are right, but the annotation that was passed in is overwritten.",
        hint="Call the function twice with the same tensor. What would the second call see?",
        changes=train_ids(
            f"return {ANSWER}",
            f"found = {ANSWER}\n    label_ids.copy_(found)\n    return found",
        ),
        fails="manners",
    ),
)
