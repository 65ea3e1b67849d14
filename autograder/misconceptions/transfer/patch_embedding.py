"""Misconceptions about patch embedding (task 3.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

embedding = partial(Misconception, "patch_embedding")
STUB = "PatchEmbedding"
PATCHES = "nn.Conv2d(in_channels, out_channels, patch_size, stride, padding=patch_size // 2)"
RESULT = "return self.norm(self.patches(x))"

MISCONCEPTIONS = (
    embedding(
        "no normalisation",
        symptom="The patches are returned as the linear map leaves them, without LN.",
        hint="Which mean have the channels of one position in your result, and which should they have with a fresh "
        "module?",
        changes=edits(STUB, RESULT, "return self.patches(x)"),
        fails="first_stage later_stage",
        also="other_patches gradients weights manners precision",
    ),
    embedding(
        "no padding",
        symptom="No zeros are put around the map, so the patches at its border are missing.",
        hint="Put 64, 7 and 4 into the formula for H', once with P = 3 and once with 0: which of the two is your "
        "result?",
        changes=edits(STUB, ", padding=patch_size // 2)", ")"),
        fails="first_stage",
        also="later_stage other_patches gradients weights manners precision",
    ),
    embedding(
        "the patches do not overlap",
        symptom="Each patch begins where the one before it ends, so that neighbours share no pixel.",
        hint="With patches of 7 and a step of 4, how many columns do two neighbours have in common?",
        changes=edits(STUB, "patch_size, stride, padding", "patch_size, patch_size, padding"),
        fails="first_stage later_stage",
        also="other_patches gradients weights manners precision",
    ),
    embedding(
        "one ring of zeros, whatever the patch",
        symptom="There is always one ring of zeros around the map, which is right for patches of 3 only.",
        hint="How many zeros does a patch of 7 need on each side so that its centre can stand on the first pixel?",
        changes=edits(STUB, "padding=patch_size // 2", "padding=1"),
        fails="first_stage other_patches",
        also="weights manners",
    ),
    embedding(
        "BatchNorm",
        symptom="The patches are normalised by a BatchNorm, with statistics collected in training.",
        hint="Where do mean and variance come from in evaluation mode: from the position itself, or from images seen "
        "before?",
        changes=edits(STUB, "LayerNorm2d(out_channels)", "nn.BatchNorm2d(out_channels)"),
        fails="first_stage",
        also="later_stage other_patches gradients weights manners precision",
    ),
    embedding(
        "normalised over channels, rows and columns",
        symptom="Mean and variance are taken over the whole map of an image, and not at each position by itself.",
        hint="Make one corner of the image a hundred times as large: may the result at the opposite corner change?",
        changes=edits(STUB, RESULT, "return F.group_norm(self.patches(x), 1, self.norm.weight, self.norm.bias)"),
        fails="first_stage",
        also="later_stage other_patches gradients weights manners precision",
    ),
    embedding(
        "no bias",
        symptom="The linear map of the patches has no bias.",
        hint="What does your layer make of a patch of zeros? LN does not take a bias away: its mean runs over the "
        "channels.",
        changes=edits(STUB, "padding=patch_size // 2", "padding=patch_size // 2, bias=False"),
        fails="later_stage",
        also="first_stage other_patches gradients weights manners precision",
    ),
    embedding(
        "a ReLU at the end",
        symptom="The normalised patches go through an activation, which takes the negative numbers away.",
        hint="Can your result be negative anywhere? Count the steps that the docstring names, and yours.",
        changes=edits(STUB, RESULT, "return F.relu(self.norm(self.patches(x)))"),
        fails="first_stage",
        also="later_stage other_patches gradients weights manners precision",
    ),
    embedding(
        "as a sequence",
        symptom="The result is a sequence (B, N, C), where a map is wanted.",
        hint="The next stage needs to know which positions are neighbours. How many axes has what you return?",
        changes=edits(STUB, RESULT, "return self.norm(self.patches(x)).flatten(2).transpose(1, 2)"),
        fails="first_stage",
        also="later_stage other_patches gradients weights manners precision",
    ),
    embedding(
        "the patches are cut off from the gradient",
        symptom="The values are right, but no gradient flows back to the input.",
        hint="In stage 2 the input is the map of stage 1, which must learn as well. Where does your forward pass make "
        "a tensor that knows nothing of its history?",
        changes=edits(STUB, "self.patches(x)", "self.patches(x.detach())"),
        fails="gradients",
        public=False,
    ),
    embedding(
        "the input is changed in place",
        symptom="The values are right, but the map that was passed in is changed.",
        hint="Which of your lines writes into the tensor that the caller still holds?",
        changes=edits(STUB, RESULT, "y = self.norm(self.patches(x))\n        x.data.mul_(0.5)\n        return y"),
        fails="manners",
        public=False,
    ),
    embedding(
        "float32, whatever comes in",
        symptom="The result is always float32, whatever the dtype of the input.",
        hint="Mixed precision sends 16 bits through the model. Which of your steps changes the type, and who asked for "
        "that?",
        changes=edits(STUB, RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
    embedding(
        "a layer that is never used",
        symptom="The module holds weights that its result does not depend on.",
        hint="Which layer of your constructor does not appear in the forward pass?",
        changes=edits(STUB, "        self.norm =", f"        self.spare = {PATCHES}\n        self.norm ="),
        fails="weights",
        public=False,
    ),
)
