# %% [markdown]
# # 1 · Data
#
# In five notebooks you build **SegFormer** (Xie et al. 2021, [arXiv 2105.15203](https://arxiv.org/abs/2105.15203)), a
# transformer that names the class of every pixel of a photograph. You write its parts, train it, look at what it gets
# wrong, and argue why it is built the way it is. This first notebook prepares what it learns from.

# %% [markdown]
# | notebook | what you make there |
# |---|---|
# | **1 data** | four classes out of 150, a transform for image and labels together, the balance of the classes |
# | 2 modules | the four modules of SegFormer and an encoder stage |
# | 3 model | the whole network, mean IoU, the training step; then training |
# | 4 results | predictions at full resolution, IoU per class, the worst images |
# | 5 discussion | eight questions, each with a small experiment to argue from |

# %% [markdown]
# | task | you write | minutes | points |
# |---|---|---|---|
# | 1.1 | `map_labels` | 15 | 4 |
# | 1.2 | `joint_transform` | 25 | 6 |
# | 1.3 | `class_shares` | 10 | 3 |

# %% [markdown]
# ## How a notebook works
#
# * **Given** cells: run them, read them, leave them.
# * **Stubs** raise `NotImplementedError`: put your code there. The signature and the docstring say what is wanted.
# * **Checks** run your code on small cases at once and say in words what differs.
# * **Experiments** draw, time and train. Play with them.
# * **Answers** are written by you and read by a person.

# %% [markdown]
# Hidden tests grade your imports, definitions and assignments, on other sizes and numbers than the checks; they never
# run an experiment. So keep what a function needs inside it or in a cell above it, and save a notebook before you open
# the next one: later notebooks use your code from the file.

# %% [markdown]
# **What you must know:** Python; tensors (shapes, slices, indexing); what training a network means. Transformers are
# explained in notebook 2. **What you need:** this notebook takes about 75 minutes and no GPU.
#
# Stuck? Below most stubs are hints, titled by what you see on your screen. Open the one that fits.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from segkit import check
from segkit.data import (
    ADE20K_CLASSES,
    ADE20K_NAMES,
    CLASS_NAMES,
    IGNORE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    FourClassADE20K,
    RawADE20K,
    before_and_after,
    locate_data,
    raw_data,
    read_manifest,
)

# %% [markdown]
# ## What the data look like
#
# **Semantic segmentation** gives every pixel a class: an image `(3, H, W)` goes in, a map of class numbers `(H, W)`
# comes out. To learn it, a network needs photographs in which people have drawn the right map. **ADE20K** is such a
# collection: indoor and outdoor scenes, drawn with 150 classes.

# %% [markdown]
# One call gets you the data. If the environment variable `DATA` names your copy of `ADEChallengeData2016` (folder, zip
# file or parquet files), it is used. If not, what your course offers is downloaded, once; an interrupted download goes
# on when you run the cell again. Without either, or without a network, a small set of *drawn* scenes in the same format
# takes their place; everything below works with each of them.

# %% role="experiment"
root = locate_data()

# %% [markdown]
# What it has built in that folder comes later. First look at what it was built from:

# %% role="experiment"
raw = RawADE20K(raw_data(), "training")


def classes_seen(index):
    """How many of the course's classes the annotation `index` contains."""
    seen = set(raw[index][1].unique().tolist())
    return sum(not seen.isdisjoint(ids) for ids in ADE20K_CLASSES.values())


chosen = max(range(min(40, len(raw))), key=classes_seen)
image, annotation = raw[chosen]
print(f"{len(raw)} training photographs; this one is {raw.names[chosen]}")
print("image     ", tuple(image.shape), image.dtype)
print("annotation", tuple(annotation.shape), annotation.dtype, "ids:", annotation.unique().tolist())

# %% [markdown]
# The annotation has the height and width of the photograph and one number per pixel, a class id. Here are both side by
# side, with the names of the largest classes.

# %% role="experiment"
from matplotlib import pyplot as plt
from matplotlib.patches import Patch

from segkit.plots import describe

