"""Misconceptions about a window of a pair (task 1.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

window = partial(Misconception, "crop_pair")
crop = partial(edits, "crop_pair")

CUT = "whole[..., top : top + tall, left : left + wide] for whole in (image, mask)"
IMAGE = "functional.pad(image, beyond, value=0.0)"
MASK = "functional.pad(mask, beyond, value=IGNORE)"
BEYOND = "beyond = (0, wide - mask.shape[1], 0, tall - mask.shape[0])"

MISCONCEPTIONS = (
    window(
        "the mask filled with 0",
        symptom="Beyond its sides the mask gets class 0, so that the network is taught to see road where nothing is.",
        hint="The loss looks at every pixel but those of one label. Which label says that nobody knows?",
        changes=crop("value=IGNORE", "value=0"),
        fails="mask_beyond",
    ),
    window(
        "the image filled with 255",
        symptom="Beyond its sides the image gets 255, as the mask does.",
        hint="The image is normalised, with values around 0. How bright would 255 be there?",
        changes=crop("value=0.0", "value=255.0"),
        fails="image_beyond",
    ),
    window(
        "the image repeats its border",
        symptom="Beyond its sides the image repeats the last pixel of each row and column.",
        hint="A streak of the last column is no street, and it looks like one. What value has the mean colour after "
        "normalisation?",
        changes=crop(IMAGE, 'functional.pad(image, beyond, mode="replicate")'),
        fails="image_beyond",
    ),
    window(
        "not filled up",
        symptom="A window that reaches beyond the image ends there, and is smaller than was asked for.",
        hint="A batch needs windows of one size. What does a slice do whose end lies beyond the tensor?",
        changes=crop(f"return {IMAGE}, {MASK}", "return image.clone(), mask.clone()"),
        fails="image_beyond mask_beyond",
    ),
    window(
        "pushed back into the image",
        symptom="A window that reaches beyond the image is moved until it fits.",
        hint="Which pixel of the image shall be the first one of the window, at its upper left?",
        changes=crop(
            "    tall, wide = size\n",
            "    tall, wide = size\n"
            "    top, left = max(0, min(top, mask.shape[0] - tall)), max(0, min(left, mask.shape[1] - wide))\n",
        ),
        fails="image_beyond mask_beyond",
    ),
    window(
        "filled up at the left and above",
        symptom="What is missing is put to the left and above, so that the picture ends at the lower right corner.",
        hint="Of the four numbers that the padding takes, which ones are about the right and about below?",
        changes=crop(BEYOND, "beyond = (wide - mask.shape[1], 0, tall - mask.shape[0], 0)"),
        fails="image_beyond mask_beyond",
    ),
    window(
        "filled up on both sides",
        symptom="What is missing is shared out between left and right, above and below: the picture stands in the "
        "middle.",
        hint="On which sides does a window reach beyond the picture if it begins inside? Only there is something to be "
        "filled up.",
        changes=crop(
            BEYOND,
            "right, below = wide - mask.shape[1], tall - mask.shape[0]\n"
            "    beyond = (right // 2, right - right // 2, below // 2, below - below // 2)",
        ),
        fails="image_beyond mask_beyond",
    ),
    window(
        "height and width exchanged",
        symptom="The two numbers of the size are taken as width and height.",
        hint="A size is written as a shape is. Which of its numbers counts rows?",
        changes=crop("tall, wide = size", "wide, tall = size"),
        fails="image mask",
        also="image_beyond mask_beyond manners",
    ),
    window(
        "row and column exchanged",
        symptom="The window begins at the row left and the column top.",
        hint="Which axis of the mask counts rows, and which of the two numbers says at which row to begin?",
        changes=crop("top : top + tall, left : left + wide", "left : left + tall, top : top + wide"),
        fails="image mask",
        also="image_beyond mask_beyond manners",
    ),
    window(
        "the end taken for a length",
        symptom="The window ends at the row height and the column width of the picture, wherever it begins.",
        hint="A slice has a beginning and an end. At which row ends a window of 5 rows that begins at row 2?",
        changes=crop("top : top + tall, left : left + wide", "top:tall, left:wide"),
        fails="image mask",
        also="image_beyond mask_beyond manners",
    ),
    window(
        "one pixel too early",
        symptom="The window begins a row and a column too early, as if these were counted from 1.",
        hint="Which number has the first row of a tensor?",
        changes=crop(
            "    tall, wide = size\n",
            "    tall, wide = size\n    top, left = max(0, top - 1), max(0, left - 1)\n",
        ),
        fails="image mask",
        also="image_beyond mask_beyond manners",
    ),
    window(
        "the mask is not cut",
        symptom="The image is cut and the mask is the upper left part of the whole, whatever top and left say.",
        hint="Lay the mask over the image. Does the label of a pixel still name what the pixel shows?",
        changes=crop(
            f"image, mask = ({CUT})",
            "image, mask = image[..., top : top + tall, left : left + wide], mask[:tall, :wide]",
            MASK,
            "functional.pad(mask, (0, wide - mask.shape[1], 0, tall - mask.shape[0]), value=IGNORE)",
            BEYOND,
            "beyond = (0, wide - image.shape[2], 0, tall - image.shape[1])",
        ),
        fails="mask",
        also="mask_beyond manners",
    ),
    window(
        "shrunk, not cut",
        symptom="The whole picture is resized to the size of the window.",
        hint="In a window a car is as many pixels wide as in the photograph. How wide is it in yours?",
        changes=crop(
            f"image, mask = ({CUT})",
            "rows = torch.arange(tall) * mask.shape[0] // tall\n"
            "    columns = torch.arange(wide) * mask.shape[1] // wide\n"
            "    image, mask = (whole[..., rows[:, None], columns] for whole in (image, mask))",
        ),
        fails="image mask",
        also="image_beyond mask_beyond manners",
    ),
    window(
        "the mask becomes a float",
        symptom="The labels are right, but they come as floats.",
        hint="A loss takes labels of whole numbers. Which dtype had the mask that came in, and which one has yours?",
        changes=crop(MASK, "functional.pad(mask.float(), beyond, value=IGNORE)"),
        fails="manners",
    ),
    window(
        "the mask becomes int64",
        symptom="The labels are right, but a mask of uint8 comes back as int64.",
        hint="Masks are kept as bytes to save memory. Whose business is it to change that?",
        changes=crop(MASK, f"{MASK}.long()"),
        fails="manners",
    ),
    window(
        "the mask is overwritten",
        symptom="The window is right, but the mask that was passed in is not what it was.",
        hint="The next window is cut out of the same mask. What does it find there?",
        changes=crop(
            f"    return {IMAGE}, {MASK}", f"    pair = {IMAGE}, {MASK}\n    mask.fill_(IGNORE)\n    return pair"
        ),
        fails="manners",
    ),
)
