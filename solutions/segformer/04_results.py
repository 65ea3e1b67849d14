# %% [markdown]
# # 4 · Results
#
# A number says how good a model is, pictures say how. You bring predictions back to the size of the photograph, look at
# each class by itself, look for the worst images, and then write down what you saw and what you chose.
#
# | task | what you do | points | minutes |
# |---|---|---|---|
# | 4.1 | `predict_full_resolution` | 4 | 25 |
# | 4.2 | `per_class_iou` | 2 | 10 |
# | 4.3 | `worst_images` | 2 | 20 |
# | 4.4 | what the model does: a description | 4 | 45 |
# | 4.5 | what you chose, and why | 4 | 30 |
# | bonus | the trained model itself, measured on other images | up to 5 | 10 |
#
# Between 4.3 and 4.4 stand three experiments of ten minutes each: how sure the model is, what a position looks at, and
# what bad weather does. There is nothing to write in them; they are material for 4.4.

# %% [markdown]
# **Before you start.** Notebook 3 lies in the same folder, is complete and saved, and was run to its end: its training
# has left weights in `checkpoints/`. You should know what `align_corners=False` means (task 2.5) and be able to read a
# confusion matrix (task 3.2).

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segkit import check, student_code
from segkit.data import prepare_image
from segkit.devices import device_of

model_code = student_code("03_model")
confusion_matrix = model_code.confusion_matrix
mean_iou = model_code.mean_iou

# %% [markdown]
# ## The trained model
#
# The weights of the best epoch go into **your** `SegFormer`. If you trained several runs in notebook 3, choose one of
# them here; everything below is about that one.

# %% role="experiment"
import json
from pathlib import Path

from segkit import CourseError
from segkit.devices import best_device
from segkit.training import load_best, read_history

run = "first"
out = Path("checkpoints") / run
if not (out / "settings.json").is_file():
    raise CourseError(
        f"There is no finished training in {out}: run notebook 3 to its end first, or correct `run` above."
    )
settings = json.loads((out / "settings.json").read_text())
history = read_history(out)
model = load_best(model_code.SegFormer(num_classes=4), out).to(best_device()).eval()
print(f"{out}: mean IoU {history.best_mean_iou:.3f} in epoch {history.best_epoch} of {len(history.epochs)}")
print(settings)

# %% role="experiment"
from segkit.plots import show_curves

show_curves(history)

# %% [markdown]
# The curves of the training, read back from its log. The weights in hand are those of the epoch with the highest mean
# IoU, not of the last. What the curves hide: which class the mean is made of, and at which resolution it was measured.

# %% role="experiment"
from segkit.data import CLASS_NAMES, EvalTransform, FourClassADE20K, Photographs, locate_data

image_size, target_size = tuple(settings["image_size"]), tuple(settings["target_size"])
data = locate_data()
photographs = Photographs(data, "validation")
small_pairs = FourClassADE20K(data, "validation", transform=EvalTransform(image_size, target_size))
image, mask = photographs[0]
print(f"{len(photographs)} validation photographs; the first: {tuple(image.shape)}, mask {tuple(mask.shape)}")
print(f"the same as the model sees it: {tuple(small_pairs[0][0].shape)}, target {tuple(small_pairs[0][1].shape)}")

# %% [markdown]
# ## Task 4.1 · Predictions at the photograph's resolution
#
# *About 25 minutes. You need: bilinear interpolation as in task 2.5.*
#
# **Idea.** The model answers on a coarse grid, a quarter of its input. The photograph is larger still, and need not be
# square. Something must be enlarged: the logits, before a class is chosen, or the labels, after. It is not the same.

# %% [markdown]
# One row of a picture, two classes. The grid has two cells: the left one is sure of class 0 (by 3), the right one leans
# to class 1 (by 1). Enlarge it four times.

# %% role="experiment"
scores = torch.tensor([[[3.0, 0.0], [0.0, 1.0]]])  # (1, 2 classes, 2 cells)
fine_scores = F.interpolate(scores, size=8, mode="linear")
margin = fine_scores[0, 1] - fine_scores[0, 0]
print("how much class 1 leads:", [round(value, 1) for value in margin.tolist()])
print("from enlarged logits  :", (margin > 0).int().tolist())
print("from enlarged labels  :", scores.argmax(dim=1)[0].repeat_interleave(4).tolist())

