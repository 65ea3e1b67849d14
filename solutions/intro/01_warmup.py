# %% [markdown]
# # Warm-up: tensors, shapes, and how checks work
#
# Twenty minutes before the SegFormer course. You write three small things that it is full of, and meet every kind of
# cell once. You need Python and a first idea of PyTorch's tensors; no GPU, no data.
#
# | task | you write | minutes | points |
# |---|---|---|---|
# | 1.1 | `image_to_patches` | 6 | 3 |
# | 1.2 | `normalize_channels` | 4 | 3 |
# | 1.3 | `PixelLinear` | 5 | 2 |
# | 1.4 | an answer in words | 5 | 2 |

# %% [markdown]
# ## Five kinds of cells
#
# * **Given** cells: run them, read them, leave them. The one that imports PyTorch is such a cell.
# * **Stubs** raise `NotImplementedError`. Put your code there; the signature and the docstring say what is wanted.
# * **Checks** stand below the stubs. They run your code on small cases at once and say in words what differs.
# * **Experiments** try something out. Play with them: they are never graded.
# * **Answers** are written by you and read by a person.
#
# Cells of your own are welcome everywhere.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit import check

_ = torch.manual_seed(0)

# %% [markdown]
# ## Task 1.1 · An image as a row of patches (3 points, 6 minutes)
#
# **Why.** A transformer reads a sequence of vectors, and an image is none. The vision transformer ViT therefore cuts
# the image into square patches and writes the numbers of each patch into one vector.

# %% role="experiment"
from segkit.figures import draw_patches

draw_patches(4, 4, 0)

# %% [markdown]
# **What.** Images come as `(B, C, H, W)`: batch, channels, height, width. A patch is a square of $p \times p$ pixels
# and has all $C$ channels of them. The patches do not overlap and cover the image, so there are
#
# $$N = \frac{H}{p} \cdot \frac{W}{p}$$
#
# of them, numbered row by row, as you read. The vector of a patch has $C p^2$ numbers: first those of channel 0, row by
# row, then those of channel 1, and so on. By hand, with one channel, where each number says in which row and column it
# stands:

# %% role="experiment"
places = torch.tensor([[10 * i + j for j in range(6)] for i in range(4)])  # 4 rows, 6 columns
print(places)
print("patch 0:", [*places[0, 0:2].tolist(), *places[1, 0:2].tolist()])
print("patch 1:", [*places[0, 2:4].tolist(), *places[1, 2:4].tolist()])
print("patch 3:", [*places[2, 0:2].tolist(), *places[3, 0:2].tolist()])
print("\nplaces.reshape(6, 4) has the right shape as well:", places.reshape(6, 4), sep="\n")

# %% [markdown]
# Patch 0 holds 0, 1, 10, 11: a square. The first row of the plain `reshape` holds 0, 1, 2, 3: four pixels side by side.
# Both tables are 6 by 4, and no error tells you which one is nonsense. **A shape says nothing about which number stands
# where.**
#
# `reshape` splits an axis in two or joins neighbours, and never changes the order of the numbers. `permute` puts the
# axes in another order. You need both: split, put in order, join. Here on a row of six, cut in pairs, the first of
# every pair before the second:

# %% role="experiment"
row = torch.arange(6)
pairs = row.reshape(3, 2)  # split: axis 0 counts the pairs, axis 1 the places in a pair
print(pairs.permute(1, 0).reshape(6))  # the places first, then join


