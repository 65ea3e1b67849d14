# %% [markdown]
# # 3 · The ladder
#
# Notebooks 1 and 2 left you with a box of tricks. This one adds the last, which costs no training at all, and then asks
# the question that papers rather pass over: *what did each of them buy, what did it cost, and how much of it is
# chance?*
#
# | task | what you write | points | minutes |
# |---|---|---|---|
# | 3.1 | `multi_scale` | 12 | 40 |
# | 3.2 | two answers about the ladder | 8 | 45 |

# %% [markdown]
# **Before you start.** Notebooks 1 and 2 lie in the same folder, are complete and *saved*: the ladder is built from
# your functions. You should know what `softmax`, `F.interpolate` and `eval()` do.

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
# **Idea.** A network has seen cars of some sizes more often than of others. So show it the image several times:
# smaller, as it is, larger, and each of them mirrored. Bring every answer back to the image's size and orientation, and
# average. Mistakes that differ from look to look cancel; what all looks agree on stays.
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

# %% [markdown]
# **By hand.** One pixel, two classes, two looks with the logits (4, 0) and (−3, 0). The first look is very sure of
# class 0, the second nearly as sure of class 1:

# %% role="experiment"
looks = torch.tensor([[4.0, 0.0], [-3.0, 0.0]])
print("mean of the probabilities:", looks.softmax(dim=1).mean(dim=0))
print("softmax of the mean logits:", looks.mean(dim=0).softmax(dim=0))

# %% [markdown]
# (0.982 + 0.047) / 2 = 0.515 against 0.622. A logit has no upper end, so a single look that is beside itself with
# certainty outweighs the others. A probability ends at 1: each look has one vote.

# %% role="experiment"
from segkit.competition.ladder_figures import draw_looks

draw_looks(96, 312, scales=(0.75, 1.0, 1.25), multiple=32)

# %% [markdown]
# Read it from left to right. The pictures are to scale, and so is the cost: multiply-adds grow with the area, so that
# these six looks take about six times the time of one.

# %% [markdown]
# Sides by hand: 37 pixels at a scale of 1.4 are 51.8, that is 6.475 times 8, so the model sees 6 · 8 = 48. At 0.3 they
# are 11.1, which is nearest to 8. Of 9 pixels 2.7 would be left, nearest to 0: the model sees 8, one multiple at least.


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
# With one scale and `flip=False`: resize, ask the model, resize back, softmax. The first check wants no more. Then put
# a loop around it and collect the answers in a list.
# </details>
# <details><summary>Right for one size, nearly right for two</summary>
#
# What do you average, and what do you resize: logits or probabilities? The equation says where the softmax stands.
# </details>
# <details><summary>Right without mirror images, wrong with them</summary>
#
# Which axis is left to right in (B, K, H, W)? And is the answer at a pixel the answer *for* that pixel?
# </details>
# <details><summary>"The list of heights and widths that the model is shown" is wrong</summary>
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
# **Chance.** Train the same rung with several seeds, and you get several numbers; how far they lie apart says how
# little a single one means. Gains are better off: two neighbouring rungs of *one* seed begin with the same random
# weights and see the pictures in the same order. So gains are taken seed by seed, $g_1, \dots, g_n$, and with $s_g$ the
# standard deviation of gains between seeds, pooled over all steps, the mean gain has the standard error
#
# $$\mathrm{se} = \frac{s_g}{\sqrt{n}}$$
#
# A gain within two standard errors may well be chance. With one seed per rung there is no $s_g$; what is left is the
# deviation $s$ between seeds of single rungs, and an error of $s \sqrt{2/n}$. Multi-scale testing looks at the same
# weights twice; even so its gain differs from one training to the next.

# %% [markdown]
# Here is a very small ladder, to see that everything works: one epoch, two seeds for the first and the last rung, some
# minutes without a GPU. On a GPU it is a real one and takes far longer. The second rung is missing, for want of a
# trained encoder. Pictures 48 pixels high are shown as 32 or 64, so that multi-scale testing may well do harm here.
# Notebooks 1 and 2 must be saved.