# %% [markdown]
# Enlarged labels can change only where one cell ends and the next begins. Enlarged logits put the border where the lead
# changes its sign, three quarters of the way from one cell's centre to the next: nearer to the cell that was less sure.
# Check one value by hand: pixel 4 lies $(4.5/4 - 0.5) = 0.625$ of the way, $-3 + 0.625 \cdot 4 = -0.5$.

# %% [markdown]
# And why not interpolate the labels smoothly? Because labels are names, not quantities. Between background (0) and a
# vehicle (3):

# %% role="experiment"
between = F.interpolate(torch.tensor([[[0.0, 3.0]]]), size=8, mode="linear")[0, 0]
print([CLASS_NAMES[label] for label in between.round().int().tolist()])

# %% [markdown]
# A seam of plants and animals around every car. It looks absurd here; as a thin line in a large picture it is easily
# overlooked.

# %% [markdown]
# **To do** (4 points). `prepare_image(image, size)` makes a network input `(3, *size)` of a
# photograph: a plain resize, then ImageNet's normalisation. The way back stretches the logits to the photograph's own
# height and width, so the distortion is undone.


# %% role="stub" id="predict_full_resolution" task="4.1"
def predict_full_resolution(model: nn.Module, image: Tensor, input_size: tuple[int, int] = (256, 256)) -> Tensor:
    """Predict a label for every pixel of a photograph: image uint8 (3, H, W) -> int64 (H, W).

    Arguments:
        model: maps images (1, 3, *input_size) to logits (1, K, h, w).
        image: on the CPU, any height and width.
        input_size: (height, width) of what the model sees; see `prepare_image`.

    Interpolation is bilinear, with align_corners=False. The model predicts in evaluation mode, without gradients and on
    the device where it lies (`device_of(model)`). Afterwards it is in the mode in which it came.

    Example: an image (3, 375, 500) at the default input size has logits (1, 4, 64, 64) and labels (375, 500).
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(prepare_image(image, input_size)[None].to(device_of(model)))
    model.train(was_training)
    logits = F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)
    return logits[0].argmax(dim=0).to(image.device)
    ### END SOLUTION


# %% [markdown]
# <details><summary>"My borders are staircases"</summary>
#
# The choice of a class came before the enlargement. What has to be enlarged so that borders can lie between cells?
# </details>
# <details><summary>"Expected 4D input", or "got 3D input"</summary>
#
# Models work on batches. Your image is a batch of one on its way in, and no batch on its way out.
# </details>
# <details><summary>"Height and width are exchanged, or it works for square images only"</summary>
#
# Sizes are (height, width) everywhere, and the last two axes of an image are in the same order.
# </details>
# <details><summary>"The same photograph gets another answer on the second call"</summary>
#
# Something in the model behaves differently in training. And did you leave the model as you found it?
# </details>

# %% role="check" id="prediction" points=4
check("prediction")

# %% [markdown]
# Four photographs, chosen before looking: every so many-th of the validation set, so that nobody picks the pretty ones.

# %% role="experiment"
from segkit.plots import show_predictions


def show_photographs(indices: list[int]):
    """Photograph, truth, prediction and errors of some validation images, at their full size."""
    images, masks = zip(*(photographs[i] for i in indices), strict=True)
    predictions = [predict_full_resolution(model, image, image_size) for image in images]
    titles = [f"image {i}" for i in indices]
    return show_predictions(list(images), list(masks), predictions, titles=titles, errors=True)


show_photographs(list(range(0, len(photographs), len(photographs) // 4))[:4])

# %% [markdown]
# Look at the insides of large regions first, then at borders, then at whatever is small or thin. Is something
# missing, is something invented, or is the right thing called by the wrong name? Those are three different errors,
# and they have different causes.

# %% [markdown]
# Now in numbers: the whole validation set, against the truth at full size, both ways of enlarging. Without a GPU this
# takes a while.


# %% role="experiment"
from segkit.progress import open_bar


def enlarge_labels(image: Tensor, size: torch.Size) -> Tensor:
    """The other way: choose a class for each cell, then repeat the label over the cell's pixels -> (H, W)."""
    with torch.inference_mode():
        cells = model(image[None].to(device_of(model))).argmax(dim=1, keepdim=True)
    return F.interpolate(cells.float(), size=size, mode="nearest")[0, 0].long().cpu()


