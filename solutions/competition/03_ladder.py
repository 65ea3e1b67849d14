# %% [markdown]
# # 3 · The ladder
#
# Notebooks 1 and 2 left you with a box of tricks. This one adds the last, which costs no training at all, and then
# asks the question that papers rather pass over: *what did each of them buy, what did it cost, and how much of it is
# chance?*
#
# | task | what you write | points | minutes |
# |---|---|---|---|
# | 3.1 | `multi_scale` | 12 | 40 |
# | 3.2 | two answers about your own ladder | 8 | 45 |

# %% [markdown]
# **Before you start.** Notebooks 1 and 2 lie in the same folder, are complete and *saved*: the ladder is built from your
# functions. You should know what `softmax`, `F.interpolate` and `eval()` do.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segkit import check

# %% [markdown]
# ## Task 3.1 · Many looks at one image (12 points)
#
# *About 40 minutes. You need: `F.interpolate`, `flip`, `softmax`; what `eval()` and `no_grad()` do.*

# %% [markdown]
# **Idea.** A network has seen cars of some sizes more often than of others. So show it the image several times: smaller,
# as it is, larger, and each of them mirrored. Bring every answer back to the image's size and orientation, and average.
# Mistakes that differ from look to look cancel; what all looks agree on stays.
#
# **Source.** Chen et al. 2017 (DeepLabv3, [arXiv 1706.05587](https://arxiv.org/abs/1706.05587)), Section 4: six sizes
# from 0.5 to 1.75 and left-right flips. In tables of papers it is the row "MS + flip".

# %% [markdown]
# **Equation.** With $\mathrm{R}_s$ resizing to the sides of scale $s$, $\mathrm{R}$ resizing to the image's own $H
# \times W$, $\mathrm{M}$ mirroring left to right, and $f$ the model:
#
# $$P \;=\; \frac{1}{2|S|} \sum_{s \in S} \Big[\, \sigma\big(\mathrm{R}\, f(\mathrm{R}_s\, x)\big) \;+\;
# \sigma\big(\mathrm{R}\,\mathrm{M}\, f(\mathrm{M}\,\mathrm{R}_s\, x)\big) \Big]$$
#
# $\sigma$ is the softmax over the classes. What is averaged are *probabilities*, not logits. Sides are multiples of
# $m$, because an encoder halves them several times:
#
# $$H_s = \max\!\Big(m,\; m \cdot \mathrm{round}\big(\tfrac{s H}{m}\big)\Big), \qquad W_s \text{ likewise}$$

# %% role="experiment"
from segkit.competition.ladder_figures import draw_looks

draw_looks(96, 312, scales=(0.75, 1.0, 1.25), multiple=32)

# %% [markdown]
# Read it from left to right. The sides of the boxes are to scale, and so is the cost: multiply-adds grow with the area,
# so that these six looks take about six times the time of one.

# %% [markdown]
# **By hand.** One pixel, two classes, two looks with the logits (4, 0) and (−3, 0). The first look is very sure of class
# 0, the second nearly as sure of class 1:

# %% role="experiment"
looks = torch.tensor([[4.0, 0.0], [-3.0, 0.0]])
print("mean of the probabilities:", looks.softmax(dim=1).mean(dim=0))
print("softmax of the mean logits:", looks.mean(dim=0).softmax(dim=0))

# %% [markdown]
# (0.982 + 0.047) / 2 = 0.515 against 0.622. A logit has no upper end, so a single look that is beside itself with
# certainty outweighs the others. A probability ends at 1: each look has one vote.
#
# And the sides: 37 pixels at a scale of 1.4 are 51.8, that is 6.475 times 8, so the model sees 6 · 8 = 48. At 0.3 they
# are 11.1, which is nearest to 8; a side of 9 would be rounded to 0, and is 8.


# %% role="stub" id="multi_scale" task="3.1"
def multi_scale(
    model: nn.Module, images: Tensor, scales=(0.75, 1.0, 1.25), flip: bool = True, multiple: int = 32
) -> Tensor:
    """Class probabilities of images (B, 3, H, W), averaged over several looks at each: (B, K, H, W).

    Arguments:
        model: maps images (B, 3, h, w) to logits (B, K, h', w'), which may be smaller than the images.
        scales: of the looks. The sides of scale s are s * H and s * W, each rounded to the nearest multiple of
            `multiple`, and at least one `multiple`.
        flip: every look is also taken at the mirror image (left to right), and its answer mirrored back.

    Images and logits are resized bilinearly with align_corners=False (and no antialiasing); logits are brought to H x
    W first, then comes the softmax over the classes, then the mean over all looks, all of one weight.
    The model predicts in evaluation mode and without gradients. Afterwards it is in the mode, training or evaluation,
    in which it came. `images` stay as they are.

    Example: two looks at a pixel, logits (4, 0) and (-3, 0) -> probabilities (0.515, 0.485)
    """
    ### BEGIN SOLUTION
    size = images.shape[-2:]
    was_training = model.training
    model.eval()
    looks = []
    with torch.no_grad():
        for scale in scales:
            sides = [max(multiple, multiple * round(scale * side / multiple)) for side in size]
            resized = F.interpolate(images, sides, mode="bilinear", align_corners=False)
            answers = [model(resized)]
            if flip:
                answers.append(model(resized.flip(-1)).flip(-1))
            for logits in answers:
                logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
                looks.append(logits.softmax(dim=1))
    model.train(was_training)
    return torch.stack(looks).mean(dim=0)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Where do I begin?</summary>