# %% role="experiment"
from segkit.competition.kitti import locate_kitti
from segkit.competition.ladder import climb
from segkit.competition.ladder_figures import show_ladder
from segkit.competition.rungs import Plan
from segkit.competition.steps import in_words, ladder_table
from segkit.competition.training import Budget
from segkit.competition.tricks import StudentTricks
from segkit.devices import best_device

on_gpu = best_device().type != "cpu"
if on_gpu:
    plan = Plan(size=(184, 608), budget=Budget(epochs=40), seeds=3, between=3)
else:
    plan = Plan(size=(48, 160), budget=Budget(epochs=1), seeds=2, between=1)
*_, ladder = climb(locate_kitti(), plan, StudentTricks(multi_scale=multi_scale), "runs/ladder_in_notebook")
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

# %% [markdown]
# ## The course's ladder
#
# If you cannot climb one of your own, argue from this one: photographs from a car at 64 x 96 pixels, ten epochs of 367
# of them, 51 to validate on, an encoder that has learned on everyday photographs, three seeds for every rung
# (2026-11-30, one thread of a CPU, processor seconds). Chance is twice the standard error of a gain.
#
# | step | seeds | mean IoU | gain | chance | training s | testing s/picture |
# | --- | --- | --- | --- | --- | --- | --- |
# | from scratch | 3 | 0.419 ± 0.009 |  |  | 77 | 0.006 |
# | + trained encoder | 3 | 0.462 ± 0.010 | +0.043 | ± 0.022 | 76 | 0.006 |
# | + augmentation | 3 | 0.447 ± 0.014 | -0.016 | ± 0.022 | 78 | 0.006 |
# | + poly with restarts | 3 | 0.450 ± 0.038 | +0.003 | ± 0.022 | 75 | 0.006 |
# | + class-balanced loss | 3 | 0.477 ± 0.031 | +0.027 | ± 0.022 | 75 | 0.006 |
# | + OHEM | 3 | 0.490 ± 0.024 | +0.013 | ± 0.022 | 79 | 0.006 |
# | + multi-scale testing | 3 | 0.487 ± 0.015 | -0.002 | ± 0.022 | none more | 0.037 |
# | + auxiliary head | 3 | 0.486 ± 0.017 | -0.002 | ± 0.022 | 83 | 0.036 |
#
# Trainings that differ in nothing but the seed differ by 0.022, and by 0.038 on the rung of the schedule (standard
# deviations). The gains of the three seeds: trained encoder +0.023, +0.054, +0.052; augmentation +0.011, −0.027,
# −0.031; poly with restarts +0.022, +0.018, −0.029; class-balanced loss +0.019, +0.028, +0.034; OHEM +0.013, −0.000,
# +0.026; multi-scale testing −0.029, +0.018, +0.004 (its sides are 64 x 64, 64 x 96 and 64 x 128); auxiliary head
# +0.004, −0.003, −0.006. IoU of the fence with the schedule and with class-balanced weights: 0.16 and 0.28, of persons
# 0.08 and 0.18, of poles and signs 0.00 on both.

# %% [markdown]
# ## 3.2 · Two answers about the ladder (8 points)
#
# About 120 to 200 words each, 4 points each, given by a person. Use your own ladder, if it has three seeds for the
# first and the last rung at least, or the course's; say which. A good answer uses its numbers, and gives reasons and
# not only facts.

# %% [markdown]
# **Question 1 (4 points).** *What did each step buy?* (a) Which gains and losses are larger than chance, and which may
# be nothing but chance? Say how you tell, and why a run per rung is not enough to tell. (b) Take one step that helped
# and one that did not help (or the two most different). Why does the trick have this effect *here*, with these pictures
# and this budget? (c) The winning group of the original competition reported one figure per rung, without a deviation:
# 74.7 with class-balanced weights, 76.0 with OHEM, 78.1 with multi-scale testing, 78.5 with an auxiliary loss. Which of
# these gains do you believe, and what would you ask the group for?