by_logits, by_labels = torch.zeros(2, 4, 4, dtype=torch.int64)
differ = torch.zeros(3, dtype=torch.int64)  # pixels: different, there the logits right, there the labels right
with open_bar(len(photographs), unit="photograph") as bar:
    for i in range(len(photographs)):
        image, mask = photographs[i]
        truth = mask.long()
        smooth = predict_full_resolution(model, image, image_size)
        blocks = enlarge_labels(small_pairs[i][0], truth.shape)
        by_logits += confusion_matrix(smooth, truth)
        by_labels += confusion_matrix(blocks, truth)
        there = (smooth != blocks) & (truth != 255)
        differ += torch.stack([there, there & (smooth == truth), there & (blocks == truth)]).sum(dim=(1, 2))
        bar.update()

# %% role="experiment"
pixels, logits_right, labels_right = differ.tolist()
print(f"mean IoU: {mean_iou(by_logits):.4f} with logits enlarged, {mean_iou(by_labels):.4f} with labels enlarged")
print(f"the two differ in {pixels / by_logits.sum():.1%} of the pixels; of these are right:")
print(f"    from logits {logits_right / max(pixels, 1):.0%}, from labels {labels_right / max(pixels, 1):.0%}")
print(f"on the coarse grid the mean IoU is {history.best_mean_iou:.4f}, as in the curves")

# %% [markdown]
# The two ways differ at borders only, and most pixels lie inside: a small effect, and for a model that hardly knows
# where a border is it may have either sign. The last number was measured against a coarse truth. Three numbers for one
# model: whoever quotes a mean IoU must say at which size.

# %% [markdown]
# ## Task 4.2 · Each class by itself
#
# *About 10 minutes. You need: your confusion matrix of task 3.2.*

# %% [markdown]
# **Idea.** A mean of 0.5 may be four classes at 0.5, or two at 1 and two never found. The formula is that of task 3.2,
# without the mean:
#
# $$\mathrm{IoU}_k = \frac{N_{kk}}{\sum_j N_{kj} + \sum_j N_{jk} - N_{kk}}$$
#
# For $N = \begin{pmatrix}2&1&0\\1&4&0\\0&0&0\end{pmatrix}$: class 0 has $2/(3+3-2) = 1/2$, class 1 has
# $4/(5+5-4) = 2/3$, and class 2 occurs nowhere.

# %% [markdown]
# **To do** (2 points): the formula, and what it says about a class that never occurs.


# %% role="stub" id="per_class_iou" task="4.2"
def per_class_iou(confusion: Tensor) -> Tensor:
    """Intersection over union of every class: confusion matrix (K, K) of counts -> float tensor (K,).

    A class that occurs neither in the truth (row) nor in the prediction (column) has no IoU: NaN, neither 0 nor 1.

    Example: per_class_iou(torch.tensor([[2, 1, 0], [1, 4, 0], [0, 0, 0]])) -> tensor([0.5000, 0.6667, nan])
    """
    ### BEGIN SOLUTION
    intersection = confusion.diagonal()
    union = confusion.sum(dim=0) + confusion.sum(dim=1) - intersection
    return intersection / union  # 0 / 0 is NaN: the class never occurs
    ### END SOLUTION


# %% [markdown]
# <details><summary>"Some of my values are larger than 1, or too small"</summary>
#
# The pixels on the diagonal stand in a row *and* in a column. How often are they in your union?
# </details>
# <details><summary>"A class that is never predicted gets NaN, but should get 0"</summary>
#
# It occurs in the truth, so its union is not empty. NaN is for classes that occur in neither.
# </details>