ids, pixels = annotation.unique(return_counts=True)
rank = {number: place for place, number in enumerate(ids[pixels.argsort(descending=True)].tolist())}
colors = plt.get_cmap("tab20").colors
picture = torch.zeros(*annotation.shape, 3)
for number, place in rank.items():
    picture[annotation == number] = torch.tensor(colors[place % 20])

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
axes[0].imshow(image.permute(1, 2, 0))
axes[1].imshow(picture)
largest = list(rank.items())[:10]
legend = [Patch(color=colors[place], label=f"{number} {ADE20K_NAMES[number]}") for number, place in largest]
axes[1].legend(handles=legend, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
for axis, title in zip(axes, ("photograph", "annotation"), strict=True):
    axis.set(title=title, xticks=[], yticks=[])
named = ", ".join(f"{ADE20K_NAMES[number]} {(annotation == number).float().mean():.0%}" for number, _ in largest)
describe(figure, f"A photograph, and beside it its annotation in colours, largest classes first: {named}.")

# %% [markdown]
# The colours only tell the ids apart. What the picture hides: ids are *names*, not amounts. Class 13 is not "more" than
# class 5, and the average of two ids is the id of something else. Keep that in mind for task 1.2.

# %% [markdown]
# ## The four classes of this course
#
# A model of 150 classes takes days to train. Ours shall learn within minutes, so the 150 become four.

# %% role="experiment"
for label, name in enumerate(CLASS_NAMES):
    members = [f"{number} {ADE20K_NAMES[number]}" for number in ADE20K_CLASSES.get(label, ())]
    print(f"{label}  {name:14} {', '.join(members) or 'every other id, and 0 (unlabelled)'}")

# %% [markdown]
# ## Task 1.1 · Label mapping
#
# *About 15 minutes. You need: indexing a tensor with a tensor.*
#
# The mapping is a function of one number: whatever pixel holds the id 13 becomes a 2. The obvious way asks, for every
# pixel, in which list its id stands. Follow it by hand on six pixels:

# %% role="experiment"
import time


def slow_mapping(annotation):
    """The mapping, one pixel at a time."""
    labels = torch.zeros(annotation.shape, dtype=torch.int64)
    for row in range(annotation.shape[0]):
        for column in range(annotation.shape[1]):
            for label in ADE20K_CLASSES:
                if int(annotation[row, column]) in ADE20K_CLASSES[label]:
                    labels[row, column] = label
    return labels


tiny = torch.tensor([[3, 3, 5], [13, 21, 0]], dtype=torch.uint8)
print("sky sky tree / person car unlabelled ->", slow_mapping(tiny).tolist())
start = time.perf_counter()
slow_mapping(annotation[:40, :40])
seconds = (time.perf_counter() - start) / 1600 * annotation.numel()
print(f"At this rate the photograph above takes {seconds:.1f} s, 20,210 like it {seconds * 20_210 / 3600:.1f} hours.")

# %% [markdown]
# **The idea:** a uint8 has 256 possible values. Work the answer out once for each of them and write it into a *lookup
# table*; then a whole annotation is one indexing operation, because indexing a tensor with a tensor looks up every
# element. A shop's price list with an order of four items:

# %% role="experiment"
price_of = torch.tensor([7, 0, 9])  # article 0 costs 7, article 1 nothing, article 2 costs 9
order = torch.tensor([[2, 2], [0, 1]])
print(price_of[order].tolist())

# %% [markdown]
# The answer has the shape of the order and holds prices. In the task, the articles are ADE20K's ids and the prices are
# labels.


# %% role="stub" id="map_labels" task="1.1"
def map_labels(annotation: Tensor) -> Tensor:
    """Reduce ADE20K's 150 classes to our four.

    Args:
        annotation: ADE20K class ids 0..150 (0 = unlabelled), uint8, any shape.

    Returns:
        Labels 0 (background), 1 (plant), 2 (person/animal), 3 (vehicle): int64, the same shape. `ADE20K_CLASSES` lists
        the ids of labels 1 to 3; every other id, 0 included, is background.

    Example:
        sky, tree / person, car: [[3, 5], [13, 21]] -> [[0, 1], [2, 3]]
    """
    ### BEGIN SOLUTION
    table = torch.zeros(256, dtype=torch.int64, device=annotation.device)  # one entry per value a uint8 can have
    for label, listed in ADE20K_CLASSES.items():
        table[list(listed)] = label
    return table[annotation.long()]  # a uint8 index would be taken for a mask
    ### END SOLUTION


# %% role="check" id="label_mapping" points=4
check("label_mapping")

# %% [markdown]
# <details><summary>IndexError: the shape of the mask does not match, or a warning about uint8 and indexing</summary>
#
# As an index, uint8 has an old meaning: a mask of true and false. Convert the ids to int64 before you look them up.
# </details>
#
# <details><summary>IndexError: index 150 is out of bounds</summary>
#
# The ids are 1-based: 150 classes and the 0 make 151 entries at least.
# </details>
#
# <details><summary>The check says that my result has the wrong dtype</summary>
#
# The result of a lookup has the dtype of the table. PyTorch's losses want labels as int64.
# </details>

# %% [markdown]
# The whole photograph at once, timed, and laid over the picture:

# %% role="experiment"
from segkit.plots import show_overlay

start = time.perf_counter()
labels = map_labels(annotation)
print(f"{(time.perf_counter() - start) * 1000:.1f} ms instead of about {seconds:.1f} s")
show_overlay([image], [labels])

# %% [markdown]
# ### Who says that a bus is background?
#
# A mapping is a decision. These four ids stay background in ours. How often do they occur?

# %% role="experiment"
doubtful = {30: "plant?", 73: "plant?", 81: "vehicle?", 117: "vehicle?"}
looked_at = [raw[index][1] for index in range(0, len(raw), max(1, len(raw) // 120))]
for number, question in doubtful.items():
    found = [(ids == number).float().mean().item() for ids in looked_at if (ids == number).any()]
    area = f", covering {sum(found) / len(found):.1%} of it on average" if found else ""
    print(f"{number:4} {ADE20K_NAMES[number]:10} {question:9} in {len(found)} of {len(looked_at)} photographs{area}")

# %% [markdown]
# Think about it (no points): a van is a vehicle and a bus is not. What will a trained model do with a bus, and what
# does that cost in the metric? Is a field of wheat "grass"? And *unlabelled* becomes background here, though nobody
# has looked at those pixels. You meet such choices again in notebooks 4 and 5.

# %% [markdown]
# ## Task 1.2 · One transform for image and labels
#
# *About 25 minutes. You need: `torchvision.transforms.v2`, shown below.*
#
# The network wants a 256×256 image, normalised as ImageNet's were, and learns from a 64×64 target. A random flip makes
# every photograph count twice. Three things can go wrong, and none of them raises an error.

# %% [markdown]
# **1. Image and labels must move together.** If one coin flips the image and another one the labels, half of the pairs
# lie. Torchvision's v2 transforms take both at once and throw one coin, but they must be told what is what:
# `tv_tensors.Image` and `tv_tensors.Mask` are tensors that say so.

# %% role="experiment"
row = torch.tensor([[10, 20, 30]], dtype=torch.uint8)
upside_down = v2.RandomVerticalFlip(p=1)
plain = upside_down(row.T.expand(3, 3, 1), row.T)
typed = upside_down(tv_tensors.Image(row.T.expand(3, 3, 1)), tv_tensors.Mask(row.T))
for name, (flipped_image, flipped_mask) in (("plain tensors", plain), ("tv_tensors", typed)):
    print(f"{name:14} image column {flipped_image[0, :, 0].tolist()}  mask column {flipped_mask[:, 0].tolist()}")

# %% [markdown]
# Of two plain tensors v2 takes the first for the image and hands the second through untouched: the mask is still
# the right way up. With types, both are flipped.

# %% [markdown]
# **2. Labels cannot be averaged.** Shrinking an image bilinearly mixes neighbouring colours, and that is good. A row of
# labels, plant plant | vehicle vehicle, made one pixel shorter in the same way:

# %% role="experiment"
import torch.nn.functional as F

row = torch.tensor([1.0, 1, 3, 3])
shorter = F.interpolate(row[None, None], size=3, mode="linear")[0, 0]
print(shorter.tolist(), "->", [CLASS_NAMES[round(label)] for label in shorter.tolist()])

# %% [markdown]
# Between a tree and a car there is suddenly a person. The same on a whole annotation, bilinear and then rounded:

# %% role="experiment"
from segkit.plots import show_predictions

bilinear = F.interpolate(labels[None, None].float(), (64, 64), mode="bilinear", antialias=True)[0, 0].round().long()
show_predictions([image, image], [labels, bilinear], titles=["labels, full size", "labels, shrunk bilinearly"])

# %% [markdown]
# Look at the outlines: a seam of classes 1 and 2 runs around everything that is a 3. A model trained on this learns
# that vehicles wear a rim of plants and people.

# %% [markdown]
# **3. Nearest neighbour is not one rule but several.** Ours takes, for row $i$ and column $j$ of an $h \times w$
# target, the mask's pixel at
# $$\left(\left\lfloor iH/h \right\rfloor,\ \left\lfloor jW/w \right\rfloor\right).$$
# This is PyTorch's `nearest`; Pillow's and `nearest-exact` look half a pixel further. By hand, for $W = 6$ and $w = 4$:

# %% role="experiment"
columns = [j * 6 // 4 for j in range(4)]
print("columns", columns, "of abcdef:", "".join("abcdef"[column] for column in columns))

# %% [markdown]
# **Normalisation**, per colour channel: $x \mapsto (x / 255 - \text{mean}) / \text{std}$ with ImageNet's statistics. An
# average pixel becomes 0, and published weights expect exactly that.

# %% role="experiment"
for color, mean, std in zip(("red", "green", "blue"), IMAGENET_MEAN, IMAGENET_STD, strict=True):
    values = [f"{value} -> {(value / 255 - mean) / std:+.2f}" for value in (0, 124, 255)]
    print(f"{color:6}", "   ".join(values))


# %% role="stub" id="joint_transform" task="1.2"
def joint_transform(
    image: Tensor,
    mask: Tensor,
    flip_probability: float = 0.5,
    image_size: tuple[int, int] = (256, 256),
    target_size: tuple[int, int] = (64, 64),
) -> tuple[Tensor, Tensor]:
    """Make the network's input and target of a photograph and its four-class mask: flip first, then resize.

    Args:
        image: uint8 (3, H, W); may be a plain tensor.
        mask: uint8 (H, W) of labels 0..3, 255 = ignored; may be a plain tensor.
        flip_probability: of a horizontal flip; one coin decides for both.
        image_size, target_size: (height, width). Plain resizing: no crop, no padding.

    Returns:
        image: float32 (3, *image_size), resized bilinearly (antialiased), normalised with ImageNet's mean and std.
        target: int64 `target_size`; pixel (i, j) comes from row floor(i H / h), column floor(j W / w).

    Example:
        the mask [[0, 0, 1, 1], [3, 255, 1, 1]] at target_size (1, 2) is [[0, 1]]; with flip_probability 1, [[1, 0]]
    """
    ### BEGIN SOLUTION
    image, mask = tv_tensors.Image(image), tv_tensors.Mask(mask)  # so that v2 knows colours from labels
    image, mask = v2.RandomHorizontalFlip(flip_probability)(image, mask)
    image = v2.functional.to_dtype(image, torch.float32, scale=True)
    image = v2.functional.resize(image, image_size, v2.InterpolationMode.BILINEAR, antialias=True)
    image = v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)
    target = v2.functional.resize(mask, target_size, v2.InterpolationMode.NEAREST).to(torch.int64)
    return v2.ToPureTensor()(image, target)
    ### END SOLUTION


# %% role="check" id="joint_transform" points=6
check("joint_transform")

# %% [markdown]
# <details><summary>The target contains labels that the mask does not have</summary>
#
# Something interpolates between labels. Is the mask still a `tv_tensors.Mask` where you resize it?
# </details>
#
# <details><summary>Some targets are mirrored, others not, and the images do not follow</summary>
#
# Either two coins are thrown, or the mask went into the transform as a plain tensor and came out as it was.
# </details>
#
# <details><summary>The target is right except near the borders of objects</summary>
#
# Another nearest rule (Pillow's, `nearest-exact`), the flip after the resizing, or a mask that was shrunk twice.
# </details>

# %% [markdown]
# <details><summary>The image is wrong by a factor of about 255, or by a constant</summary>
#
# Bring the pixels to 0..1 before you subtract the mean. Converting the dtype alone does not scale.
# </details>
#
# <details><summary>Input tensor should be a float tensor</summary>
#
# `normalize` cannot work on uint8: convert first, and convert before the resizing, so that nothing is rounded twice.
# </details>
#
# <details><summary>The size of my result is right for squares only</summary>
#
# A single number as size keeps the aspect ratio and sets the shorter side. Give height and width.
# </details>

# %% [markdown]
# One photograph through your transform four times:

# %% role="experiment"
torch.manual_seed(0)
pairs = [joint_transform(image, labels.to(torch.uint8)) for _ in range(4)]
show_predictions([pair[0] for pair in pairs], [pair[1] for pair in pairs])

# %% [markdown]
# About half of the images are mirrored, each with its target. The photograph has become a square, whatever its shape
# was; what that costs is a subject of notebook 5.

# %% [markdown]
# ## Task 1.3 · Class balance
#
# *About 10 minutes. You need: counting with tensors.*
#
# How much of the data belongs to each class? With $n_k$ pixels of class $k$, its share is
# $$s_k = \frac{n_k}{\sum_j n_j}.$$
# Pixels labelled 255 are nobody's: they count neither above nor below the line.

# %% role="experiment"
target = torch.tensor([[0, 0, 1], [0, 3, 255]])
counted = [int((target == label).sum()) for label in range(4)]
print("pixels", counted, "of", sum(counted), "-> shares", [count / sum(counted) for count in counted])

# %% [markdown]
# Targets need not have one size. A large image has more pixels and counts for more: first add up, then divide, once.
# Averaging the shares of single images answers another question.


# %% role="stub" id="class_shares" task="1.3"
def class_shares(targets, num_classes: int = 4) -> Tensor:
    """Share of each class among the pixels of many targets.

    Args:
        targets: an iterable (perhaps a generator) of integer tensors of any sizes, labels 0..num_classes-1 or
            255 = ignored.
        num_classes: number of classes K.

    Returns:
        Float (K,): pixels of each class over all pixels that are not ignored. It sums to 1.

    Example:
        the targets [[0, 0], [0, 1]] and [[3, 255]] -> [3/5, 1/5, 0, 1/5]
    """
    ### BEGIN SOLUTION
    pixels = torch.zeros(num_classes, dtype=torch.int64)
    for target in targets:
        labelled = target[target != IGNORE].long()  # one dimension, whatever the shape of the target
        pixels += torch.bincount(labelled, minlength=num_classes).cpu()
    return pixels / pixels.sum()
    ### END SOLUTION


# %% role="check" id="class_balance" points=3
check("class_balance")

# %% [markdown]
# <details><summary>TypeError: object of type 'generator' has no len()</summary>
#
# An iterable can be walked through once, nothing else. Keep running totals.
# </details>
#
# <details><summary>My shares are slightly off when the targets differ in size</summary>
#
# You average shares. Add pixels over all targets first, and divide at the very end.
# </details>
#
# <details><summary>RuntimeError about sizes 256 and 4</summary>
#
# The ignored pixels are counted as class 255. Take them out before you count.
# </details>

# %% [markdown]
# ## The four-class data set
#
# `locate_data()` has applied the mapping to every annotation and stored the result, each photograph as a square of
# 256×256; all later notebooks read it. One rule decides which photographs stay: **more than 1 % of the 64×64 target
# must not be background.** The manifest records what was dropped and why.

# %% role="experiment"
manifest = read_manifest(root)
rule = {split: before_and_after(manifest, split) for split in ("training", "validation")}
for split, record in manifest["splits"].items():
    print(f"{split:11} {rule[split]['before']['images']} photographs before the rule, {record['kept']} after")
    for reason, names in record["dropped"].items():
        print(f"{'':11} {len(names)} dropped here: {reason}, for example {next(iter(names))}")

# %% [markdown]
# Each class once, in a photograph that shows much of it:

# %% role="experiment"
training = FourClassADE20K(root, "training")
masks = {index: training[index][1] for index in range(0, len(training), max(1, len(training) // 300))}


def richest(label):
    """The photograph of which most belongs to the class `label`."""
    return max(masks, key=lambda index: (masks[index] == label).float().mean())


chosen = [richest(label) for label in range(4)]
show_overlay([training[index][0] for index in chosen], [masks[index] for index in chosen], titles=CLASS_NAMES)

# %% [markdown]
# Squares: what was wide is squeezed, people become thin. The labels are squeezed alike, so nothing is wrong about them.
# Now some of the photographs that had to go:

# %% role="experiment"
gone = manifest["splits"]["training"]["dropped"].get("1 % rule", {})
pairs = [raw[raw.names.index(name)] for name in list(gone)[:4]]
show_overlay([image for image, _ in pairs], [map_labels(annotation) for _, annotation in pairs])

# %% [markdown]
# On ADE20K itself these are rooms, mostly. The rule saves time, and it has a price: a model that has never seen a
# scene without plants, people or vehicles has never been told to find *nothing*.

# %% [markdown]
# What does the rule do to the classes?

# %% role="experiment"
from segkit.plots import show_class_shares

show_class_shares({f"{when} the rule": counts["class_shares"] for when, counts in rule["training"].items()})

# %% [markdown]
# Background shrinks a little and all others grow a little: a rule about images is a blunt tool for a balance of pixels.

# %% [markdown]
# The stored labels come from the course's own mapping. Is yours the same? Your two functions together must give them.

# %% role="experiment"
compared = range(0, len(training), max(1, len(training) // 20))
different = 0
for index in compared:
    stored = training[index][1]
    image, annotation = raw[raw.names.index(training.names[index])]
    mine = joint_transform(image, map_labels(annotation).to(torch.uint8), 0.0, target_size=tuple(stored.shape))[1]
    different += int(((mine != stored) & (stored != IGNORE)).sum())
print(f"{different} of the pixels of {len(compared)} annotations differ")

# %% [markdown]
# ### How the classes are balanced


# %% role="experiment"
def shares_of(split):
    """Class shares of about 100 targets of a split."""
    pairs = FourClassADE20K(root, split, lambda image, mask: joint_transform(image, mask, flip_probability=0)[1])
    return class_shares(pairs[index] for index in range(0, len(pairs), max(1, len(pairs) // 100)))


shares = {split: shares_of(split) for split in ("training", "validation")}
show_class_shares(shares)

# %% [markdown]
# Background towers above everything; the classes one cares about are rare. Is a model that answers "background"
# everywhere, without looking, a good one?

# %% role="experiment"
background = shares["validation"][0].item()
print(f"always background: {background:.1%} of the pixels right, mean IoU {background / 4:.3f}")
print(f"a vehicle pixel stands against {background / max(shares['validation'][3].item(), 1e-6):.0f} background pixels")

# %% [markdown]
# Two consequences. **The loss:** cross-entropy averages over pixels, so most of its gradient comes from background;
# the rare classes are learned late. **The metric:** the share of right pixels flatters, so the course measures *mean
# IoU*, in which each class counts the same (notebook 3). There, the lazy model's IoU is its share for background and 0
# for the rest.

# %% [markdown]
# ### What the network will see

# %% role="experiment"
torch.manual_seed(1)
seen = FourClassADE20K(root, "training", joint_transform)
pairs = [seen[index] for index in range(0, len(seen), max(1, len(seen) // 4))][:4]
print("image", tuple(pairs[0][0].shape), pairs[0][0].dtype, " target", tuple(pairs[0][1].shape), pairs[0][1].dtype)
show_predictions([pair[0] for pair in pairs], [pair[1] for pair in pairs])

# %% [markdown]
# Left what goes in, right what should come out, at a quarter of the input's height and width: that is the resolution
# at which SegFormer answers. **Save this notebook**; the next one builds the network's parts.