#
# With one scale and `flip=False`: resize, ask the model, resize back, softmax. The first check wants no more. Then put a
# loop around it and collect the answers in a list.
# </details>
# <details><summary>Right for one size, nearly right for two</summary>
#
# What do you average, and what do you resize: logits or probabilities? The equation says where the softmax stands.
# </details>
# <details><summary>Right without mirror images, wrong with them</summary>
#
# Which axis is left to right in (B, K, H, W)? And is the answer at a pixel the answer *for* that pixel?
# </details>
# <details><summary>"The heights and widths that the model is shown" are wrong</summary>
#
# Work out 37 · 1.4 by hand as above. Down, up, or to the nearest multiple? And what if the nearest is 0?
# </details>
# <details><summary>The model's mode is wrong afterwards</summary>
#
# Note `model.training` before you change it. It may have been either.
# </details>

# %% role="check" id="multi_scale" points=12
check("multi_scale")

# %% [markdown]
# ## The ladder
#
# One model, SegFormer B0, is trained again and again. Each rung keeps the tricks of those below it and adds one:
#
# | rung | what is new | whose code |
# |---|---|---|
# | from scratch | cross-entropy, a constant learning rate, random weights | |
# | trained encoder | the encoder begins with weights that have seen other pictures | |
# | augmentation | random windows, mirrored or not, in random light | your `augment` |
# | poly with restarts | two cycles, the second twice as long as the first | your `poly_restarts` |
# | class-balanced loss | weights of the classes in the cross-entropy | your `class_balanced_weights` |
# | OHEM | only the hard pixels | your `ohem_loss` |
# | multi-scale testing | six looks at each picture; no training | your `multi_scale` |
# | auxiliary head | a second head in training, on the encoder's third map | your `AuxiliaryHead`, `auxiliary_loss` |

# %% [markdown]
# What is the same on all rungs: the pictures, the number of epochs, the batch, and what is measured, namely the mean
# IoU of the *last* epoch on the validation pictures. No epoch is chosen by these pictures, so that they do not flatter
# anybody.
#
# **Chance.** Train the same rung twice with two seeds, and you get two numbers. How far they lie apart says how small a
# gain can be before it means nothing. With $s$ the standard deviation between seeds, pooled over all rungs that were
# trained several times, the difference of two means of $n$ trainings each has the standard error
#
# $$\mathrm{se} = s \sqrt{\tfrac{2}{n}}$$
#
# A gain within two standard errors may well be chance. (Multi-scale testing is another case: it looks twice at the
# *same* weights, so nothing of this chance is in its gain.)

# %% [markdown]
# Here is a very small ladder, to see that everything works: one epoch, two seeds for the first and the last rung. On a
# GPU it is a real one. Notebooks 1 and 2 must be saved.

# %% role="experiment"
from segkit.competition.kitti import locate_kitti
from segkit.competition.ladder import Plan, climb
from segkit.competition.ladder_figures import show_ladder
from segkit.competition.steps import in_words, ladder_table
from segkit.competition.training import Budget
from segkit.competition.tricks import StudentTricks
from segkit.devices import best_device

on_gpu = best_device().type != "cpu"
if on_gpu:
    plan = Plan(size=(184, 608), budget=Budget(epochs=40), seeds=3, between=3)
else:
    plan = Plan(size=(48, 160), budget=Budget(epochs=1), seeds=2, between=1)
for ladder in climb(locate_kitti(), plan, StudentTricks(multi_scale=multi_scale), "runs/ladder_in_notebook"):
    pass
show_ladder(ladder)

# %% role="experiment"
print(ladder_table(ladder))
print(in_words(ladder))

# %% [markdown]
# A ladder to argue from takes longer. Start it in a terminal, in this folder, and go on with something else; after an
# interruption the same command goes on where it was:
#
#     python -m segkit.competition encoder --out encoder.safetensors
#     python -m segkit.competition ladder --encoder encoder.safetensors --seeds 3 --between 3
#
# The first command trains an encoder on everyday photographs, none of them from a car, for those who cannot fetch
# ImageNet's weights; with `--encoder imagenet` the second fetches them. `--size`, `--epochs` and `--batch` are what you
# can afford.
