# %% [markdown]
# # 1 · Data and metric
#
# In this assignment you train two networks that name the class of every pixel: **FCN** (Long et al. 2015,
# [arXiv 1411.4038](https://arxiv.org/abs/1411.4038)) with a ResNet-50 inside, and **SegFormer** (Xie et al. 2021,
# [arXiv 2105.15203](https://arxiv.org/abs/2105.15203)). Each begins with random numbers once, and once with what it has
# learned elsewhere. The question is the same all the way: *what is pre-training worth, and how can you tell?*

# %% [markdown]
# | notebook | what you make there | points |
# |---|---|---|
# | **1 data and metric** | classes of two data sets, one size for images and masks, a metric for every run | 22 |
# | 2 FCN | a new head, a frozen encoder; then three runs | 14 |
# | 3 SegFormer | your own one: patch embedding, block, head | 20 |
# | 4 transfer | pre-training on streets, fine-tuning on pets | 14 |
# | 5 report | all runs side by side, and what they say | 30, bonus 4 |

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
# **What you must know:** Python; tensors (shapes, slices, indexing); what training a network means. **What you need:**
# this notebook takes about 70 minutes and no GPU. Stuck? Below the stubs are hints, titled by what you see on your
# screen.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor
from torchvision.datasets import Cityscapes, OxfordIIITPet
from torchvision.transforms import v2

from segkit import check
from segkit.transfer.data import (
    CITYSCAPES_CLASSES,
    CITYSCAPES_IDS,
    CITYSCAPES_LABELS,
    CITYSCAPES_PALETTE,
    IGNORE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    PET_CLASSES,
    PET_PALETTE,
    CityscapesPairs,
    PetPairs,
    locate_cityscapes,
    locate_pets,
)

# %% [markdown]
# ## Pets
#
# **Oxford-IIIT Pet** has 7,349 photographs of cats and dogs. For each of them somebody has said, pixel by pixel, where
# the animal is. Torchvision reads it; what `locate_pets()` prints says what it found on your machine.

# %% [markdown]
# * The environment variable `PETS` names your copy, or says `download` (800 MB, once).
# * Without it, photographs of animals from the ADE20K that `DATA` names are laid out in the same way.
# * Without both, scenes are drawn. Everything below works with each of them, but of drawn cats nobody learns much.

