"""Misconceptions about the mapping of ADE20K's 150 classes to four (task 1.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

labels = partial(Misconception, "label_mapping")
map_labels = partial(edits, "map_labels")

MISCONCEPTIONS = (
    labels(
        "boats (77) forgotten",
        symptom="Boats (id 77) become background; the other six kinds of vehicles are right.",
        hint="Was a list of ids typed by hand? Compare it, id by id, with the one that the course gives.",
        changes=map_labels("table[list(listed)]", "table[[number for number in listed if number != 77]]"),
        fails="vehicles",
    ),
    labels(
        "only the first id of each list",
        symptom="Trees, persons and cars are labelled; all other plants, animals and vehicles become background.",
        hint="Each of the three labels stands for several ids: which of them does the code ever look at?",
        changes=map_labels("table[list(listed)]", "table[listed[0]]"),
        fails="plants people_and_animals vehicles",
    ),
    labels(
        "lists read as ranges",
        symptom="Every id between the smallest and the largest of a list gets its label, not only those in the list.",
        hint="What is class 14? It lies between 13 and 127, and yet it is neither a person nor an animal.",
        changes=map_labels("table[list(listed)]", "table[min(listed) : max(listed) + 1]"),
        fails="background plants people_and_animals",
        also="vehicles any_shape manners",
    ),
    labels(
        "only the last class survives",
        symptom="Vehicles are labelled; plants, people and animals are background.",
        hint="The classes are treated one after the other. What becomes of the first one's pixels when the next one's "
        "turn comes?",
        changes=map_labels("    table[list", "    table[:] = 0\n        table[list"),
        fails="plants people_and_animals",
        also="background any_shape manners",
    ),
    labels(
        "wall, building and sky keep their ids",
        symptom="The ids 1, 2 and 3 (wall, building, sky) come out as the labels 1, 2 and 3.",
        hint="While old and new numbers stand in one tensor, what tells a wall (id 1) from a pixel that has just "
        "become a plant (label 1)?",
        changes=map_labels("    for label", "    table[1:4] = torch.arange(1, 4)\n    for label"),
        fails="background",
        also="all but background",
    ),
    labels(
        "unlisted ids stay as they are",
        symptom="Ids that are in none of the three lists keep their number where they should become 0.",
        hint="Which values may the answer contain? Look at the largest one that yours contains.",
        changes=map_labels("torch.zeros(256, dtype=torch.int64", "torch.arange(256, dtype=torch.int64"),
        fails="background",
        also="all but background",
    ),
    labels(
        "labels 1..4 instead of 0..3",
        symptom="Every label is one too large: background is 1 and vehicles are 4.",
        hint="A network with four classes has the channels 0 to 3. Which label belongs to the first channel?",
        changes=map_labels("return table[", "return 1 + table["),
        fails="background vehicles",
        also="all but background vehicles",
    ),
    labels(
        "ids taken for 0-based",
        symptom="Each label is given to the id just below the right one, as if the class ids began at 0.",
        hint="ADE20K keeps one number for pixels that nobody labelled. Which id is therefore left for its first class?",
        changes=map_labels("table[list(listed)]", "table[[number - 1 for number in listed]]"),
        fails="plants people_and_animals vehicles",
        also="background any_shape manners",
    ),
    labels(
        "no entry for id 150",
        symptom="The lookup ends at id 149, so that an annotation with the last class (150) raises an error.",
        hint="How many numbers are there from 0 to 150, both included?",
        changes=map_labels("torch.zeros(256", "torch.zeros(150"),
        fails="background",
    ),
    labels(
        "unlabelled becomes 255",
        symptom="Unlabelled pixels (id 0) are marked as ignored where this course wants them as background.",
        hint="It is a decision either way. Which one does the description of the result take for id 0?",
        changes=map_labels("    return", "    table[0] = 255\n    return"),
        fails="background",
    ),
    labels(
        "bus and minibike made vehicles",
        symptom="Ids that are in none of the lists, such as the bus and the minibike, are labelled as vehicles.",
        hint="They are vehicles in the street. Are they in the lists of this course?",
        changes=map_labels("    return", "    table[[81, 117]] = 3\n    return"),
        fails="background",
    ),
    labels(
        "labels are uint8",
        symptom="The labels are right, but they come as another type of number than int64.",
        hint="From which tensor does the result inherit its dtype, and what is that tensor's dtype if none is asked "
        "for?",
        changes=map_labels("dtype=torch.int64", "dtype=torch.uint8"),
        fails="manners",
    ),
    labels(
        "a uint8 index, taken for a mask",
        symptom="The lookup raises an error for every annotation, as it does when a uint8 index is taken for a mask.",
        hint="Which values can an annotation hold, and has the table a place for each? What does PyTorch make of an "
        "index of type uint8?",
        changes=map_labels("annotation.long()", "annotation"),
        fails="all but any_shape manners",
        also="any_shape manners",
    ),
    labels(
        "two axes are taken for granted",
        symptom="Only a single annotation (H, W) is accepted; a batch, or a row of pixels, raises an error.",
        hint="The label of a pixel depends on its id alone. Where does the code need to know how many axes there are?",
        changes=map_labels("    return table", "    H, W = annotation.shape\n    return table"),
        fails="any_shape",
    ),
    labels(
        "one long row",
        symptom="The labels are right, but all of them come in one row and the shape of the annotation is lost.",
        hint="Put the result beside the photograph: which label belongs to the pixel in row 2, column 3?",
        changes=map_labels("annotation.long()]", "annotation.long().flatten()]"),
        fails="any_shape",
        also="all but any_shape",
    ),
    labels(
        "the annotation is changed in place",
        symptom="The labels are right, but the annotation that was passed in is overwritten.",
        hint="Call the function twice with the same tensor. What would the second call see?",
        changes=map_labels(
            "return table[annotation.long()]",
            "labels = table[annotation.long()]\n    annotation.copy_(labels)\n    return labels",
        ),
        fails="manners",
    ),
    labels(
        "everything is background",
        symptom="Every pixel is labelled 0, whatever its id is.",
        hint="Follow a single tree pixel (id 5) through the code: where should its 1 be written, and is that what "
        "comes back?",
        changes=map_labels("        table[list(listed)] = label", "        table[list(listed)]"),
        fails="all",
    ),
)
