"""Misconceptions about changing the light of an image (task 1.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

light = partial(Misconception, "photometric")
changed = partial(edits, "photometric")

BRIGHTNESS = "    image = (brightness * image).clamp(0, 1)\n"
MEAN = "grey_of(image).mean()"
CONTRAST = "    image = (mean + contrast * (image - mean)).clamp(0, 1)\n"
SATURATION = "(grey + saturation * (image - grey)).clamp(0, 1)"

MISCONCEPTIONS = (
    light(
        "brightness is added",
        symptom="The brightness is added to the pixels, where they should be multiplied by it.",
        hint="What stays black when the sun comes out, and what must a factor of 1 leave as it is?",
        changes=changed("(brightness * image)", "(image + brightness - 1)"),
        fails="brightness order",
        also="clamped manners",
    ),
    light(
        "contrast around 0.5",
        symptom="The contrast is changed around a grey of 0.5, so that a dark picture becomes darker still.",
        hint="A photograph of a tunnel gets less contrast. Around which grey should its pixels move together?",
        changes=changed(MEAN, "0.5"),
        fails="contrast",
        also="order clamped manners",
    ),
    light(
        "contrast around a mean of each colour",
        symptom="Red, green and blue have a mean each, around which the contrast is changed.",
        hint="With contrast 0 a wall of one colour is left. Which colour should it have?",
        changes=changed(MEAN, "image.mean(dim=(1, 2), keepdim=True)"),
        fails="contrast",
        also="order clamped manners",
    ),
    light(
        "contrast around each pixel's grey",
        symptom="The contrast is changed around the grey of each pixel, which makes a second saturation of it.",
        hint="Contrast is about the whole picture. How many greys does it have on average?",
        changes=changed(MEAN, "grey_of(image)"),
        fails="contrast",
        also="order clamped manners",
    ),
    light(
        "contrast around the mean of all numbers",
        symptom="The mean is that of all red, green and blue numbers alike, not that of the greys.",
        hint="Pure blue looks darker than pure green. Is that so in your mean?",
        changes=changed(MEAN, "image.mean()"),
        fails="contrast",
        also="order clamped manners",
    ),
    light(
        "grey as the mean of three colours",
        symptom="In the saturation the grey of a pixel is the plain mean of its red, green and blue.",
        hint="Pure blue looks darker than pure green. How bright is each of them in your black-and-white picture?",
        changes=changed("    grey = grey_of(image)", "    grey = image.mean(dim=0, keepdim=True)"),
        fails="saturation",
        also="order clamped manners",
    ),
    light(
        "saturation around the mean grey",
        symptom="The saturation is changed around the mean grey of the picture, which makes a second contrast of it.",
        hint="With saturation 0 a black-and-white picture is left. How many different greys are there in yours?",
        changes=changed("    grey = grey_of(image)", "    grey = grey_of(image).mean()"),
        fails="saturation",
        also="order clamped manners",
    ),
    light(
        "the mean before brightness",
        symptom="The contrast is changed around the mean grey that the picture had before its brightness was changed.",
        hint="The picture was made half as bright. How bright is it on average when the contrast comes?",
        changes=changed(f"{BRIGHTNESS}    mean = {MEAN}\n", f"    mean = {MEAN}\n{BRIGHTNESS}"),
        fails="order",
        also="clamped manners",
    ),
    light(
        "contrast before brightness",
        symptom="The contrast is changed first and the brightness after it.",
        hint="A cloud is made so bright that it is white all over. Can a change of contrast that comes after that tell "
        "its parts apart, and can one that came before?",
        changes=changed(BRIGHTNESS, "", CONTRAST, f"{CONTRAST}{BRIGHTNESS}"),
        fails="clamped",
        public=True,
    ),
    light(
        "not clamped",
        symptom="Numbers below 0 and above 1 are left as they are.",
        hint="How bright can a pixel of a photograph be at most?",
        changes=changed(".clamp(0, 1)", ""),
        fails="clamped",
    ),
    light(
        "clamped at the end only",
        symptom="Numbers are brought to 0..1 once, after all three steps, so that what was burnt out comes back.",
        hint="Too bright and then less contrast: has a cloud that was burnt out its structure again?",
        changes=changed("image).clamp(0, 1)\n", "image)\n", "- mean)).clamp(0, 1)\n", "- mean))\n"),
        fails="clamped",
    ),
    light(
        "1 plus the factor",
        symptom="Each factor is taken as a change that is added to 1, so that 1 doubles everything.",
        hint="What shall the factors 1, 1, 1 leave as it is?",
        changes=changed(
            BRIGHTNESS,
            "    brightness, contrast, saturation = brightness + 1, contrast + 1, saturation + 1\n" + BRIGHTNESS,
        ),
        fails="brightness contrast saturation",
        also="order clamped manners",
    ),
    light(
        "the image is overwritten",
        symptom="The light is right, but the image that was passed in is changed.",
        hint="In the next epoch the same image gets other light. What does it look like by then?",
        changes=changed("(brightness * image)", "image.mul_(brightness)"),
        fails="manners",
    ),
    light(
        "the image is float64",
        symptom="The light is right, but the image is float64.",
        hint="Something brought in numbers of 64 bits. What does a network with float32 weights say to them?",
        changes=changed(f"return {SATURATION}", f"return {SATURATION}.double()"),
        fails="manners",
    ),
)