# %% role="check" id="per_class_iou" points=2
check("per_class_iou")

# %% role="experiment"
from segkit.plots import show_class_iou

ious = per_class_iou(by_logits)
for name, iou, pixels in zip(CLASS_NAMES, ious.tolist(), by_logits.sum(dim=1).tolist(), strict=True):
    print(f"{name:>14}: IoU {iou:.3f}, {pixels / by_logits.sum():6.1%} of the pixels")
print(f"mean of these {ious.nanmean():.3f}, mean_iou of task 3.2 {mean_iou(by_logits):.3f}")
show_class_iou(ious, shares=by_logits.sum(dim=1) / by_logits.sum())

# %% [markdown]
# The two means must agree. Compare the order of the IoUs with the order of the shares beside them: is the rarest class
# the worst? If not, what makes the worst one hard? The bars say how good a class is, but not what happens to its
# pixels. That is in the matrix.

# %% role="experiment"
from segkit.plots import show_confusion

show_confusion(by_logits)

# %% [markdown]
# Read it row by row: "of the pixels that *are* this class, so many were called that". A row tells of misses. For false
# alarms read a column. The next cell reads the largest error of each row aloud.

# %% role="experiment"
shares = by_logits / by_logits.sum(dim=1, keepdim=True)
wrong = shares.clone().fill_diagonal_(0)
for k, name in enumerate(CLASS_NAMES):
    other = int(wrong[k].argmax())
    print(f"{name}: {shares[k, k]:.0%} found, {wrong[k, other]:.0%} called {CLASS_NAMES[other]}")
invented = 1 - by_logits.diagonal() / by_logits.sum(dim=0)
for name, share in zip(CLASS_NAMES, invented.tolist(), strict=True):
    print(f"of what was called {name}, {share:.0%} is something else")

# %% [markdown]
# A class with many misses and few false alarms is one that the model is too shy to name; with few misses and many
# false alarms, one that it names too freely. An IoU cannot tell the two apart. ("nan%" means that a class was never
# called, or never there.)

# %% [markdown]
# ## Task 4.3 · Where it fails
#
# *About 20 minutes. You need: `mean_iou`; what NaN does in comparisons.*

# %% [markdown]
# **Idea.** The quickest way to understand a model is to look at its worst answers: often they have something in common.
# Every image gets its own mean IoU, from its own confusion matrix, and the lowest come first.
#
# One trap: an image without a single labelled pixel has no mean IoU. Watch what Python's sorting makes of that:

# %% role="experiment"
print(sorted([0.4, float("nan"), 0.2]))  # not a typo: this is Python's answer

# %% [markdown]
# NaN is neither smaller nor larger than anything, so 0.4 and 0.2 were never exchanged, and the list is not sorted at
# all. An image that cannot be judged is not a bad one: it belongs at the end.

# %% [markdown]
# **To do** (2 points): score, sort, return the indices.


