# %% [markdown]
# # 3 · The model and its training
#
# You put your five modules together, write the number by which the model is judged, write the step by which it learns,
# and train it. The fourth notebook looks at what came out.
#
# | task | what you write | points | minutes |
# |---|---|---|---|
# | 3.1 | `SegFormer` | 4 | 25 |
# | 3.2 | `confusion_matrix`, `mean_iou`, `evaluate` | 6 | 45 |
# | 3.3 | `segmentation_loss`, `training_step` | 5 | 30 |
# | | overfit one batch, train, read the curves | | 40 |
# | 3.4 | bonus: `FastMLPDecoder` | + 3 | 40 |

# %% [markdown]
# **Before you start.** Notebooks 1 and 2 lie in the same folder, are complete (all checks pass) and *saved*: the next
# cell reads them from disk. You should know what a softmax is, what `.backward()` leaves in `.grad`, and why BatchNorm
# behaves differently in `train()` and `eval()` mode.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segkit import check, student_code
from segkit.devices import device_of

modules = student_code("02_modules")
MixTransformerEncoderLayer = modules.MixTransformerEncoderLayer
MLPDecoder = modules.MLPDecoder

# %% [markdown]
# ## Task 3.1 · SegFormer, assembled
#
# *About 25 minutes. You need: `nn.ModuleList`; your stage and your decoder (tasks 2.4 and 2.5).*

# %% [markdown]
# **Idea.** A classical vision transformer keeps one resolution from beginning to end. SegFormer (Xie et al. 2021,
# section 3) works like a pyramid: each of four stages halves the map of the one before (the first quarters the image)
# and adds channels. The decoder reads **all four** maps: fine ones say where, coarse ones say what.

# %% role="experiment"
from segkit.figures import draw_segformer

draw_segformer()

# %% [markdown]
# Read the upper part from left to right: every stage takes the map of the stage before, and only of that one. Then
# downwards: four arrows lead into the decoder. The lowest part is what you built in notebook 2. What the drawing hides:
# the four maps in the middle are also the only ones that leave the encoder; whatever a block computes stays inside.

# %% [markdown]
# **Shapes.** A convolution with kernel $k$, stride $s$ and padding $p$ turns a side of $n$ pixels into
#
# $$\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1.$$
#
# The first stage merges patches with $(k, s, p) = (7, 4, 3)$, the other three with $(3, 2, 1)$. The cell below applies
# this four times, to a friendly side and to two unfriendly ones.


# %% role="experiment"
def side_after(side: int, kernel: int, stride: int, padding: int) -> int:
    """Length of one side of a map after a convolution."""
    return (side + 2 * padding - kernel) // stride + 1


for side in (256, 250, 333):
    sides = [side]
    for kernel, stride, padding in [(7, 4, 3)] + 3 * [(3, 2, 1)]:
        sides.append(side_after(sides[-1], kernel, stride, padding))
    print(f"{side:4} pixels -> stages 1 to 4: {sides[1:]}")

# %% [markdown]
# Halves are rounded up, so no side is refused. Check one by hand: $\lfloor(250 + 6 - 7)/4\rfloor + 1 = 63$. Hence the
# logits of a 250 x 333 image measure 63 x 84, and a model that is right on 256 x 256 alone is not finished.

# %% [markdown]
# **To do** (4 points). The signature's defaults are the column "B0" of the paper's table 6, an entry per stage, with
# one exception: the table expands by 8 in the first two stages; the published weights, and we, by 4. Patch size, stride
# and padding are the same in every SegFormer, hence no arguments.

# %% [markdown]
# `drop_path` is optional: let it grow from 0 in the first stage to its full value in the last, or leave it alone.


