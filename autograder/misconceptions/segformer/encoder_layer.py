"""Misconceptions about the encoder stage (task 2.4)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

stage = partial(Misconception, "encoder_layer")
STUB = "MixTransformerEncoderLayer"
FIRST = "x = x + self.drop_path(self.attention(self.norm1(x)))"
SECOND = "x = x + self.drop_path(self.ffn(self.norm2(x)))"
RESULT = "return self.norm(self.blocks(self.patch_merging(x)))"
MERGING = "OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)"
BLOCKS = """*(
                TransformerBlock(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)
                for _ in range(n_layers)
            )"""
A_BLOCK = "TransformerBlock(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)"

MISCONCEPTIONS = (
    # ------------------------------------------------------------------------------------------------------- the norms
    stage(
        "no norm before attention",
        symptom="Attention gets the map as it is, without the norm in front of it.",
        hint="The block's formula has an LN in each branch. Through which of them does your map go?",
        changes=edits(STUB, "self.attention(self.norm1(x))", "self.attention(x)"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "no norm before Mix-FFN",
        symptom="Mix-FFN gets the sum as it is, without the norm in front of it.",
        hint="Multiply the map that enters Mix-FFN by ten: should its answer grow with it? Compare both branches of "
        "the formula.",
        changes=edits(STUB, "self.ffn(self.norm2(x))", "self.ffn(x)"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "norms after the sums",
        symptom="The norms stand after the sums, and the branches get maps that are not normalised.",
        hint="Which of the two columns of the experiment with (3, 1) does your block compute? The size of the input "
        "should survive the first layer.",
        changes=edits(
            STUB,
            FIRST,
            "x = self.norm1(x + self.drop_path(self.attention(x)))",
            SECOND,
            "x = self.norm2(x + self.drop_path(self.ffn(x)))",
        ),
        fails="one_layer several_layers",
        also="gradients weights manners precision",
    ),
    stage(
        "norms at the ends of the branches",
        symptom="The results of attention and Mix-FFN are normalised, where what they get should be.",
        hint="Every layer would then add a share of the same size, whatever its branch has to say. Read the formula "
        "from the inside out: what comes first?",
        changes=edits(
            STUB,
            FIRST,
            "x = x + self.drop_path(self.norm1(self.attention(x)))",
            SECOND,
            "x = x + self.drop_path(self.norm2(self.ffn(x)))",
        ),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "the normalised map in the sum",
        symptom="The residual connection carries the normalised map, where it should carry the map from before the "
        "norm.",
        hint="If attention and Mix-FFN returned zeros, what would a block return? It should be its input.",
        changes=edits(
            STUB,
            FIRST,
            f"x = self.norm1(x)\n        {FIRST.replace('self.norm1(x)', 'x')}",
            SECOND,
            f"x = self.norm2(x)\n        {SECOND.replace('self.norm2(x)', 'x')}",
        ),
        fails="one_layer several_layers",
        also="gradients weights manners precision",
    ),
    stage(
        "one norm for both branches",
        symptom="Attention and Mix-FFN share one norm, with one weight and one bias for both.",
        hint="After training, must both branches want their channels weighted alike? Count the norms in the formula of "
        "a block.",
        changes=edits(STUB, "self.norm2(x)", "self.norm1(x)"),
        fails="weights",
    ),
    stage(
        "no final norm",
        symptom="The map is returned as the last layer leaves it, without the final LN.",
        hint="What mean do the channels of a position have in the result of a fresh stage? Look at the end of the last "
        "row of the first figure.",
        changes=edits(STUB, RESULT, "return self.blocks(self.patch_merging(x))"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "the last norm before the layers",
        symptom="The stage's own norm stands between patch merging and the layers, and not after them.",
        hint="Patch merging ends with an LN already. Where does the map stop being normalised, and where should it be "
        "so again?",
        changes=edits(STUB, RESULT, "return self.blocks(self.norm(self.patch_merging(x)))"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "one more norm before the layers",
        symptom="The map is normalised once more between patch merging and the layers.",
        hint="Follow the last row of the first figure: how many norms are there that belong to no block, and what does "
        "patch merging end with?",
        changes=edits(
            STUB,
            "        self.norm =",
            "        self.first_norm = LayerNorm2d(out_channels)\n        self.norm =",
            "self.blocks(self.patch_merging(x))",
            "self.blocks(self.first_norm(self.patch_merging(x)))",
        ),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "the final norm after every layer",
        symptom="The stage's last norm is applied after every layer, and not only after the last one.",
        hint="With one layer you are right, with three you are not. How often does the final norm run?",
        changes=edits(
            STUB,
            RESULT,
            "x = self.patch_merging(x)\n        for block in self.blocks:\n            x = self.norm(block(x))\n"
            "        return x",
        ),
        fails="several_layers",
        also="gradients weights manners",
    ),
    stage(
        "BatchNorm",
        symptom="The norms are BatchNorms, with statistics collected in training.",
        hint="Where do mean and variance come from in evaluation mode: from the position itself, or from images seen "
        "before?",
        changes=edits(STUB, "LayerNorm2d(", "nn.BatchNorm2d("),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    # --------------------------------------------------------------------------------------------------- the two sums
    stage(
        "no residual around attention",
        symptom="The result of attention takes the place of the map, where it should be added to it.",
        hint="If attention returned zeros, what would be left of the image after your first layer?",
        changes=edits(STUB, "x + self.drop_path(self.attention", "self.drop_path(self.attention"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "no residual around Mix-FFN",
        symptom="The result of Mix-FFN takes the place of the map, where it should be added to it.",
        hint="If Mix-FFN returned zeros, a block should still hand on what attention found. Does yours?",
        changes=edits(STUB, "x + self.drop_path(self.ffn", "self.drop_path(self.ffn"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "no residual connections",
        symptom="Attention and Mix-FFN replace the map one after the other, and nothing is ever added.",
        hint="If both branches returned zeros, a stage would be patch merging and a norm. What would yours be?",
        changes=edits(STUB, "x + self.drop_path", "self.drop_path"),
        fails="one_layer several_layers",
        also="gradients weights manners precision",
    ),
    stage(
        "one sum around both branches",
        symptom="Mix-FFN works directly on the result of attention, and the input is added once, at the end.",
        hint="How many plus signs have the two formulas of a block? What should reach Mix-FFN besides the answer of "
        "attention?",
        changes=edits(
            STUB,
            FIRST,
            "y = self.drop_path(self.attention(self.norm1(x)))",
            SECOND,
            "x = x + self.drop_path(self.ffn(self.norm2(y)))",
        ),
        fails="one_layer several_layers",
        also="gradients weights manners precision",
    ),
    stage(
        "both branches from the block's input",
        symptom="Mix-FFN gets the input of the block, beside attention, and not the first sum.",
        hint="Attention brings information from elsewhere. Can Mix-FFN work on it in the same block, as you wrote it?",
        changes=edits(
            STUB,
            FIRST,
            "y = self.drop_path(self.attention(self.norm1(x)))",
            SECOND,
            "x = x + y + self.drop_path(self.ffn(self.norm2(x)))",
        ),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "the block's input in the second sum",
        symptom="In the second sum stands the input of the block, and not the result of the first sum.",
        hint="The second formula adds y. Which map do you add there, and where is it from?",
        changes=edits(
            STUB,
            FIRST,
            "y = x + self.drop_path(self.attention(self.norm1(x)))",
            SECOND,
            "x = x + self.drop_path(self.ffn(self.norm2(y)))",
        ),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "Mix-FFN before attention",
        symptom="A block begins with Mix-FFN, and attention comes second.",
        hint="Which branch moves information between distant positions, and which works on what has arrived? Hence the "
        "order.",
        changes=edits(
            STUB,
            FIRST,
            "x = x + self.drop_path(self.ffn(self.norm1(x)))",
            SECOND,
            "x = x + self.drop_path(self.attention(self.norm2(x)))",
        ),
        fails="one_layer",
        also="several_layers gradients weights manners",
        perhaps="precision",
    ),
    stage(
        "sums in place",
        symptom="The sums overwrite a map whose old numbers the backward pass still needs.",
        hint="The norm in front of a branch remembers what it was given, to compute its gradient. What has become of "
        "that map when backward begins?",
        changes=edits(STUB, "x = x + self.drop_path", "x += self.drop_path"),
        fails="gradients",
        also="weights",
    ),
    # ------------------------------------------------------------------------------------------------------- the layers
    stage(
        "one block's weights for all layers",
        symptom="All layers are one and the same block, with the same weights.",
        hint="How many parameters has your stage with one layer, and how many with three? Count the blocks that your "
        "constructor builds.",
        changes=edits(STUB, BLOCKS, f"*[{A_BLOCK}] * n_layers"),
        fails="weights",
    ),
    stage(
        "two layers, whatever is asked",
        symptom="A stage always has two layers.",
        hint="In B0 every stage has two. What does a larger model ask for, and which of your lines uses that number?",
        changes=edits(STUB, "range(n_layers)", "range(2)"),
        fails="several_layers",
        also="one_layer weights precision",
    ),
    stage(
        "one layer, whatever is asked",
        symptom="A stage has a single layer, however many are asked for.",
        hint="Print a stage with three layers: how many blocks do you see?",
        changes=edits(STUB, "range(n_layers)", "range(1)"),
        fails="several_layers weights",
        also="gradients manners",
    ),
    stage(
        "one layer too few",
        symptom="A stage has one layer less than asked for.",
        hint="How many blocks do you get if a single layer is asked for? Count what your loop runs over.",
        changes=edits(STUB, "range(n_layers)", "range(1, n_layers)"),
        fails="several_layers",
        also="one_layer gradients weights manners precision",
    ),
    stage(
        "the last layer skipped",
        symptom="All layers are built, but the map does not go through the last one.",
        hint="All parts of your stage have parameters: which of them get no gradient?",
        changes=edits(STUB, "self.blocks(", "self.blocks[:-1]("),
        fails="several_layers weights",
        also="one_layer gradients manners precision",
    ),
    stage(
        "one head, whatever is asked",
        symptom="Attention is always built with a single head.",
        hint="Ask for two heads and look inside: what number did the attention of your blocks get?",
        changes=edits(
            STUB, "reduction_ratio, num_heads)\n        self.norm2", "reduction_ratio, 1)\n        self.norm2"
        ),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "no reduction, whatever is asked",
        symptom="Attention is always built with reduction ratio 1.",
        hint="Ask for a ratio of 2 and look inside: what number did the attention of your blocks get?",
        changes=edits(STUB, "reduction_ratio, num_heads)\n        self.norm2", "1, num_heads)\n        self.norm2"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "patches of the first stage, whatever is asked",
        symptom="Patch merging is always built with patches of 7, every 4 pixels.",
        hint="These are the numbers of the model's first stage. What do the others ask for, and which of your lines "
        "uses it?",
        changes=edits(STUB, MERGING, "OverlapPatchMerging(in_channels, out_channels, 7, 4, 3)"),
        fails="one_layer",
        also="gradients weights manners precision",
    ),
    stage(
        "patches of the later stages, whatever is asked",
        symptom="Patch merging is always built with patches of 3, every 2 pixels.",
        hint="Stage 1 asks for other patches than the stages after it. Which of your numbers come from the arguments?",
        changes=edits(STUB, MERGING, "OverlapPatchMerging(in_channels, out_channels, 3, 2, 1)"),
        fails="several_layers",
    ),
    stage(
        "reduction ratio and number of heads exchanged",
        symptom="Attention gets the number of heads as its reduction ratio, and the ratio as its number of heads.",
        hint="Where two arguments are both small whole numbers, nothing complains. In which order does attention want "
        "them?",
        changes=edits(
            STUB,
            "reduction_ratio, num_heads)\n        self.norm2",
            "num_heads, reduction_ratio)\n        self.norm2",
        ),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    stage(
        "expands by 4, whatever is asked",
        symptom="Mix-FFN is always built with an expansion by 4.",
        hint="Ask for an expansion by 2 and count the weights of Mix-FFN: do they become fewer?",
        changes=edits(STUB, "self.ffn = MixFFN(channels, expansion_factor)", "self.ffn = MixFFN(channels, 4)"),
        fails="one_layer",
        also="several_layers gradients weights manners precision",
    ),
    # ---------------------------------------------------------------------------------------------------------- manners
    stage(
        "a layer that is never used",
        symptom="The stage holds weights that its result does not depend on.",
        hint="Which layer of your constructors does not appear in a forward pass?",
        changes=edits(
            STUB,
            "        self.norm =",
            "        self.position = nn.Linear(out_channels, out_channels)\n        self.norm =",
        ),
        fails="weights",
    ),
    stage(
        "dropout in evaluation",
        symptom="A dropout of the branches stays active in evaluation mode, so the same map gives another answer each "
        "time.",
        hint="Call the stage twice in evaluation mode with the same image. How does a function of `F` know whether the "
        "module is training?",
        changes=edits(STUB, "x + self.drop_path(", "x + F.dropout("),
        fails="one_layer manners",
        also="several_layers gradients weights precision",
        random=True,
    ),
    stage(
        "cut off from the gradient",
        symptom="The values are right, but no gradient flows back to the input.",
        hint="Three of the model's four stages stand behind another one. How is that one to learn, if nothing comes "
        "back through yours?",
        changes=edits(STUB, "self.patch_merging(x)", "self.patch_merging(x.detach())"),
        fails="gradients",
        public=False,
    ),
    stage(
        "float32, whatever comes in",
        symptom="The result is always float32, whatever the dtype of the input.",
        hint="Put in a bfloat16 image and look at the dtype after each step: which one changes it? The next stage will "
        "refuse it.",
        changes=edits(STUB, RESULT, RESULT + ".float()"),
        fails="precision",
        public=False,
    ),
)
