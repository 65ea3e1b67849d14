"""Misconceptions about the head (task 3.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

head = partial(Misconception, "segformer_head")
change = partial(edits, "SegFormerHead")
LEVELS = "[layer(maps) for layer, maps in zip(self.unify, features, strict=True)]"
ENLARGED = 'F.interpolate(level, size, mode="bilinear", align_corners=False) for level in levels'
NORM = "nn.BatchNorm2d(embed_channels)"
CLASSIFY = "nn.Conv2d(embed_channels, num_classes, 1)"
FUSED = "fused = self.norm(self.join(torch.cat(enlarged, dim=1)))"
RESULT = "return self.classify(F.relu(fused))"

MISCONCEPTIONS = (
    head(
        "nearest",
        symptom="The maps are enlarged by repeating the nearest number.",
        hint="Which of the three lines of the upsampling example is yours? Think of what a library takes if nothing is "
        "asked for.",
        changes=change('mode="bilinear", align_corners=False', 'mode="nearest"'),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "corners aligned",
        symptom="The maps are enlarged so that the centres of their corner pixels meet.",
        hint="Two pixels, 0 and 4, become four: which of the three lines of the upsampling example is yours?",
        changes=change("align_corners=False", "align_corners=True"),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "upsampled by 1, 2, 4 and 8",
        symptom="The maps are enlarged by fixed factors, which meet the wanted size only if each is exactly half of "
        "the one before.",
        hint="An image of 50 x 67 gives maps of 13 x 17 and 7 x 9. What are twice 7 and twice 9?",
        changes=change(
            ENLARGED,
            'F.interpolate(level, scale_factor=2**i, mode="bilinear") for i, level in enumerate(levels)',
        ),
        fails="any_size",
    ),
    head(
        "at the size of the last map",
        symptom="All maps are brought to the size of the last and smallest one.",
        hint="What happens to the fine structure of the first map in your head?",
        changes=change("features[0].shape[2:]", "features[-1].shape[2:]"),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "only the last map",
        symptom="The logits are made of the map of the last stage alone.",
        hint="Which of the maps knows where an ear ends, to a pixel or two, and does it reach your logits?",
        changes=change(
            "torch.cat(enlarged, dim=1)", "torch.cat([0 * level for level in enlarged[:-1]] + enlarged[-1:], dim=1)"
        ),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "four maps, whatever comes in",
        symptom="The head always expects four maps.",
        hint="How many maps there are stands in the length of a list. Where does your code look instead?",
        changes=change("len(in_channels) * embed_channels", "4 * embed_channels"),
        fails="fewer_maps",
    ),
    head(
        "no BatchNorm",
        symptom="There is no BatchNorm between the fusing layer and the ReLU.",
        hint="Make all maps ten times as large, in training mode. Should the logits grow as well?",
        changes=change(FUSED, FUSED.replace("self.norm(", "(")),
        fails="halves training_mode",
        also="any_size fewer_maps gradients weights manners precision",
    ),
    head(
        "LayerNorm",
        symptom="Each position is normalised over its channels, where BatchNorm should stand.",
        hint="Which of the two norms uses, in evaluation mode, statistics that were collected in training?",
        changes=change(NORM, "LayerNorm2d(embed_channels)"),
        fails="halves training_mode",
        also="any_size fewer_maps gradients weights manners precision",
    ),
    head(
        "stored statistics in training mode",
        symptom="BatchNorm uses its stored statistics in training mode as well.",
        hint="In training a norm looks at the batch before it. Which statistics are yours?",
        changes=change(
            "self.norm(self.join(torch.cat(enlarged, dim=1)))",
            "F.batch_norm(self.join(torch.cat(enlarged, dim=1)), self.norm.running_mean, self.norm.running_var,\n"
            "                             self.norm.weight, self.norm.bias)",
        ),
        fails="training_mode",
        public=False,
    ),
    head(
        "ReLU before the BatchNorm",
        symptom="The ReLU comes before the BatchNorm, so that the last layer is given negative numbers as well.",
        hint="In the equation, which of the two is applied to what the other one gives?",
        changes=change(
            "self.norm(self.join(torch.cat(enlarged, dim=1)))",
            "self.norm(F.relu(self.join(torch.cat(enlarged, dim=1))))",
            RESULT,
            "return self.classify(fused)",
        ),
        fails="halves training_mode",
        also="any_size fewer_maps gradients weights manners precision",
    ),
    head(
        "no ReLU",
        symptom="There is no activation between the BatchNorm and the last layer.",
        hint="Two linear layers with nothing that bends between them are one. What stands between yours?",
        changes=change(RESULT, "return self.classify(fused)"),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "a ReLU for every map",
        symptom="Each map's linear layer is followed by a ReLU.",
        hint="The first line of the equation is a linear layer and an upsampling. Can a number of your maps be "
        "negative?",
        changes=change("layer(maps) for", "F.relu(layer(maps)) for"),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "softmax at the end",
        symptom="Probabilities are returned and not logits: there is a softmax at the end.",
        hint="What do your classes add up to at a position? The loss takes a softmax of what it gets.",
        changes=change(RESULT, "return self.classify(F.relu(fused)).softmax(dim=1)"),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "enlarged to the image",
        symptom="The logits are four times as large as the first map.",
        hint="The docstring says which size the logits have. The model enlarges them, once, at its end.",
        changes=change(RESULT, "return F.interpolate(self.classify(F.relu(fused)), scale_factor=4, mode='bilinear')"),
        fails="halves",
        also="any_size fewer_maps training_mode gradients weights manners precision",
    ),
    head(
        "a layer that is never used",
        symptom="The head holds weights that the logits do not depend on.",
        hint="Which layer of your constructor does not appear in the forward pass?",
        changes=change("        self.norm =", f"        self.auxiliary = {CLASSIFY}\n        self.norm ="),
        fails="weights",
        public=False,
    ),
    head(
        "cut off from the gradient",
        symptom="The logits are right, but no gradient flows back to the maps of the stages.",
        hint="The encoder learns from nothing but what comes back through the head. Where does your forward pass make "
        "a tensor that knows nothing of its history?",
        changes=change("layer(maps) for", "layer(maps.detach()) for"),
        fails="gradients",
    ),
    head(
        "the list of maps is changed",
        symptom="The list that comes in holds other maps afterwards.",
        hint="Whoever called may want to use the maps again. Into which list do you write?",
        changes=change("        size =", "        features[-1] = features[-1] + 0\n        size ="),
        fails="manners",
        public=False,
    ),
    head(
        "float32, whatever comes in",
        symptom="The logits are always float32, whatever the dtype of the maps.",
        hint="Mixed precision sends 16 bits through the model. Which of your steps changes the type?",
        changes=change(RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
)
