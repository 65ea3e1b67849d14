"""Misconceptions about Mix-FFN (task 2.3)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

ffn = partial(Misconception, "mix_ffn")
STUB = "MixFFN"
EXPAND = "nn.Conv2d(channels, hidden, kernel_size=1)"
DEPTHWISE = "nn.Conv2d(hidden, hidden, kernel_size=3, padding=1, groups=hidden)"
CONTRACT = "nn.Conv2d(hidden, channels, kernel_size=1)"
RESULT = "return self.contract(F.gelu(self.depthwise(self.expand(x))))"

MISCONCEPTIONS = (
    # ------------------------------------------------------------------------------------------------- the convolution
    ffn(
        "no convolution",
        symptom="There is no convolution between the two linear layers, so no position sees its neighbours.",
        hint="Change the input at one position: at how many positions should the result change, and at how many does "
        "yours?",
        changes=edits(STUB, "self.depthwise(self.expand(x))", "self.expand(x)", f"self.depthwise = {DEPTHWISE}", ""),
        fails="expansion_4 other_expansion single_row weights",
        also="gradients manners precision",
    ),
    ffn(
        "not depthwise",
        symptom="In the 3x3 convolution every channel sees all others, where it should see only itself.",
        hint="The notebook counts the parameters of both convolutions. Which of the two numbers is yours?",
        changes=edits(STUB, ", groups=hidden", ""),
        fails="expansion_4 weights",
        also="other_expansion single_row gradients manners precision",
    ),
    ffn(
        "as many groups as the input has channels",
        symptom="The expanded channels are convolved in groups of several, where each should be by itself.",
        hint="How many channels does the map have that you convolve, and how many of them may see each other?",
        changes=edits(STUB, "groups=hidden", "groups=channels"),
        fails="expansion_4 weights",
        also="other_expansion single_row gradients manners precision",
    ),
    ffn(
        "convolved before the first linear layer",
        symptom="The convolution works on the input, before the channels are expanded.",
        hint="Read equation 3 from the inside out: what has happened to the input when the convolution gets it?",
        changes=edits(
            STUB,
            DEPTHWISE,
            DEPTHWISE.replace("hidden", "channels"),
            "self.depthwise(self.expand(x))",
            "self.expand(self.depthwise(x))",
        ),
        fails="expansion_4 weights",
        also="other_expansion single_row gradients manners precision",
    ),
    ffn(
        "convolved after the last linear layer",
        symptom="The convolution works on the result, after the channels have been brought back.",
        hint="Read equation 3 from the inside out: what still has to be done when the convolution is over?",
        changes=edits(
            STUB,
            DEPTHWISE,
            DEPTHWISE.replace("hidden", "channels"),
            RESULT,
            "return self.depthwise(self.contract(F.gelu(self.expand(x))))",
        ),
        fails="expansion_4 weights",
        also="other_expansion single_row gradients manners precision",
    ),
    ffn(
        "no padding",
        symptom="No zeros surround the map, so the result loses a row and a column on each side.",
        hint="Where is the centre of a 3x3 filter when it stands on the first row, and what does it find above?",
        changes=edits(STUB, "padding=1, ", ""),
        fails="expansion_4 single_row",
        also="other_expansion gradients weights manners precision",
    ),
    ffn(
        "the border repeated, not zero",
        symptom="Outside of the map the numbers of its border go on, where there should be zeros.",
        hint="Follow `depthwise_slowly` at a corner: what does its filter find outside of the map?",
        changes=edits(STUB, "padding=1,", "padding=1, padding_mode='replicate',"),
        fails="single_row",
        also="expansion_4 other_expansion gradients weights manners precision",
    ),
    ffn(
        "height and width exchanged",
        symptom="Rows and columns change places before the convolution, so every filter is mirrored at its diagonal.",
        hint="Give one channel a filter that moves the map by one column to the left: does yours move it up instead?",
        changes=edits(
            STUB,
            "self.depthwise(self.expand(x))",
            "self.depthwise(self.expand(x).transpose(2, 3)).transpose(2, 3)",
        ),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "the sequence cut into rows of another length",
        symptom="Positions become a map whose height and width are exchanged, so that others than the true neighbours "
        "meet in a filter.",
        hint="After how many positions does a new row begin in your map? On a square nothing shows.",
        changes=edits(
            STUB,
            "self.depthwise(self.expand(x))",
            "self.depthwise(self.expand(x).flatten(2).unflatten(2, x.shape[:1:-1]))"
            ".flatten(2).unflatten(2, x.shape[2:])",
        ),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "a reshape where a transpose belongs",
        symptom="Between linear layer and convolution a reshape changes the order of the axes, which mixes positions "
        "and channels.",
        hint="Take an input whose numbers say where they stand, and look at the map that enters the convolution: is "
        "every number still beside its neighbours?",
        changes=edits(
            STUB,
            RESULT,
            "expanded = self.expand(x)\n        mixed = expanded.permute(0, 2, 3, 1).reshape(expanded.shape)\n"
            "        return self.contract(F.gelu(self.depthwise(mixed)))",
        ),
        fails="expansion_4 other_expansion",
        also="single_row gradients weights manners precision",
    ),
    # -------------------------------------------------------------------------------------------------- the activation
    ffn(
        "no activation",
        symptom="There is no activation, so the whole module is one linear map.",
        hint="Put in two maps and their mean: is the answer to the mean exactly the mean of the two answers? Which "
        "step of equation 3 should prevent that?",
        changes=edits(STUB, "F.gelu(self.depthwise(self.expand(x)))", "self.depthwise(self.expand(x))"),
        fails="expansion_4 other_expansion",
        also="single_row gradients weights manners precision",
    ),
    ffn(
        "GELU before the convolution",
        symptom="GELU comes directly after the first linear layer, and the convolution after it.",
        hint="Read equation 3 from the inside out and write down the order of its four steps.",
        changes=edits(STUB, "F.gelu(self.depthwise(self.expand(x)))", "self.depthwise(F.gelu(self.expand(x)))"),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "GELU twice",
        symptom="GELU is applied after the first linear layer and once more after the convolution.",
        hint="How often does GELU stand in equation 3? Set the filters as in the docstring's example: is your result "
        "still the input?",
        changes=edits(STUB, "self.depthwise(self.expand(x))", "self.depthwise(F.gelu(self.expand(x)))"),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "GELU at the end",
        symptom="GELU is applied to the result, and not between the convolution and the last linear layer.",
        hint="Can your result be smaller than -0.2 anywhere? What the encoder adds to its map should be free to go up "
        "and down.",
        changes=edits(STUB, RESULT, "return F.gelu(self.contract(self.depthwise(self.expand(x))))"),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "ReLU",
        symptom="The activation is ReLU instead of GELU.",
        hint="What does your activation make of -1? Compare with the table of x and GELU(x) above the task.",
        changes=edits(STUB, "F.gelu(", "F.relu("),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "the tanh formula",
        symptom="GELU is computed with the approximation by tanh.",
        hint="Which line of the experiment about GELU has differences as small as yours?",
        changes=edits(STUB, "self.expand(x)))", "self.expand(x)), approximate='tanh')"),
        fails="other_expansion",
        also="expansion_4 single_row gradients weights manners",
        perhaps="precision",
    ),
    ffn(
        "SiLU",
        symptom="The activation is SiLU, x times a sigmoid of x, instead of GELU.",
        hint="What is your activation at -2? GELU gives -0.0455 there.",
        changes=edits(STUB, "F.gelu(", "F.silu("),
        fails="other_expansion",
        also="expansion_4 single_row gradients weights manners precision",
    ),
    # ------------------------------------------------------------------------------------------------ the linear layers
    ffn(
        "expands by 4, whatever is asked",
        symptom="There are always four times as many channels inside, whatever the expansion factor.",
        hint="Build the module with an expansion of 2 and look at the shapes of its weights.",
        changes=edits(STUB, "channels * expansion_factor", "channels * 4"),
        fails="other_expansion",
        also="single_row manners precision",
    ),
    ffn(
        "not expanded",
        symptom="The layers inside have as many channels as the input, whatever the expansion factor.",
        hint="Build the module for 5 channels with an expansion of 4: which of its layers has 20 outputs?",
        changes=edits(STUB, "hidden = channels * expansion_factor", "hidden = channels"),
        fails="expansion_4 weights",
        also="other_expansion single_row gradients manners precision",
    ),
    ffn(
        "the factor taken for the number of channels",
        symptom="Inside there are as many channels as the expansion factor says, and not that many times those of the "
        "input.",
        hint="Six channels and a factor of 4: how many channels lie between the two linear layers?",
        changes=edits(STUB, "hidden = channels * expansion_factor", "hidden = expansion_factor"),
        fails="expansion_4 weights",
        also="other_expansion single_row gradients manners precision",
    ),
    ffn(
        "convolution without bias",
        symptom="The convolution has no bias.",
        hint="Which of the three layers have a bias? The parameters of the depthwise layer are counted in an "
        "experiment above.",
        changes=edits(STUB, "groups=hidden", "groups=hidden, bias=False"),
        fails="other_expansion",
        also="expansion_4 single_row gradients weights manners precision",
    ),
    ffn(
        "linear layers without bias",
        symptom="The two linear layers have no bias.",
        hint="Put in a map of zeros: which of your three layers can make another number of it?",
        changes=edits(STUB, "kernel_size=1)", "kernel_size=1, bias=False)"),
        fails="other_expansion",
        also="expansion_4 single_row gradients weights manners precision",
    ),
    ffn(
        "no bias at all",
        symptom="None of the three layers has a bias.",
        hint="What can your module make of a map of zeros, whatever it learns? Look for the sentence on biases in the "
        "task.",
        changes=edits(
            STUB, "kernel_size=1)", "kernel_size=1, bias=False)", "groups=hidden", "groups=hidden, bias=False"
        ),
        fails="other_expansion",
        also="expansion_4 single_row gradients weights manners precision",
    ),
    # ---------------------------------------------------------------------------------------- what does not belong here
    ffn(
        "a residual inside",
        symptom="The input is added to the result, which is the encoder layer's work.",
        hint="Equation 3 has a last term. Which sentence below it says who adds that one?",
        changes=edits(STUB, "return self.contract(", "return x + self.contract("),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "normalises its input",
        symptom="The module normalises its input, which the encoder layer has already done.",
        hint="Whose task is the norm in front of a branch? There is none in equation 3.",
        changes=edits(
            STUB,
            "        self.expand =",
            "        self.norm = LayerNorm2d(channels)\n        self.expand =",
            "self.expand(x)",
            "self.expand(self.norm(x))",
        ),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "a BatchNorm after the convolution",
        symptom="The convolution is followed by a BatchNorm.",
        hint="Many networks have one behind every convolution. Which of the four steps of this one would it be?",
        changes=edits(STUB, DEPTHWISE, f"nn.Sequential({DEPTHWISE}, nn.BatchNorm2d(hidden))"),
        fails="expansion_4",
        also="other_expansion single_row gradients weights manners precision",
    ),
    ffn(
        "dropout in evaluation",
        symptom="A dropout stays active in evaluation mode, so the same map gives another answer each time.",
        hint="Call the module twice in evaluation mode with the same input. How does a function of `F` know whether "
        "the module is training?",
        changes=edits(STUB, "self.contract(F.gelu(", "self.contract(F.dropout(F.gelu(", "(x))))", "(x))), 0.1))"),
        fails="expansion_4 manners",
        also="other_expansion single_row gradients weights precision",
        random=True,
    ),
    ffn(
        "a layer that is never used",
        symptom="The module holds weights that its result does not depend on.",
        hint="Which layer of your constructor does not appear in the forward pass?",
        changes=edits(
            STUB,
            "        self.depthwise =",
            "        self.convolution = nn.Conv2d(hidden, hidden, 3, padding=1)\n        self.depthwise =",
        ),
        fails="weights",
        public=False,
    ),
    ffn(
        "cut off from the gradient",
        symptom="The values are right, but no gradient flows back to the input.",
        hint="Everything before this module learns through it. Where does your forward pass make a tensor that knows "
        "nothing of its history?",
        changes=edits(STUB, "self.expand(x)", "self.expand(x.detach())"),
        fails="gradients",
        public=False,
    ),
    ffn(
        "float32, whatever comes in",
        symptom="The result is always float32, whatever the dtype of the input.",
        hint="Put in a bfloat16 map and look at the dtype after each step: which one changes it? The next layer will "
        "refuse it.",
        changes=edits(STUB, RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
)
