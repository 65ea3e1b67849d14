# %% [markdown]
# # 1 · Streets
#
# A camera looks out of a car. Which class has every pixel: road, sidewalk, person, one of 19? You get 150 labelled
# photographs, a zoo of networks, and one question: **which model gives the most for what it costs?** At the end your
# entry is scored on pictures that nobody in the course has seen.

# %% [markdown]
# | notebook | what you make there | points |
# |---|---|---|
# | **1 streets** | weights that balance the classes, and augmentation | 28 |
# | 2 training | a schedule, a loss for hard pixels, a second head | 34, bonus 5 |
# | 3 ladder | testing at several scales; then every trick is switched on in turn and measured | 20 |
# | 4 competition | who is beaten by nobody, your entry, and what you make of it | 18 |

# %% [markdown]
# There was such a competition: the University of Adelaide held it on the pictures of KITTI. What its winning group
# reported, mean IoU and billions of multiply-adds for an image:
#
# | model | mean IoU | G multiply-adds |
# |---|---|---|
# | the baseline that everybody was given | 0.276 | 67 |
# | U-Net | 0.456 | 356 |
# | DeepLabV3+ on a ResNet-18, -50, -101 | 0.568, 0.604, 0.606 | |
# | PSPNet on a ResNet-18, -101 | 0.593, 0.637 | |
# | SegFormer B0, B2, B5 | 0.553, 0.614, 0.684 | 15.6, 50.6, 150 |

# %% [markdown]
# Two things to see. The most expensive model is one of the worst. And B0, the smallest, does nearly what a network does
# that costs four times as much. The group then took B0 and changed nothing but *how it was trained and tested*: on a
# ladder of its own, which begins not at the table's 0.553 but at 0.614, it went up to 0.785. All of its tricks but one,
# an encoder that is trained already, you write yourself, in notebooks 1 to 3, and you measure what each is worth.

# %% [markdown]
# **How it works.** Given cells: run them. Stubs: your code. Checks say in words what differs, hidden tests grade the
# same on other numbers, experiments are yours to play with. Hints stand below the stubs, titled by what you see.
# Save a notebook before you open the next one.
#
# **What you must know:** tensors, slices, broadcasting; what a loss is. **What you need:** 80 minutes, no GPU.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from segkit import check
from segkit.competition.kitti import KittiPairs, locate_kitti, train_ids_of
from segkit.data import IGNORE, IMAGENET_MEAN, IMAGENET_STD
from segkit.transfer.data import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE

# %% [markdown]
# ## The pictures

# %% role="experiment"
root = locate_kitti()
streets = KittiPairs(root, "training")
for split in ("training", "validation", "testing"):
    pairs = KittiPairs(root, split)
    print(f"{split:11} {len(pairs):4} pictures, the first one of {tuple(pairs.raw(0)[0].shape[1:])}")

# %% [markdown]
# The line above says what was found: KITTI, if `KITTI` names your copy or says `download` (300 MB); else photographs
# from a car out of `DATA`; else drawn streets, which are good for everything but a competition.
#
# Labels are those of Cityscapes: ids 0 to 33, of which models are trained on 19. `train_ids_of` numbers these 0 to 18
# and gives all others 255, which every loss and every metric leaves out.

# %% role="experiment"
from segkit.plots import show_images, show_lines, show_maps, show_predictions

