"""Misconceptions about efficient self-attention (task 2.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import Code, edits

attention = partial(Misconception, "attention")
STUB = "EfficientSelfAttention"
SCALE = "1 / math.sqrt(channels // num_heads)"
SHRINK = "nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)"
REDUCE = "nn.Sequential(shrink, LayerNorm2d(channels))"
TOKENS = "x.flatten(2).transpose(1, 2)"
REDUCED = "self.reduction(x).flatten(2).transpose(1, 2)"
SPLIT = "sequence.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)"
PROJECTIONS = (
    "Q, K, V = split_heads(self.query(tokens)), split_heads(self.key(reduced)), split_heads(self.value(reduced))"
)
WEIGHTS = "torch.softmax(Q @ K.transpose(-2, -1) * self.scale, dim=-1)"
MERGE = "(weights @ V).transpose(1, 2).flatten(2)"
RESULT = "self.output(merged).transpose(1, 2).unflatten(-1, (H, W))"

MISCONCEPTIONS = (
    # ---------------------------------------------------------------------------------------------- scores and weights
    attention(
        "scaled by all channels",
        symptom="The scores are divided by the root of all channels, as if there were a single head.",
        hint="How many products does a score add up when the channels are shared out among several heads?",
        changes=edits(STUB, "math.sqrt(channels // num_heads)", "math.sqrt(channels)"),
        fails="heads",
        also="heads_and_reduction gradients precision",
    ),
    attention(
        "not scaled",
        symptom="The scores go into the softmax without having been divided by anything.",
        hint="What happens to the standard deviation of a sum of products when it adds up more of them, and which part "
        "of equation 1 makes up for that?",
        changes=edits(STUB, SCALE, "1"),
        fails="one_head",
        also="heads heads_and_reduction gradients precision",
    ),
    attention(
        "divided by d, not by its root",
        symptom="The scores are divided by the number of channels of a head itself, without the root.",
        hint="Nine random products add up to about three times one of them, not to nine times: what does that say "
        "about the right divisor?",
        changes=edits(STUB, SCALE, "1 / (channels // num_heads)"),
        fails="one_head",
        also="heads heads_and_reduction gradients precision",
    ),
    attention(
        "multiplied by the root",
        symptom="The scores are multiplied by the root of d where they should be divided by it.",
        hint="Print a few scores before and after scaling: should they become larger or smaller?",
        changes=edits(STUB, SCALE, "math.sqrt(channels // num_heads)"),
        fails="one_head",
        also="heads heads_and_reduction gradients precision",
    ),
    attention(
        "scaled by the number of heads",
        symptom="The scores are divided by the root of the number of heads, and not of the channels that a head has.",
        hint="How many products does one score add up: as many as there are heads, or as many as a head has channels?",
        changes=edits(STUB, "math.sqrt(channels // num_heads)", "math.sqrt(num_heads)"),
        fails="one_head",
        also="heads heads_and_reduction gradients precision",
    ),
    attention(
        "scaled after the softmax",
        symptom="The weights are divided by the root of d, and not the scores.",
        hint="What must the weights of one query add up to, and what do yours add up to?",
        changes=edits(STUB, WEIGHTS, "self.scale * torch.softmax(Q @ K.transpose(-2, -1), dim=-1)"),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "no softmax",
        symptom="The scaled scores serve as weights, without a softmax.",
        hint="Can one of your weights be negative? An answer should be a weighted mean of the values.",
        changes=edits(STUB, WEIGHTS, "Q @ K.transpose(-2, -1) * self.scale"),
        fails="one_head heads",
        also="reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "softmax over the queries",
        symptom="For each key the weights of all queries add up to one, where those of a query over all keys should.",
        hint="Your scores have a row for each query and a column for each key. Add up a row of the weights, and a "
        "column.",
        changes=edits(STUB, "self.scale, dim=-1)", "self.scale, dim=-2)"),
        fails="one_head heads",
        also="reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "softmax over the heads",
        symptom="The softmax runs over the heads, so that with one head every weight is 1.",
        hint="Print the weights of a module with one head. Which of the four axes of the scores counts the keys?",
        changes=edits(STUB, "self.scale, dim=-1)", "self.scale, dim=1)"),
        fails="one_head heads",
        also="heads_and_reduction gradients weights manners precision",
        perhaps="reduction",
    ),
    # ----------------------------------------------------------------------------------------------------------- heads
    attention(
        "one head, whatever is asked",
        symptom="There is a single head, however many are asked for.",
        hint="With two heads `attend_slowly` gives another answer than with one. Why, and which of the two is yours?",
        changes=edits(STUB, "= num_heads", "= num_heads = 1"),
        fails="heads heads_and_reduction",
        also="gradients precision",
    ),
    attention(
        "heads split by one reshape",
        symptom="Channels become heads by one reshape, which mixes positions and channels.",
        hint="Take a sequence whose numbers say position and channel. Which positions do the rows of your first head "
        "hold?",
        changes=edits(STUB, SPLIT, "sequence.reshape(len(sequence), self.num_heads, sequence.shape[1], -1)"),
        fails="heads",
        also="heads_and_reduction gradients precision",
    ),
    attention(
        "heads merged by one reshape",
        symptom="The answers of the heads are joined by one reshape, which mixes positions and channels.",
        hint="On the way to the heads you took two steps. Undo them one by one: what stands beside the channels of a "
        "head before the last step?",
        changes=edits(STUB, MERGE, "(weights @ V).reshape(len(x), H * W, -1)"),
        fails="heads",
        also="heads_and_reduction gradients weights manners precision",
        perhaps="reduction",
    ),
    attention(
        "channels dealt out to the heads in turn",
        symptom="A head takes channels that are spread over all of them, and not a block of neighbours.",
        hint="With six channels and two heads, which three does the first head get? Compare yours with the docstring.",
        changes=edits(
            STUB,
            SPLIT,
            "sequence.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)",
            MERGE,
            "(weights @ V).permute(0, 2, 3, 1).flatten(2)",
        ),
        fails="heads",
        also="heads_and_reduction gradients precision",
    ),
    attention(
        "answers of the heads interleaved",
        symptom="In the joined answer the channels of the heads alternate, where each head's should stay side by side.",
        hint="Head 0 answers with ones and head 1 with twos: how does a row read after you have joined them?",
        changes=edits(STUB, MERGE, "(weights @ V).permute(0, 2, 3, 1).flatten(2)"),
        fails="heads",
        also="heads_and_reduction gradients weights manners precision",
        perhaps="reduction",
    ),
    attention(
        "heads attend to heads",
        symptom="Positions and heads are not exchanged, so the heads of one position attend to each other and "
        "positions never meet.",
        hint="Change the input at one position: does your answer at another one change? Which two axes does a matrix "
        "product multiply?",
        changes=edits(STUB, SPLIT, "sequence.unflatten(-1, (self.num_heads, -1))", MERGE, "(weights @ V).flatten(2)"),
        fails="one_head heads",
        also="heads_and_reduction gradients weights manners precision",
        perhaps="reduction",
    ),
    attention(
        "positions taken for the batch",
        symptom="Images of a batch attend to each other, position by position: the sequence is on the wrong axis.",
        hint="Compute the answer for one image alone and within a batch. Which axis does PyTorch's attention layer "
        "take for the sequence, unless it is told?",
        changes=(
            Code(
                "02_modules",
                """
