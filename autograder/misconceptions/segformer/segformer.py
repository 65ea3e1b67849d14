"""Misconceptions about the assembled network (task 3.1)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

network = partial(Misconception, "segformer")
segformer = partial(edits, "SegFormer")

WINDOWS = "(3, 7, 4, 3) if i == 0 else (channels[i - 1], 3, 2, 1)"

MISCONCEPTIONS = (
    network(
        "patches of the first stage in all stages",
        symptom="Every stage merges patches as the first one does, so that the maps shrink by 4 each time.",
        hint="The first map has a quarter of the image's height. By which factor should each later stage shrink it, "
        "and what does your second map measure?",
        changes=segformer("(channels[i - 1], 3, 2, 1)", "(channels[i - 1], 7, 4, 3)"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "patches of the later stages in all stages",
        symptom="The first stage merges patches as the later ones do, so that all maps are twice as large as they "
        "should be.",
        hint="How large is the first map of an image of 64 pixels, and how large are the logits then?",
        changes=segformer("(3, 7, 4, 3)", "(3, 3, 2, 1)"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "patches that do not overlap",
        symptom="Patches lie side by side, as in a plain vision transformer: none shares a pixel with its neighbour.",
        hint="With which step do the windows of 7 pixels move, and how many pixels do two neighbours share?",
        changes=segformer(WINDOWS, "(3, 4, 4, 0) if i == 0 else (channels[i - 1], 2, 2, 0)"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "no zeros around the maps of later stages",
        symptom="The patches of stages 2 to 4 are merged without padding, so that the sides of the maps are rounded "
        "down.",
        hint="A side of 63 should become 32. Put your numbers into the formula for the size after a convolution.",
        changes=segformer("(channels[i - 1], 3, 2, 1)", "(channels[i - 1], 3, 2, 0)"),
        fails="any_size",
        also="all but any_size",
    ),
    network(
        "branches dropped, whatever is asked",
        symptom="In training mode branches are left out by chance although the rate of stochastic depth is 0.",
        hint="Call a fresh network in training mode twice with the same image. May the logits differ if the rate is 0?",
        changes=segformer("rate = drop_path * i", "rate = (drop_path or 0.1) * i"),
        fails="training_mode",
        alone=True,
    ),
    network(
        "every stage is given the image",
        symptom="A stage is given a map with another number of channels than it was built for.",
        hint="Each stage continues where the one before ended. What goes into your second stage, and for how many "
        "channels did your constructor build it?",
        changes=segformer(
            "            images = stage(images)\n            features.append(images)",
            "            features.append(stage(images))",
        ),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "only the last map is decoded",
        symptom="The decoder is given the map of the last stage alone, and the logits are as coarse as that map.",
        hint="A position of the last map stands for 32 x 32 pixels. From what could the decoder learn where in them a "
        "border runs?",
        changes=segformer(
            "MLPDecoder(list(channels),",
            "MLPDecoder(list(channels[-1:]),",
            "decoder(features)",
            "decoder(features[-1:])",
        ),
        fails="defaults other_settings any_size weights",
        also="given_size gradients manners precision training_mode",
    ),
    network(
        "features in the wrong order",
        symptom="The decoder is given the last stage's map first, and the logits are as coarse as that map.",
        hint="The logits get the size of the first map in the decoder's list. Which of the four maps is the finest?",
        changes=segformer(
            "features.append(images)", "features.insert(0, images)", "list(channels)", "list(channels)[::-1]"
        ),
        fails="defaults",
        also="other_settings any_size gradients weights manners precision training_mode",
        perhaps="given_size",
    ),
    network(
        "maps in the wrong order",
        symptom="The decoder was built for the first stage's map first and is given the last stage's map first.",
        hint="The decoder names the channels that it was built for and those that came. In which order do the maps lie "
        "in your list?",
        changes=segformer("features.append(images)", "features.insert(0, images)"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "reduction ratios in the wrong order",
        symptom="The last stage's map is reduced the most, the first one's not at all.",
        hint="Attention is expensive where a map has many positions. In which stage is that, and which ratio does it "
        "get?",
        changes=segformer("reduction_ratios[i]", "reduction_ratios[-1 - i]"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "ratio and heads exchanged",
        symptom="Each stage takes its number of heads for the reduction ratio, and the ratio for the number of heads.",
        hint="Nine numbers in a row are easily mixed up. Name those that your first stage gets, one by one.",
        changes=segformer("reduction_ratios[i], num_heads[i]", "num_heads[i], reduction_ratios[i]"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "one head in all stages",
        symptom="All four stages get the number of heads that belongs to the first one.",
        hint="The default has 1, 2, 5 and 8 heads. How does the third stage of yours come to its number?",
        changes=segformer("num_heads[i]", "num_heads[0]"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "two layers per stage, whatever is asked",
        symptom="Every stage has two transformer layers, whatever numbers are asked for.",
        hint="The larger SegFormers differ from B0 in depth. Build one with 1, 3, 1 and 3 layers and count its blocks.",
        changes=segformer("n_layers[i]", "2"),
        fails="other_settings",
    ),
    network(
        "ratios of B0, whatever is asked",
        symptom="The reduction ratios are always 8, 4, 2 and 1, whatever ratios are asked for.",
        hint="A model with no reduction at all would be a fair comparison. How would one build it with your class?",
        changes=segformer("reduction_ratios[i]", "(8, 4, 2, 1)[i]"),
        fails="other_settings",
    ),
    network(
        "heads of B0, whatever is asked",
        symptom="The stages always have 1, 2, 5 and 8 heads, whatever numbers are asked for.",
        hint="A default is what holds if nothing is said. What happens in your class when the caller does say "
        "something?",
        changes=segformer("num_heads[i]", "(1, 2, 5, 8)[i]"),
        fails="other_settings",
    ),
    network(
        "expansion by 4, whatever is asked",
        symptom="Mix-FFN expands by 4 in every stage, whatever factor is asked for.",
        hint="Follow the factor from the constructor of the network to the stages: where does it get lost?",
        changes=segformer("num_heads[i], expansion_factor)", "num_heads[i], 4)"),
        fails="other_settings",
    ),
    network(
        "256 channels in the decoder, whatever is asked",
        symptom="The decoder always has 256 channels inside, whatever width is asked for.",
        hint="The largest SegFormers use a decoder three times as wide. Which of your lines would they have to change?",
        changes=segformer("embed_channels, out_dims,", "256, out_dims,"),
        fails="other_settings",
        also="any_size given_size gradients weights manners precision training_mode",
    ),
    network(
        "four classes, whatever is asked",
        symptom="The logits always have four channels, whatever number of classes is asked for.",
        hint="The experiment below the check builds a network for the 150 classes of ADE20K. How many channels does "
        "yours answer with?",
        changes=segformer("out_dims, num_classes)", "out_dims, 4)"),
        fails="other_settings",
    ),
    network(
        "out_dims not passed on",
        symptom="The logits always have the size of the first stage's map, even if another one is asked for.",
        hint="Which part of the network decides the size of the logits, and what has it been told?",
        changes=segformer("embed_channels, out_dims,", "embed_channels, None,"),
        fails="given_size",
    ),
    network(
        "64 x 64 logits, whatever comes in",
        symptom="The logits are 64 x 64, whatever the size of the image and whatever size is asked for.",
        hint="That is right for images of 256 x 256. What is a quarter of 250 x 333?",
        changes=segformer("embed_channels, out_dims,", "embed_channels, (64, 64),"),
        fails="any_size given_size",
        also="all but any_size given_size",
    ),
    network(
        "logits of a quarter, rounded down",
        symptom="The logits are resized to a quarter of the image's sides, rounded down.",
        hint="The first stage decides how many rows there are. How many does it make of 50 pixels?",
        changes=segformer(
            "        super().__init__()\n",
            "        super().__init__()\n        self.out_dims = out_dims\n",
            "        features = []\n",
            "        features, size = [], (images.shape[2] // 4, images.shape[3] // 4)\n",
            "return self.decoder(features)",
            "return F.interpolate(self.decoder(features), self.out_dims or size, mode='bilinear')",
        ),
        fails="any_size",
    ),
    network(
        "logits at the image's size",
        symptom="The logits are enlarged to the size of the image before they are returned.",
        hint="The loss of this course compares them with a target of 64 x 64, and task 4.1 enlarges them. Which size "
        "is promised here?",
        changes=segformer(
            "self.decoder(features)", "F.interpolate(self.decoder(features), scale_factor=4.0, mode='bilinear')"
        ),
        fails="defaults any_size",
        also="all but defaults any_size",
    ),
    network(
        "softmax at the end",
        symptom="The network returns probabilities, not logits.",
        hint="The loss will make probabilities of what the network returns. What happens to scores that pass through "
        "it twice?",
        changes=segformer("self.decoder(features)", "self.decoder(features).softmax(dim=1)"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "dropout in evaluation",
        symptom="Dropout acts on the features in evaluation mode too, so that one image gets another answer each time.",
        hint="A layer knows in which mode the network is. How does a function know it?",
        changes=segformer("self.decoder(features)", "self.decoder([F.dropout(feature, 0.1) for feature in features])"),
        fails="defaults manners",
        also="all but defaults manners",
        random=True,
    ),
    network(
        "images divided by 255 inside",
        symptom="The network divides its images by 255, although they come in normalised.",
        hint="Between which values do the images lie that your transform of task 1.2 makes? And after the division?",
        changes=segformer("        features = []\n", "        features, images = [], images / 255\n"),
        fails="defaults",
        also="all but defaults",
    ),
    network(
        "stages in a plain list",
        symptom="PyTorch does not find the stages: their weights are neither trained, nor saved, nor moved to the GPU.",
        hint="Count the parameters of the network and compare them with the number in the text. Where does PyTorch "
        "look for parts of a module?",
        changes=segformer("nn.ModuleList()", "[]"),
        fails="weights",
        also="all but weights",
    ),
    network(
        "a layer that is never used",
        symptom="The network holds a layer with weights that takes no part in its answer.",
        hint="After one backward, which parameters have no gradient? Where should the layer have been called, or is it "
        "left from an earlier attempt?",
        changes=segformer(
            "        self.decoder =",
            "        self.head = nn.Conv2d(channels[0], num_classes, 1)\n        self.decoder =",
        ),
        fails="weights",
    ),
    network(
        "the encoder is cut off from the gradient",
        symptom="The logits are right, but no gradient flows from the decoder back into the stages.",
        hint="Trained like this, which parts of the network would ever change? Look for what makes a map plain "
        "numbers, with no record of how they were computed.",
        changes=segformer("features.append(images)", "features.append(images.detach())"),
        fails="gradients weights",
    ),
    network(
        "float32, whatever comes in",
        symptom="The logits are float32 even if the network and its images have another precision.",
        hint="Mixed precision runs on 16 bits to save memory. Where does your network leave the type that came in?",
        changes=segformer("self.decoder(features)", "self.decoder(features).float()"),
        fails="precision",
        public=False,
    ),
)