# %% role="stub" id="worst_images" task="4.3"
def worst_images(model: nn.Module, dataset, count: int = 5) -> list[int]:
    """Find the images on which the model does worst: `count` indices into the data set, the worst first.

    Arguments:
        model: maps images (B, 3, H, W) to logits (B, 4, h, w).
        dataset: `dataset[i]` for i from 0 to `len(dataset)` - 1 is (image float (3, H, W), target int64 (h, w)), labels
            0 .. 3 or 255. Sizes may differ from image to image.

    An image's score is its own mean IoU. Of two images with the same score the earlier one comes first; images without
    a labelled pixel come last. Evaluation mode, no gradients, the mode restored: as in task 4.1.

    Example: with the scores 0.5, 0.2, NaN and 0.2 the two worst are [1, 3], and all four [1, 3, 0, 2].
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    scores = []
    with torch.no_grad():
        for i in range(len(dataset)):
            image, target = dataset[i]
            prediction = model(image[None].to(device_of(model))).argmax(dim=1)[0]
            scores.append(mean_iou(confusion_matrix(prediction.cpu(), target.cpu())))
    model.train(was_training)
    worst_first = torch.stack(scores).nan_to_num(nan=torch.inf).argsort(stable=True)
    return worst_first[:count].tolist()
    ### END SOLUTION


# %% [markdown]
# <details><summary>"Images of a single class are always among the worst"</summary>
#
# Absent classes are counted as 0 somewhere. `mean_iou` knows better, if it gets the image's own matrix.
# </details>
# <details><summary>"It never ends, or stops with an index that is out of range"</summary>
#
# A data set promises `len(dataset)` and `dataset[i]`, and nothing about when a `for` loop over it ends.
# </details>
# <details><summary>"Two images with equal scores come in the wrong order"</summary>
#
# Not every sort keeps the order of equals. Look for the word "stable" in the documentation of yours.
# </details>

# %% role="check" id="worst_images" points=2
check("worst_images")

# %% role="experiment"
worst = worst_images(model, small_pairs)
show_photographs(worst)

# %% [markdown]
# The five worst of the validation set. What do they have in common: small things, few things, a rare class, odd
# light, a strange view? And is it always the model that is wrong? Annotations were drawn by people, and some are
# coarse.
#
# Before you blame the model, look at what the score is made of, and at the class that pulls it down: is it *missed*
# (called background), *invented* (it is background), or *confused* with another class?

# %% role="experiment"
import math

from segkit.analysis import why_low

for i in worst:
    image, mask = photographs[i]
    truth = mask.long()
    confusion = confusion_matrix(predict_full_resolution(model, image, image_size), truth)
    parts = zip(CLASS_NAMES, per_class_iou(confusion).tolist(), confusion.sum(dim=1).tolist(), strict=True)
    words = [f"{name} {iou:.2f} ({pixels / truth.numel():.1%})" for name, iou, pixels in parts if not math.isnan(iou)]
    print(f"image {i}: mean {mean_iou(confusion):.2f} = " + ", ".join(words))
    if reason := why_low(confusion):
        print("    " + reason.sentence())

# %% [markdown]
# Behind each IoU stands the class's share of the image's pixels. A class with 0 % was invented: a handful of wrong
# pixels makes its IoU 0, and in a single image that alone pulls the mean down by a third or a quarter. So the list
# holds hard images *and* images with a tiny class: tell them apart before you write. (Scores at full size; the order
# was made on the grid.)

# %% [markdown]
# ## How sure is it?
#
# *About 10 minutes. You need: softmax.*
#
# **Idea.** The softmax of a pixel's logits $z$ are probabilities, and that of the chosen class is the model's
# *confidence*: $p = \max_k \, \mathrm{softmax}(z)_k$, from a quarter (no idea) to 1. It comes for free with every
# prediction. Here for your worst image and two others.

# %% role="experiment"
from segkit.analysis import class_probabilities
from segkit.plots import show_confidence

shown = [worst[0], 0, len(photographs) // 2]
images, masks = zip(*(photographs[i] for i in shown), strict=True)
probabilities = [class_probabilities(model, image, image_size) for image in images]
predictions = [of_classes.argmax(dim=0) for of_classes in probabilities]
confidences = [of_classes.amax(dim=0) for of_classes in probabilities]
show_confidence(images, masks, predictions, confidences, titles=[f"image {i}" for i in shown])

# %% [markdown]
# Dark lines run along borders: there two classes are equally good. Dark areas are things that the model does not know.
# Compare the last two columns: wrong and dark is an honest error, wrong and bright a dangerous one, which no threshold
# would find.

# %% [markdown]
# **May it be believed?** Of all pixels with a confidence of about 0.8, about 80 % should be right; then the model is
# *calibrated*. Sort the pixels into bins $b$ of similar confidence, and compare in each the mean confidence $c_b$ with
# the share $r_b$ that is right (Guo et al. 2017):
#
# $$\mathrm{ECE} = \sum_b \frac{n_b}{n} \, |r_b - c_b|$$

# %% role="experiment"
from segkit.analysis import reliability
from segkit.plots import show_reliability

every = max(1, len(photographs) // 60)
image_by_image = [
    reliability(class_probabilities(model, image, image_size), mask)
    for image, mask in (photographs[i] for i in range(0, len(photographs), every))
]
whole = sum(image_by_image[1:], start=image_by_image[0])
print(f"{whole.pixels[-1] / whole.pixels.sum():.0%} of the pixels are at least 90 % sure")
print(f"of these {1 - whole.share_right[-1]:.1%} are wrong")
show_reliability(whole)

# %% [markdown]
# Above the diagonal the model is better than it thinks, below it too sure of itself, as networks that have been trained
# for long often are. The right picture says how much each point weighs. What both hide: most pixels are background, and
# a model can be calibrated on average without being so for vehicles.

# %% [markdown]
# ## What does a position look at?
#
# *About 10 minutes. You need: your attention of task 2.2.*
#
# **Idea.** The weights $\mathrm{softmax}(QK^T/\sqrt{d})$ of task 2.2 say from where a position takes its values.
# However you wrote your attention, they are the one tensor in it that for every query is a distribution over the keys.
# `attention_of_position` watches your module work and picks it out.

# %% role="experiment"
from segkit.analysis import attention_of_position
from segkit.plots import show_attention

number, place = 0, (0.6, 0.5)  # which image; which part of its height and width: choose your own
picture = small_pairs[number][0]
position = tuple(int(part * side) for part, side in zip(place, picture.shape[-2:], strict=True))
attention = attention_of_position(model, picture, position)  # per stage: (heads, height, width of the keys' grid)
show_attention(
    picture, position, [weights.mean(dim=0) for weights in attention], titles=[f"stage {s}" for s in (1, 2, 3, 4)]
)

# %% [markdown]
# The last block of each stage, the mean of its heads; each square is one key, the brightest the one with most weight. A
# query that takes half of its values from half of the keys looks at everything alike. Does a stage prefer the
# neighbourhood, things that look similar, or always the same corner? Try another place before you believe it. And the
# mean hides that heads differ:

# %% role="experiment"
show_attention(
    picture, position, list(attention[-1]), titles=[f"head {h + 1}" for h in range(len(attention[-1]))], columns=5
)

# %% [markdown]
# What attention maps hide: *what* is fetched (the values), what the blocks after this one do with it, and whether it
# mattered. They say where the model looked, not why it decided; the receptive fields of question 6 come closer to that.

# %% [markdown]
# ## When the picture is bad
#
# *About 10 minutes.*
#
# **Idea.** The validation photographs are as good as those of the training. Others are not: noise in the dark, a lens
# out of focus, fog, snow, rain, a file made too small. How much of the mean IoU is left (after Hendrycks & Dietterich
# 2019)? Six corruptions, at strength 3 of 5:

# %% role="experiment"
from segkit.analysis import CORRUPTIONS, corrupt
from segkit.plots import show_images

squares = FourClassADE20K(data, "validation")  # as bytes, 256 x 256: corruptions come before the normalisation
show_images([corrupt(squares[0][0], name, strength=3) for name in CORRUPTIONS], titles=CORRUPTIONS, columns=3)

# %% [markdown]
# Now the model, at strengths 0 (clean) to 5, on 24 images of the validation set: the truth stays the same, for a cow in
# fog is a cow.

# %% role="experiment"
from torch.utils.data import Subset

from segkit.analysis import robustness
from segkit.plots import show_lines

some = Subset(squares, range(0, len(squares), max(1, len(squares) // 24))[:24])
curves = robustness(model, some, image_size, confusion_matrix=confusion_matrix, mean_iou=mean_iou)
show_lines(range(6), curves, x_label="strength (0: clean)", y_label="mean IoU", title="The same images, corrupted")

# %% role="experiment"
clean = next(iter(curves.values()))[0]
print(f"clean {clean:.3f}; relative loss at the strengths 1 to 5, and on average")
for name, (_, *ious) in sorted(curves.items(), key=lambda curve: sum(curve[1])):
    losses = [1 - iou / clean for iou in ious]
    print(f"{name:>6}: " + " ".join(f"{loss:5.0%}" for loss in losses) + f"   {sum(losses) / len(losses):5.0%}")

# %% [markdown]
# The first line is the worst. Ask of each corruption what it destroys (texture, edges, colour, contrast), and you learn
# what your model lives on. What the curves hide: how strong "3" is was our choice for each, so compare models at a
# strength rather than corruptions with each other; and on so few images a point up or down means nothing.

# %% [markdown]
# ## Written answer 4.4 · What the model does
#
# *About 45 minutes; 150 to 300 words; 4 points, given by a person.*
#
# Describe what your model does with at least six validation images, two of them from your five worst. Name images by
# their index, so that a reader can follow.

# %% [markdown]
# What to look for, and what earns the points, one each:
#
# * **Observations**: what is right, what is wrong, in which image and where in it.
# * **Kinds of errors**: missed, invented, confused; with the numbers of the matrix that belong to them.
# * **Size and border**: how do large and small things fare, and how good is an outline on a grid this coarse?
# * **A cause**: one explanation for an error, an observation that supports it, and an experiment that could refute it.
#
# "The predictions look good" earns nothing: it could be said of any model.

# %% [markdown] role="answer" id="qualitative" points=4
# ### BEGIN SOLUTION
# *Reference run on the drawn sample, 8 epochs at 128 x 128. Other runs have other images and other numbers.*
#
# **Right**: sky and meadow of image 18, street and sky of image 27, the crowns of the trees in images 0 and 9. In the
# matrix, 96 % of the background and 88 % of the plant pixels are found.
#
# **Missed**: of the person/animal pixels 20 % are found, 57 % are called background; the people on the beaches of
# images 5 and 30 are all missed, and so are the boats (vehicle: 24 % found). **Confused**: the left cow of image 36 is
# a plant, the people around the bicycle of image 0 are a vehicle. **Invented**: plants where image 21 has a picture on
# the wall. Of what is called vehicle, 51 % is something else.
#
# **Size and border**: a cell of the 32 x 32 grid covers about 7 x 7 pixels of a photograph, and a standing person is
# two or three cells wide. The shrubs of image 27 become two lumps; around every crown runs a thin rim of wrong pixels.
# But small is not the whole story: the cattle of images 20 and 36 fill a third of the picture and are missed, too.
#
# **A cause**: the model goes by colour. Green and yellowish is plant, whatever its shape (the field of image 20, the
# picture in 21); the brown trunk of image 0 is none. To refute it: turn the hue of all images so that blue becomes
# green. If shape or texture mattered more, little would change. Tried: of the background, 27 % instead of 2 % is
# called plant (the skies), and of the plants 4 % instead of 88 % are found. The explanation stands.
#
# **Marking scheme** (one point each, in halves):
#
# * Observations: at least six images named, two of the five worst, right *and* wrong things, each with its place. Half
#   a point for fewer images, or for faults only.
# * Kinds of errors: at least two of missed, invented and confused told apart, with fitting numbers from the writer's
#   own matrix. Half a point without numbers, or if row and column are mixed up.
# * Size and border: small against large things, and outlines, tied to the grid's resolution. Half a point for one of
#   them.
# * A cause: an explanation, an observation for it, and an experiment whose outcome could speak against it. Half a point
#   if the experiment is missing or could only confirm.
#
# A weak model costs nothing; a good model described in adjectives earns nothing. Where words contradict the notebook's
# own pictures or numbers, that line gets no point.
# ### END SOLUTION

# %% [markdown]
# ## Written answer 4.5 · What you chose, and why
#
# *About 30 minutes; 150 to 300 words; 4 points, given by a person.*
#
# List what you chose: image size, batch size, learning rate and schedule, number of epochs, augmentation, and whatever
# else you changed. The settings of your runs stand at the end of notebook 3.

# %% [markdown]
# The four points:
#
# * **Complete**: somebody else could repeat your training from your text.
# * **Reasons**: for three of the choices, what speaks for it and what it costs.
# * **Evidence**: two runs of yours that differ in *one* setting, with numbers or curves, and whether the difference is
#   larger than chance (what would the same settings with another seed give?).
# * **Next**: the one change you would try with ten times the computing time, and what you expect of it.
#
# A choice that made things worse is worth as much as one that helped, if you report it honestly.

# %% [markdown] role="answer" id="choices" points=4
# ### BEGIN SOLUTION
# *Reference runs on the drawn sample; every mean IoU is the best on validation, on the 32 x 32 grid.*
#
# **What**: SegFormer-B0 with 4 classes from random weights, no drop path; images 128 x 128, targets 32 x 32, plain
# resize; horizontal flips with probability 0.5; cross-entropy; AdamW, learning rate 0.001 for all parts, weight decay
# 0.01 (none on norms and biases), warm-up over a tenth of the steps, then linear to 0; batch 8, 8 epochs, seed 0; the
# epoch with the best mean IoU is kept.
#
# **Why**: *128 pixels* make a step four times cheaper than 256; the price is a person one cell wide. *0.001* because
# nothing is pre-trained, and the paper's 0.00006 is meant for fine-tuning; 0.0005 gave 0.509 and 0.002 gave 0.496,
# against 0.512, so it is not critical. *Batch 8* for time: batch 4 takes twice the steps and gave 0.551.
#
# **Evidence**: flips on or off, nothing else changed, three seeds each. With flips 0.512, 0.482, 0.510 (mean 0.501),
# without 0.509, 0.489, 0.510 (mean 0.503). The seeds alone differ by 0.03: in eight epochs flips do nothing that can be
# seen, which fits the curves: training and validation loss still fall together, so there is nothing to cure yet.
#
# **Next**: with ten times the time, more steps (batch 4, 40 epochs). The losses have not parted yet; I expect vehicle
# and person/animal, of which a fifth is found, to gain most, and flips to begin to matter.
#
# **Marking scheme** (one point each, in halves):
#
# * Complete: model, sizes, augmentation, loss, optimiser, schedule, batch, epochs and the rule for which weights are
#   kept. Half a point if up to two are missing.
# * Reasons: three choices, each with an advantage and a price. "It was the default" counts if the writer says for what
#   it was made. Half a point for two, or without prices.
# * Evidence: one setting changed, both numbers or curves shown, and a word about chance (a second seed, or the jumping
#   of the curve from epoch to epoch). Half a point without that word, none for a comparison of several changes at once.
# * Next: one change, with an expectation that a run could disappoint (which class, which curve, how much).
#
# No point depends on the height of the mean IoU.
# ### END SOLUTION

# %% [markdown]
# ## Bonus · Your model on images that nobody has trained on
#
# *About 10 minutes; up to 5 points on top of the others.*
#
# You chose the epoch, and perhaps the run, by the validation images: their mean IoU flatters you a little. Hand in the
# model itself, and it is measured on images that only your instructor has. Your **own code** runs it, in a sandbox.

# %% [markdown]
# `save_results` writes the weights and how to build and ask the model, builds it anew from the file, and compares. Was
# your `SegFormer` built with other arguments than these? Then they belong here. `name` is what the leaderboard calls
# you; with `None` you stay anonymous.

# %% role="experiment"
from segkit.evaluation.saving import save_results

save_results(model, "results", image_size=image_size, arguments={"num_classes": 4}, name=None)

# %% [markdown]
# The next cell evaluates the saved files on some of your own validation images, with your own functions, as the grader
# does it with its own. Images are seen at `image_size`, logits enlarged to 256 x 256, unlabelled pixels left out.

# %% role="evaluated" id="trained_model" points=5 model="03_model.SegFormer"
from segkit.evaluation.checking import check_results

own_functions = {"predict": predict_full_resolution, "confusion_matrix": confusion_matrix, "mean_iou": mean_iou}
check_results("results", model_code.SegFormer, data, **own_functions)

# %% [markdown]
# `submit(student=..., checkpoint=True)` takes the folder `results/` along when you hand in (end of notebook 5). If the
# number here is far above the one you get back, the model has learned your validation images, or your data differ from
# your instructor's: which of the two could you test?

# %% [markdown]
# Save this notebook before you hand it in. In notebook 5 you argue about the design itself: eight questions, each
# with a small experiment.
