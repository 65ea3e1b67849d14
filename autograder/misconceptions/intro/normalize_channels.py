"""Misconceptions about normalising the channels of a batch (task 1.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

normalize = partial(Misconception, "normalize_channels")
STUB = "normalize_channels"
ROOT = "torch.sqrt(variance + eps)"

MISCONCEPTIONS = (
    normalize(
        "the unbiased variance",
        symptom="The squares are divided by n - 1 and not by n.",
        hint="By which number does your library divide unless it is told? Try it on the two numbers 1 and 3, whose "
        "variance here is 1.",
        changes=edits(STUB, "correction=0, ", ""),
        fails="single_image",
        also="batch eps gradient manners",
    ),
    normalize(
        "each image by itself",
        symptom="Every image is normalised by itself, so that bright and dark images of a batch become alike.",
        hint="A channel holds 1 in one image and 3 in the other. Which mean does your function subtract from the 1?",
        changes=edits(STUB, "dim=(0, 2, 3)", "dim=(2, 3)"),
        fails="batch",
        also="eps gradient manners",
    ),
    normalize(
        "each image over all its channels",
        symptom="Mean and variance are taken over a whole image, all its channels together.",
        hint="One channel lies around 120 and another one around 3. Which mean does each of them get from you?",
        changes=edits(STUB, "dim=(0, 2, 3)", "dim=(1, 2, 3)"),
        fails="single_image batch",
        also="eps gradient manners",
    ),
    normalize(
        "each pixel over its channels",
        symptom="Every pixel is normalised over its channels, and not every channel over its pixels.",
        hint="How many numbers share a mean in your function: as many as there are channels, or as many as there are "
        "pixels?",
        changes=edits(STUB, "dim=(0, 2, 3)", "dim=1"),
        fails="single_image batch",
        also="eps gradient manners",
    ),
    normalize(
        "the batch as a whole",
        symptom="One mean and one variance are taken over the whole batch, all channels together.",
        hint="How many means does a batch of images with three channels have, and how many do you compute?",
        changes=edits(STUB, "dim=(0, 2, 3)", "dim=(0, 1, 2, 3)"),
        fails="single_image batch",
        also="eps gradient manners",
    ),
    normalize(
        "no mean subtracted",
        symptom="The numbers are divided by the spread, but their mean is not taken away.",
        hint="Around which number should the channels lie afterwards, and around which do yours?",
        changes=edits(STUB, "(images - mean)", "images"),
        fails="batch",
        also="single_image eps gradient manners",
    ),
    normalize(
        "only the mean subtracted",
        symptom="The mean is taken away, but the numbers are not divided by their spread.",
        hint="Make a channel ten times as large: should the result change?",
        changes=edits(STUB, f"(images - mean) / {ROOT}", "images - mean"),
        fails="batch",
        also="single_image eps gradient manners",
    ),
    normalize(
        "not divided by the root",
        symptom="The numbers are divided by the variance itself, without the root.",
        hint="If pixels were centimetres, what unit would the variance have, and what unit your result?",
        changes=edits(STUB, ROOT, "(variance + eps)"),
        fails="batch",
        also="single_image eps gradient manners",
    ),
    normalize(
        "squares not taken from the mean",
        symptom="In the place of the variance stands the mean of the squares, without the mean taken away first.",
        hint="Which variance has a channel that holds 5 everywhere, and which do you get?",
        changes=edits(
            STUB,
            "images.var(dim=(0, 2, 3), correction=0, keepdim=True)",
            "images.square().mean((0, 2, 3), keepdim=True)",
        ),
        fails="batch",
        also="single_image eps gradient manners",
    ),
    normalize(
        "stretched to the range from 0 to 1",
        symptom="Every channel is stretched so that its smallest number becomes 0 and its largest 1.",
        hint="One very bright pixel is added: should all others move closer together for its sake? Two statistics are "
        "named in the task.",
        changes=edits(
            STUB,
            f"return (images - mean) / {ROOT}",
            "low, high = images.amin((0, 2, 3), keepdim=True), images.amax((0, 2, 3), keepdim=True)\n"
            "    return (images - low) / (high - low + eps)",
        ),
        fails="batch single_image",
        also="eps gradient manners",
    ),
    normalize(
        "eps outside of the root",
        symptom="The small number eps is added to the root, and not to the variance under it.",
        hint="With eps = 0.25 and a variance of 0, by which number do you divide, and by which does the formula?",
        changes=edits(STUB, ROOT, "(torch.sqrt(variance) + eps)"),
        fails="eps",
    ),
    normalize(
        "no eps",
        symptom="The small number eps is missing, so that a constant channel divides 0 by 0.",
        hint="What does your function make of a channel that holds 7 everywhere?",
        changes=edits(STUB, "variance + eps", "variance"),
        fails="eps",
    ),
    normalize(
        "a fixed eps",
        symptom="The eps in the formula is always the default, whatever is passed in.",
        hint="Call your function twice, with eps = 0.5 and with eps = 5: should the results differ?",
        changes=edits(STUB, "variance + eps", "variance + 1e-5"),
        fails="eps",
    ),
    normalize(
        "statistics as constants",
        symptom="The values are right, but no gradient flows back through mean and variance.",
        hint="If one pixel grows, the mean grows too, and all other results become smaller. Does your gradient know "
        "that?",
        changes=edits(STUB, "variance = images", "mean = mean.detach()\n    variance = images.detach()"),
        fails="gradient",
        public=False,
    ),
    normalize(
        "returns float64",
        symptom="The result is always float64, whatever the dtype of the images.",
        hint="Put in float32 images and look at the dtype after each step: which one changes it?",
        changes=edits(STUB, "return (images - mean)", "return (images - mean).double()"),
        fails="manners",
        public=False,
    ),
    normalize(
        "subtracts in place",
        symptom="The mean is subtracted from the images that were passed in, which hold other numbers afterwards.",
        hint="Print the images before and after the call. Which kind of operation writes into a tensor instead of "
        "making a new one?",
        changes=edits(STUB, "(images - mean)", "images.sub_(mean)"),
        fails="manners",
        also="gradient",
        public=False,
    ),
)