# %% role="stub" id="image_to_patches" task="1.1"
def image_to_patches(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into square patches that do not overlap, and write each patch into one vector.

    Args:
        images: (B, C, H, W), of any dtype, which stays as it is: patches of bytes (uint8) are bytes.
        patch_size: side p of a patch; H and W are multiples of it.

    Returns:
        (B, N, C * p * p) with N = H/p * W/p: patches row by row; in each of them channel 0 first, row by row.

    Example:
        The image [[0, 1, 2, 3], [10, 11, 12, 13]] with p = 2 gives the two vectors [0, 1, 10, 11] and [2, 3, 12, 13].
    """
    ### BEGIN SOLUTION
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    grid = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * patch_size**2)
    ### END SOLUTION


# %% [markdown]
# **Run the check before you write anything.** It fails and says so: "not written yet". Write a first version, run the
# stub, run the check again. It shows one line for each case. Where a case fails, a sentence says what differs:
#
# * *has shape ... was expected*: look at the shape first, the values cannot be right before it is.
# * *by up to 1.3 times the spread*: how large the error is. 1 or more: other numbers altogether. 0.001: nearly right.
# * a pattern, if there is one, such as *2 times the right answer*: often the shortest way to the mistake.
#
# Below most stubs there are hints, titled by what you see on your screen. Open the one that fits.

# %% [markdown]
# <details><summary>The shape is right and every number is wrong</summary>
#
# One `reshape` cannot do it: see `places.reshape(6, 4)`. Split the height into two axes, one for the patch's row and
# one for the row inside the patch; the same for the width. That makes six axes. In which order must they stand before
# you join them?
# </details>
#
# <details><summary>One channel is right, several are not</summary>
#
# The channel belongs to the vector of a patch: its axis must stand after those that count the patches, and before the
# row and column inside a patch.
# </details>
#
# <details><summary>RuntimeError: view size is not compatible with input tensor's size and stride</summary>
#
# After `permute` the numbers no longer lie in order. `reshape` copies if it has to, `view` refuses.
# </details>
#
# <details><summary>RuntimeError: "im2col_out_cpu" not implemented for 'Byte'</summary>
#
# `F.unfold` wants floating point, and images are stored as bytes. Convert before and back afterwards, or do without it.
# </details>

# %% role="check" id="image_to_patches" points=3
check("image_to_patches")

# %% [markdown]
# ## Task 1.2 · Normalising the channels (3 points, 4 minutes)
#
# **Why.** Networks learn best from numbers around 0 of size 1. The channels of a batch are anything but: red may lie
# around 120, a depth around 3.
#
# **What.** With the mean $\mu_c$ and the variance $\sigma_c^2$ of *all* numbers of channel $c$, in all images and at
# all pixels of the batch:
#
# $$y_c = \frac{x_c - \mu_c}{\sqrt{\sigma_c^2 + \varepsilon}}$$
#
# The variance is the plain mean of the squares, divided by their number $n$ and not by $n - 1$ ("biased"). The small
# $\varepsilon$ keeps a constant channel from dividing 0 by 0.

# %% [markdown]
# **Broadcasting.** Tensors of different shapes can be subtracted: the shapes are compared *from the last axis on*, and
# an axis of length 1 is repeated. Three numbers, one for each channel, and an image that happens to be three columns
# wide:

# %% role="experiment"
image = torch.zeros(3, 2, 3)  # three channels, two rows, three columns
per_channel = torch.tensor([1.0, 2, 3])
print("(3,) is subtracted from the columns:", (image - per_channel)[0], sep="\n")
print("(3, 1, 1) from the channels:", (image - per_channel.reshape(3, 1, 1))[:, 0, 0])

# %% [markdown]
# The first one raised no error, because three columns met three numbers. Most functions that reduce axes, such as
# `mean`, can leave them in place with length 1: `keepdim=True`.


# %% role="stub" id="normalize_channels" task="1.2"
def normalize_channels(images: Tensor, eps: float = 1e-5) -> Tensor:
    """Give every channel of a batch mean 0 and standard deviation 1.

    Args:
        images: (B, C, H, W), floating point; left as it is.
        eps: added to the variance, under the root.

    Returns:
        (B, C, H, W): (x - mean) / sqrt(variance + eps), mean and biased variance of a channel over B, H and W.

    Example:
        A channel that holds 1 in one image and 3 in the other becomes -1 and 1. A constant channel becomes 0.
    """
    ### BEGIN SOLUTION
    mean = images.mean(dim=(0, 2, 3), keepdim=True)
    variance = images.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return (images - mean) / torch.sqrt(variance + eps)
    ### END SOLUTION


# %% [markdown]
# <details><summary>The first case gives -0.7071 and 0.7071, and -1 and 1 are right</summary>
#
# `var` and `std` divide by $n - 1$ unless they are told otherwise: look for `correction` (or `unbiased`) in their help.
# </details>
#
# <details><summary>One image is right, a batch is not</summary>
#
# Over which axes do you take mean and variance? There is one of each for a channel, not one for each image.
# </details>

# %% role="check" id="normalize_channels" points=3
check("normalize_channels")

# %% [markdown]
# ## Task 1.3 · A linear layer at every pixel (2 points, 5 minutes)
#
# **Why.** A *module* is a function with parameters that can be learned. Most of SegFormer's parameters sit in one kind
# of layer: the same linear map of the channels, at every pixel.
#
# **What.** Normalise the channels (task 1.2), then at each pixel turn its $C_{in}$ numbers $x$ into $C_{out}$ numbers:
#
# $$y = W x + b$$
#
# with the same matrix $W$ and bias $b$ everywhere. By hand, at two pixels with two channels each:

# %% role="experiment"
pixels = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])  # a row for each pixel: its two channels, normalised
W = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 2.0]])  # three channels out of two
b = torch.tensor([0.5, 0.0, 0.0])
for x in pixels:
    print(x, "becomes", W @ x + b)

# %% [markdown]
# The first new channel is the sum of both plus a half, the second a copy, the third twice the other one. No pixel looks
# at another.


# %% role="stub" id="PixelLinear" task="1.3"
class PixelLinear(nn.Module):
    """Normalise the channels of a batch with `normalize_channels`, then apply one linear layer at every pixel.

    Arguments:
        in_channels, out_channels: channels that come in and that go out.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H, W), for any H and W.

    Parameters: a matrix of out_channels x in_channels numbers and a bias, made once, in `__init__`.

    Example:
        If the matrix is the identity and the bias 0, the result is `normalize_channels(x)`.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.linear = nn.Linear(in_channels, out_channels)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        pixels_with_channels = normalize_channels(x).permute(0, 2, 3, 1)
        return self.linear(pixels_with_channels).permute(0, 3, 1, 2)
        ### END SOLUTION


