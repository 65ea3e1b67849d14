"""Misconceptions about overlapping patch merging (task 2.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

merging = partial(Misconception, "patch_merging")
STUB = "OverlapPatchMerging"
CONVOLUTION = "nn.Conv2d(in_channels, out_channels, patch_size, stride, padding)\n"
RESULT = "return self.norm(self.projection(x))"

MISCONCEPTIONS = (
    merging(
        "no normalisation",
        symptom="The merged patches are returned as the convolution leaves them, without layer normalisation.",
        hint="Which mean and which spread do the channels of one position have in your result, and which should they "
        "have with a fresh module?",
        changes=edits(STUB, RESULT, "return self.projection(x)"),
        fails="first_stage later_stage",
        also="no_overlap gradients weights manners precision",
    ),
    merging(
        "normalised before the convolution",
        symptom="The input map is normalised, and the merged patches are not.",
        hint="With a fresh module the channels of every position of the result have mean 0: is that so after your last "
        "step?",
        changes=edits(
            STUB,
            "LayerNorm2d(out_channels)",
            "LayerNorm2d(in_channels)",
            RESULT,
            "return self.projection(self.norm(x))",
        ),
        fails="first_stage later_stage",
        also="no_overlap gradients weights manners precision",
    ),
    merging(
        "normalised over channels, rows and columns",
        symptom="Mean and variance are taken over the whole map of an image, and not at each position by itself.",
        hint="Make one corner of the image a hundred times as large: may the result at the opposite corner change?",
        changes=edits(STUB, RESULT, "return F.group_norm(self.projection(x), 1, self.norm.weight, self.norm.bias)"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "each channel normalised over the map",
        symptom="Every channel is normalised by itself over rows and columns, where the channels of one position "
        "belong together.",
        hint="How many numbers share a mean in your norm, and does that depend on the size of the image? It should "
        "depend on the channels only.",
        changes=edits(STUB, "LayerNorm2d(out_channels)", "nn.InstanceNorm2d(out_channels, affine=True)"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "BatchNorm",
        symptom="The patches are normalised by a BatchNorm, with statistics collected in training.",
        hint="Where do mean and variance come from in evaluation mode: from the position itself, or from images seen "
        "before?",
        changes=edits(STUB, "LayerNorm2d(out_channels)", "nn.BatchNorm2d(out_channels)"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "a norm without weight and bias",
        symptom="The norm has no learned weight and bias, so mean 0 and variance 1 is all that a position can have.",
        hint="Write down the formula of LN: which two of its letters are learned, and where are they in your module?",
        changes=edits(
            STUB,
            RESULT,
            "return F.layer_norm(self.projection(x).movedim(1, -1), self.norm.normalized_shape).movedim(-1, 1)",
        ),
        fails="later_stage",
        also="first_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "patches do not overlap",
        symptom="Each patch begins where the one before it ends, so that neighbours share no pixel.",
        hint="With patches of 7 and a step of 4, how many columns do two neighbours have in common?",
        changes=edits(STUB, "patch_size, stride, padding)\n        self", "patch_size, patch_size)\n        self"),
        fails="first_stage later_stage",
        also="gradients weights manners precision",
    ),
    merging(
        "one step between patches",
        symptom="There is a patch at every position, so the map is hardly smaller than the input.",
        hint="By how much should the sides of the map shrink, and which of K, S and P decides it?",
        changes=edits(STUB, "patch_size, stride, padding)\n        self", "patch_size, padding=padding)\n        self"),
        fails="first_stage later_stage",
        also="no_overlap gradients weights manners precision",
    ),
    merging(
        "no padding",
        symptom="No zeros are put around the map, so the patches at the border are missing.",
        hint="Put the sizes of an example into the formula for H', once with P and once with 0: which of the two is "
        "your result?",
        changes=edits(STUB, "patch_size, stride, padding)\n        self", "patch_size, stride)\n        self"),
        fails="first_stage",
        also="later_stage gradients weights manners precision",
    ),
    merging(
        "a padding of its own",
        symptom="The width of the border is computed from the patch, and the number that was asked for is not used.",
        hint="Half a patch is right in all stages of the published model. What would patches of 4 without any border "
        "get from you?",
        changes=edits(STUB, CONVOLUTION, CONVOLUTION.replace("padding)", "patch_size // 2)")),
        fails="no_overlap",
        public=False,
    ),
    merging(
        "step and border exchanged",
        symptom="The step between patches and the width of the border have changed places.",
        hint="In which order does your convolution take its numbers, if they are not named?",
        changes=edits(STUB, CONVOLUTION, CONVOLUTION.replace("stride, padding", "padding, stride")),
        fails="later_stage",
        also="first_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "the numbers of the first stage, whatever is asked",
        symptom="Patch, step and border are always 7, 4 and 3.",
        hint="The first stage of the model uses these sizes. What do the other three stages ask for?",
        changes=edits(STUB, CONVOLUTION, "nn.Conv2d(in_channels, out_channels, 7, 4, 3)\n"),
        fails="later_stage no_overlap",
        also="gradients precision",
    ),
    merging(
        "patches averaged",
        symptom="The pixels of a patch are averaged first, and only their mean is mapped linearly.",
        hint="Exchange two pixels inside a patch: should its vector change? Count the weights that one output channel "
        "has for a patch.",
        changes=edits(
            STUB,
            CONVOLUTION,
            "nn.Sequential(nn.AvgPool2d(patch_size, stride, padding), nn.Conv2d(in_channels, out_channels, 1))\n",
        ),
        fails="first_stage weights",
        also="later_stage no_overlap gradients manners precision",
    ),
    merging(
        "no bias",
        symptom="The convolution has no bias.",
        hint="What does your convolution make of a patch of zeros? The LN that follows does not take a bias away: its "
        "mean runs over the channels.",
        changes=edits(STUB, "stride, padding)\n        self", "stride, padding, bias=False)\n        self"),
        fails="later_stage",
        also="first_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "a ReLU at the end",
        symptom="The normalised patches go through an activation, which takes the negative numbers away.",
        hint="Can your result be negative anywhere? Count the steps that the docstring names, and yours.",
        changes=edits(STUB, RESULT, "return F.relu(self.norm(self.projection(x)))"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "a reshape where a transpose belongs",
        symptom="The channels are put last by a reshape, so that numbers of different positions are normalised "
        "together.",
        hint="Take a map whose numbers say where they stand, as under *Maps and sequences*. Which of them stand side "
        "by side on your last axis?",
        changes=edits(
            STUB,
            f"        {RESULT}",
            "        merged = self.projection(x)\n        B, C, H, W = merged.shape\n"
            "        return self.norm(merged.reshape(B, H, W, C).permute(0, 3, 1, 2))",
        ),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "rows and columns exchanged",
        symptom="The values are right, but the map is mirrored at its diagonal: height and width have changed places.",
        hint="Name the four axes before and after each time that you put them in another order: where does the width "
        "end up?",
        changes=edits(STUB, RESULT, "return self.norm(self.projection(x)).transpose(2, 3)"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "the channels stay last",
        symptom="The channels of the result are on the last axis, where the norm wanted them.",
        hint="Every module of ours takes and returns maps: on which axis are their channels?",
        changes=edits(STUB, RESULT, "return self.norm(self.projection(x)).permute(0, 2, 3, 1)"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "returns a sequence",
        symptom="The result is a sequence of positions and no longer a map.",
        hint="The next module has to know height and width: can it read them from what you return?",
        changes=edits(STUB, RESULT, "return self.norm(self.projection(x)).flatten(2).transpose(1, 2)"),
        fails="first_stage",
        also="later_stage no_overlap gradients weights manners precision",
    ),
    merging(
        "cut off from the gradient",
        symptom="The values are right, but no gradient flows back to the input.",
        hint="Three of the model's four patch mergings stand behind another stage. How is that stage to learn, if "
        "nothing comes back through yours?",
        changes=edits(STUB, RESULT, "return self.norm(self.projection(x.detach()))"),
        fails="gradients",
        public=False,
    ),
    merging(
        "a layer that is never used",
        symptom="The module holds a layer with weights that its result does not depend on.",
        hint="Which of your layers could be deleted from the constructor without any effect on the result?",
        changes=edits(
            STUB, "self.norm =", "self.position = nn.Linear(out_channels, out_channels)\n        self.norm ="
        ),
        fails="weights",
        public=False,
    ),
    merging(
        "dropout in evaluation",
        symptom="A dropout stays active in evaluation mode, so the same image gives another map each time.",
        hint="Call the module twice in evaluation mode with the same image. How does a function of `F` know whether "
        "the module is training?",
        changes=edits(STUB, RESULT, "return F.dropout(self.norm(self.projection(x)), 0.1)"),
        fails="first_stage manners",
        also="later_stage no_overlap gradients weights precision",
        random=True,
    ),
    merging(
        "the input is overwritten",
        symptom="The result is right, but the map that was passed in holds other numbers afterwards.",
        hint="Print the input before and after the call. Which of your steps writes into a tensor instead of making a "
        "new one?",
        changes=edits(
            STUB,
            f"        {RESULT}",
            "        merged = self.norm(self.projection(x))\n        x.data.zero_()\n        return merged",
        ),
        fails="manners",
        public=False,
    ),
    merging(
        "float64, whatever comes in",
        symptom="The result is always float64, whatever the dtype of the input.",
        hint="Put in a float32 image and look at the dtype after each step: which one changes it? The next layer will "
        "refuse it.",
        changes=edits(STUB, RESULT, "return self.norm(self.projection(x)).double()"),
        fails="precision",
        public=False,
    ),
)
