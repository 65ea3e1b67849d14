"""Misconceptions about the transformer block (task 3.2)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

block = partial(Misconception, "transformer_block")
change = partial(edits, "TransformerBlock")
FIRST = "x = x + self.attend(self.norm1(x))"
SECOND = "return x + self.feed_forward(self.norm2(x))"
SCALE = " / math.sqrt(query.shape[3])"
SQUARES = "nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)"
HEADS = "features.flatten(2).unflatten(1, (self.num_heads, -1)).transpose(2, 3)"
DEPTHWISE = "nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)"
FFN = "return self.narrow(F.gelu(self.look_around(self.widen(x))))"

MISCONCEPTIONS = (
    # ------------------------------------------------------------------------------------------------ norms and sums
    block(
        "norms after the sums",
        symptom="The norms stand after the sums, and the branches get maps that are not normalised.",
        hint="Which of the two columns of the experiment with (3, 1) does your block compute? The size of the input "
        "should survive.",
        changes=change(
            FIRST, "x = self.norm1(x + self.attend(x))", SECOND, "return self.norm2(x + self.feed_forward(x))"
        ),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    block(
        "no norm before attention",
        symptom="Attention gets the map as it is, without the norm in front of it.",
        hint="The block's formula has an LN in each branch. Through which of them does your map go?",
        changes=change("self.attend(self.norm1(x))", "self.attend(x)"),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    block(
        "the normalised map in the sum",
        symptom="The residual connections carry the normalised map, where they should carry the map from before the "
        "norm.",
        hint="If both branches returned zeros, a block should return its input. What would yours return?",
        changes=change(
            FIRST,
            "x = self.norm1(x)\n        x = x + self.attend(x)",
            SECOND,
            "x = self.norm2(x)\n        return x + self.feed_forward(x)",
        ),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    block(
        "no residual connections",
        symptom="Attention and Mix-FFN replace the map one after the other, and nothing is ever added.",
        hint="If both branches returned zeros, what would be left of the image after your first block?",
        changes=change(FIRST, FIRST.replace("x + ", ""), SECOND, SECOND.replace("x + ", "")),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    block(
        "both branches from the block's input",
        symptom="Mix-FFN gets the input of the block, beside attention, and not the first sum.",
        hint="Attention brings information from elsewhere. Can Mix-FFN work on it in the same block, as you wrote it?",
        changes=change(FIRST, FIRST.replace("x =", "y ="), SECOND, SECOND.replace("return x", "return y")),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    # ----------------------------------------------------------------------------------------------------- attention
    block(
        "not scaled",
        symptom="The scores are not divided by the root of the number of channels.",
        hint="How large is a sum of d products of random numbers, and what does softmax do with large scores?",
        changes=change(SCALE, ""),
        fails="one_head",
        also="heads heads_and_reduction gradients weights manners precision",
    ),
    block(
        "scaled by all channels",
        symptom="The scores are divided by the root of all channels, and not of those of one head.",
        hint="How many products are added up in one score, if there are four heads?",
        changes=change(SCALE, " / math.sqrt(x.shape[1])"),
        fails="heads",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "softmax over the queries",
        symptom="The weights of one key over all queries add up to one, where those of one query over all keys should.",
        hint="Add up the weights of one query. Which axis did you give to the softmax?",
        changes=change("scores.softmax(dim=3)", "scores.softmax(dim=2)"),
        fails="one_head reduction",
        also="heads heads_and_reduction gradients weights manners precision",
    ),
    block(
        "one head, whatever is asked",
        symptom="All channels attend together, as if there were one head.",
        hint="Two heads may look at two different places. Where does your code cut the channels?",
        changes=change("self.num_heads, hidden = num_heads, ", "self.num_heads, hidden = 1, "),
        fails="heads",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "heads from neighbouring numbers",
        symptom="The channels are dealt out to the heads like cards, and not in contiguous blocks.",
        hint="Which channels should head 0 take, according to the docstring, and which does yours take?",
        changes=change(
            HEADS,
            "features.flatten(2).unflatten(1, (-1, self.num_heads)).permute(0, 2, 3, 1)",
        ),
        fails="heads",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "positions and channels mixed by a reshape",
        symptom="A single reshape makes sequences of maps, so that a row holds numbers of several positions.",
        hint="Take a map whose numbers say where they stand, and print its first row as a sequence. Which axes must be "
        "exchanged, and not only cut?",
        changes=change(
            HEADS,
            "features.reshape(len(features), self.num_heads, -1, features.shape[1] // self.num_heads)",
        ),
        fails="one_head",
        also="heads heads_and_reduction gradients weights manners precision",
    ),
    block(
        "the heads are not put side by side again",
        symptom="The answers of the heads come back in another order than their channels had.",
        hint="On the way in you cut an axis and then exchanged two. Do you do both, in reverse order, on the way out?",
        changes=change("answers.transpose(2, 3).reshape(x.shape)", "answers.reshape(x.shape)"),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    block(
        "no output projection",
        symptom="The answers of the heads are added to the map without the last linear layer.",
        hint="After the heads are side by side, who lets them talk to each other? Count the linear layers of "
        "attention.",
        changes=change(
            "self.to_output(answers.transpose(2, 3).reshape(x.shape))", "answers.transpose(2, 3).reshape(x.shape)"
        ),
        fails="one_head weights",
        also="heads reduction heads_and_reduction gradients manners precision",
    ),
    # ----------------------------------------------------------------------------------------------------- reduction
    block(
        "the reduction is left out",
        symptom="Keys and values come from all positions, whatever the ratio is.",
        hint="How many keys has a map of 8 x 12 with R = 4, and how many columns have your weights?",
        changes=change("if reduction_ratio > 1:", "if reduction_ratio > 1000:"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "the reduction by pooling",
        symptom="The squares are averaged, where a learned linear map should make one position of each.",
        hint="How many weights does equation 2 give to one output channel, and how many does a mean have?",
        changes=change(SQUARES, "nn.AvgPool2d(reduction_ratio)"),
        fails="reduction weights",
        also="heads_and_reduction gradients manners precision",
    ),
    block(
        "no norm after the reduction",
        symptom="Keys and values are made of the reduced map as it is, without the LN behind the reduction.",
        hint="Which mean have the channels of a position of your reduced map?",
        changes=change("nn.Sequential(squares, LayerNorm2d(channels))", "squares"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "values from the whole map",
        symptom="Only the keys come from the reduced map, so that there are not as many keys as values.",
        hint="A weighted mean needs one value per weight. From which map do you make the values?",
        changes=change("self.to_value(reduced)", "self.to_value(x)"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "queries from the reduced map",
        symptom="The queries come from the reduced map as well, so that there are too few answers.",
        hint="Who asks: every position of the map, or only those that are left after the reduction?",
        changes=change("self.to_query(x)", "self.to_query(reduced)"),
        fails="reduction",
        also="heads_and_reduction gradients weights manners precision",
    ),
    block(
        "the rest of the map kept",
        symptom="Rows and columns that fill no square are filled up with zeros, and become keys and values as well.",
        hint="A map of 9 x 12 with R = 4: how many keys does the docstring leave, and how many have you?",
        changes=change(
            "reduced = self.reduce(x)",
            "ratio = 1 if isinstance(self.reduce, nn.Identity) else self.reduce[0].stride[0]\n"
            "        reduced = self.reduce(F.pad(x, (0, -x.shape[3] % ratio, 0, -x.shape[2] % ratio)))",
        ),
        fails="heads_and_reduction",
        public=False,
    ),
    # ------------------------------------------------------------------------------------------------------- Mix-FFN
    block(
        "no convolution in Mix-FFN",
        symptom="Mix-FFN works on each position alone, without a look at its neighbours.",
        hint="Exchange two positions of the map. Does anything in your block notice?",
        changes=change(FFN, "return self.narrow(F.gelu(self.widen(x)))"),
        fails="one_head weights",
        also="heads reduction heads_and_reduction gradients manners precision",
    ),
    block(
        "a full convolution in Mix-FFN",
        symptom="Every channel of the 3x3 convolution sees all others, where each should have a filter of its own.",
        hint="Count the weights of your 3x3 convolution. How many has a filter for each channel?",
        changes=change(DEPTHWISE, "nn.Conv2d(hidden, hidden, 3, padding=1)"),
        fails="one_head weights",
        also="heads reduction heads_and_reduction gradients manners precision",
    ),
    block(
        "ReLU",
        symptom="Mix-FFN uses ReLU, where GELU is wanted.",
        hint="What does your activation make of -1? GELU lets a little of it through.",
        changes=change("F.gelu(", "F.relu("),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    block(
        "the tanh formula of GELU",
        symptom="Mix-FFN uses the approximation of GELU with tanh.",
        hint="The difference is tiny, but there. Which of the two does your function compute if nothing is asked for?",
        changes=change("self.widen(x))))", 'self.widen(x)), approximate="tanh"))'),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners",
    ),
    block(
        "no padding in Mix-FFN",
        symptom="The 3x3 convolution has no ring of zeros, so that its map is smaller than the one it is added to.",
        hint="Which size has a 5 x 6 map after a 3x3 convolution, and which size must it have to be added?",
        changes=change("3, padding=1, groups", "3, groups"),
        fails="one_head",
        also="heads reduction heads_and_reduction gradients weights manners precision",
    ),
    # -------------------------------------------------------------------------------------------------------- manners
    block(
        "added in place",
        symptom="The map that was passed in is changed, because the first sum is written into it.",
        hint="What is the difference between `x += y` and `x = x + y` for whoever passed x in?",
        changes=change(FIRST, "x += self.attend(self.norm1(x))"),
        fails="manners gradients",
        also="weights",
    ),
    block(
        "dropout in evaluation",
        symptom="A dropout stays active in evaluation mode, so the same map gives another answer each time.",
        hint="Call the block twice in evaluation mode. How does a function of `F` know whether the module is training?",
        changes=change("scores.softmax(dim=3)", "F.dropout(scores.softmax(dim=3), 0.1)"),
        fails="one_head manners",
        also="heads reduction heads_and_reduction gradients weights precision",
        random=True,
    ),
    block(
        "attention cut off from the gradient",
        symptom="The values are right, but no gradient flows back through the weights of attention.",
        hint="Must the queries learn what to ask for? Look for a step that takes numbers out of their history.",
        changes=change("scores.softmax(dim=3)", "scores.softmax(dim=3).detach()"),
        fails="gradients weights",
    ),
    block(
        "float32, whatever comes in",
        symptom="The result is always float32, whatever the dtype of the input.",
        hint="Mixed precision sends 16 bits through the model. Which of your steps changes the type?",
        changes=change(SECOND, "return (x + self.feed_forward(self.norm2(x))).float()"),
        fails="precision",
        public=False,
    ),
)