# %% [markdown]
# <details><summary>RuntimeError: mat1 and mat2 shapes cannot be multiplied</summary>
#
# `nn.Linear` maps the last axis, and in an image that is the width. Put the channels last, and back afterwards. Or ask
# yourself what a convolution computes whose kernel covers a single pixel.
# </details>
#
# <details><summary>What is "a stand-in for your normalize_channels"?</summary>
#
# A simple known function that takes its place during the check, so that a mistake in task 1.2 costs nothing here. It
# can do so if you call yours by its name.
# </details>
#
# <details><summary>How can it be checked? My parameters are random</summary>
#
# The check sets them. It looks for your parameters by their shapes, gives them known values and compares what comes
# out. So their names, and the layers you build it from, are yours to choose.
# </details>

# %% role="check" id="pixel_linear" points=2
check("pixel_linear")

# %% [markdown]
# ## What the points come from
#
# A check asks a few small cases that anybody can read. After you have handed in, **hidden tests** ask the same of other
# sizes and other numbers, and more: gradients, float32, whether your parameters are as many as they should be and all
# used, whether you left alone what was passed in. Each of them is worth a share of the task's points, and the feedback
# says what each one found.
#
# * They execute imports, functions, classes and assignments of your notebook, and nothing else. The last definition of
#   a name wins.
# * A mistake costs points where you made it, not later: a stand-in takes the place of what an earlier task asked for.
# * They compare what a function does. How you wrote it is up to you.

# %% [markdown]
# ## Task 1.4 · A check that is too easy (2 points, 5 minutes)
#
# Somebody writes task 1.2 in one line, and three checks of their own to go with it:


# %% role="experiment"
def lucky_normalize(images, eps=1e-5):
    return F.instance_norm(images, eps=eps)


images = torch.rand(1, 3, 8, 8)
result = lucky_normalize(images)
statistics = [numbers.round(decimals=3) for numbers in (result.mean((0, 2, 3)), result.std((0, 2, 3), correction=0))]
print("right shape:", result.shape == images.shape)
print("mean 0 and standard deviation 1 in every channel:", *statistics)
print("largest difference from yours:", (result - normalize_channels(images)).abs().max().item())

# %% [markdown]
# All three agree, and yet the function is wrong. (a) What does it compute instead, and why does each of the three
# checks pass? (b) Change the experiment until it shows that the function is wrong, and say which input does it. (c)
# What does this teach about trying your own code before you hand it in?

# %% [markdown] role="answer" id="q1" points=2
# ### BEGIN SOLUTION
# (a) It takes mean and variance over the pixels of each image by itself, instead of over the whole batch. The shape is
# that of the input whatever one divides by. If every image has mean 0 and standard deviation 1 in a channel, so has the
# batch. And the comparison uses a batch of a single image, for which "this image" and "the batch" are the same numbers.
#
# (b) Two images or more whose channels differ, for example `torch.cat([images, images + 5])`: the right function keeps
# the second one brighter (about +1 against -1), this one makes both equal.
#
# (c) A case in which the wrong and the right function agree shows nothing. Choose cases in which every size is
# different and none is 1, with numbers that are not all alike; compare values, with a slow version or an example by
# hand, not only shapes and sums; and ask of each check which mistake it would let pass.
#
# **Marking scheme** (2)
# * 0.75 (a): per image instead of per batch (0.5); a batch of one is why they agree (0.25). How `instance_norm` is
#   documented, without saying what differs: 0.25.
# * 0.5 (b): more than one image, and images that differ. Two images drawn alike (`torch.rand(2, ...)`) show a small
#   difference only: full points if it was seen and named.
# * 0.75 (c): cases that tell right from wrong: sizes that differ and are not 1, or values instead of shapes (0.5); a
#   reason, or a second kind of check, such as a slow version (0.25).
# ### END SOLUTION

# %% [markdown]
# ## Hand in
#
# Save this notebook with its outputs. The next cell writes the zip that you hand in, and says what may be missing.

# %% role="experiment"
from segkit import submit

my_id = ""  # as your course knows you, for example "ada"
if my_id:
    submit(student=my_id)
else:
    print("Write your id into this cell and run it again: then it writes the zip that you upload.")

# %% [markdown]
# Then begin the course with `segformer/01_data.ipynb`: patches become task 2.1, normalised channels come with every
# layer, and the linear layer at every pixel is half of the model.