# %% role="experiment"
pets_folder = locate_pets()
pets = OxfordIIITPet(pets_folder, split="trainval", target_types="segmentation")
photograph, trimap = (v2.functional.pil_to_tensor(picture) for picture in pets[len(pets) // 3])
trimap = trimap[0]
print(f"{len(pets)} photographs to train and validate with")
print("photograph", tuple(photograph.shape), photograph.dtype)
print("trimap    ", tuple(trimap.shape), trimap.dtype, "values:", trimap.unique().tolist())

# %% [markdown]
# The annotation is called a **trimap**: 1 is the animal, 2 the background, 3 a band along the outline where people
# could not or would not decide.

# %% role="experiment"
from segkit.plots import show_class_shares, show_predictions

show_predictions(
    [photograph], [trimap], class_names=("", "1 animal", "2 background", "3 border"), palette=("#FFFFFF", *PET_PALETTE)
)

# %% [markdown]
# Two things to see. The band is wide: whiskers, fur and mistakes disappear in it. And it is a class like the others
# here: the network is asked to find it, because a model that knows where the outline runs knows a lot.

# %% [markdown]
# ## Task 1.1 · Trimaps become classes
#
# *About 5 minutes.*
#
# A network with three classes answers with the channels 0, 1, 2, and a loss takes the target as the number of a
# channel. The trimap counts from 1. What happens to a loss that is given a 3?

# %% role="experiment"
logits = torch.zeros(1, 3, 1, 2)  # one image, three classes, two pixels
for target in ([[1, 2]], [[2, 3]]):
    try:
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([target]))
        print(target, "-> a loss of", round(loss.item(), 3))
    except Exception as error:
        print(target, "->", error)

# %% [markdown]
# The second pair raises an error, which is the lucky case. The first one does not: a network would learn that animals
# are channel 1, background is channel 2, and channel 0 is for nothing.


# %% role="stub" id="pet_classes" task="1.1"
def pet_classes(trimap: Tensor) -> Tensor:
    """Make classes of the values of a trimap.

    Args:
        trimap: 1 (animal), 2 (background), 3 (border), uint8, any shape.

    Returns:
        Classes 0 (pet), 1 (background), 2 (border): int64, the same shape. The trimap is left as it is.

    Example:
        [[1, 3], [2, 2]] -> [[0, 2], [1, 1]]
    """
    ### BEGIN SOLUTION
    return trimap.to(torch.int64) - 1  # a class has the same number in every picture, whichever of them it shows
    ### END SOLUTION


# %% role="check" id="pet_classes" points=3
check("pet_classes")

# %% [markdown]
# <details><summary>It contains 255, which the right answer does not</summary>
#
# Unsigned bytes have no numbers below 0: what would be -1 wraps around. Which value have you subtracted too often?
# </details>
#
# <details><summary>A pet that fills its picture: wrong, everything else is right</summary>
#
# Numbers that are given in the order in which values turn up depend on the picture. Classes must not.
# </details>

# %% [markdown]
# ## Streets
#
# **Cityscapes** has 5,000 finely annotated photographs, taken from a car in 50 cities. Nobody may hand it on: you get
# it once you have registered; the README.md beside this notebook says how. `CITYSCAPES` names your copy; without one,
# photographs of streets from `DATA` take its place, or drawn streets do.

# %% role="experiment"
streets_folder = locate_cityscapes()
streets = Cityscapes(streets_folder, split="train", mode="fine", target_type="semantic")
street, label_ids = (v2.functional.pil_to_tensor(picture) for picture in streets[len(streets) // 2])
label_ids = label_ids[0]
ids, pixels = label_ids.unique(return_counts=True)
print(f"{len(streets)} photographs to train with; this one is {tuple(street.shape[1:])}")
for number, count in sorted(zip(ids.tolist(), pixels.tolist(), strict=True), key=lambda pair: -pair[1]):
    print(f"{number:4} {CITYSCAPES_LABELS.get(number, ''):14} {count / label_ids.numel():6.1%}")

# %% [markdown]
# There are 34 ids, and models are trained on 19 of them. The others are too rare (caravan, tunnel), or no part of the
# world (the hood of the car that took the picture, the border of the image), or nobody could tell.

# %% role="experiment"
trained = {number: train_id for train_id, number in enumerate(CITYSCAPES_IDS)}
for start in range(0, len(CITYSCAPES_LABELS), 4):
    row = list(CITYSCAPES_LABELS.items())[start : start + 4]
    print("  ".join(f"{number:2} {name:20} {trained.get(number, '-'):>3}" for number, name in row))

# %% [markdown]
# ## Task 1.2 · Label ids become train ids
#
# *About 10 minutes. You need: indexing a tensor with a tensor.*
#
# Right of each name stands its **train id**: 0 to 18, in the order of `CITYSCAPES_IDS`. All other pixels become 255,
# which the loss and the metric ignore. That is not the same as background: a model may say what it likes there.

# %% [markdown]
# A uint8 has 256 possible values. Write the answer for each of them into a *lookup table*, once; then a whole
# annotation is one indexing operation, for indexing a tensor with a tensor looks up every element. A shop's price list,
# and an order of four articles:

# %% role="experiment"
price_of = torch.tensor([7, 0, 9])  # article 0 costs 7, article 1 nothing, article 2 costs 9
order = torch.tensor([[2, 2], [0, 1]])
print(price_of[order].tolist())

# %% [markdown]
# In the task, the articles are label ids and the prices are train ids. One of Cityscapes' ids is -1 (licence plate); in
# a file of unsigned bytes it would be 255, so 255 must be on the list as well.


# %% role="stub" id="train_ids" task="1.2"
def train_ids(label_ids: Tensor) -> Tensor:
    """Make train ids of Cityscapes' label ids.

    Args:
        label_ids: 0..33, or 255 for a licence plate, uint8, any shape.

    Returns:
        The place of each id in `CITYSCAPES_IDS`, 0..18, and 255 for ids that are not there: int64, the same shape. The
        argument is left as it is.

    Example:
        road, unlabeled / car, licence plate: [[7, 0], [26, 255]] -> [[0, 255], [13, 255]]
    """
    ### BEGIN SOLUTION
    table = torch.full((256,), IGNORE, device=label_ids.device)
    for train_id, number in enumerate(CITYSCAPES_IDS):
        table[number] = train_id
    return table[label_ids.long()]  # a uint8 index would be taken for a mask
    ### END SOLUTION


# %% role="check" id="train_ids" points=5
check("train_ids")

# %% [markdown]
# <details><summary>IndexError: the shape of the mask does not match, or a warning about uint8 and indexing</summary>
#
# As an index, uint8 has an old meaning: a mask of true and false. Convert the ids to int64 before you look them up.
# </details>
#
# <details><summary>IndexError: index 255 is out of bounds</summary>
#
# The table has a place for every id that has a name. A uint8 can hold more.
# </details>
#
# <details><summary>A few classes are right, the others are mixed up</summary>
#
# While old and new numbers stand in one tensor, a car (id 26, train id 13) is taken for a fence (id 13).
# </details>

# %% role="experiment"
show_predictions([street], [train_ids(label_ids)], class_names=CITYSCAPES_CLASSES, palette=CITYSCAPES_PALETTE)

# %% [markdown]
# Black is ignored. The names are those of classes that occur in this picture; there are 19 in all.

# %% [markdown]
# ## Task 1.3 · Image and mask at one size
#
# *About 15 minutes. You need: `torchvision.transforms.v2`.*
#
# Five runs of thirty epochs are only possible if an epoch is short. So everything is 64×64 here: image and mask. Three
# rules, and breaking any of them raises no error.

# %% [markdown]
# **1. Colours are mixed.** A pixel of the small image is the average of those that it covers: bilinear, with
# *antialiasing*. Without it, every tenth pixel would be kept and the rest thrown away, and fur becomes noise.

# %% role="experiment"
from segkit.plots import show_images

stripes = (torch.arange(128) % 4 < 2).to(torch.uint8).mul(255).expand(3, 96, 128)
small = [
    v2.functional.resize(stripes, [24, 30], v2.InterpolationMode.BILINEAR, antialias=antialias)
    for antialias in (True, False)
]
show_images([stripes, *small], titles=["stripes of two pixels", "antialiased", "not antialiased"], columns=3)

# %% [markdown]
# Grey is what one sees of fine stripes from afar. The broad stripes at the right are in no photograph.

# %% [markdown]
# **2. Labels are picked.** The average of pet (0) and border (2) is background (1), and it is wrong. For row $i$ and
# column $j$ of an $h \times w$ mask, take the pixel of the large one at
# $$\left(\left\lfloor iH/h \right\rfloor,\ \left\lfloor jW/w \right\rfloor\right).$$
# That is PyTorch's `nearest`. Pillow's, and `nearest-exact`, look half a pixel further.

# %% role="experiment"
row = torch.tensor([[0, 0, 2, 2, 1, 1]], dtype=torch.uint8)
for mode in (v2.InterpolationMode.BILINEAR, v2.InterpolationMode.NEAREST, v2.InterpolationMode.NEAREST_EXACT):
    print(f"{mode.value:14}", v2.functional.resize(row[None], [1, 4], mode)[0].tolist())
print("the rule       columns", [j * 6 // 4 for j in range(4)])

# %% [markdown]
# **3. Values are normalised.** First to 0..1, then per colour channel $x \mapsto (x - \text{mean}) / \text{std}$ with
# ImageNet's statistics: the encoders that you will load have never seen anything else.

# %% role="experiment"
for color, mean, std in zip(("red", "green", "blue"), IMAGENET_MEAN, IMAGENET_STD, strict=True):
    values = [f"{value} -> {(value / 255 - mean) / std:+.2f}" for value in (0, 124, 255)]
    print(f"{color:6}", "   ".join(values))

# %% [markdown]
# Masks keep their dtype: a uint8 takes an eighth of the memory of an int64. `resize_pair` must work for trimaps, label
# ids, classes and train ids alike, so it must not know what the labels mean.


# %% role="stub" id="resize_pair" task="1.3"
def resize_pair(image: Tensor, mask: Tensor, size: tuple[int, int] = (64, 64)) -> tuple[Tensor, Tensor]:
    """Bring an image and its mask to one size, and normalise the image.

    Args:
        image: uint8 (3, H, W).
        mask: labels of any kind, uint8 or int64 (H, W).
        size: (height, width). Plain resizing: no crop, no padding.

    Returns:
        image: float32 (3, *size), resized bilinearly (antialiased), in 0..1, then normalised with ImageNet's mean and
            standard deviation.
        mask: `size`, of its own dtype; pixel (i, j) comes from row floor(i H / h), column floor(j W / w).

    Example:
        the mask [[0, 0, 2, 2, 1, 1]] at size (1, 3) is [[0, 2, 1]]
    """
    ### BEGIN SOLUTION
    image = v2.functional.to_dtype(image, torch.float32, scale=True)
    image = v2.functional.resize(image, size, v2.InterpolationMode.BILINEAR, antialias=True)
    mask = v2.functional.resize(mask[None], size, v2.InterpolationMode.NEAREST)[0]  # a mask has no axis of colours
    return v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD), mask
    ### END SOLUTION


# %% role="check" id="resize_pair" points=5
check("resize_pair")

# %% [markdown]
# <details><summary>The mask contains labels that it did not have</summary>
#
# Something averages. Which interpolation does your resizing use if none is named?
# </details>
#
# <details><summary>The mask has the wrong size, or an error speaks of its axes</summary>
#
# Functions for images read the last two axes as height and width, and many of them want an axis of colours before.
# </details>
#
# <details><summary>The image is wrong by a factor of about 255, or by a constant</summary>
#
# Bring the pixels to 0..1 before you subtract the mean. Converting the dtype alone does not scale.
# </details>

# %% [markdown]
# Your three functions together make of a photograph what a network learns from:

# %% role="experiment"
image, target = resize_pair(photograph, pet_classes(trimap))
print("image ", tuple(image.shape), image.dtype, f"from {image.min():.2f} to {image.max():.2f}")
print("target", tuple(target.shape), target.dtype, target.unique().tolist())
show_predictions([photograph, image], [pet_classes(trimap), target], class_names=PET_CLASSES, palette=PET_PALETTE)

# %% [markdown]
# Compare the outlines above and below: thin parts, an ear or a tail, break up or are gone. No network at this size can
# bring them back. How much that costs comes at the end, when there is a metric.

# %% [markdown]
# ## The data sets
#
# Decoding a photograph takes longer than a network of this size needs for it. `PetPairs` and `CityscapesPairs` shrink
# every picture once, keep the result as bytes, and hand them to **your** functions. What you have just made of one
# photograph they make of all:


# %%
def pet_pair(image: Tensor, trimap: Tensor) -> tuple[Tensor, Tensor]:
    """What a network for pets gets: the normalised image, and the classes."""
    return resize_pair(image, pet_classes(trimap))


def street_pair(image: Tensor, label_ids: Tensor) -> tuple[Tensor, Tensor]:
    """What a network for streets gets: the normalised image, and the train ids."""
    return resize_pair(image, train_ids(label_ids))


# %% role="experiment"
import time

sets = {split: PetPairs(pets_folder, split, pet_pair) for split in ("training", "validation", "test")}
start = time.perf_counter()
pairs = [sets["training"][index] for index in range(min(200, len(sets["training"])))]
print(f"{len(pairs) / (time.perf_counter() - start):.0f} pairs a second, in one process")
for split, dataset in sets.items():
    print(f"{split:11} {len(dataset):5} pictures, fingerprint {dataset.fingerprint}")

# %% [markdown]
# **Three parts.** From `training` the network learns. `validation` tells during training which epoch is the best; by
# choosing you fit it a little, too. `test` is looked at once, in the report: to choose and to judge on the same
# pictures is to flatter oneself.

# %% [markdown]
# **One split for all runs.** The split follows from the number of pictures and a seed alone, on every machine. The
# fingerprint is a digest of all pictures and masks of a part: two runs may be compared if theirs are the same. Groups
# that did this assignment reported a mean IoU of 0.17 to 0.50 for a SegFormer from scratch, and nobody can say how much
# of the difference is the network's.

# %% [markdown]
# ### How the classes are balanced


# %% role="experiment"
def shares_of(dataset, num_classes):
    """The share of every class among the labelled pixels of about 300 pictures."""
    counts = torch.zeros(256, dtype=torch.int64)
    for index in range(0, len(dataset), max(1, len(dataset) // 300)):
        counts += dataset[index][1].flatten().bincount(minlength=256)
    return counts[:num_classes] / counts[:num_classes].sum()


pet_shares = {split: shares_of(dataset, len(PET_CLASSES)) for split, dataset in sets.items()}
show_class_shares(pet_shares, class_names=PET_CLASSES)

# %% [markdown]
# Background is more than half, the border an eighth or less. The three parts should look alike: if they do not, they
# are too small to be trusted, or the split was not a matter of chance.

# %% role="experiment"
street_sets = {split: CityscapesPairs(streets_folder, split, street_pair) for split in ("training", "validation")}
street_shares = shares_of(street_sets["training"], len(CITYSCAPES_CLASSES))
for share, name in sorted(zip(street_shares.tolist(), CITYSCAPES_CLASSES, strict=True), reverse=True):
    print(f"{name:14} {share:6.1%}  {'#' * round(100 * share)}")
chosen = range(0, len(street_sets["training"]), len(street_sets["training"]) // 3)[:3]
images, targets = zip(*(street_sets["training"][index] for index in chosen), strict=True)
show_predictions(images, targets, class_names=CITYSCAPES_CLASSES, palette=CITYSCAPES_PALETTE)

# %% [markdown]
# Streets are another world than pets: nineteen classes, of which four or five fill the picture, seen from one point of
# view. Why should a network that has learned this know anything about cats? Keep the question for notebook 4.

# %% [markdown]
# ## Task 1.4 · A metric that remembers
#
# *About 30 minutes. You need: classes in Python; `torch.bincount`, or another way to count.*
#
# All runs are judged by **mean IoU** on the validation pictures. Three decisions are hidden in this number, and where
# they are taken differently, figures cannot be compared.

# %% [markdown]
# **The counts.** The *confusion matrix* holds all that is needed: entry (row $i$, column $j$) is the number of pixels
# whose true class is $i$ and whose predicted class is $j$. By hand, for a picture of 2×4 pixels:

# %% role="experiment"
truth = torch.tensor([[0, 0, 1, 1], [0, 2, 1, 255]])
answer = torch.tensor([[0, 1, 1, 1], [0, 0, 1, 2]])
by_hand = torch.zeros(3, 3, dtype=torch.int64)
for true, said in zip(truth.flatten().tolist(), answer.flatten().tolist(), strict=True):
    if true != IGNORE:
        by_hand[true, said] += 1
print(by_hand.tolist(), "counts", int(by_hand.sum()), "of", truth.numel(), "pixels")

# %% [markdown]
# The last pixel has no label: it is counted nowhere, whatever the network says there. **Decision one: 255 is not
# counted**, neither as right nor as wrong.

# %% [markdown]
# **The IoU** of class $k$ is the share of right pixels among all that are $k$ or are called so:
# $$\text{IoU}_k = \frac{C_{kk}}{\sum_j C_{kj} + \sum_i C_{ik} - C_{kk}}$$
# Row, column, and the pixel in both taken off once. For the picture above:

# %% role="experiment"
for k, name in enumerate(PET_CLASSES):
    hit, row_sum, column_sum = int(by_hand[k, k]), int(by_hand[k].sum()), int(by_hand[:, k].sum())
    print(f"{name:11} {hit} / ({row_sum} + {column_sum} - {hit}) = {hit / (row_sum + column_sum - hit):.3f}")

# %% [markdown]
# **Decision two: a class that occurs nowhere** (neither true nor predicted) has no IoU: 0/0 is NaN, and the mean runs
# over the other classes. A class that is true and never predicted, or the other way round, has IoU 0, and it counts.

# %% [markdown]
# **Decision three: when to divide.** Pixels are counted over the *whole* set, and divided once. Averaging the mean IoU
# of batches is another number, which depends on the size of the batches. So the metric must remember: `update` adds the
# counts of a batch, `iou` and `mean_iou` may be asked at any time, `reset` forgets everything.


# %% role="stub" id="SegmentationMetric" task="1.4"
class SegmentationMetric:
    """IoU of every class, and its mean, over all pixels that it has been told of.

    Args:
        num_classes: number of classes K.
        ignore_index: pixels with this target are not counted.

    Attributes:
        confusion: int64 (K, K) on the CPU: rows are the truth, columns the prediction. Zeros at first.

    Example:
        metric = SegmentationMetric(2)
        metric.update(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 0, 1]]]))
        metric.iou() is then [1/2, 1/2]. After another update(torch.tensor([[[1]]]), torch.tensor([[[0]]])) it is
        [1/3, 1/3], and mean_iou() is 1/3.
    """

    def __init__(self, num_classes: int, ignore_index: int = 255):
        ### BEGIN SOLUTION
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.reset()
        ### END SOLUTION

    def reset(self) -> None:
        """Forget all pixels."""
        ### BEGIN SOLUTION
        self.confusion = torch.zeros(self.num_classes, self.num_classes, dtype=torch.int64)
        ### END SOLUTION

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count the pixels of a batch: predicted and true classes, int64 (B, H, W), on any device."""
        ### BEGIN SOLUTION
        labelled = target != self.ignore_index
        pairs = self.num_classes * target[labelled] + prediction[labelled]  # one number for each pair of classes
        counts = torch.bincount(pairs, minlength=self.num_classes**2)
        self.confusion += counts.reshape(self.num_classes, self.num_classes).cpu()
        ### END SOLUTION

    def iou(self) -> Tensor:
        """IoU of every class, float64 (K,); NaN for a class that is neither true nor predicted anywhere."""
        ### BEGIN SOLUTION
        intersection = self.confusion.diagonal().to(torch.float64)
        union = self.confusion.sum(dim=0) + self.confusion.sum(dim=1) - intersection
        return intersection / union
        ### END SOLUTION

    def mean_iou(self) -> Tensor:
        """The mean of the IoUs that are not NaN, a single number; NaN if there is none."""
        ### BEGIN SOLUTION
        return self.iou().nanmean()
        ### END SOLUTION


# %% role="check" id="segmentation_metric" points=9
check("segmentation_metric")

# %% [markdown]
# <details><summary>RuntimeError about shapes, or about an index out of range, in `update`</summary>
#
# Are the ignored pixels taken out of *both* tensors before you count? And does the count have a place for pairs that do
# not occur in this batch?
# </details>
#
# <details><summary>Two batches are wrong, one batch is right</summary>
#
# Does `update` add to what is there, or replace it? And what is averaged, if anything is?
# </details>
#
# <details><summary>Two metrics side by side are wrong</summary>
#
# What is written in the body of a class, outside its methods, exists once, for all its objects.
# </details>

# %% [markdown]
# ### What the third decision is worth
#
# An invented network for streets, whose masks are off by a few pixels. Its predictions are fixed; they are measured in
# batches of several sizes, in both ways:

# %% role="experiment"
from segkit.plots import show_lines


def metric_of(predictions, targets, num_classes=3):
    """A metric that has been told of these pixels."""
    metric = SegmentationMetric(num_classes)
    metric.update(predictions, targets)
    return metric


truth = torch.stack([street_sets["validation"][index][1] for index in range(min(64, len(street_sets["validation"])))])
answers = torch.stack([target.roll((index % 5, index % 3), (0, 1)) for index, target in enumerate(truth)])
answers[answers == IGNORE] = 0  # a network always says something
sizes, averaged, counted = [1, 2, 4, 8, 16, 32], [], []
for size in sizes:
    batches = list(zip(answers.split(size), truth.split(size), strict=True))
    averaged.append(torch.stack([metric_of(*batch, 19).mean_iou() for batch in batches]).mean().item())
    metric = SegmentationMetric(19)
    for batch in batches:
        metric.update(*batch)
    counted.append(metric.mean_iou().item())
    print(f"{size:2} images in a batch: averaged {averaged[-1]:.3f}, counted {counted[-1]:.3f}")
show_lines(
    sizes,
    {"averaged over batches": averaged, "counted over the whole set": counted},
    x_label="images in a batch", y_label="mean IoU", log_x=True,
)  # fmt: skip

# %% [markdown]
# The same predictions, the same pictures: the averaged number changes with the size of the batches, for a rare class is
# in some of them and not in others. The counted one has nothing to change with. Who trains with another batch size has
# another metric, without knowing it.

# %% [markdown]
# ### Marks to beat
#
# How good is a network that has not looked at the picture? Two of them: one says "background" everywhere. The other one
# says for every *place* what is most frequent there in the training pictures.

# %% role="experiment"
validation = [sets["validation"][index] for index in range(len(sets["validation"]))]
targets = torch.stack([target for _, target in validation])
votes = torch.zeros(len(PET_CLASSES), 64, 64)
for index in range(0, len(sets["training"]), max(1, len(sets["training"]) // 500)):
    votes += torch.nn.functional.one_hot(sets["training"][index][1], len(PET_CLASSES)).permute(2, 0, 1)
usual = votes.argmax(dim=0)
for name, blind in (("background everywhere", torch.ones_like(usual)), ("the usual place", usual)):
    metric = metric_of(blind.expand_as(targets), targets)
    right = metric.confusion.diagonal().sum() / metric.confusion.sum()
    ious = ", ".join(f"{label} {value:.3f}" for label, value in zip(PET_CLASSES, metric.iou().tolist(), strict=True))
    print(f"{name:22} {right:.0%} of the pixels right, mean IoU {metric.mean_iou():.3f} ({ious})")

# %% role="experiment"
show_predictions(
    [image for image, _ in validation[:2]], list(targets[:2]), [usual, usual],
    class_names=PET_CLASSES, palette=PET_PALETTE, errors=True,
)  # fmt: skip

# %% [markdown]
# Most pixels right, and blind. The share of right pixels flatters; the mean IoU is not fooled by one class. Groups
# reached 0.50 to 0.70 with trained networks: remember how far from there the blind ones are.

# %% [markdown]
# ### What 64×64 costs
#
# A *perfect* network at 64×64, whose answers are enlarged to the size of the photographs: what is its mean IoU there?

# %% role="experiment"
metric = SegmentationMetric(len(PET_CLASSES))
for index in range(0, len(pets), max(1, len(pets) // 40)):
    large = pet_classes(v2.functional.pil_to_tensor(pets[index][1]))
    height, width = large.shape[1:]
    small = large[0][torch.arange(64) * height // 64][:, torch.arange(64) * width // 64]
    metric.update(v2.functional.resize(small[None], [height, width], v2.InterpolationMode.NEAREST_EXACT), large)
print(f"at most {metric.mean_iou():.3f}:", dict(zip(PET_CLASSES, metric.iou().tolist(), strict=True)))

# %% [markdown]
# That is the price of short epochs, before any network has made a mistake. It falls on the border, a band that is a few
# pixels wide here. It is the same for all runs, so they can be compared; but a figure from a paper, measured at full
# size, cannot stand in the same table.

# %% [markdown]
# **Save this notebook.** The others read `pet_pair`, `street_pair` and `SegmentationMetric` from the file. Next comes
# the first network.
