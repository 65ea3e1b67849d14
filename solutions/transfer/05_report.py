# %% [markdown]
# # 5 · Report
#
# Everything is trained; now it is compared. Every figure and every number in this notebook is read from the logs and the
# weights of your runs. You write two measures, look, and argue.
#
# | task | what you do | minutes | points |
# |---|---|---|---|
# | 5.1 | `confusion_shares` | 10 | 4 |
# | 5.2 | `roc_curve` | 35 | 6 |
# | 5.3 to 5.7 | five answers in words | 100 | 20 |
# | 5.8 | bonus: `attention_cost` | 20 | bonus 4 |

# %% [markdown]
# **Before you start.** Notebooks 1 to 4 lie in the same folder, complete and saved, and were run to their ends: the runs
# are in `runs/`. You should be able to read a confusion matrix.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit import check, student_code

# %% [markdown]
# ## The runs
#
# `read_runs` refuses runs that differ in data, split, metric or seed: their numbers would say nothing about each other.

# %% role="experiment"
from segkit.transfer.runs import read_runs, runs_table

runs = read_runs("runs", data="pets")
runs_table(runs)

# %% role="experiment"
from segkit.transfer.report import show_runs

show_runs(runs)

# %% [markdown]
# Left, what is judged; right, what is minimised. The star is the epoch whose weights were kept. Look for three things:
# where a curve *begins*, how fast it rises, and whether it still rises at the end. A run that would go on rising was not
# worse, it was stopped early: that is a different sentence in a report.

# %% [markdown]
# ## All predictions once
#
# Softmax turns logits into scores between 0 and 1 that add up to one at each pixel. The next cell asks every run's best
# weights for the scores of all validation images, and keeps them.

# %% role="experiment"
from segkit.transfer.report import class_scores

# PETS

scores = {name: class_scores(model_of(run), pets.validation) for name, run in runs.items()}
target = torch.stack([labels for _, labels in pets.validation])
print(f"{len(scores)} runs, scores {tuple(next(iter(scores.values())).shape)}, truth {tuple(target.shape)}")


# %% role="stub" id="confusion_shares" task="5.1"
def confusion_shares(confusion: Tensor) -> Tensor:
    """Where the pixels of each class go: counts (K, K), rows truth and columns prediction -> float shares (K, K).

    Every row adds up to one. A class that never occurs has no shares: NaN in its whole row.

    Example: confusion_shares(torch.tensor([[6, 2, 2], [0, 4, 1], [0, 0, 0]]))
        -> [[0.6, 0.2, 0.2], [0.0, 0.8, 0.2], [nan, nan, nan]]
    """
    ### BEGIN SOLUTION
    return confusion.double() / confusion.sum(dim=1, keepdim=True)  # 0 / 0 is NaN
    ### END SOLUTION


# %% role="check" id="class_shares" points=4
check("class_shares")


# %% role="stub" id="roc_curve" task="5.2"
def roc_curve(scores: Tensor, target: Tensor, label: int, ignore_index: int = 255) -> tuple[Tensor, Tensor, Tensor]:
    """The ROC curve of one class against all others, over the pixels that are not ignored.

    Arguments:
        scores: (B, K, H, W), how much each pixel looks like each class; only those of class `label` are used.
        target: (B, H, W) labels 0..K-1, or `ignore_index`.
        label: the class.

    Returns:
        false positive rates (n + 1,), true positive rates (n + 1,), and the area below the curve, a number. The first
        point is (0, 0); then one point for each of the n different scores, the highest first. A rate of which there is
        no pixel is NaN everywhere, and so is the area.

    Example: scores 0.9, 0.7, 0.6, 0.2 for class 1 at four pixels whose labels are 1, 0, 1, 0
        -> [0, 0, 0.5, 0.5, 1], [0, 0.5, 0.5, 1, 1], 0.75
    """
    ### BEGIN SOLUTION
    known = target != ignore_index
    score, positive = scores[:, label][known], (target == label)[known]
    order = score.argsort(descending=True)
    score, positive = score[order], positive[order]
    steps = torch.cat([score[1:] != score[:-1], torch.ones(1, dtype=torch.bool)])  # the last of equal scores
    counts = [hits.double().cumsum(dim=0)[steps] for hits in (~positive, positive)]
    false_rate, true_rate = (torch.cat([torch.zeros(1), count]) / count[-1] for count in counts)
    return false_rate, true_rate, torch.trapezoid(true_rate, false_rate)
    ### END SOLUTION


# %% role="check" id="roc_curve" points=6
check("roc_curve")


# %% role="stub" id="attention_cost" task="5.8"
def attention_cost(height: int, width: int, channels: int, num_heads: int, reduction_ratio: int = 1) -> int:
    """Multiply-adds of the attention in a `TransformerBlock` for one map of height x width.

    Counted are all linear layers, the reduction, the scores and the weighted sum of the values; biases, norms, softmax
    and the division by sqrt(d) are not. Rows and columns that fill no square of R x R are left out of the reduction.

    Example: attention_cost(4, 6, 4, 1) -> 6144, attention_cost(4, 6, 4, 1, 2) -> 2496
    """
    ### BEGIN SOLUTION
    queries = height * width
    keys = (height // reduction_ratio) * (width // reduction_ratio)
    pairs = 2 * queries * keys * channels  # scores, and the weighted sum: each head has its share of the channels
    linear = 2 * (queries + keys) * channels**2  # queries and output; keys and values
    squares = keys * reduction_ratio**2 * channels**2 if reduction_ratio > 1 else 0
    return pairs + linear + squares
    ### END SOLUTION


# %% role="bonus" id="attention_cost" points=4
check("attention_cost")