# %% role="stub" id="SegFormer" task="3.1"
class SegFormer(nn.Module):
    """Four encoder stages and the MLP decoder: images (B, 3, H, W) -> logits (B, num_classes, H/4, W/4).

    Xie et al. 2021, figure 2. Sizes are rounded up: an image of 250 x 333 has logits of 63 x 84. Logits are scores, not
    probabilities: there is no softmax in the model.

    Arguments (the tuples have one entry per stage):
        num_classes: number of classes K.
        channels: channels of the stage's map.
        n_layers: transformer layers.
        reduction_ratios: ratio R of the efficient self-attention.
        num_heads: attention heads.
        expansion_factor: of the Mix-FFN, the same in every stage.
        embed_channels: channels inside the decoder.
        out_dims: (height, width) of the logits; None: as large as the first stage's map.
        drop_path: largest rate of stochastic depth; 0 switches it off.

    Example: SegFormer(num_classes=4)(torch.zeros(2, 3, 64, 96)).shape -> (2, 4, 16, 24)
    """

    def __init__(
        self,
        num_classes: int = 4,
        *,
        channels: tuple[int, ...] = (32, 64, 160, 256),
        n_layers: tuple[int, ...] = (2, 2, 2, 2),
        reduction_ratios: tuple[int, ...] = (8, 4, 2, 1),
        num_heads: tuple[int, ...] = (1, 2, 5, 8),
        expansion_factor: int = 4,
        embed_channels: int = 256,
        out_dims: tuple[int, int] | None = None,
        drop_path: float = 0.0,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.stages = nn.ModuleList()
        for i in range(len(channels)):
            came_in, patch_size, stride, padding = (3, 7, 4, 3) if i == 0 else (channels[i - 1], 3, 2, 1)
            merging = (came_in, channels[i], patch_size, stride, padding)
            layers = (n_layers[i], reduction_ratios[i], num_heads[i], expansion_factor)
            rate = drop_path * i / (len(channels) - 1)  # the deeper a branch, the more often it is dropped
            self.stages.append(MixTransformerEncoderLayer(*merging, *layers, drop_path=rate))
        self.decoder = MLPDecoder(list(channels), embed_channels, out_dims, num_classes)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        features = []
        for stage in self.stages:
            images = stage(images)
            features.append(images)
        return self.decoder(features)
        ### END SOLUTION


# %% [markdown]
# <details><summary>"MixTransformerEncoderLayer was built for maps of 32 channels, but got 3 channels"</summary>
#
# 3 came in: the second stage was given the images. It continues where the first stage ended. If it says "built for maps
# of 3 channels", look at your constructor.
# </details>
# <details><summary>"My model has far too few parameters, and the encoder does not train"</summary>
#
# PyTorch finds the modules that are attributes, and those in an `nn.ModuleList`. In a plain Python list it sees
# nothing.
# </details>
# <details><summary>"MLPDecoder was built for maps of 32 channels, but got 256 channels"</summary>
#
# The decoder was built for the map of the first stage first, and gives the logits the size of the *first* map in the
# list. In which order is your list?
# </details>

# %% role="check" id="segformer" points=4
check("segformer")

# %% [markdown]
# **Does it have the right size?** For B0 and ADE20K's 150 classes the paper's figure 1 gives 3.7 million parameters.
# Counting is a cheap test: a stage that was forgotten, or one that is shared, shows at once.


# %% role="experiment"
def count_parameters(module: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in module.parameters())


b0_150, b0_4 = SegFormer(num_classes=150), SegFormer(num_classes=4)
for name, part in b0_4.named_children():
    print(f"{name:>10}: {count_parameters(part):>9,}")
print(f" 4 classes: {count_parameters(b0_4):>9,}")
print(f"150 classes: {count_parameters(b0_150):,}, in millions {count_parameters(b0_150) / 1e6:.2f} (paper: 3.7)")
print(f"difference: {count_parameters(b0_150) - count_parameters(b0_4):,}; by hand 146 x (256 + 1) = {146 * 257:,}")

# %% [markdown]
# The encoder holds nearly nine tenths of the parameters, the decoder the rest. The last line counts what 146 more
# classes cost: 256 weights and one bias each, in the last 1x1 convolution and nowhere else.

# %% role="experiment"
b0_4.eval()
with torch.inference_mode():
    for height, width in [(256, 256), (250, 333), (64, 96)]:
        print((height, width), "->", tuple(b0_4(torch.zeros(1, 3, height, width)).shape))

# %% [markdown]
# The same weights take any image. No position is stored anywhere in the model: what plays the part of a positional
# encoding is the zero padding in Mix-FFN, to which notebook 5 comes back.

# %% [markdown]
# ## Task 3.2 · Mean IoU of a whole data set
#
# *About 45 minutes. You need: boolean masks as indices; `argmax`; what `eval()` and `no_grad()` do.*

# %% [markdown]
# **Idea.** Of all pixels that are a vehicle *or* are called one, how many are both? That is the intersection over union
# (IoU) of "vehicle". It punishes misses and false alarms alike, and it does not improve when a huge background is easy.
# The mean over the classes weighs a rare class like a frequent one.

# %% [markdown]
# The obvious version needs two masks per class. It is slow (every class looks at every pixel again) and it works for
# one picture only, but it is the definition. Class 2 below is in the truth once and is never predicted; 255 marks a
# pixel that nobody labelled.


# %% role="experiment"
def iou_from_masks(prediction: Tensor, target: Tensor, label: int) -> Tensor:
    """IoU of one class in one picture, from two masks; NaN if the class is in neither."""
    counted = target != 255
    said, true = (prediction == label) & counted, target == label
    return (said & true).sum() / (said | true).sum()


tiny_target = torch.tensor([[0, 0, 1, 1], [0, 2, 1, 255]])
tiny_prediction = torch.tensor([[0, 1, 1, 1], [0, 0, 1, 2]])
for label in range(4):
    print(f"class {label}: IoU {iou_from_masks(tiny_prediction, tiny_target, label):.2f}")

# %% [markdown]
# By hand for class 1: three pixels are both, four are either, 3/4. Class 3 is in neither mask, 0/0: it has **no** IoU.
# Calling that 0 would punish a model for not seeing what is not there; calling it 1 would hand out praise for
# nothing. It is left out of the mean.

# %% role="experiment"
import matplotlib.pyplot as plt

from segkit.plots import describe

said, true = tiny_prediction == 1, tiny_target == 1
panels = {"truth: class 1": true, "prediction: class 1": said, "intersection": said & true, "union": said | true}
figure, axes = plt.subplots(1, 4, figsize=(10, 1.8), layout="constrained")
for axis, (title, mask) in zip(axes, panels.items(), strict=True):
    axis.imshow(mask, cmap="Blues", vmin=0, vmax=1.5)
    axis.set(title=f"{title} ({int(mask.sum())})", xticks=[], yticks=[])
counts = ", ".join(f"{title} {int(mask.sum())}" for title, mask in panels.items())
describe(figure, f"Four small masks side by side, with how many cells of each are blue: {counts}.")

# %% [markdown]
# Number of blue cells in the third panel over number in the fourth: that is all there is to it. The picture hides what
# the other classes do, and for a data set you would need thousands of them. A table can stand in for all.

# %% [markdown]
# **The confusion matrix** $N$ has a row per true class and a column per predicted class; $N_{ij}$ is the number of
# pixels of class $i$ that were called $j$. Everything that an IoU needs is in it:
#
# $$\mathrm{IoU}_k = \frac{N_{kk}}{\sum_j N_{kj} + \sum_j N_{jk} - N_{kk}}$$
#
# For the tiny picture $N = \begin{pmatrix}2&1&0\\0&3&0\\1&0&0\end{pmatrix}$: class 1 has row sum 3, column sum 4, and
# $3 / (3 + 4 - 3) = 3/4$ as before.

# %% [markdown]
# ### Why an average over batches lies
#
# Three strips of eight pixels, 0 = background, 1 = vehicle. The model finds the six vehicle pixels of strip A, misses
# the single one in B, and says rightly that C has none. How good is it? First per strip, then for all 24 pixels at
# once.

# %% role="experiment"
strips_target = torch.tensor([[1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0]])
strips_prediction = torch.tensor([[1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]])


def both_ious(prediction: Tensor, target: Tensor) -> Tensor:
    """IoU of background and of vehicle."""
    return torch.stack([iou_from_masks(prediction, target, label) for label in (0, 1)])


per_strip = torch.stack([both_ious(*pair) for pair in zip(strips_prediction, strips_target, strict=True)])
for name, ious in zip("ABC", per_strip.tolist(), strict=True):
    print(f"strip {name}: background {ious[0]:.3f}, vehicle {ious[1]:.3f}")
whole = both_ious(strips_prediction, strips_target)
print(f"all 24 : background {whole[0]:.3f}, vehicle {whole[1]:.3f}")

# %% [markdown]
# Of the 7 vehicle pixels 6 were found and nothing was invented: 6/7. But strip B, with its single vehicle pixel,
# weighs as much in an average over strips as strip A with six, and strip C has no vehicle IoU at all. Now watch what
# becomes of the mean.

# %% role="experiment"
pairs = [both_ious(strips_prediction[:2], strips_target[:2]), both_ious(strips_prediction[2:], strips_target[2:])]
print(f"batches of 1, absent class left out: {per_strip.nanmean(dim=1).mean():.3f}")
print(f"batches of 1, absent class as 0    : {per_strip.nan_to_num(0.0).mean():.3f}")
print(f"batches of 1, first over the strips: {per_strip.nanmean(dim=0).mean():.3f}")
print(f"batches of 2, absent class left out: {torch.stack(pairs).nanmean(dim=1).mean():.3f}")
print(f"the whole set at once              : {whole.mean():.3f}")

# %% [markdown]
# One model, one data set, five numbers. The batch size, the order of averaging and a convention for absent classes
# should not decide how good a model is. The way out: **counts add up, ratios do not.** Sum the confusion matrices of
# all batches, and divide once, at the end.

# %% [markdown]
# **To do** (6 points): three short functions. For the first, a loop over pixels would do, but hundreds of
# validation images of 64 x 64 pixels are more than a million turns. Let PyTorch do the counting.


# %% role="stub" id="confusion_matrix" task="3.2"
def confusion_matrix(prediction: Tensor, target: Tensor, num_classes: int = 4, ignore_index: int = 255) -> Tensor:
    """Count the pixels of every pair (true class, predicted class) -> int64 (num_classes, num_classes).

    Arguments:
        prediction: int64, any shape, labels 0 .. num_classes - 1.
        target: int64, the same shape, labels 0 .. num_classes - 1, or `ignore_index`: not counted.
    Returns:
        Entry [i, j]: pixels of true class i that were called j.

    Example: confusion_matrix(torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 1, 255]), num_classes=2)
        -> tensor([[1, 1], [0, 1]])
    """
    ### BEGIN SOLUTION
    labelled = target != ignore_index
    pairs = target[labelled] * num_classes + prediction[labelled]  # 0 .. num_classes² - 1, row by row
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


# %% role="stub" id="mean_iou" task="3.2"
def mean_iou(confusion: Tensor) -> Tensor:
    """Mean intersection over union: confusion matrix (K, K) of counts -> float tensor without dimensions.

    The mean runs over the classes that occur in the truth (row) or in the prediction (column). A class that occurs in
    neither is left out. If no class occurs at all, the result is NaN.

    Example: mean_iou(torch.tensor([[1, 1], [0, 1]])) -> tensor(0.5000), since both classes have IoU 1/2
    """
    ### BEGIN SOLUTION
    intersection = confusion.diagonal()
    union = confusion.sum(dim=0) + confusion.sum(dim=1) - intersection
    occurs = union > 0
    return (intersection[occurs] / union[occurs]).mean()
    ### END SOLUTION


# %% role="stub" id="evaluate" task="3.2"
def evaluate(model: nn.Module, loader, num_classes: int = 4) -> Tensor:
    """The confusion matrix of a whole data set: int64 (num_classes, num_classes), on the CPU.

    Arguments:
        model: maps images (B, 3, H, W) to logits (B, num_classes, h, w); the class with the largest one is predicted.
        loader: yields (images, target) with target (B, h, w), on the CPU. The last batch may be smaller.

    The model predicts in evaluation mode, without gradients and on the device where it lies (`device_of(model)`).
    Afterwards it is in the mode, training or evaluation, in which it came.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    confusion = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    with torch.no_grad():
        for images, target in loader:
            prediction = model(images.to(device_of(model))).argmax(dim=1)
            confusion += confusion_matrix(prediction.cpu(), target.cpu(), num_classes)
    model.train(was_training)
    return confusion
    ### END SOLUTION


# %% [markdown]
# <details><summary>"I see no way to count pairs without a loop"</summary>
#
# Counting single numbers is easy (`torch.bincount`). Can you give each pair (true class, predicted class) a number of
# its own, such that the first row of the matrix gets 0, 1, 2, 3?
# </details>
# <details><summary>"shape '[4, 4]' is invalid for input of size 1021"</summary>
#
# A pixel with label 255 was counted: it got a number far beyond the last pair. Which pixels must go, and from which of
# the two tensors?
# </details>
# <details><summary>"The mean IoU agrees, the matrix does not"</summary>
#
# Rows and columns are exchanged. IoU treats truth and prediction alike, so it cannot notice; whoever reads the table
# can.
# </details>
# <details><summary>"The mean IoU is too low, or NaN, if a class is missing"</summary>
#
# What is the union of a class that occurs nowhere? Decide which classes take part before you divide, or before you
# average.
# </details>
# <details><summary>"Evaluating twice gives two results, or validation gets worse with small batches"</summary>
#
# In training mode BatchNorm normalises with the batch at hand. Which mode was the model in, and which should it be in?
# </details>

# %% role="check" id="mean_iou" points=6
check("mean_iou")

# %% [markdown]
# Your functions on the examples from above. The matrix should be the one that was worked out by hand, and the strips
# should give the last of the five numbers, however they are cut into batches.

# %% role="experiment"
print(confusion_matrix(tiny_prediction, tiny_target, num_classes=3))
tiny = mean_iou(confusion_matrix(tiny_prediction, tiny_target))
print(f"tiny picture: {tiny:.3f}, by hand {(1 / 2 + 3 / 4 + 0) / 3:.3f}")
summed = sum(confusion_matrix(*pair, 2) for pair in zip(strips_prediction, strips_target, strict=True))
at_once = confusion_matrix(strips_prediction, strips_target, 2)
print(f"strips: {mean_iou(summed):.3f} from three matrices summed, {mean_iou(at_once):.3f} from all at once")

# %% [markdown]
# ## Task 3.3 · Loss and training step
#
# *About 30 minutes. You need: softmax and logarithm; what an optimiser does with `.grad`.*

# %% [markdown]
# **Idea.** IoU counts decisions, and a count does not change when a logit moves a little: its gradient is zero. So the
# model learns from a smooth relative, the cross-entropy. For logits $z_i$ and true class $y_i$ of the pixels $i$ in
# $\Omega$ (all labelled pixels of the **batch**):
#
# $$L = -\frac{1}{|\Omega|} \sum_{i \in \Omega} \log \frac{e^{z_{i, y_i}}}{\sum_k e^{z_{i, k}}}$$

# %% [markdown]
# Three pixels, two classes. The third pixel is not labelled: it belongs neither to the sum nor to $|\Omega|$. The slow
# version is the formula, pixel by pixel.

# %% role="experiment"
import math

pixels = [([2.0, 0.0], 0), ([0.0, 0.0], 1), ([5.0, -5.0], 255)]  # (logits, true class)
terms = []
for logits, label in pixels:
    if label != 255:
        terms.append(-math.log(math.exp(logits[label]) / sum(math.exp(logit) for logit in logits)))
print("terms:", [round(term, 4) for term in terms])
print(f"loss : {sum(terms) / len(terms):.4f}")

# %% [markdown]
# The second pixel knows nothing, $\log 2 \approx 0.69$; the first is right and fairly sure. A model that knows nothing
# about $K$ classes has the loss $\log K$: the first number of a training run should lie near it.
#
# What if *no* pixel of a batch is labelled? Then $|\Omega| = 0$:

# %% role="experiment"
nothing_labelled = torch.full((1, 2, 2), 255)
default = F.cross_entropy(torch.zeros(1, 4, 2, 2), nothing_labelled, ignore_index=255).item()
print("PyTorch's default:", default)
print("mean loss of three batches, this one among them:", (0.5 + 0.4 + default) / 3)
print("smaller than 0.6?", default < 0.6, " larger than 0.6?", default > 0.6)

# %% [markdown]
# NaN, and it spreads: to the mean of an epoch, to any second loss that is added, to the comparison with the best loss
# so far, which is false either way. An empty batch teaches nothing, so its loss should be 0, and its gradients too.

# %% [markdown]
# **The step.** Four things in the right order: the model's mode, the loss, the gradients, the update. One is easily
# forgotten, because nothing crashes without it:

# %% role="experiment"
weight = torch.tensor(1.0, requires_grad=True)
for turn in (1, 2, 3):
    (weight**2).backward()
    print(f"turn {turn}: the gradient of w² at w = 1 is said to be {weight.grad.item():.0f}")

# %% [markdown]
# The right answer is 2, every time. `.backward()` *adds* to what `.grad` holds, so whoever does not clear the old
# gradients takes steps that are too long and point into the past.

# %% [markdown]
# **To do** (5 points). For the loss, PyTorch's `F.cross_entropy` may do the hard part; the empty batch is up to you.


# %% role="stub" id="segmentation_loss" task="3.3"
def segmentation_loss(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """Cross-entropy, averaged over the labelled pixels of the batch -> tensor without dimensions.

    Arguments:
        logits: float (B, K, h, w).
        target: int64 (B, h, w), labels 0 .. K - 1, or `ignore_index`: the pixel does not count.

    If every pixel is ignored the loss is 0, not NaN, and `.backward()` still works: all gradients are 0.

    Example: segmentation_loss(torch.zeros(1, 4, 2, 2), torch.tensor([[[0, 3], [1, 255]]])) -> tensor(1.3863), log 4
    """
    ### BEGIN SOLUTION
    labelled = (target != ignore_index).sum()
    total = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="sum")
    return total / labelled.clamp(min=1)  # a batch without a label: 0 / 1
    ### END SOLUTION


# %% role="stub" id="training_step" task="3.3"
def training_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, target: Tensor) -> float:
    """One step of the optimiser on one batch.

    Arguments:
        images: float (B, 3, H, W); target: int64 (B, h, w); both on the model's device.
    Returns:
        The loss of the batch before the step, as a Python float.

    The model works in training mode. Gradients that are left over from earlier play no part.
    """
    ### BEGIN SOLUTION
    model.train()
    loss = segmentation_loss(model(images), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %% [markdown]
# <details><summary>"element 0 of tensors does not require grad and does not have a grad_fn"</summary>
#
# In the case without labels you return a fresh 0. It must still hang on the logits: which sum of theirs is 0 here by
# itself, and what may it be divided by?
# </details>
# <details><summary>"The loss is several thousand"</summary>
#
# That is the sum over the pixels. Divide, but not by all of them.
# </details>
# <details><summary>"The loss starts near 1.4, falls a little, and stays there"</summary>
#
# Is there a softmax before the loss? `F.cross_entropy` has its own, and two of them flatten every difference.
# </details>
# <details><summary>"My loss is right on the first step and wrong on the second"</summary>
#
# Either the step used gradients of the first batch as well, or the loss was measured after the update.
# </details>

# %% role="check" id="training_step" points=5
check("training_step")

# %% [markdown]
# ## First prove that it can learn: overfit one batch
#
# *About 10 minutes.* From here on nothing is graded by machine, but notebook 4 needs the trained model.
#
# **All settings of the training stand in the next cell, and nowhere else.** Without a GPU they make the whole notebook
# run in about two minutes on two idle CPU cores, on the sample: small images, few epochs. With a GPU they are meant for
# a real training.

# %% role="experiment"
from segkit.data import FourClassADE20K, locate_data
from segkit.devices import best_device

data = locate_data()
device = best_device()
small = {"image_size": (128, 128), "target_size": (32, 32), "epochs": 8, "batch_size": 8}
full = {"image_size": (256, 256), "target_size": (64, 64), "epochs": 40, "batch_size": 16}
settings = {
    **(small if device.type == "cpu" else full),
    "learning_rate": 1e-3,
    "flip_probability": 0.5,
    "crops": device.type != "cpu",  # see below
    "seed": 0,
    "run": "first",  # the folder of this run: checkpoints/first
}
print(f"device: {device}", settings, sep="\n")

# %% [markdown]
# **On real photographs.** Set the environment variable `DATA` to your `ADEChallengeData2016` folder or zip *before*
# Jupyter starts; without it the data are the drawn sample. Use a GPU, and plan: train one epoch, read its seconds,
# multiply. Ten epochs of all 11,068 photographs are more steps than forty of a tenth of them. If the GPU's memory is
# too small, halve `batch_size`.
#
# Your `joint_transform` flips, which is enough for a few passes. In a long training a model learns the images by heart;
# with `"crops": True` it sees another part of each image in every pass, mirrored or not, in other light, and `fit`
# makes these itself, on the GPU if there is one.

# %% role="experiment"
from functools import partial

pixels = {"image_size": settings["image_size"], "target_size": settings["target_size"]}
joint_transform = student_code("01_data").joint_transform  # yours, from notebook 1
augmented = partial(joint_transform, flip_probability=settings["flip_probability"], **pixels)
plain = partial(joint_transform, flip_probability=0.0, **pixels)

train_set = FourClassADE20K(data, "training", transform=augmented)
val_set = FourClassADE20K(data, "validation", transform=plain)
images, target = train_set[0]
print(f"{len(train_set)} training and {len(val_set)} validation images")
print(f"one item: image {tuple(images.shape)}, target {tuple(target.shape)}, labels {target.unique().tolist()}")

# %% [markdown]
# Validation images are never flipped: what you measure should not depend on a coin.

# %% [markdown]
# Now four images, again and again, with **your** training step. If a model of this size cannot learn four images by
# heart, something is broken, and a long training would only hide it.

# %% role="experiment"
unflipped = FourClassADE20K(data, "training", transform=plain)
images, targets = (torch.stack(items) for items in zip(*(unflipped[i] for i in range(4)), strict=True))

torch.manual_seed(settings["seed"])
model = SegFormer(num_classes=4).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
losses = []
for step in range(1, 81):
    losses.append(training_step(model, optimizer, images.to(device), targets.to(device)))
    if step % 20 == 0:
        print(f"step {step} of 80: loss {losses[-1]:.3f}")
overfitted = mean_iou(evaluate(model, [(images, targets)]))
print(f"first loss {losses[0]:.2f} (log 4 = {math.log(4):.2f}), last loss {losses[-1]:.3f}")
print(f"mean IoU on these four images: {overfitted:.2f}")

# %% role="experiment"
from segkit.plots import show_lines, show_predictions

show_lines(range(1, 81), {"loss": losses}, x_label="step", y_label="loss", title="One batch, over and over", log_y=True)

# %% [markdown]
# What to read: the first loss lies near $\log 4$, the last far below, and the way down is steep, if not smooth. A flat
# line says that no gradient arrives; a line that climbs, that the steps are too long or the old gradients were kept.
# What the curve hides: whether *anything* was learned that holds for a fifth image.

# %% role="experiment"
model.eval()
with torch.inference_mode():
    predictions = model(images[:3].to(device)).argmax(dim=1).cpu()
show_predictions(list(images[:3]), list(targets[:3]), list(predictions))

# %% [markdown]
# The right column should look like the middle one, but for a cell here and there. Both have a quarter of the image's
# height and width: that is the model's resolution, and task 4.1 is about getting back to the photograph's.

# %% [markdown]
# ## Training
#
# *About 30 minutes, most of them not yours.* First a mark to beat: what is the mean IoU of a "model" that calls
# everything background?

# %% role="experiment"
from torch.utils.data import DataLoader

baseline = torch.zeros(4, 4, dtype=torch.int64)
for _, targets in DataLoader(val_set, batch_size=settings["batch_size"]):
    baseline += confusion_matrix(torch.zeros_like(targets), targets)
accuracy = baseline.diagonal().sum() / baseline.sum()
print(f"everything background: {accuracy:.0%} of the pixels are right, mean IoU {mean_iou(baseline):.2f}")

# %% [markdown]
# A good share of the pixels, and no understanding at all: this is why segmentation is not judged by the share of right
# pixels. Three of the four IoUs are 0.

# %% [markdown]
# Your `training_step` is the heart of every training. Around it belong a few hundred lines that are the same for
# everybody: devices, mixed precision, a schedule for the learning rate, logs, checkpoints, resuming. Lightning has
# them.

# %% [markdown]
# `segkit.training.fit` sets Lightning up with **your** model, loss, confusion matrix and mean IoU. It is AdamW with a
# warm-up and a linear decay of the learning rate, as in the paper (section 4.1). The decoder learns ten times as fast
# as the encoder there, because that encoder was pre-trained; yours starts from nothing, so the factor here is 1.

# %% role="experiment"
import json
from pathlib import Path

from segkit.augmentation import Augmentation
from segkit.training import fit

sets, augmentation = [train_set, val_set], None
if settings["crops"]:
    sets = [FourClassADE20K(data, split) for split in ("training", "validation")]
    augmentation = Augmentation(**pixels)

out = Path("checkpoints") / settings["run"]
torch.manual_seed(settings["seed"])
model = SegFormer(num_classes=4)
history = fit(
    model, *sets, out, augmentation=augmentation,
    loss=segmentation_loss, confusion_matrix=confusion_matrix, mean_iou=mean_iou,
    epochs=settings["epochs"], batch_size=settings["batch_size"],
    learning_rate=settings["learning_rate"], head_learning_rate_factor=1, seed=settings["seed"],
)  # fmt: skip
(out / "settings.json").write_text(json.dumps(settings, indent=1))
print(f"best mean IoU {history.best_mean_iou:.3f}, in epoch {history.best_epoch}")
print(f"all background {mean_iou(baseline):.3f}")

# %% [markdown]
# The weights of the best epoch and of the last one lie in `checkpoints/first/checkpoints`. If the training is
# interrupted, run the cell again: it goes on where it was. A run that has ended is only read back. So after a change to
# the settings **or to your model**, give the run another name, or remove its folder.

# %% role="experiment"
from segkit.plots import show_curves

show_curves(history)

# %% [markdown]
# How to read curves:
#
# * Training loss falls, validation loss falls: train longer.
# * Training loss falls, validation loss rises: the model learns images by heart; more augmentation, or stop earlier.
# * Neither falls: learning rate too small, or far too large; go back to the one batch.
#
# The two losses are not measured alike (flips, BatchNorm's mode, one batch against the whole set), so compare their
# direction, not their height.

# %% role="experiment"
losses, epochs = history.val_loss, len(history.val_loss)
lowest = losses.index(min(losses)) + 1
print(f"validation loss: {min(losses):.3f} at its lowest, in epoch {lowest} of {epochs}; {losses[-1]:.3f} at the end")
print("It might go on to fall." if lowest == epochs else "It stopped falling before the end.")
print(f"best mean IoU  : {history.best_mean_iou:.3f}, in epoch {history.best_epoch}")

# %% [markdown]
# The epoch with the lowest loss and the one with the best mean IoU need not be the same: the loss asks how sure the
# model is, IoU only which class wins. Kept are the weights with the best mean IoU.

# %% [markdown]
# ### If you like: begin where others stopped
#
# Your encoder began with random numbers. The paper's was first trained to name what is on 1.3 million photographs
# (ImageNet), and its weights are published. `load_pretrained` puts them into **your** encoder, whatever your layers are
# called, and verifies in float64 that each stage then computes the published function.
#
# They may be used for study and research, not commercially; nor may what you train from them.

# %% role="experiment"
from segkit.pretrained import load_pretrained

pretrained = None  # "nvidia/mit-b0" is fetched from the Hugging Face hub; a file of yours is given by its path
if pretrained is None:
    print("This model began with random numbers. To compare, set pretrained and run this cell again.")
else:
    chosen = {**settings, "learning_rate": 6e-5, "pretrained": str(pretrained), "run": "pretrained"}
    out = Path("checkpoints") / chosen["run"]
    torch.manual_seed(chosen["seed"])
    model = load_pretrained(SegFormer(num_classes=4), pretrained)
    history = fit(
        model, *sets, out, augmentation=augmentation,
        loss=segmentation_loss, confusion_matrix=confusion_matrix, mean_iou=mean_iou, epochs=chosen["epochs"],
        batch_size=chosen["batch_size"], learning_rate=chosen["learning_rate"], head_learning_rate_factor=10,
        seed=chosen["seed"],
    )  # fmt: skip
    (out / "settings.json").write_text(json.dumps(chosen, indent=1))
    print(f"best mean IoU with published weights {history.best_mean_iou:.3f}, in epoch {history.best_epoch}")

# %% [markdown]
# What has learned much already should change little: the encoder's learning rate is the paper's $6 \cdot 10^{-5}$, and
# the decoder, which begins with random numbers, learns ten times as fast. Larger encoders fit larger models:
# `SegFormer(num_classes=4, **sizes("b2"))`, with `sizes` from the same module, takes "nvidia/mit-b2".

# %% [markdown]
# **Before you go on**, try one change: another learning rate, more epochs, no flips. Change one setting *and* the
# run's name, and run the settings, the next code cell and those from *Training* on. Notebook 4 asks what you chose, and
# why.

# %% role="experiment"
from segkit.training import read_history

finished = sorted(path.parent for path in Path("checkpoints").glob("*/settings.json"))
for folder in finished:
    kept, curves = json.loads((folder / "settings.json").read_text()), read_history(folder)
    print(f"{folder.name}: best mean IoU {curves.best_mean_iou:.3f} in epoch {curves.best_epoch} with {kept}")

# %% [markdown]
# One line per run, with everything that made it: this is the table for your report. `show_curves` also takes several
# histories by name and draws them together. Save this notebook now: notebook 4 reads your functions from the file.

# %% [markdown]
# ## Bonus · The same logits, sooner
#
# *About 40 minutes, 3 points on top of the others (a total never exceeds 100). You need: your decoder of task 2.5; what
# a matrix product does to a sum.*

# %% [markdown]
# **Why.** Notebook 2 counted the multiplications of the decoder by hand. PyTorch can count those of a whole model. How
# much of SegFormer's work is done in the decoder, which holds a tenth of its parameters?

# %% role="experiment"
from torch.utils.flop_counter import FlopCounterMode

channels, sides = (32, 64, 160, 256), (64, 32, 16, 8)  # of the four maps of B0 at 256 x 256
maps = [torch.randn(1, count, side, side) for count, side in zip(channels, sides, strict=True)]


def million_multiply_adds(module: nn.Module, inputs: Tensor | list[Tensor]) -> float:
    """Multiply-adds of one call in millions: the counter takes each for two operations."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(inputs)
    return counter.get_total_flops() / 2e6


slow = MLPDecoder(channels, 256, None, 4).eval()
in_decoder = million_multiply_adds(slow, maps)
in_all = million_multiply_adds(SegFormer().eval(), torch.randn(1, 3, 256, 256))
print(f"decoder {in_decoder:.0f} of {in_all:.0f} million multiply-adds: {in_decoder / in_all:.0%}")

# %% [markdown]
# Most of the work is done in the part with the fewest parameters: its large matrix meets every position of the enlarged
# maps. But enlarging adds no information. Can the matrix come first?

# %% [markdown]
# **Idea.** Bilinear upsampling makes each new position a weighted mean of old ones, $\hat x_j = \sum_n w_{jn} x_n$ with
# $\sum_n w_{jn} = 1$. A linear layer at every position does not care:
#
# $$A \hat x_j + b = \sum_n w_{jn} (A x_n + b)$$
#
# $A$ passes through the sum, and $b$ does because the weights sum to 1. Two channels and two pixels, to see it:

# %% role="experiment"
A, b = torch.tensor([[2.0, -1.0]])[:, :, None, None], torch.tensor([3.0])  # two channels -> one
pixels = torch.tensor([[0.0, 4.0], [6.0, 1.0]]).reshape(1, 2, 1, 2)  # two channels, a map of 1 x 2


def enlarge(x: Tensor) -> Tensor:
    """Bilinear upsampling of a map of 1 x 2 to 1 x 4."""
    return F.interpolate(x, (1, 4), mode="bilinear", align_corners=False)


print("enlarged, then mapped:", F.conv2d(enlarge(pixels), A, b).flatten().tolist())
print("mapped, then enlarged:", enlarge(F.conv2d(pixels, A, b)).flatten().tolist())
print("ReLU, then enlarged  :", enlarge(F.conv2d(pixels, A, b).relu()).flatten().tolist())
print("enlarged, then ReLU  :", enlarge(F.conv2d(pixels, A, b)).relu().flatten().tolist())

# %% [markdown]
# The first two lines agree, and the second multiplied at two positions instead of four. The other two differ: a ReLU is
# not linear, so it must wait until everything is enlarged and added up. (And BatchNorm? In evaluation it is linear too;
# in training it needs the statistics of the enlarged sum.)

# %% [markdown]
# **Four maps.** The layer that fuses has $4E$ inputs, and its matrix is four $E \times E$ blocks side by side, one for
# each map. With $P_i, b_i$ for the linear layer of stage $i$, $W_i$ for the block that its map meets and $U$ for
# upsampling, what is fused is
#
# $$\sum_i W_i\, U(P_i F_i + b_i) = \sum_i U(W_i P_i F_i + W_i b_i).$$

# %% role="experiment"
fuse, first, second = torch.randn(2, 4), torch.randn(2), torch.randn(2)
print("one matrix on both, joined:", fuse @ torch.cat([first, second]))
print("its blocks, added up      :", fuse[:, :2] @ first + fuse[:, 2:] @ second)

# %% [markdown]
# Now no large matrix meets an enlarged map. And $W_i P_i$ is a product of two matrices that are the same for all
# positions: multiply them once per call, and one small matrix is left for each map. What each step saves:

# %% role="experiment"
E, positions = 256, [side**2 for side in sides]
projecting = sum(E * count * n for count, n in zip(channels, positions, strict=True))
orders = {
    "task 2.5": {"stages": projecting, "fuse": 4 * E * E * positions[0]},
    "blocks before enlarging": {"stages": projecting, "fuse": E * E * sum(positions)},
    "blocks times stages first": {"stages": projecting, "fuse": E * E * sum(channels)},
}
figure, axis = plt.subplots(figsize=(8, 2), layout="constrained")
start = [0.0] * len(orders)
for part in ("stages", "fuse"):
    millions = [order[part] / 1e6 for order in orders.values()]
    axis.barh(list(orders), millions, left=start, label=part)
    start = [before + more for before, more in zip(start, millions, strict=True)]
axis.invert_yaxis()
axis.set(title="Multiply-adds of the decoder without the last layer, one image", xlabel="millions")
axis.legend()
sums = ", ".join(f"{order} {sum(parts.values()) / 1e6:.0f} million" for order, parts in orders.items())
describe(figure, f"Bars of multiply-adds, each cut into stages and fuse: {sums}.")

# %% [markdown]
# The long orange bar nearly disappears. What the bars hide: enlarging, adding, BatchNorm and ReLU multiply little, but
# they read and write whole maps, and that takes time as well. So the clock will save less than the count.

# %% [markdown]
# **To do** (3 bonus points). Give `forward` the new order. The class inherits the layers of *your* decoder: look into
# your notebook 2 for their names, and for the order in which you joined the maps. Multiply the matrices anew in each
# call: weights change when they are trained or loaded.


# %% role="stub" id="FastMLPDecoder" task="3.4"
class FastMLPDecoder(MLPDecoder):
    """Your MLPDecoder with fewer multiplications: the same logits, from the same weights under the same names.

    Every map is mapped at its own size, by one matrix that does what the stage's layer and its block of the fusing
    layer do; then it is enlarged (bilinear, `align_corners=False`) and added to the others. BatchNorm, ReLU and the
    last layer follow, as ever.

    Arguments, shapes: those of MLPDecoder. It works in training and evaluation mode, and all weights learn. What a
    trained decoder has learned goes in by `fast.load_state_dict(slow.state_dict())`.

    Example: on maps of 63 x 84, 32 x 42, 16 x 21 and 8 x 11 the logits are (B, num_classes, 63, 84), and no matrix but
        the last layer's meets a map of 63 x 84 other than the first.
    """

    def forward(self, features: list[Tensor]) -> Tensor:
        ### BEGIN SOLUTION
        size = self.out_dims or features[0].shape[2:]
        blocks = self.fuse.weight.flatten(1).chunk(len(features), dim=1)[::-1]  # (E, E) each, first stage first
        fused = 0
        for level, project, block in zip(features, self.projections, blocks, strict=True):
            product = block @ project.weight.flatten(1)  # (E, E) @ (E, C) -> (E, C)
            mapped = F.conv2d(level, product[:, :, None, None], block @ project.bias)  # (B, E, h, w)
            fused = fused + F.interpolate(mapped, size, mode="bilinear", align_corners=False)
        return self.classifier(F.relu(self.norm(fused)))
        ### END SOLUTION


# %% [markdown]
# <details><summary>"The values are right, but this does not hold: it saves multiply-adds"</summary>
#
# Somewhere a matrix still meets an enlarged map. Count for yourself: `million_multiply_adds(fast, maps)`.
# </details>
# <details><summary>"Right with the check's weights, wrong with those of my MLPDecoder"</summary>
#
# Then the blocks meet the wrong maps: the check's own blocks are all alike. Which map stands first in your
# concatenation?
# </details>
# <details><summary>"Right in training mode, wrong otherwise"</summary>
#
# A bias is missing, or it did not go through its block: in training BatchNorm takes every constant away, so that only
# evaluation notices. If your fusing layer has a bias of its own, add it once.
# </details>
# <details><summary>"cannot take the weights of your MLPDecoder"</summary>
#
# You wrote an `__init__` of your own. Its layers need the names that they have in `MLPDecoder`, or leave it out.
# </details>

# %% role="bonus" id="fast_decoder" points=3
check("fast_decoder")

# %% [markdown]
# **Is it faster?** The same weights in a whole model, twice: once with your decoder, once with the fast one in its
# place. They take turns, so that a slow moment of the machine meets both, and the median counts.

# %% role="experiment"
import copy
import statistics
import time


def with_fast_decoder(model: nn.Module) -> nn.Module:
    """A copy of a model whose decoder does the same with fewer multiplications."""
    model = copy.deepcopy(model)
    for part in model.modules():
        if type(part) is MLPDecoder:
            part.__class__ = FastMLPDecoder  # the same weights, another `forward`
    return model


slow_model = SegFormer().eval()
models, seconds = {"slow": slow_model, "fast": with_fast_decoder(slow_model)}, {"slow": [], "fast": []}
image = torch.randn(1, 3, 256, 256)
with torch.inference_mode():
    apart = (models["slow"](image) - models["fast"](image)).abs().max()
    for _ in range(5):
        for name, model_now in models.items():
            before = time.perf_counter()
            model_now(image)
            seconds[name].append(time.perf_counter() - before)
ratio = statistics.median(seconds["slow"]) / statistics.median(seconds["fast"])
print(f"largest difference of the logits {apart:.0e}; the whole model is {ratio:.2f} times as fast")
saved = {name: million_multiply_adds(model_now, image) for name, model_now in models.items()}
print(f"multiply-adds: {saved['slow'] / saved['fast']:.2f} times as few")

# %% [markdown]
# The logits differ by rounding alone: sums were taken in another order. The clock gains less than the count, as the
# picture hid, and the encoder's share has grown: to go on, you would have to look there. Your trained model becomes
# fast by the same line: `with_fast_decoder(model)`. Save this notebook again.
