# %% [markdown]
# # 4 · The competition
#
# Which of two models is better: one that finds a little more, or one that costs half as much? In this notebook you
# choose a model by its cost, make an entry, look at it as a film, and say in words what a leaderboard tells and what it
# hides.
#
# | task | what you do | minutes | points |
# |---|---|---|---|
# | 4.1 | `pareto_front` | 20 | 6 |
# | 4.2 | choose a model of the zoo by its cost | 20 | 4 (written) |
# | 4.3 | make an entry, and argue about a board | 60 | 4 (written) |
# | 4.4 | look at a film of predictions | 20 | 4 (written) |

# %% [markdown]
# **Before you start.** Notebooks 1 to 3 lie in the same folder, complete and saved. You should be able to compare
# tensors of all pairs by broadcasting.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor

from segkit import check

# %% [markdown]
# ## Task 4.1 · Entries that nobody beats (6 points, 20 minutes)
#
# **Idea.** A model has a score and a cost, and there is no exchange rate between them: what a tenth of mean IoU is
# worth depends on who uses it. One thing can be said without any rate. If another model costs no more *and* scores no
# less, and is better in one of the two, nobody needs yours. It is *dominated*. The models that are not dominated are
# the **Pareto front** (after Vilfredo Pareto, who asked the same of economies in 1896): for every budget, the best
# choice is among them.
# %% [markdown]
# **Equation.** Entry $j$ dominates entry $i$, with costs $c$ and scores $s$, if
#
# $$c_j \le c_i \;\wedge\; s_j \ge s_i \;\wedge\; (c_j < c_i \;\vee\; s_j > s_i)$$
#
# and $i$ is on the front if no $j$ dominates it. The bracket settles ties. Of two entries with the same cost the worse
# one is dominated, of two with the same score the dearer one. Two that are equal in both do not dominate each other:
# both stay, or both go.
# %% [markdown]
# By hand, five entries, much as in the original competition, with multiply-adds in billions: (15, 0.55), (50, 0.61),
# (70, 0.28), (90, 0.59), (350, 0.64). The first is the cheapest: nothing can beat it. The second is better than all
# that cost less. The third and the fourth are dominated by the second. The last is dear, but the best. The mask is
# True, True, False, False, True.
# %% role="experiment"
from segkit.competition.front import show_front

five = {"small": (15, 0.55), "medium": (50, 0.61), "baseline": (70, 0.28), "dear": (90, 0.59), "large": (350, 0.64)}
show_front(five, torch.tensor([True, True, False, False, True]), cost="billions of multiply-adds")

# %% [markdown]
# Everything below and to the right of the stairs is dominated. The stairs are drawn as steps, not as straight lines:
# between two models there is nothing to be had.


# %% role="stub" id="pareto_front" task="4.1"
def pareto_front(costs: Tensor, scores: Tensor) -> Tensor:
    """Which entries no other one dominates: costs (N,), low is good, and scores (N,), high is good -> bool (N,).

    Entry j dominates entry i if it costs no more, scores no less, and is better in at least one of the two. Entries
    that are equal in both do not dominate each other. Costs may be integers as large as multiply-adds are, N may be 0,
    and the entries come in no order.

    Example: pareto_front(torch.tensor([15, 50, 70, 90, 350]), torch.tensor([0.55, 0.61, 0.28, 0.59, 0.64]))
        -> [True, True, False, False, True]
    """
    ### BEGIN SOLUTION
    no_dearer = costs[None, :] <= costs[:, None]  # entry of the column against entry of the row
    no_worse = scores[None, :] >= scores[:, None]
    better = (costs[None, :] < costs[:, None]) | (scores[None, :] > scores[:, None])
    return ~(no_dearer & no_worse & better).any(dim=1)
    ### END SOLUTION


# %% [markdown]
# <details><summary>How do I compare all pairs without a loop?</summary>
#
# A column (N, 1) against a row (1, N) gives a table (N, N). Decide which side asks and which side is asked, and stay
# with it to the end.
# </details>
#
# <details><summary>My front is empty</summary>
#
# In the table of all pairs every entry also meets itself. Does your comparison say that it beats itself?
# </details>
#
# <details><summary>Too many entries stay where two cost the same</summary>
#
# Is "costs less" what you ask for, or "costs no more"?
# </details>

# %% role="check" id="pareto_front" points=6
check("pareto_front")

# %% [markdown]
# ## Hand in
#
# Save all four notebooks. The next cell writes the zip that you hand in, and says what may be missing.

# %% role="experiment"
from segkit import submit

my_id = ""  # as your course knows you, for example "ada"
if my_id:
    submit(student=my_id)
else:
    print("Write your id into this cell and run it again: then it writes the zip that you upload.")