chosen = range(0, len(streets), max(1, len(streets) // 3))[:3]
images, ids = zip(*(streets.raw(index) for index in chosen), strict=True)
targets = [train_ids_of(labels) for labels in ids]
show_predictions(images, targets, class_names=CITYSCAPES_CLASSES, palette=CITYSCAPES_PALETTE)

# %% [markdown]
# ## Task 1.1 · Weights that balance the classes
#
# *About 20 minutes. You need: division, powers, a mean.*
#
# How often does each class occur? Two ways to count, over all training pictures: its pixels, and the pictures that it
# is in.

# %% role="experiment"
pixels = torch.zeros(len(CITYSCAPES_CLASSES), dtype=torch.int64)
pictures = torch.zeros_like(pixels)
for index in range(len(streets)):
    labels = train_ids_of(streets.raw(index)[1])
    here = labels.flatten().bincount(minlength=256)[: len(pixels)]
    pixels += here
    pictures += here > 0
for name, share, number in sorted(
    zip(CITYSCAPES_CLASSES, (pixels / pixels.sum()).tolist(), pictures.tolist(), strict=True), key=lambda row: -row[1]
):
    print(f"{name:14} {share:7.2%} of the pixels, in {number:4} pictures  {'#' * round(60 * share)}")

# %% [markdown]
# Four or five classes fill the pictures. A network that never says "bicycle" loses next to nothing by it: the mean of
# the loss hardly notices. The mean **IoU** does, for there a bicycle counts as much as the road. So the loss gets
# weights, larger ones for rare classes. How large?

# %% [markdown]
# **One over the count** is the first idea, and it goes too far. The hundredth pixel of the same car tells little that
# the first ninety-nine did not tell. Say that a class consists of $N$ different things to see. Of $n$ samples, how many
# show something new? Try it with numbers drawn from 1 to $N$:

# %% role="experiment"
N = 100
generator = torch.Generator().manual_seed(0)
for n in (1, 10, 100, 1000, 10_000):
    different = [torch.randint(N, (n,), generator=generator).unique().numel() for _ in range(50)]
    print(f"{n:6} samples of {N} things: {sum(different) / len(different):6.1f} different ones")

# %% [markdown]
# Ten samples are nearly ten different things, a thousand are all hundred. On average, a new sample meets something new
# with probability $1 - E_n / N$, when $E_n$ are known already. So $E_{n+1} = E_n + 1 - E_n/N = 1 + \beta E_n$ with
# $\beta = (N-1)/N$, and that adds up to
#
# $$E_n = 1 + \beta + \beta^2 + \dots + \beta^{n-1} = \frac{1 - \beta^n}{1 - \beta},$$
#
# the **effective number** of samples (Cui et al. 2019, [arXiv 1901.05555](https://arxiv.org/abs/1901.05555),
# equations 1 to 4). The weight of class $c$ with $n_c$ samples is (equation 6)
#
# $$w_c \propto \frac{1}{E_{n_c}} = \frac{1 - \beta}{1 - \beta^{n_c}}.$$

# %% [markdown]
# $\beta = 0$ means that a class has one thing to see: all weights are alike. Near $\beta = 1$ every sample is new, and
# the weight is one over the count.
#
# **By hand.** Counts 1, 2, 0, 3 and $\beta = 0.5$: the effective numbers are 1, $1 + 0.5 = 1.5$, none, and
# $1 + 0.5 + 0.25 = 1.75$. One over them: 1, 0.667, –, 0.571. Then a common factor, so that a loss of weighted pixels
# is about as large as one without weights: the weights of the three classes *that occur* shall average to 1. Their mean
# is 0.746, so they become 1.340, 0.894 and 0.766. The class that never occurs gets 0: nobody will ever ask for it.


# %% role="stub" id="class_balanced_weights" task="1.1"
def class_balanced_weights(counts: Tensor, beta: float = 0.999) -> Tensor:
    """Weights of classes by their effective number of samples (Cui et al. 2019, equations 2 and 6).

    Args:
        counts: how many samples n_c there are of each class, pixels or pictures: int64 (K,), at least one of them
            above 0. The argument is left as it is.
        beta: 0 <= beta < 1; 1 / (1 - beta) is how many samples there are to tell apart.

    Returns:
        float32 (K,): (1 - beta) / (1 - beta^n_c) up to a common factor, by which the weights of the classes that occur
        average to 1. A class that never occurs gets 0.

    Example:
        counts [1, 2, 0, 3], beta 0.5 -> [1.340, 0.894, 0, 0.766]
    """
    ### BEGIN SOLUTION
    n = counts.to(torch.float64)  # seven digits are too few for a beta near 1
    effective = (1 - beta**n) / (1 - beta)
    occurs = counts > 0
    weights = torch.where(occurs, 1 / effective, 0.0)
    return (weights / weights[occurs].mean()).to(torch.float32)
    ### END SOLUTION


# %% [markdown]
# <details><summary>It contains NaN, or infinity</summary>
#
# Which count makes the denominator 0? Or, with millions of pixels: which dtype has your power, and what is the number
# nearest to 0.9999999 that a float32 can hold?
# </details>
#
# <details><summary>Your answer is 0.4 times the right answer, or another factor</summary>
#
# The weights are right but for the common factor. Which classes shall average to 1?
# </details>
#
# <details><summary>The largest weight is where the smallest should be</summary>
#
# What is large for a frequent class, its effective number or its weight?
# </details>

# %% role="check" id="class_balanced_weights" points=8
check("class_balanced_weights")

# %% [markdown]
# Of two classes with 1 and $n$ samples, the first one weighs $E_n / E_1 = E_n$ times as much. So your weights draw the
# effective number:

# %% role="experiment"
numbers = torch.tensor([4**power for power in range(8)])
effective = {
    f"beta {beta}": [float(torch.div(*class_balanced_weights(torch.tensor([1, n]), beta))) for n in numbers.tolist()]
    for beta in (0.9, 0.99, 0.999)
}
show_lines(numbers, effective, x_label="samples", y_label="effective number", log_x=True, log_y=True)

# %% [markdown]
# At first every sample is new, and a curve rises by one with each. It levels off at $N = 1/(1-\beta)$. So **$\beta$
# must fit what you count**:

# %% role="experiment"
ways = {
    "pixels, 0.9999": class_balanced_weights(pixels, 0.9999),
    "pixels, 1 - 1e-6": class_balanced_weights(pixels, 1 - 1e-6),
    "pixels, 1 - 1e-7": class_balanced_weights(pixels, 1 - 1e-7),
    "pictures, 0.99": class_balanced_weights(pictures, 0.99),
}
print(" " * 14, *(f"{way:>17}" for way in ways))
for index in pixels.argsort(descending=True).tolist():
    print(f"{CITYSCAPES_CLASSES[index]:14}", *(f"{weights[index]:17.2f}" for weights in ways.values()))

# %% [markdown]
# The paper's 0.9999 was made for pictures. With pixels, $N$ = 10,000 is less than a tenth of one photograph: nearly
# every class has more than that, and their weights are alike. That is a trick that does nothing, and raises no error.
# Counted in pictures it may do nothing either: a class that is in nearly every picture, however small, counts as much
# as the road.
#
# Pixels with an $N$ of millions tell the classes apart. The larger $N$, the more a rare class weighs, and every mistake
# in its few labels does, too. $\beta$ is a choice, like a learning rate, and none is right for all data.

# %% [markdown]
# What does a network hear that knows nothing yet, and whose loss is the same at every pixel? The share of each class in
# the sum:

# %% role="experiment"
print(f"{'':14} {'plain':>8} {'weighted':>9}")
shares = pixels / pixels.sum()
weighted = shares * ways["pixels, 1 - 1e-6"]
for index in pixels.argsort(descending=True).tolist():
    print(f"{CITYSCAPES_CLASSES[index]:14} {shares[index]:8.2%} {weighted[index] / weighted.sum():9.2%}")

# %% [markdown]
# How much louder have the rare classes become? Whether that helps is not settled by a table: the ladder of notebook 3
# measures it.

# %% [markdown]
# ## Task 1.2 · A window of a pair
#
# *About 15 minutes. You need: slices, `functional.pad`.*
#
# 150 pictures are few. A network of millions of parameters learns them by heart. So it never gets the same picture
# twice: each time another **window**, mirrored or not, in other light. That is augmentation, and it begins with
# cutting.

# %% [markdown]
# A window has its first pixel in row `top` and column `left`, and a size that is the same for a whole batch. Image and
# mask get *the same* window. Beyond the right and the lower side of the picture something must stand, too:
#
# * in the image 0. It is normalised already, so 0 is the mean colour, the one that says least;
# * in the mask 255, the label that the loss leaves out. Nobody knows what is there.
#
# **By hand.** The mask below has 2 rows and 3 columns. The window begins in row 1 and column 1 and is 2 x 3 large:
#
# | mask | | | | window | | |
# |---|---|---|---|---|---|---|
# | 1 | 2 | 3 | → | 5 | 6 | 255 |
# | 4 | 5 | 6 | | 255 | 255 | 255 |

# %% [markdown]
# A slice whose end lies beyond the tensor is shorter than one expects, and raises no error:

# %% role="experiment"
row = torch.arange(6)
print("row[1:4]", row[1:4].tolist(), "   row[4:8]", row[4:8].tolist())
print("filled up:", functional.pad(row[4:8], (0, 2), value=IGNORE).tolist())


# %% role="stub" id="crop_pair" task="1.2"
def crop_pair(image: Tensor, mask: Tensor, top: int, left: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Cut the same window out of an image and its mask; beyond their right and lower sides it is filled up.

    Args:
        image: float32 (3, H, W), normalised.
        mask: labels (H, W), uint8 or int64.
        top, left: row and column of the window's first pixel, which is in the image.
        size: (height, width) of the window.

    Returns:
        image: float32 (3, *size), 0 beyond the image.
        mask: `size`, of its own dtype, 255 beyond the mask.

    Example:
        the mask [[1, 2, 3]] with top 0, left 1, size (2, 3) -> [[2, 3, 255], [255, 255, 255]]
    """
    ### BEGIN SOLUTION
    tall, wide = size
    image, mask = (whole[..., top : top + tall, left : left + wide] for whole in (image, mask))
    beyond = (0, wide - mask.shape[1], 0, tall - mask.shape[0])  # left, right, above, below
    return functional.pad(image, beyond, value=0.0), functional.pad(mask, beyond, value=IGNORE)
    ### END SOLUTION


# %% [markdown]
# <details><summary>The window is smaller than was asked for</summary>
#
# How many columns did the slice give, how many are wanted? The difference is what is missing at the right.
# </details>
#
# <details><summary>The right numbers are there, but shifted, and the filling is at the left or above</summary>
#
# `functional.pad` takes the last axis first: how much at its left, at its right, then the same of the axis before it.
# </details>
#
# <details><summary>NotImplementedError: only 2D, 3D, 4D, 5D padding with non-constant padding are supported</summary>
#
# Repeating or mirroring the border is another kind of padding. A constant is wanted.
# </details>

# %% role="check" id="crop_pair" points=8
check("crop_pair")

# %% role="experiment"
image, target = streets[len(streets) // 2]
height, width = target.shape
size = (height // 2, width // 3)
places = {"left": (height // 4, 0), "middle": (height // 4, width // 3), "beyond": (2 * height // 3, 3 * width // 4)}
windows = [crop_pair(image, target, top, left, size) for top, left in places.values()]
show_predictions(
    *zip(*windows, strict=True), titles=list(places), class_names=CITYSCAPES_CLASSES, palette=CITYSCAPES_PALETTE
)

# %% [markdown]
# In the last one, the filling is of one colour in the image and ignored in the mask. A window has something that a
# *resized* picture has not: a car is as many pixels wide as before.

# %% [markdown]
# ## Task 1.3 · Other light
#
# *About 15 minutes. You need: broadcasting, `clamp`.*
#
# The sun moves, clouds come, another camera sees other colours; the road stays road. Three changes, with a factor each,
# on an image $x$ in 0..1. A factor of 1 changes nothing, 0 takes all of it away:
#
# * **brightness** $b$: $\;x \leftarrow b\,x$,
# * **contrast** $c$: $\;x \leftarrow m + c\,(x - m)$ with the mean grey $m$ of the whole picture, one number,
# * **saturation** $s$: $\;x \leftarrow g + s\,(x - g)$ with the grey $g$ of each pixel by itself.

# %% [markdown]
# After *each* of the three, what lies below 0 or above 1 is set to 0 or 1, as a camera and a file do it. The grey of a
# pixel is $0.299\,r + 0.587\,g + 0.114\,b$, for green looks brighter than red, and blue is dark. (These are
# torchvision's `adjust_brightness`, `adjust_contrast` and `adjust_saturation`, one after the other.)
#
# **By hand.** An orange pixel (0.6, 0.4, 0.2) has the grey 0.299 · 0.6 + 0.587 · 0.4 + 0.114 · 0.2 = 0.437. With a
# saturation of 0.5 it becomes 0.437 + 0.5 · (0.163, −0.037, −0.237) = (0.519, 0.419, 0.319): paler, and just as bright.


# %%
def grey_of(image: Tensor) -> Tensor:
    """The grey of each pixel, as bright as it looks: (3, H, W) -> (1, H, W). The three parts add up to 1."""
    return (image * image.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=0, keepdim=True)


# %% role="stub" id="photometric" task="1.3"
def photometric(image: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """Change the light of an image: brightness, then contrast, then saturation. A factor of 1 changes nothing.

    Args:
        image: float32 (3, H, W) in 0..1, left as it is.
        brightness: what every number is multiplied by.
        contrast: what the distance from the image's mean grey, one number, is multiplied by.
        saturation: what the distance from each pixel's own grey is multiplied by.

    Returns:
        float32 (3, H, W); whatever leaves 0..1 is clamped after each of the three steps. Greys are those of what the
        step before has made, by `grey_of`.

    Example:
        saturation 0 makes a black-and-white picture, contrast 0 a grey wall
    """
    ### BEGIN SOLUTION
    image = (brightness * image).clamp(0, 1)
    mean = grey_of(image).mean()
    image = (mean + contrast * (image - mean)).clamp(0, 1)
    grey = grey_of(image)
    return (grey + saturation * (image - grey)).clamp(0, 1)
    ### END SOLUTION


# %% [markdown]
# <details><summary>Contrast 0 leaves something of the picture</summary>
#
# With contrast 0 every pixel is the mean grey: one number for all pixels and all three colours.
# </details>
#
# <details><summary>Each step alone is right, all three are not</summary>
#
# Which picture is the mean grey taken of, the one that came in or the one that is brighter by now?
# </details>
#
# <details><summary>Only the cases that reach white are wrong</summary>
#
# When do you clamp? What has become white in one step is white for the next one.
# </details>

# %% role="check" id="photometric" points=5
check("photometric")

# %% role="experiment"
photograph = streets.raw(len(streets) // 2)[0] / 255
looks = {"as it is": (1, 1, 1)}
for place, name in enumerate(("brightness", "contrast", "saturation")):
    for factor in (0.5, 1.5):
        looks[f"{name} {factor}"] = tuple(factor if place == other else 1 for other in range(3))
show_images([photometric(photograph, *factors) for factors in looks.values()], titles=list(looks), columns=3)

# %% [markdown]
# You still name every class in all of them. A factor of 0.5 is more than any camera does; 0.7 to 1.3 is usual, and what
# we draw from below. Which of them could make a class look like another one?

# %% [markdown]
# ## Task 1.4 · Never the same picture twice
#
# *About 25 minutes. You need: `torch.rand` and `torch.randint` with a `generator`.*
#
# Now draw. In this order, for one picture:
#
# 1. three factors of the light, each uniform in $1 - s$ to $1 + s$, for the whole picture: $1 + s\,(2u - 1)$ with $u$
#    uniform in 0..1;
# 2. normalise, with ImageNet's mean and standard deviation;
# 3. a coin: mirror image and mask from left to right, or neither. Never upside down: cars do not hang from the road;
# 4. a place for the window: `top` uniform in 0, 1, ..., $H - h$ and `left` in 0, 1, ..., $W - w$, the last ones
#    included. Where the picture is smaller than the window, 0 is the only place.

# %% [markdown]
# **Why this order?** The filling of `crop_pair` is 0 and shall mean "mean colour": so the crop comes after the
# normalisation. Light is made for values in 0..1: so it comes before.
#
# **By hand.** A row of 5 pixels, windows of 3. `left` is 0, 1 or 2, with the same probability, $5 - 3 + 1 = 3$ places.
# `torch.randint(2, ...)` would give 0 or 1 only: its upper end is left out.

# %% [markdown]
# **All draws come from `generator`.** A generator is a sequence of random numbers that a seed begins. Whoever draws
# from another one, Python's or torch's own, gets a run that cannot be repeated; whoever seeds it anew in each call gets
# the same window for ever.

# %% role="experiment"
first, second = (torch.Generator().manual_seed(7) for _ in range(2))
print("one generator: ", [round(torch.rand((), generator=first).item(), 3) for _ in range(4)])
print("same seed:     ", [round(torch.rand((), generator=second).item(), 3) for _ in range(4)])
print("torch's own:   ", [round(torch.rand(()).item(), 3) for _ in range(4)])


# %% role="stub" id="augment" task="1.4"
def augment(
    image: Tensor, mask: Tensor, size: tuple[int, int], generator: torch.Generator, strength: float = 0.3
) -> tuple[Tensor, Tensor]:
    """A random window of a picture in random light, mirrored or not.

    1. The light of the whole picture: `photometric` with three factors, each uniform in 1 - strength .. 1 + strength.
    2. Normalised with ImageNet's mean and standard deviation.
    3. With probability 1/2, image and mask are mirrored from left to right.
    4. `crop_pair` at a row and a column that are uniform among those where the window fits; 0 where it is too large.

    Args:
        image: float32 (3, H, W) in 0..1.
        mask: int64 (H, W).
        size: (height, width) of the window.
        generator: where all that is random comes from, and nothing else.

    Returns:
        image: float32 (3, *size), normalised. mask: int64 `size`. The arguments are left as they are.
    """

    ### BEGIN SOLUTION
    def factor():
        return 1 + strength * (2 * torch.rand((), generator=generator).item() - 1)

    image = photometric(image, factor(), factor(), factor())
    image = v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)
    if torch.rand((), generator=generator) < 0.5:
        image, mask = image.flip(-1), mask.flip(-1)
    room = (max(0, whole - part) for whole, part in zip(mask.shape, size, strict=True))
    top, left = (int(torch.randint(most + 1, (), generator=generator)) for most in room)
    return crop_pair(image, mask, top, left, size)
    ### END SOLUTION


# %% [markdown]
# <details><summary>What are the stand-ins?</summary>
#
# Simple known functions take the place of your `crop_pair` and `photometric` during the check, so that a mistake in
# them costs nothing here. They can do so if you call yours by their names.
# </details>
#
# <details><summary>Image and mask do not show the same window</summary>
#
# How often do you toss the coin, and how often do you draw a place? Once for a pair.
# </details>
#
# <details><summary>A pair that is smaller than the window: an error, or the wrong number of zeros</summary>
#
# How many places are there when the picture is smaller? And what becomes of 0 if it is normalised after the crop?
# </details>

# %% role="check" id="augment" points=7
check("augment")

# %% role="experiment"
whole, labels = streets.raw(len(streets) // 2)
generator = torch.Generator().manual_seed(0)
size = (whole.shape[1] * 2 // 3, whole.shape[2] // 2)
made = [augment(whole / 255, train_ids_of(labels), size, generator) for _ in range(4)]
show_predictions(*zip(*made, strict=True), class_names=CITYSCAPES_CLASSES, palette=CITYSCAPES_PALETTE)

# %% [markdown]
# Four pairs of one photograph. Does every mask fit its image?
#
# Windows have a price: not every pixel is in equally many of them. A picture of 30 x 80 pixels, cut a thousand times:

# %% role="experiment"
places = torch.arange(30 * 80).reshape(30, 80)
seen = torch.zeros(30 * 80)
for _ in range(1000):
    _, window = augment(torch.full((3, 30, 80), 0.5), places, (20, 40), generator)
    seen += window.flatten().bincount(minlength=seen.numel())
show_maps([seen.reshape(30, 80) / 1000], titles=["windows of 20 x 40"], label="share that a pixel is in")

# %% [markdown]
# A corner is in a few windows, the middle in nearly all. The network learns least about what stands at the sides. Is
# that bad on streets, where the car is always in the middle of its lane? The ladder will
# tell whether augmentation pays in spite of it.

# %% [markdown]
# ## What a training gets
#
# `StreetPairs` keeps the pictures at one size in memory and hands each to a transform: yours. It draws from torch's own
# generator here, for a training seeds that one for every picture in every epoch: so a run can be interrupted, resumed
# and repeated.

# %% role="experiment"
from functools import partial

from segkit.competition.streets import StreetPairs

transform = partial(augment, size=(80, 240), generator=torch.default_generator)
training = StreetPairs(root, "training", size=(96, 320), transform=transform, images=8)
again = [training[0][0] for _ in range(4)]
show_images(again, titles=["picture 0", "again", "and again", "and again"])

# %% [markdown]
# **Save this notebook.** The others read `class_balanced_weights` and `augment` from the file. Next come the schedule
# and the losses.