# %% [markdown] role="answer" id="q1" points=4
# ### BEGIN SOLUTION
# (The course's ladder.) (a) A gain is more than chance if it is larger than about two standard errors, 0.022 here. Two
# are: the trained encoder, +0.043, and the class-balanced loss, +0.027, which help with all three seeds. The other five
# lie within: augmentation −0.016, poly +0.003, OHEM +0.013, multi-scale testing −0.002, auxiliary head −0.002. One run
# per rung cannot tell: a gain varies by 0.019 from seed to seed. With seed 0 alone the schedule would have been a
# success (+0.022), with seed 2 a disaster (−0.029).
#
# (b) Class-balanced weights raise the loss of rare classes, and mean IoU counts a fence as much as the road: fence 0.16
# to 0.28, persons 0.08 to 0.18. Poles stay at 0.00, as a weight does not make them wider than a pixel. Augmentation
# makes new pictures out of old ones against learning by heart. After ten epochs nothing is known by heart: the model is
# still learning, and now has harder pictures to learn from.
#
# (c) 1.3, 2.1 and 0.4 points, each one figure against another. If seeds differ there by a half of what they do here,
# 0.4 means nothing, and 1.3 not much; 2.1 tests the same weights twice, but on 50 pictures. I would ask for three seeds
# of each rung, and whether these pictures also chose the epoch.
#
# **Marking scheme** (4)
# * 1.5 (a): compares gains with the standard error or the deviation between seeds, with numbers (0.5); names those that
#   are larger and those that are not, as the table has them (0.5); a single run differs from another by chance alone,
#   so that its difference to the next has an unknown part of it (0.5).
# * 1.5 (b): two steps, each with a mechanism that fits what the trick does (0.5 each) and with a feature of *this*
#   setting: few epochs, few classes, small pictures, a film of similar scenes (0.5). A reason that contradicts the
#   table earns nothing; "it generalises better" is no mechanism.
# * 1 (c): doubts 78.1 to 78.5 at least, as 0.4 is what seeds alone may do (0.5); asks for more seeds per rung, or for
#   the deviation between seeds, or for the same pictures without an epoch chosen by them (0.5).
# ### END SOLUTION

# %% [markdown]
# **Question 2 (4 points).** *What did each step cost?* (a) Which steps cost time in training, which in testing, and
# which nothing worth mentioning? Give figures. (b) Two clients: one wants the best mean IoU, whatever a picture takes;
# the other has a camera in a car, ten pictures a second, and a processor that just manages the first rung. Which steps
# do you sell to whom? (c) The tricks were added in one order. How could the gain of a trick depend on its place, and
# what would you have to train to know what a trick is worth by itself?

# %% [markdown] role="answer" id="q2" points=4
# ### BEGIN SOLUTION
# (The course's ladder.) (a) In training, every rung costs one training of 75 to 79 s, whatever the trick: weights,
# schedule, light and windows are nothing beside the network's own work. OHEM adds perhaps 4 s, the auxiliary head
# another 4 s (83). The encoder was trained beforehand, which the table does not show. In testing all take 6 ms a
# picture but multi-scale testing: 37 ms, six times as much, as six looks should, and no training. The auxiliary head is
# gone in testing.
#
# (b) The car gets everything that is paid in training: the trained encoder and the class-balanced loss, perhaps OHEM.
# It cannot afford multi-scale testing, which would need six times its processor. The other client would be offered
# multi-scale testing, if it gained anything; at −0.002 on these small pictures I would not sell it to anybody before I
# have seen it gain on theirs.
#
# (c) Tricks overlap: class weights and OHEM both lift rare classes, so that whichever comes second finds less to lift.
# And a loss may be a gain elsewhere: augmentation might pay in a training ten times as long. One would train each trick
# alone on the first rung, or the whole ladder without that one trick, with several seeds each.
#
# **Marking scheme** (4)
# * 1.5 (a): multi-scale testing costs testing time, by a factor that is read off the table, and no training (0.5); the
#   steps that train anew cost one training each, much the same for all, the auxiliary head a little more, and it is
#   gone in testing (0.5); at least three figures, rightly read (0.5).
# * 1.5 (b): the car gets everything but multi-scale testing, as all other steps are paid in training alone (0.5), with
#   a figure for why (0.5); to the other client multi-scale testing may be sold as far as the figures say that it gains,
#   and no step that lost more than chance (0.5).
# * 1 (c): tricks overlap, with an example, such as class weights and OHEM, which both lift rare classes (0.5); each
#   trick alone on the first rung, or the whole ladder with that trick left out, with several seeds (0.5).
# ### END SOLUTION
