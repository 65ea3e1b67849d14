"""Misconceptions about a linear layer at every pixel (task 1.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

linear = partial(Misconception, "pixel_linear")
STUB = "PixelLinear"
LAYER = "nn.Linear(in_channels, out_channels)"
FORTH = "normalize_channels(x).permute(0, 2, 3, 1)"
BACK = ".permute(0, 3, 1, 2)"

MISCONCEPTIONS = (
    linear(
        "no bias",
        symptom="The linear layer has no bias.",
        hint="What should come out where all channels are 0 after the normalisation, and what does?",
        changes=edits(STUB, LAYER, LAYER.replace(")", ", bias=False)")),
        fails="values",
        also="small_images weights precision",
    ),
    linear(
        "not normalised",
        symptom="The linear layer gets the images as they are, without the normalisation of task 1.2.",
        hint="Make the images ten times as large: should the result change?",
        changes=edits(STUB, "normalize_channels(x)", "x"),
        fails="values",
        also="small_images gradient weights precision",
    ),
    linear(
        "normalised afterwards",
        symptom="The normalisation comes after the linear layer, and not before it.",
        hint="If the matrix is the identity and the bias is 5, around which number should the result lie?",
        changes=edits(
            STUB,
            FORTH,
            "x.permute(0, 2, 3, 1)",
            f"self.linear(pixels_with_channels){BACK}",
            f"normalize_channels(self.linear(pixels_with_channels){BACK})",
        ),
        fails="values",
        also="small_images gradient weights precision",
    ),
    linear(
        "maps the columns",
        symptom="The linear layer works along the width of the images, where it should map the channels of each pixel.",
        hint="Which axis of its input does a linear layer map, and which axis stands there in an image?",
        changes=edits(STUB, FORTH, "normalize_channels(x)", BACK, ""),
        fails="all",
    ),
    linear(
        "channels put last by a reshape",
        symptom="The channels are put last by a reshape, which mixes the numbers of different pixels.",
        hint="Take an image whose numbers say where they stand: are the numbers on your last axis those of one pixel?",
        changes=edits(STUB, BACK, BACK, ".permute(0, 2, 3, 1)", ".reshape(len(x), *x.shape[2:], x.shape[1])"),
        fails="values",
        also="gradient weights precision small_images",
    ),
    linear(
        "channels put back by a reshape",
        symptom="The channels are put back by a reshape, which scatters those of one pixel over the image.",
        hint="Which axis has to move, and past which others? A reshape moves none.",
        changes=edits(STUB, BACK, ".reshape(len(x), -1, *x.shape[2:])"),
        fails="values",
        also="gradient weights precision small_images",
    ),
    linear(
        "channels stay last",
        symptom="The channels of the result are on the last axis, where the linear layer wanted them.",
        hint="Compare the shape of your result with the docstring, axis by axis.",
        changes=edits(STUB, BACK, ""),
        fails="values",
        also="small_images gradient weights precision",
    ),
    linear(
        "rows and columns exchanged",
        symptom="The values are right, but height and width of the result have changed places.",
        hint="Name the four axes before and after each time that you put them in another order: where does the width "
        "end up?",
        changes=edits(STUB, BACK, ".permute(0, 3, 2, 1)"),
        fails="values",
        also="small_images gradient weights precision",
    ),
    linear(
        "a ReLU at the end",
        symptom="The result goes through an activation, which takes the negative numbers away.",
        hint="Can your result be negative anywhere? Compare with y = W x + b.",
        changes=edits(STUB, BACK, f"{BACK}.relu()"),
        fails="values",
        also="small_images gradient weights precision",
    ),
    linear(
        "a 3 x 3 neighbourhood",
        symptom="A pixel of the result depends on the neighbours of that pixel as well.",
        hint="Change one pixel of the normalised image: at how many pixels does the result change?",
        changes=edits(
            STUB,
            LAYER,
            "nn.Conv2d(in_channels, out_channels, 3, padding=1)",
            FORTH,
            "normalize_channels(x)",
            f"(pixels_with_channels){BACK}",
            "(pixels_with_channels)",
        ),
        fails="values weights",
        also="small_images gradient precision",
    ),
    linear(
        "two linear layers",
        symptom="A second linear layer follows the first one.",
        hint="Two matrices one after the other: which single matrix does the same? Count the weights that the "
        "docstring names.",
        changes=edits(
            STUB,
            f"self.linear = {LAYER}",
            f"self.linear = nn.Sequential({LAYER}, nn.Linear(out_channels, out_channels))",
        ),
        fails="values weights",
        also="small_images gradient precision",
    ),
    linear(
        "a layer too many",
        symptom="The module holds a second layer, which the result does not depend on.",
        hint="Which of your layers could be deleted from the constructor without any effect on the result?",
        changes=edits(
            STUB,
            "        self.linear",
            "        self.more = nn.Linear(out_channels, out_channels)\n        self.linear",
        ),
        fails="weights",
    ),
    linear(
        "a fresh layer in every call",
        symptom="Every call makes a new linear layer with new random weights, so nothing can be learned.",
        hint="Call the module twice with the same images. Where do the weights come from that are used, and where "
        "should they be made?",
        changes=edits(
            STUB,
            "self.linear(pixels_with_channels)",
            "nn.Linear(x.shape[1], len(self.linear.bias)).to(x)(pixels_with_channels)",
        ),
        fails="values weights",
        also="small_images gradient precision",
    ),
    linear(
        "answers in float64",
        symptom="The result is always float64, whatever the dtype of the images.",
        hint="Put in float32 images and look at the dtype after each step: which one changes it?",
        changes=edits(STUB, BACK, f"{BACK}.double()"),
        fails="precision",
        public=False,
    ),
    linear(
        "cut off from the input",
        symptom="The values are right, but no gradient flows back to the images.",
        hint="Whatever stands in front of this module learns through it. Where do you make a tensor that knows nothing "
        "of its history?",
        changes=edits(STUB, "normalize_channels(x)", "normalize_channels(x.detach())"),
        fails="gradient",
        public=False,
    ),
)