class EfficientSelfAttention(nn.Module):
    def __init__(self, channels, reduction_ratio, num_heads):
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads)
        self.reduction = nn.Identity()
        if reduction_ratio > 1:
            shrink = nn.Conv2d(channels, channels, reduction_ratio, reduction_ratio)
            self.reduction = nn.Sequential(shrink, LayerNorm2d(channels))

    def forward(self, x):
        queries, keys = (maps.flatten(2).transpose(1, 2) for maps in (x, self.reduction(x)))
        return self.attention(queries, keys, keys)[0].transpose(1, 2).reshape(x.shape)
""",
            ),
        ),
        fails="one_head heads",
        also="reduction heads_and_reduction gradients weights manners precision",
    ),
    # ------------------------------------------------------------------------------------------------------- reduction
    attention(
        "no reduction",
        symptom="Keys and values come from every position, whatever the reduction ratio.",
        hint="How many keys should there be for a map of 16 x 24 and a ratio of 4, and how many have you?",
        changes=edits(STUB, "if reduction_ratio > 1:", "if False:"),
        fails="reduction heads_and_reduction weights",
        also="gradients manners precision",
    ),
    attention(
        "keys and values pooled",
        symptom="The map is reduced by a mean over squares, which has no weights to learn.",
        hint="In equation 2 a linear layer makes one vector of the C·R² numbers of a square. What does a mean leave to "
        "be learned?",
        changes=edits(STUB, SHRINK, "nn.AvgPool2d(reduction_ratio)"),
        fails="reduction weights",
        also="heads_and_reduction gradients manners precision",
    ),
    attention(
        "one position of each square",
        symptom="Of each square only one position goes into its key and value; the others are skipped.",
        hint="Change the last position of a square: must its key change? Compare the size of your kernel with the step "
        "it takes.",
        changes=edits(STUB, "kernel_size=reduction_ratio", "kernel_size=1"),
        fails="reduction weights",
        also="heads_and_reduction gradients manners precision",
    ),
    attention(
        "a depthwise reduction",
        symptom="The reduction treats every channel by itself, where it should mix them.",
        hint="How many numbers of a square go into one channel of its key: R², or all C·R² of them?",
        changes=edits(STUB, "stride=reduction_ratio)", "stride=reduction_ratio, groups=channels)"),
        fails="reduction weights",
        also="heads_and_reduction gradients manners precision",
    ),
    attention(
        "stretches of the sequence instead of squares",
        symptom="A key is made of R² positions that follow each other in a row, and not of a square of R x R "
        "positions.",
        hint="In the experiment of equation 2 the first square holds 0, 1, 6 and 7. Which four numbers does your "
        "reduction join first?",
        changes=edits(
            STUB,
            SHRINK,
            "nn.Linear(channels * reduction_ratio**2, channels)",
            REDUCE,
            "nn.Sequential(shrink, nn.LayerNorm(channels))",
            REDUCED,
            "self.reduction(tokens.reshape(len(x), -1, self.reduction[0].in_features)) "
            "if len(self.reduction) else tokens",
            "self.reduction = nn.Identity()",
            "self.reduction = nn.Sequential()",
        ),
        fails="heads_and_reduction",
        also="gradients precision",
    ),
    attention(
        "R positions for a key, not R²",
        symptom="The sequence becomes R times shorter, where the map should become R times smaller along both sides.",
        hint="Read the table of names again: what the paper writes as R is not the ratio along one side. How many keys "
        "remain?",
        changes=edits(
            STUB,
            SHRINK,
            "nn.Linear(channels * reduction_ratio, channels)",
            REDUCE,
            "nn.Sequential(shrink, nn.LayerNorm(channels))",
            REDUCED,
            "self.reduction(tokens.reshape(len(x), -1, self.reduction[0].in_features)) "
            "if len(self.reduction) else tokens",
            "self.reduction = nn.Identity()",
            "self.reduction = nn.Sequential()",
        ),
        fails="reduction weights",
        also="heads_and_reduction gradients manners precision",
    ),
    attention(
        "no norm after the reduction",
        symptom="The reduced map goes into keys and values without layer normalisation.",
        hint="Go through the five steps of *All of it, in order*: what stands between the smaller map and its keys?",
        changes=edits(STUB, REDUCE, "shrink"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "norm before the reduction",
        symptom="The map is normalised first and reduced then; its reduced vectors are not normalised.",
        hint="The channels of a position that is about to become a key should have mean 0 in a fresh module. Have "
        "yours?",
        changes=edits(STUB, REDUCE, "nn.Sequential(LayerNorm2d(channels), shrink)"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "reduction without bias",
        symptom="The convolution that reduces the map has no bias.",
        hint="Does the norm that follows take a bias away? It would, if its mean ran over positions: over what does it "
        "run here?",
        changes=edits(STUB, "stride=reduction_ratio)", "stride=reduction_ratio, bias=False)"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "reduction and norm for ratio 1 as well",
        symptom="Keys and values pass a layer and a norm even with ratio 1, where there is nothing to reduce.",
        hint="Count the parameters of a module with ratio 1: four linear layers. What else is there in yours?",
        changes=edits(STUB, "if reduction_ratio > 1:", "if True:"),
        fails="one_head",
        also="heads weights",
    ),
    attention(
        "a norm for ratio 1 as well",
        symptom="With ratio 1 there is no reduction, but keys and values still come from a normalised map.",
        hint="What belongs together in step 2, and what does the sentence after it say about ratio 1?",
        changes=edits(STUB, "self.reduction = nn.Identity()", "self.reduction = LayerNorm2d(channels)"),
        fails="one_head",
        also="heads weights",
    ),
    attention(
        "a reduction each for keys and values",
        symptom="Keys and values each have a reduction of their own, with twice the weights in all.",
        hint="How many reduced maps does the figure of equation 2 show? Compare the number of your weights with the "
        "layers that the docstring lists.",
        changes=edits(
            STUB,
            REDUCE,
            f"{REDUCE}\n            self.again = nn.Sequential({SHRINK}, LayerNorm2d(channels))",
            "self.reduction = nn.Identity()",
            "self.reduction = self.again = nn.Identity()",
            "self.value(reduced)",
            "self.value(self.again(x).flatten(2).transpose(1, 2))",
        ),
        fails="weights",
        public=False,
    ),
    # --------------------------------------------------------------------------------------------- maps and sequences
    attention(
        "height and width exchanged on the way back",
        symptom="The map that is returned has its height and width exchanged on the way from the sequence.",
        hint="Where does the number of row 0, column 1 stand in your sequence, and where do you put it in the map? On "
        "a square nothing shows.",
        changes=edits(STUB, "unflatten(-1, (H, W))", "unflatten(-1, (W, H)).transpose(2, 3)"),
        fails="one_head",
        also="heads heads_and_reduction gradients precision",
    ),
    attention(
        "the root of N for both sides",
        symptom="Height and width of the result are computed as the root of the number of positions.",
        hint="Six times ten positions: what are height and width, and can you know it from 60?",
        changes=edits(STUB, "unflatten(-1, (H, W))", "unflatten(-1, (math.isqrt(H * W),) * 2)"),
        fails="one_head heads",
        also="heads_and_reduction gradients precision",
    ),
    attention(
        "a map becomes a sequence by one reshape",
        symptom="The map becomes a sequence by a reshape alone, so that a row holds several positions of one channel.",
        hint="Do to `small_map`, at the top of the notebook, what you do here: does its first row hold 100 and 200?",
        changes=edits(
            STUB,
            f"tokens = {TOKENS}",
            "tokens = x.reshape(len(x), H * W, -1)",
            REDUCED,
            "self.reduction(x)\n        reduced = reduced.reshape(len(x), -1, x.shape[1])",
        ),
        fails="one_head heads",
        also="heads_and_reduction gradients precision",
    ),
    attention(
        "a sequence becomes a map by one reshape",
        symptom="The answers become a map by a reshape alone, which scatters the channels of a position over the map.",
        hint="A row of the sequence holds all channels of one position. Which two axes must be exchanged before the "
        "positions become rows and columns?",
        changes=edits(STUB, RESULT, "self.output(merged).reshape(x.shape)"),
        fails="one_head heads",
        also="reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "reduces a map that a reshape made",
        symptom="The sequence is turned back into a map by a reshape alone before it is reduced.",
        hint="The input is a map already. Is the map that your reduction gets the same one, number by number?",
        changes=edits(
            STUB,
            "self.reduction(x).",
            "self.reduction(tokens.reshape(x.shape) if len(list(self.reduction.children())) else x).",
        ),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    # ------------------------------------------------------------------------------------------------ the other layers
    attention(
        "no output projection",
        symptom="The answers of the heads are returned as they are; the last linear layer is missing.",
        hint="Where can the channels of one head meet those of another in your module? Count the four linear layers.",
        changes=edits(
            STUB, "self.output(merged)", "merged", "        self.output = nn.Linear(channels, channels)\n", ""
        ),
        fails="one_head weights",
        also="heads reduction heads_and_reduction gradients manners precision",
    ),
    attention(
        "queries, keys and values without bias",
        symptom="The linear layers of queries, keys and values have no bias.",
        hint="What is the query of a position whose channels are all zero? Some published code leaves these vectors "
        "out unless it is told; the docstring does not.",
        changes=edits(
            STUB,
            *[
                part
                for name in ("query", "key", "value")
                for part in (
                    f"self.{name} = nn.Linear(channels, channels)",
                    f"self.{name} = nn.Linear(channels, channels, bias=False)",
                )
            ],
        ),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "normalises its input",
        symptom="The module normalises its input, which the encoder layer has already done.",
        hint="Whose task is the norm in front of a branch? Multiply the input by two: should this module's scores "
        "grow?",
        changes=edits(
            STUB,
            "self.num_heads = num_heads",
            "self.num_heads = num_heads\n        self.norm = LayerNorm2d(channels)",
            "H, W = x.shape[2:]",
            "x = self.norm(x)\n        H, W = x.shape[2:]",
        ),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "a residual inside",
        symptom="The input is added to the result, which is the encoder layer's work.",
        hint="If all keys are equal, what does every position get back? Does your result still depend on the position?",
        changes=edits(STUB, "return self.output(", "return x + self.output("),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    attention(
        "keys serve as values",
        symptom="Values are computed by the layer of the keys, and the layer of the values is never used.",
        hint="What a position offers and what it says are two things. Which of your linear layers would nobody miss?",
        changes=edits(STUB, "split_heads(self.value(reduced))", "split_heads(self.key(reduced))"),
        fails="weights",
        public=False,
    ),
    attention(
        "one layer for queries, keys and values",
        symptom="Queries, keys and values are made by one and the same linear layer.",
        hint="With such a layer and ratio 1, is the score of position a for b ever another one than that of b for a?",
        changes=edits(
            STUB,
            "        self.key = nn.Linear(channels, channels)\n        self.value = nn.Linear(channels, channels)\n",
            "",
            "self.key(reduced)",
            "self.query(reduced)",
            "self.value(reduced)",
            "self.query(reduced)",
        ),
        fails="weights",
        public=False,
    ),
    attention(
        "a layer that is never used",
        symptom="The module holds weights that its result does not depend on.",
        hint="Which layer of your constructor does not appear in the forward pass?",
        changes=edits(
            STUB,
            "self.reduction = nn.Identity()",
            "self.reduction = nn.Identity()\n        self.mix = nn.Linear(channels, channels)",
        ),
        fails="weights",
        public=False,
    ),
    attention(
        "a reduction that ratio 1 does not use",
        symptom="With ratio 1 the reduction is built, though nothing passes through it.",
        hint="Count the parameters of a module with ratio 1. Which of them would training never change?",
        changes=edits(
            STUB,
            "if reduction_ratio > 1:",
            "if True:",
            REDUCED,
            f"(self.reduction(x) if self.shrinks else x){REDUCED.removeprefix('self.reduction(x)')}",
            "self.num_heads = num_heads\n",
            "self.num_heads, self.shrinks = num_heads, reduction_ratio > 1\n",
        ),
        fails="weights",
        public=False,
    ),
    attention(
        "padded up to whole squares",
        symptom="Where the map is no multiple of the ratio, zeros are added, and the last rows count after all.",
        hint="How many whole squares of the ratio fit on a map of 9 x 13 with ratio 4, and what does a convolution "
        "without padding make of the rest?",
        changes=edits(
            STUB,
            SHRINK,
            f"nn.Sequential(nn.ZeroPad2d((0, reduction_ratio - 1) * 2), {SHRINK})",
        ),
        fails="heads_and_reduction",
        public=False,
    ),
    # ---------------------------------------------------------------------------------------------------------- manners
    attention(
        "dropout in evaluation",
        symptom="A dropout of the weights stays active in evaluation mode, so the same map gives another answer each "
        "time.",
        hint="Call the module twice in evaluation mode with the same input. How does a function of `F` know whether "
        "the module is training?",
        changes=edits(STUB, "(weights @ V)", "(F.dropout(weights, 0.1) @ V)"),
        fails="one_head heads manners",
        also="reduction heads_and_reduction gradients weights precision",
        random=True,
    ),
    attention(
        "no gradient through the weights",
        symptom="The values are right, but no gradient flows back through the attention weights.",
        hint="From what should the layers of queries and keys learn whom to listen to? Look for a place where your "
        "scores or weights become a new tensor.",
        changes=edits(STUB, "(weights @ V)", "(weights.detach() @ V)"),
        fails="gradients weights",
        public=False,
    ),
    attention(
        "a divisor that is always float32",
        symptom="On the way a tensor becomes float32, such as scores divided by a float32 root, and then meets "
        "bfloat16 ones.",
        hint="Put in bfloat16 and look at the dtype after each step: where does it change? A plain Python number "
        "changes none.",
        changes=edits(STUB, "* self.scale", "/ torch.tensor([1 / self.scale], dtype=torch.float32)"),
        fails="precision",
        public=False,
    ),
)
