"""Misconceptions about the whole model (task 3.4)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

model = partial(Misconception, "pet_segformer")
change = partial(edits, "PetSegFormer")
RESULT = 'return F.interpolate(coarse, images.shape[2:], mode="bilinear", align_corners=False)'
BLOCKS = "[TransformerBlock(count, num_heads[i], reduction_ratios[i], expansion) for _ in range(depths[i])]"
STAGE = "nn.Sequential(embedding, *blocks, LayerNorm2d(count))"

MISCONCEPTIONS = (
    model(
        "logits at the size of the first map",
        symptom="The logits are a quarter as high and wide as the image.",
        hint="The mask has a label for every pixel of the image. How many logits does your model give?",
        changes=change(RESULT, "return coarse"),
        fails="defaults other_settings any_size",
        also="parts weights gradients manners precision",
    ),
    model(
        "enlarged by four, whatever the image",
        symptom="The logits are enlarged by a factor of four, which is the image's size only if its sides divide by "
        "four.",
        hint="An image of 50 x 67 has a first map of 13 x 17. What are four times 13 and four times 17?",
        changes=change("F.interpolate(coarse, images.shape[2:], mode", "F.interpolate(coarse, scale_factor=4, mode"),
        fails="any_size",
    ),
    model(
        "labels of the nearest position",
        symptom="The logits are enlarged by repeating the nearest number.",
        hint="An outline made of squares of four pixels: which kind of upsampling draws it?",
        changes=change('mode="bilinear", align_corners=False', 'mode="nearest"'),
        fails="defaults",
        also="other_settings any_size parts weights gradients manners precision",
    ),
    model(
        "corners aligned",
        symptom="The logits are enlarged so that the centres of their corner pixels meet.",
        hint="The head had the same choice. Which of the three lines of its example is yours?",
        changes=change("align_corners=False", "align_corners=True"),
        fails="defaults",
        also="other_settings any_size parts weights gradients manners precision",
    ),
    model(
        "no LN at the end of a stage",
        symptom="The maps are handed on as the last block leaves them, without the last LN of the stage.",
        hint="A stage has three parts. Which mean do the channels of a position have at the end of yours?",
        changes=change(STAGE, "nn.Sequential(embedding, *blocks)"),
        fails="defaults",
        also="other_settings any_size parts weights gradients manners precision",
    ),
    model(
        "the head outside",
        symptom="The head has another name than notebook 4 looks for.",
        hint="Print the names of your parameters: with which two words should they all begin?",
        changes=change("self.head = ", "self.decoder = ", "self.head(", "self.decoder("),
        fails="parts",
    ),
    model(
        "the stages outside of the encoder",
        symptom="The stages are attributes of the model itself, so that there is no encoder to copy or to freeze.",
        hint="Notebook 4 freezes `model.encoder`. What would be frozen in your model?",
        changes=change(
            "self.encoder = PyramidEncoder(channels, depths, num_heads, reduction_ratios, expansion)",
            "self.stages = PyramidEncoder(channels, depths, num_heads, reduction_ratios, expansion).stages",
            "self.head(self.encoder(images))",
            "self.head(PyramidEncoder.forward(self, images))",
        ),
        fails="parts",
    ),
    model(
        "one block for a whole stage",
        symptom="The blocks of a stage share their weights: one block is used several times.",
        hint="Does your model have more parameters with two blocks a stage than with one?",
        changes=change(BLOCKS, BLOCKS.replace(" for _ in range(depths[i])]", "] * depths[i]")),
        fails="weights",
        also="parts",
    ),
    model(
        "two blocks a stage, whatever is asked",
        symptom="Every stage has two blocks, whatever number is asked for.",
        hint="The published B0 has two blocks everywhere, larger models do not. Which of your lines uses `depths`?",
        changes=change("range(depths[i])", "range(2)"),
        fails="other_settings",
    ),
    model(
        "every stage reduces by the first ratio",
        symptom="The attention of all stages has the reduction ratio of the first one.",
        hint="How many keys are left in stage 4 at 64 x 64 if its map of 2 x 2 is reduced by 8?",
        changes=change("reduction_ratios[i]", "reduction_ratios[0]"),
        fails="defaults other_settings",
        also="any_size parts weights gradients manners precision",
    ),
    model(
        "heads and reduction ratio exchanged",
        symptom="The blocks get the number of heads as reduction ratio, and the other way round.",
        hint="In which order does TransformerBlock take its arguments? Names in the call would tell.",
        changes=change("num_heads[i], reduction_ratios[i]", "reduction_ratios[i], num_heads[i]"),
        fails="defaults other_settings",
        also="any_size parts weights gradients manners precision",
    ),
    model(
        "patches of 3 in the first stage",
        symptom="The first stage has the patches and the step of the others, so that all maps are twice as large.",
        hint="Which size should the first map of a 64 x 64 image have, and which has yours?",
        changes=change("PatchEmbedding(3, count, 7, 4)", "PatchEmbedding(3, count, 3, 2)"),
        fails="defaults",
        also="other_settings any_size parts weights gradients manners precision",
    ),
    model(
        "cut off from the gradient",
        symptom="The logits are right, but no gradient flows back into the images and the encoder.",
        hint="Freezing is a matter of notebook 4. Where does your model make tensors that know nothing of their "
        "history?",
        changes=change("self.encoder(images)", "[maps.detach() for maps in self.encoder(images)]"),
        fails="gradients weights",
        public=False,
    ),
    model(
        "the images are changed in place",
        symptom="The logits are right, but the images that were passed in are changed.",
        hint="Which of your lines writes into the tensor that the caller still holds?",
        changes=change(RESULT, "images.data.mul_(0.5)\n        " + RESULT),
        fails="manners",
        public=False,
    ),
    model(
        "float32, whatever comes in",
        symptom="The logits are always float32, whatever the dtype of the images.",
        hint="Mixed precision sends 16 bits through the model. Which of your steps changes the type?",
        changes=change(RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
)
