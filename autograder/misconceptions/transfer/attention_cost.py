"""Misconceptions about the multiply-adds of attention (task 5.8, a bonus)."""

from functools import partial

from autograder.misconceptions.catalogue import Misconception
from autograder.misconceptions.variants import edits

cost = partial(Misconception, "attention_cost")
change = partial(edits, "attention_cost")
KEYS = "keys = (height // reduction_ratio) * (width // reduction_ratio)"
PAIRS = "pairs = 2 * queries * keys * channels  # scores, and the weighted sum: each head has its share of the channels"
LINEAR = "linear = 2 * (queries + keys) * channels**2  # queries and output; keys and values"
REDUCTION = "squares = keys * reduction_ratio**2 * channels**2 if reduction_ratio > 1 else 0"

MISCONCEPTIONS = (
    cost(
        "the reduction ratio once",
        symptom="There are R times fewer keys, where there should be R times R times fewer.",
        hint="R counts along one side. How many squares of 2 x 2 has a map of 4 x 6?",
        changes=change(KEYS, "keys = height * width // reduction_ratio"),
        fails="reduction",
        also="rest",
    ),
    cost(
        "keys from the whole map",
        symptom="The reduction changes nothing in the number of scores.",
        hint="Who is compared with whom after the reduction? Count the columns of the weights.",
        changes=change(KEYS, "keys = height * width"),
        fails="reduction",
        also="rest",
    ),
    cost(
        "queries reduced as well",
        symptom="The queries are counted on the reduced map, too.",
        hint="For how many positions does attention give an answer?",
        changes=change(
            "queries = height * width", "queries = (height // reduction_ratio) * (width // reduction_ratio)"
        ),
        fails="reduction",
        also="rest",
    ),
    cost(
        "once for every head",
        symptom="The scores are counted with all channels for every head, so that more heads cost more.",
        hint="How many channels has one head? Do four heads together multiply more numbers than one?",
        changes=change("2 * queries * keys * channels  #", "2 * queries * keys * channels * num_heads  #"),
        fails="no_reduction",
        also="reduction rest large default",
    ),
    cost(
        "the weighted sum forgotten",
        symptom="Only the scores are counted, and not the sum of the values that they weigh.",
        hint="Attention has two products of large matrices. With which one does the answer come about?",
        changes=change("pairs = 2 * queries", "pairs = queries"),
        fails="no_reduction",
        also="reduction rest large default",
    ),
    cost(
        "the projections forgotten",
        symptom="The four linear layers are left out.",
        hint="Where do queries, keys and values come from, and what happens to the answers?",
        changes=change("return pairs + linear + squares", "return pairs + squares"),
        fails="no_reduction",
        also="reduction rest large default",
    ),
    cost(
        "the output projection forgotten",
        symptom="Only the linear layers of queries, keys and values are counted, and not that of the output.",
        hint="Which layer lets the heads talk to each other when all are done?",
        changes=change("linear = 2 * (queries + keys)", "linear = (queries + 2 * keys)"),
        fails="no_reduction",
        also="reduction rest large default",
    ),
    cost(
        "the reduction itself is free",
        symptom="The learned map that makes one position of a square is left out.",
        hint="What does it cost to make one vector of R x R vectors, and how often is it done?",
        changes=change("return pairs + linear + squares", "return pairs + linear"),
        fails="reduction",
        also="rest",
    ),
    cost(
        "a reduction by 1 counted",
        symptom="A ratio of 1 is charged for a layer that is not there.",
        hint="What stands between the map and the keys if the ratio is 1?",
        changes=change(" if reduction_ratio > 1 else 0", ""),
        fails="no_reduction",
        also="large default",
    ),
    cost(
        "rounded up",
        symptom="Rows and columns that fill no square are counted as if they did.",
        hint="What does a convolution with a step of R do with a last row that fills no square?",
        changes=change(KEYS, "keys = -(-height // reduction_ratio) * -(-width // reduction_ratio)"),
        fails="rest",
    ),
    cost(
        "multiplications and additions counted apart",
        symptom="A multiplication and the addition that goes with it count as two.",
        hint="A multiply-add is one: one number times another, added to what is there.",
        changes=change("return pairs + linear + squares", "return 2 * (pairs + linear + squares)"),
        fails="no_reduction",
        also="reduction rest large default",
    ),
    cost(
        "single precision",
        symptom="The number is computed with 24 bits, which are not enough for a large image.",
        hint="Which whole numbers can a float32 not hold? Python's own integers have no such end.",
        changes=change(
            "return pairs + linear + squares", "return int(torch.tensor(float(pairs + linear + squares)).item())"
        ),
        fails="large",
        public=False,
    ),
    cost(
        "a ratio of 8 if none is given",
        symptom="Without a ratio the reduction is by 8, where there should be none.",
        hint="What does the first line of the function promise for a call without a ratio?",
        changes=change("reduction_ratio: int = 1", "reduction_ratio: int = 8"),
        fails="default",
        public=False,
    ),
)
