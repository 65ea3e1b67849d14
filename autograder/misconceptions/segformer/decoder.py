"""Misconceptions about the MLP decoder (task 2.5)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

decoder = partial(Misconception, "decoder")
STUB = "MLPDecoder"
SIZE = "size = self.out_dims or features[0].shape[2:]"
PROJECTIONS = "nn.ModuleList(nn.Conv2d(channels, embed_channels, 1) for channels in in_channels)"
UPSAMPLE = 'F.interpolate(level, size, mode="bilinear", align_corners=False) for level in projected'
FUSE = "nn.Conv2d(len(in_channels) * embed_channels, embed_channels, 1, bias=False)  # BatchNorm has one"
NORM = "nn.BatchNorm2d(embed_channels)"
CLASSIFIER = "nn.Conv2d(embed_channels, num_classes, 1)"
FUSED = "self.fuse(torch.cat(upsampled[::-1], dim=1))"
RESULT = "return self.classifier(F.relu(self.norm(fused)))"

MISCONCEPTIONS = (
    # -------------------------------------------------------------------------------------------------- the upsampling
    decoder(
        "nearest",
        symptom="The maps are enlarged by repeating the nearest number.",
        hint="Compare what your enlargement makes of 0 and 4 with the first line of the upsampling example. What does "
        "a library take if nothing is asked for?",
        changes=edits(STUB, 'mode="bilinear", align_corners=False', 'mode="nearest"'),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "corners aligned",
        symptom="The maps are enlarged so that the centres of their corner pixels meet.",
        hint="Two pixels, 0 and 4, become four: which of the three lines of the upsampling example is yours?",
        changes=edits(STUB, "align_corners=False", "align_corners=True"),
        fails="any_size",
        also="first_map_size given_size gradients weights manners precision",
    ),
    decoder(
        "bicubic",
        symptom="The maps are enlarged with cubic curves through four neighbours, and not bilinearly.",
        hint="Enlarge a map of zeros and ones: can a weighted mean of neighbours fall below 0, and does yours?",
        changes=edits(STUB, 'mode="bilinear"', 'mode="bicubic"'),
        fails="any_size",
        also="first_map_size given_size gradients weights manners precision",
    ),
    decoder(
        "upsampled by 1, 2, 4 and 8",
        symptom="The maps are enlarged by fixed factors, which meet the wanted size only if each is exactly half of "
        "the one before.",
        hint="An image of 250 x 333 gives maps of 63 x 84, 32 x 42, 16 x 21 and 8 x 11. What are 8 times 8 and 8 times "
        "11?",
        changes=edits(
            STUB,
            UPSAMPLE,
            'F.interpolate(level, scale_factor=2**i, mode="bilinear") for i, level in enumerate(projected)',
        ),
        fails="any_size given_size",
    ),
    decoder(
        "out_dims ignored",
        symptom="The logits always have the size of the first map, also where another size is asked for.",
        hint="Build a decoder with an output size of its own and look at the shape that it returns. Which of your "
        "lines uses that size?",
        changes=edits(STUB, "self.out_dims or features", "features"),
        fails="given_size",
    ),
    decoder(
        "64 x 64 if no size is given",
        symptom="Without a given size the logits are 64 x 64, whatever the maps are.",
        hint="In which model, and for which image, is the first map 64 x 64? Where can you find the size of the map "
        "that came in?",
        changes=edits(STUB, "features[0].shape[2:]", "(64, 64)"),
        fails="first_map_size any_size",
        also="gradients weights manners precision",
    ),
    decoder(
        "at the size of the last map",
        symptom="Without a given size all maps are brought to the size of the last and smallest one.",
        hint="Equation 4 upsamples. What happens to the fine structure of the first map in your decoder?",
        changes=edits(STUB, "features[0].shape[2:]", "features[-1].shape[2:]"),
        fails="first_map_size any_size",
        also="gradients weights manners precision",
    ),
    decoder(
        "height and width exchanged",
        symptom="The maps are enlarged to a size whose height and width have changed places.",
        hint="A map is (B, C, H, W): in which order do you take the last two, and in which does the enlargement want "
        "them? On a square nothing shows.",
        changes=edits(STUB, "F.interpolate(level, size,", "F.interpolate(level, tuple(size)[::-1],"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "the given size as width and height",
        symptom="A given size is taken for width and height, and not for height and width.",
        hint="Images of some libraries name their width first. What does the docstring say of the two numbers, and "
        "which shape do you return for (14, 22)?",
        changes=edits(STUB, SIZE, SIZE.replace("self.out_dims or", "self.out_dims[::-1] if self.out_dims else")),
        fails="given_size",
    ),
    decoder(
        "logits enlarged, not maps",
        symptom="A given size is reached by enlarging the finished logits, and not the maps of the stages.",
        hint="Do ReLU and enlargement give the same in either order? Take the numbers -1 and 1 and what lies between "
        "them.",
        changes=edits(
            STUB,
            SIZE,
            "size = features[0].shape[2:]",
            RESULT,
            f"logits = {RESULT.removeprefix('return ')}\n"
            '        return F.interpolate(logits, self.out_dims or size, mode="bilinear", align_corners=False)',
        ),
        fails="given_size",
    ),
    # ------------------------------------------------------------------------------------------------------- the fusion
    decoder(
        "levels summed",
        symptom="The four maps are added up, where they should be put side by side.",
        hint="How many channels go into the fusing layer by equation 4, and what may it do with a stage that a sum "
        "cannot?",
        changes=edits(
            STUB,
            "nn.Conv2d(len(in_channels) * embed_channels,",
            "nn.Conv2d(embed_channels,",
            "torch.cat(upsampled[::-1], dim=1)",
            "sum(upsampled)",
        ),
        fails="weights",
        public=False,
    ),
    decoder(
        "no fusing layer",
        symptom="The classes are decided directly from the four maps side by side; the layer that fuses them is "
        "missing.",
        hint="How many channels does BatchNorm get in your decoder, and how many after the third line of equation 4?",
        changes=edits(
            STUB,
            f"        self.fuse = {FUSE}\n",
            "",
            "Norm2d(embed_channels)",
            "Norm2d(len(in_channels) * embed_channels)",
            CLASSIFIER,
            CLASSIFIER.replace("(embed", "(len(in_channels) * embed"),
            FUSED,
            "torch.cat(upsampled[::-1], dim=1)",
        ),
        fails="first_map_size weights",
        also="any_size given_size gradients manners precision",
    ),
    decoder(
        "only the last map",
        symptom="Only the map of the last stage goes into the fusing layer; the others do not matter to the logits.",
        hint="Change the first map: do your logits change? Four blocks of channels go into the fusing layer.",
        changes=edits(STUB, "upsampled[::-1]", "upsampled[-1:] * 4"),
        fails="first_map_size gradients weights",
        also="any_size given_size manners precision",
    ),
    # --------------------------------------------------------------------------------------------- BatchNorm and ReLU
    decoder(
        "no BatchNorm",
        symptom="There is no BatchNorm between the fusing layer and ReLU.",
        hint="Equation 4 leaves two steps out. Which sentence below it names them, and which of them is in your "
        "decoder?",
        changes=edits(STUB, "self.norm(fused)", "fused"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "no ReLU",
        symptom="There is no ReLU after BatchNorm, so in evaluation mode the whole decoder is one linear map.",
        hint="Two linear layers with nothing bent between them: could a single one do the same?",
        changes=edits(STUB, "F.relu(self.norm(fused))", "self.norm(fused)"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "neither BatchNorm nor ReLU",
        symptom="The decoder is equation 4 alone, without BatchNorm and ReLU.",
        hint="What does the published model have that equation 4 leaves out?",
        changes=edits(STUB, "F.relu(self.norm(fused))", "fused"),
        fails="first_map_size given_size",
        also="any_size gradients weights manners precision",
    ),
    decoder(
        "ReLU before BatchNorm",
        symptom="ReLU comes first and BatchNorm after it.",
        hint="Can a number that enters your last layer be negative? It should not.",
        changes=edits(STUB, "F.relu(self.norm(fused))", "self.norm(F.relu(fused))"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "GELU",
        symptom="The activation is GELU, as in Mix-FFN, and not ReLU.",
        hint="Where the fused map is negative in all channels, what should reach the last layer? See the example of "
        "the docstring.",
        changes=edits(STUB, "F.relu(", "F.gelu("),
        fails="any_size",
        also="first_map_size given_size gradients weights manners precision",
    ),
    decoder(
        "LayerNorm",
        symptom="Each position is normalised over its channels, where BatchNorm should stand.",
        hint="Multiply all maps by ten, in evaluation mode: may the logits stay nearly as they are? Which norm uses "
        "collected statistics?",
        changes=edits(STUB, NORM, "LayerNorm2d(embed_channels)"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "statistics of the batch in evaluation",
        symptom="BatchNorm uses the mean and variance of the present batch in evaluation mode as well.",
        hint="Compute the logits of one image alone and within a batch, in evaluation mode: are they the same?",
        changes=edits(STUB, NORM, "nn.BatchNorm2d(embed_channels, track_running_stats=False)"),
        fails="first_map_size manners",
        also="any_size given_size gradients weights precision",
    ),
    decoder(
        "BatchNorm and ReLU in every stage",
        symptom="Each stage's linear layer is followed by a BatchNorm and a ReLU of its own.",
        hint="How many BatchNorms does the sentence below equation 4 ask for, and between which of its lines?",
        changes=edits(
            STUB,
            "nn.Conv2d(channels, embed_channels, 1) for",
            "nn.Sequential(nn.Conv2d(channels, embed_channels, 1), nn.BatchNorm2d(embed_channels), nn.ReLU()) for",
        ),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "a ReLU in every stage",
        symptom="Each stage's linear layer is followed by a ReLU.",
        hint="The first line of equation 4 is a linear layer and nothing else. Can a number of your projected maps be "
        "negative?",
        changes=edits(STUB, "project(level) for", "F.relu(project(level)) for"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    # --------------------------------------------------------------------------------------------------- the last layer
    decoder(
        "softmax at the end",
        symptom="Probabilities are returned and not logits: there is a softmax at the end.",
        hint="What do your classes add up to at a position? The loss takes a softmax of what it gets.",
        changes=edits(STUB, "self.norm(fused)))", "self.norm(fused))).softmax(dim=1)"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "a sigmoid at the end",
        symptom="Every class goes through a sigmoid, so that the result lies between 0 and 1.",
        hint="Can your decoder say that a class is out of the question, with a score of -20? The loss wants scores "
        "from before any such step.",
        changes=edits(STUB, "self.norm(fused)))", "self.norm(fused))).sigmoid()"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "a ReLU at the end",
        symptom="The logits go through an activation, which takes the negative ones away.",
        hint="What is left to choose from at a position where all classes got a negative score?",
        changes=edits(STUB, "self.norm(fused)))", "self.norm(fused))).relu()"),
        fails="first_map_size",
        also="any_size given_size gradients weights manners precision",
    ),
    decoder(
        "no bias in the last layer",
        symptom="The layer that decides the classes has no bias.",
        hint="Where the fused map is negative in all channels, the docstring says what the logits are. What are yours?",
        changes=edits(STUB, "num_classes, 1)", "num_classes, 1, bias=False)"),
        fails="any_size",
        also="first_map_size given_size weights manners precision",
    ),
    # ---------------------------------------------------------------------------------------------------------- manners
    decoder(
        "dropout in evaluation",
        symptom="The dropout before the last layer stays active in evaluation mode, so the same maps give other logits "
        "each time.",
        hint="Call the decoder twice in evaluation mode with the same maps. How does a function of `F` know whether "
        "the module is training?",
        changes=edits(STUB, "F.relu(self.norm(fused))", "F.dropout(F.relu(self.norm(fused)), 0.1)"),
        fails="first_map_size manners",
        also="any_size given_size gradients weights precision",
        random=True,
    ),
    decoder(
        "a layer that is never used",
        symptom="The decoder holds weights that the logits do not depend on.",
        hint="Which layer of your constructor does not appear in the forward pass?",
        changes=edits(STUB, "        self.norm =", f"        self.auxiliary = {CLASSIFIER}\n        self.norm ="),
        fails="weights",
        public=False,
    ),
    decoder(
        "cut off from the gradient",
        symptom="The logits are right, but no gradient flows back to the maps of the stages.",
        hint="The encoder learns from nothing but what comes back through the decoder. Where does your forward pass "
        "make a tensor that knows nothing of its history?",
        changes=edits(STUB, "project(level) for", "project(level.detach()) for"),
        fails="gradients",
    ),
    decoder(
        "float32, whatever comes in",
        symptom="The logits are always float32, whatever the dtype of the maps.",
        hint="Put in bfloat16 maps and look at the dtype after each step: which one changes it, and who asked for "
        "that?",
        changes=edits(STUB, RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
)
