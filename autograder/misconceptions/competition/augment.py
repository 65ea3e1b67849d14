"""Misconceptions about augmentation (task 1.4)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

random = partial(Misconception, "augment")
augmented = partial(edits, "augment")

FACTOR = "return 1 + strength * (2 * torch.rand((), generator=generator).item() - 1)"
FACTORS = "photometric(image, factor(), factor(), factor())"
NORMALISE = "    image = v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)\n"
COIN = "    if torch.rand((), generator=generator) < 0.5:\n"
FLIP = "        image, mask = image.flip(-1), mask.flip(-1)\n"
START = "torch.randint(most + 1, (), generator=generator)"
CROP = "return crop_pair(image, mask, top, left, size)"

MISCONCEPTIONS = (
    random(
        "two coins",
        symptom="Image and mask are mirrored by a coin of their own each, so that they often do not fit.",
        hint="A car at the left of the image: where are its labels if only one of the two is mirrored?",
        changes=augmented(
            COIN + FLIP,
            "    if torch.rand((), generator=generator) < 0.5:\n        image = image.flip(-1)\n"
            "    if torch.rand((), generator=generator) < 0.5:\n        mask = mask.flip(-1)\n",
        ),
        fails="together",
        also="light",
        perhaps="whole",
    ),
    random(
        "only the image is mirrored",
        symptom="The image is mirrored in half of the cases, the mask never.",
        hint="A car at the left of the image: where are its labels after the image was mirrored?",
        changes=augmented("image, mask = image.flip(-1), mask.flip(-1)", "image = image.flip(-1)"),
        fails="together flips",
        also="light",
    ),
    random(
        "two windows",
        symptom="Image and mask are cut at places that are drawn for each by itself.",
        hint="How many windows does one pair need, and how often do you draw a row?",
        changes=augmented(
            CROP,
            "rows, columns = (max(0, whole - part) for whole, part in zip(mask.shape, size, strict=True))\n"
            "    other = int(torch.randint(columns + 1, (), generator=generator))\n"
            "    return crop_pair(image, mask, top, left, size)[0], crop_pair(image, mask, top, other, size)[1]",
        ),
        fails="together",
        also="light",
    ),
    random(
        "upside down",
        symptom="Pairs are mirrored from top to bottom, so that cars hang from the road.",
        hint="Which axis of an image counts columns, the last one or the one before? Roads are below, skies above.",
        changes=augmented(FLIP, "        image, mask = image.flip(-2), mask.flip(-2)\n"),
        fails="flips",
        also="together light whole",
        perhaps="whole",
    ),
    random(
        "never mirrored",
        symptom="No pair is ever mirrored.",
        hint="A street and its mirror image are both streets. What doubles the number of pictures for nothing?",
        changes=augmented(COIN + FLIP, ""),
        fails="flips",
    ),
    random(
        "always mirrored",
        symptom="Every pair is mirrored.",
        hint="How often does the condition in front of your flip hold, in a hundred calls?",
        changes=augmented(COIN, "    if True:\n"),
        fails="flips",
    ),
    random(
        "mirrored one time in twenty",
        symptom="Pairs are mirrored much less often than every second time.",
        hint="Both sides of a fair coin come up alike often. Which number is your draw compared to?",
        changes=augmented("< 0.5", "< 0.05"),
        fails="flips",
    ),
    random(
        "the last place is never drawn",
        symptom="The last row and the last column at which a window fits are never drawn.",
        hint="A window as large as the picture fits in one place. How many numbers do you draw from then, and how many "
        "places are there if it is one row smaller?",
        changes=augmented("most + 1,", "max(1, most),"),
        fails="positions",
    ),
    random(
        "always the middle",
        symptom="All windows are the middle of the picture.",
        hint="What stands at the left side of every picture will never be seen. What was to be drawn?",
        changes=augmented(f"int({START})", "most // 2"),
        fails="positions",
    ),
    random(
        "always the upper left corner",
        symptom="All windows begin at the first row and column.",
        hint="Which part of a street is at the upper left of a photograph, and what is never seen?",
        changes=augmented(f"int({START})", "0 * most"),
        fails="positions",
        also="",
    ),
    random(
        "one number for row and column",
        symptom="Row and column are made of one random number, so that windows lie on a line from corner to corner.",
        hint="Can a window be at the upper right? How many random numbers does a place in two directions take?",
        changes=augmented(
            "    top, left = (",
            "    place = torch.rand((), generator=generator).item()\n    top, left = (",
            f"int({START})",
            "int(place * (most + 1))",
        ),
        fails="positions",
    ),
    random(
        "one factor for all three",
        symptom="One factor is drawn and used for brightness, contrast and saturation alike.",
        hint="Can a picture be darker and more colourful in yours? How many numbers were to be drawn?",
        changes=augmented(FACTORS, "photometric(image, *[factor()] * 3)"),
        fails="light",
    ),
    random(
        "only brighter",
        symptom="All factors are 1 or more: no picture becomes darker, paler or less colourful.",
        hint="At which number does your range begin? The sun also goes down.",
        changes=augmented(
            "(2 * torch.rand((), generator=generator).item() - 1)", "torch.rand((), generator=generator).item()"
        ),
        fails="light",
    ),
    random(
        "factors around 0",
        symptom="Factors lie around 0 and not around 1, so that nearly nothing is left of the picture.",
        hint="A factor of 1 leaves a picture as it is. What does one of 0.1 leave of it?",
        changes=augmented("return 1 + strength", "return strength"),
        fails="light whole",
    ),
    random(
        "half of the strength",
        symptom="Factors stay within half of the range that strength names.",
        hint="For strength 0.3 the smallest factor is 0.7. Which one is yours?",
        changes=augmented(
            "(2 * torch.rand((), generator=generator).item() - 1)", "(torch.rand((), generator=generator).item() - 0.5)"
        ),
        fails="light",
    ),
    random(
        "strength 0.3, whatever is asked",
        symptom="The range of the factors does not follow strength.",
        hint="Call it with strength 0. Which line of yours uses the argument?",
        changes=augmented("return 1 + strength *", "return 1 + 0.3 *"),
        fails="whole light",
    ),
    random(
        "the light is left as it is",
        symptom="Brightness, contrast and saturation are never changed.",
        hint="The same street at noon and in the evening: which of your lines makes a difference?",
        changes=augmented(f"    image = {FACTORS}\n", ""),
        fails="light",
        also="generator",
        perhaps="generator",
    ),
    random(
        "not normalised",
        symptom="The image stays between 0 and 1; ImageNet's mean and standard deviation do not come in.",
        hint="The encoder has learned from numbers around 0. Which value has a pixel of the mean colour there?",
        changes=augmented(NORMALISE, ""),
        fails="whole",
        also="light together",
        perhaps="together",
    ),
    random(
        "normalised after the crop",
        symptom="The window is cut first and normalised after it, so that the 0 beyond the picture becomes another "
        "number.",
        hint="Beyond the picture crop_pair puts 0. Which colour is that in an image of 0..1, and which in a normalised "
        "one?",
        changes=augmented(
            NORMALISE,
            "",
            CROP,
            "image, mask = crop_pair(image, mask, top, left, size)\n"
            "    return v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD), mask",
        ),
        fails="beyond",
    ),
    random(
        "another generator for the place",
        symptom="Row and column come from torch's own generator, not from the one that is passed in.",
        hint="Two runs with one seed shall see the same windows. Which of your draws does not name the generator?",
        changes=augmented(START, "torch.randint(most + 1, ())"),
        fails="generator",
    ),
    random(
        "another generator for the coin",
        symptom="The coin for the mirror comes from Python's generator, not from the one that is passed in.",
        hint="Two runs with one seed shall mirror the same pictures. Which of your draws does not name the generator?",
        changes=augmented(COIN, "    import random\n\n    if random.random() < 0.5:\n"),
        fails="generator",
    ),
    random(
        "another generator for the light",
        symptom="The factors come from torch's own generator, not from the one that is passed in.",
        hint="Two runs with one seed shall see the same colours. Which of your draws does not name the generator?",
        changes=augmented("torch.rand((), generator=generator).item()", "torch.rand(()).item()"),
        fails="generator",
    ),
    random(
        "seeded in every call",
        symptom="The generator is seeded anew in every call, so that all pictures get the same window and light.",
        hint="Call it twice with one generator. Who seeds a generator, and how often?",
        changes=augmented("    image = photometric", "    generator.manual_seed(0)\n    image = photometric"),
        fails="generator",
        also="positions flips light",
    ),
    random(
        "the size is exchanged",
        symptom="Windows have their height and width exchanged.",
        hint="Try a size that is no square. Which of its numbers counts rows?",
        changes=augmented("left, size)", "left, size[::-1])"),
        fails="manners together",
        also="all but manners together generator",
    ),
    random(
        "the mask is overwritten",
        symptom="The pair is right, but the mask that was passed in is mirrored, too.",
        hint="The same mask comes again in the next epoch, beside the image as it was. Which of your lines writes into "
        "a tensor that is not yours?",
        changes=augmented(
            "    image = photometric",
            "    mask.copy_(mask.flip(-1))\n    mask = mask.flip(-1)\n    image = photometric",
        ),
        fails="manners",
    ),
    random(
        "the image is float64",
        symptom="The values are right, but the image is float64.",
        hint="Something brought in numbers of 64 bits. What does a network with float32 weights say to such an image?",
        changes=augmented(NORMALISE, NORMALISE.replace("(image, IMAGENET", "(image.double(), IMAGENET")),
        fails="manners",
    ),
)
