# %% [markdown]
# # 2 · The modules of SegFormer
#
# SegFormer is built from a few modules that you can each read in a minute. Here you write all of them, from the paper's
# equations. After each one, `check` says within a second whether it computes the right function, and if not, what
# differs.
#
# | task | you write | minutes | points |
# |---|---|---|---|
# | 2.1 | `OverlapPatchMerging` | 20 | 6 |
# | 2.2 | `EfficientSelfAttention` | 60 | 12 |
# | 2.3 | `MixFFN` | 20 | 6 |
# | 2.4 | `MixTransformerEncoderLayer` | 25 | 6 |
# | 2.5 | `MLPDecoder` | 30 | 6 |

# %% [markdown]
# **Before you start** you should know how a PyTorch module is written (`__init__`, `forward`), what stride and padding
# of a convolution do, what a matrix product of batches is, and what a softmax is. Attention is explained here from the
# beginning.
#
# The equations are those of Xie et al. 2021, *SegFormer*, [arXiv 2105.15203](https://arxiv.org/abs/2105.15203). You can
# do everything here without reading it.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit import check

_ = torch.manual_seed(0)

# %% [markdown]
# ## The whole model first
#
# The figure shows what your modules become in notebook 3: four *stages*, the encoder, and a small decoder. The sizes
# are those of the smallest published model, B0.

# %% role="experiment"
from segkit.figures import draw_segformer

draw_segformer()

# %% [markdown]
# From left to right: every stage makes the map smaller and gives it more channels, and the decoder takes the maps of
# all four stages at once. The last row opens a stage: patch merging (task 2.1), then blocks of attention (2.2) and
# Mix-FFN (2.3) with their residual connections (2.4). Come back to it at every task. What it hides: how a map becomes
# a sequence, and how the channels are cut into heads.
#
# The next cell computes the sizes for an image of any height and width.


# %% role="experiment"
def show_shapes(height, width):
    print(f"image {height} x {width}")
    print("stage  map (C, H, W)       positions  heads  channels/head  ratio  keys per query")
    table = [(32, 7, 4, 3, 8, 1), (64, 3, 2, 1, 4, 2), (160, 3, 2, 1, 2, 5), (256, 3, 2, 1, 1, 8)]
    for number, (channels, patch, stride, padding, ratio, heads) in enumerate(table, start=1):
        height, width = ((side + 2 * padding - patch) // stride + 1 for side in (height, width))
        positions, keys = height * width, (height // ratio) * (width // ratio)
        print(
            f"{number:5}  {f'{channels} x {height} x {width}':18} {positions:10} {heads:6} {channels // heads:14} "
            f"{ratio:6} {keys:15}"
        )


show_shapes(256, 256)
show_shapes(250, 333)

# %% [markdown]
# Three things to notice. Every head has the same number of channels, whatever the stage. The number of keys is the same
# in all stages of the square image, because the reduction ratio shrinks along with the map. And nothing has to be
# square or even: sizes are rounded, so **never take the square root of the number of positions**.

# %% [markdown]
# ### The paper's names and ours
#
# | in the paper | here | meaning |
# |---|---|---|
# | $C_i$ | `channels`, `out_channels` | channels of the map of stage $i$ |
# | $\frac{H}{2^{i+1}} \times \frac{W}{2^{i+1}}$ | `H, W` | height and width of that map, rounded up |
# | $N = H W$ | positions | length of the map as a sequence |
# | $K, S, P$ | `patch_size`, `stride`, `padding` | of the patch merging |
# | $R$ in equation 2: 64, 16, 4, 1 | $R^2$, with $R$ = `reduction_ratio`: 8, 4, 2, 1 | ours counts along one side |
# | Transformer Block $i$ (figure 2) | `MixTransformerEncoderLayer` | a stage; a *block* is one of its layers |
# | $d_{head}$ | `channels / num_heads` | channels of one attention head |
# | MLP, Linear | a linear layer at every position | |
# | $C$ in equation 4 | `embed_channels` | channels inside the decoder |
# | $N_{cls}$ | `num_classes` | |

# %% [markdown]
# ### Maps and sequences
#
# Every module of ours takes and returns **maps** `(B, C, H, W)`: batch, channels, height, width. Attention works on
# **sequences** `(B, N, C)`: one row per position, `N = H * W`. In the small map below each number says where it
# stands: 213 is in the second channel, in row 1 and column 3 (counted from 0).

# %% role="experiment"
small_map = torch.tensor([[[100 * c + 10 * i + j for j in range(4)] for i in range(2)] for c in (1, 2)])
print("map (C, H, W) = (2, 2, 4)", small_map, sep="\n")
rows = [small_map[:, i, j] for i in range(2) for j in range(4)]  # position by position: slow, but obviously right
print("\nas a sequence (N, C) = (8, 2)", torch.stack(rows), sep="\n")
print("\nsmall_map.reshape(8, 2)", small_map.reshape(8, 2), sep="\n")

# %% [markdown]
# In the sequence, a row holds both channels of *one* position: 100 and 200, then 101 and 201. The plain `reshape` has
# the same shape and is nonsense: its rows hold two positions of one channel. No error tells you. Axes are exchanged by
# `transpose` or `permute`; `reshape` and `flatten` only join or split neighbouring axes.

# %% [markdown]
# ### Given: normalising a map over its channels
#
# SegFormer normalises each position by itself, over its channels:
#
# $$y_c = \gamma_c\,\frac{x_c - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta_c$$
#
# with the mean $\mu$ and variance $\sigma^2$ of the $C$ numbers at that position, and a learned weight $\gamma_c$ and
# bias $\beta_c$ per channel (1 and 0 at the start). `nn.LayerNorm` does this for the last axis; the class below does it
# for maps. Use it wherever "LN" is written.


# %%
class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation of maps (B, C, H, W) over their channels: `LayerNorm2d(C)`."""

    def forward(self, features: Tensor) -> Tensor:
        channels_last = features.permute(0, 2, 3, 1)  # (B, H, W, C): nn.LayerNorm normalises the last axis
        return super().forward(channels_last).permute(0, 3, 1, 2)


# %% role="experiment"
two_positions = torch.tensor([[1.0, 10.0], [3.0, 30.0]]).reshape(1, 2, 1, 2)  # two channels, a map of 1 x 2
normalised = LayerNorm2d(2)(two_positions).detach()
for column in (0, 1):
    print("channels", two_positions[0, :, 0, column], "become", normalised[0, :, 0, column])

# %% [markdown]
# By hand: the channels 1 and 3 have mean 2 and standard deviation 1, so they become −1 and 1. The second position is
# ten times as large and becomes the same: its scale is gone, and the first position had no part in it. Normalising over
# the whole map would have mixed the two.

# %% [markdown]
# ## Task 2.1 · Overlapping patch merging (6 points, 20 minutes)
#
# **Why.** Attention compares every position with every other. Pixels are too many for that, so each stage first turns
# patches of its input into the positions of a smaller map. The vision transformer ViT cuts patches that do not overlap:
# two neighbouring pixels on the sides of a cut are in no patch together. SegFormer lets patches overlap.

# %% [markdown]
# **What** (section 3.1 of the paper). Patches of side $K$, one every $S$ positions, with $P$ zeros around the map. One
# learned linear map, the same for all patches, makes a vector of `out_channels` numbers of each patch: a convolution,
# with bias. Then LN. Along each side, $H$ positions become
#
# $$H' = \left\lfloor \frac{H + 2P - K}{S} \right\rfloor + 1$$
#
# First stage: $K, S, P = 7, 4, 3$. The others: $3, 2, 1$.

# %% role="experiment"
from segkit.figures import draw_patches

draw_patches(7, 4, 3)

# %% [markdown]
# Neighbouring patches share columns and rows wherever the patch is wider than the step. The figure shows the places of
# the patches, not their depth: a patch holds all channels of its positions.
#
# The next cell does the same in one dimension, slowly: a row of eight numbers, $K, S, P = 3, 2, 1$, and two output
# channels, the sum of a patch and its centre.

# %% role="experiment"
row = torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8])
padded = torch.cat([torch.zeros(1), row, torch.zeros(1)])
patches = torch.stack([padded[start : start + 3] for start in range(0, 8, 2)])  # (4, 3)
merged = patches @ torch.tensor([[1.0, 0], [1, 1], [1, 0]])  # (4, 2): the sum of the patch, its centre
print("patches", patches, "\nsum and centre of each patch", merged, "\nafter LN over the two channels", sep="\n")
print(LayerNorm2d(2)(merged.T.reshape(1, 2, 1, 4)).detach().squeeze().T)

# %% [markdown]
# Eight numbers became four positions: (8 + 2·1 − 3) / 2, rounded down, plus 1. The numbers 2, 4 and 6 are in two
# patches each. After LN every position reads (1, −1): with two channels, all that is left is which one was larger. With
# 32 channels much more is left.


# %% role="stub" id="OverlapPatchMerging" task="2.1"
class OverlapPatchMerging(nn.Module):
    """Turn overlapping patches of a map into the positions of a smaller one (Xie et al. 2021, section 3.1).

    A convolution with bias over the patches, then `LayerNorm2d`.

    Arguments:
        in_channels, out_channels: channels of the map that comes in, and of the one that goes out.
        patch_size, stride, padding: side K of a patch, step S between patches, P zeros on each side; one int each.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H', W') with H' = floor((H + 2P - K) / S) + 1, and W' alike.

    Example:
        OverlapPatchMerging(3, 32, 7, 4, 3) takes (2, 3, 64, 96) to (2, 32, 16, 24).
        Where the convolution gives the two channels (3, 1), a fresh module with two output channels returns (1, -1).
    """

    def __init__(self, in_channels: int, out_channels: int, patch_size: int, stride: int, padding: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.projection = nn.Conv2d(in_channels, out_channels, patch_size, stride, padding)
        self.norm = LayerNorm2d(out_channels)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.norm(self.projection(x))
        ### END SOLUTION


# %% [markdown]
# <details><summary>My map is 63 x 63, and 64 x 64 is expected</summary>
#
# Put the numbers of the constructor into the formula above. Which of K, S and P is missing in your convolution?
# </details>
#
# <details><summary>RuntimeError: Given normalized_shape=[8], expected input with shape [*, 8]</summary>
#
# `nn.LayerNorm` normalises the last axes, and in a map the last axis is the width. Use `LayerNorm2d`, or put the
# channels last before you normalise and back afterwards.
# </details>
#
# <details><summary>The shape is right, the values differ by a factor that is not the same everywhere</summary>
#
# Over which numbers do you take mean and variance? Only over the channels of one position, never over height and width.
# </details>

# %% role="check" id="patch_merging" points=6
check("patch_merging")

# %% [markdown]
# ## Task 2.2 · Efficient self-attention (12 points, 60 minutes)
#
# **Why.** A 3x3 convolution sees its neighbours. To know that a grey patch is a road and not a wall, a position may
# have to look at the other end of the image. In attention every position asks all others, and decides by content whom
# to listen to.

# %% [markdown]
# ### One question, by hand
#
# Each position has three vectors, each made from its channels by a linear layer: a **query** $q$ (what am I looking
# for?), a **key** $k$ (what do I offer?) and a **value** $v$ (what do I say if asked?). A query is compared with every
# key by a dot product, divided by $\sqrt{d}$; softmax makes weights of these scores; the answer is the weighted mean of
# the values.

# %% role="experiment"
query = torch.tensor([2.0, 0, 0, 0])  # d = 4, so scores are divided by 2
keys = torch.tensor([[math.log(1), 5, 5, 5], [math.log(2), 5, 5, 5], [math.log(5), 5, 5, 5]])  # three positions
values = torch.tensor([[8.0], [16.0], [24.0]])
scores = keys @ query / math.sqrt(4)
weights = scores.exp() / scores.exp().sum()
print("scores", scores, "weights", weights, "answer", weights @ values, sep="\n")

# %% [markdown]
# By hand: the scores are the logarithms of 1, 2 and 5, so the weights are 1/8, 2/8 and 5/8, and the answer is
# 1 + 4 + 15 = 20. The weights of *one query over all keys* add up to one. The fives play no part: the query has zeros
# there.

# %% [markdown]
# ### All questions at once: equation 1
#
# With one row per position in $Q$, $K$ and $V$:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_{head}}}\right) V \tag{1}$$
#
# $QK^\top$ has a row per query and a column per key, and the softmax runs along a row, over the keys. Why the root? A
# sum of $d$ products of random numbers has standard deviation $\sqrt d$; without it the softmax would soon put all
# weight on one key.

# %% [markdown]
# ### Several heads
#
# One weighted mean can look for one thing. So the $C$ channels are cut into `num_heads` **contiguous blocks** of
# $d_{head} = C /$ `num_heads` channels. Each block attends by itself, with its own weights, and the answers are put
# side by side again. Here that is written out for *one* query, with a loop over heads: slow, and easy to trust.


# %%
def attend_slowly(query: Tensor, keys: Tensor, values: Tensor, num_heads: int) -> Tensor:
    """Answer one query (C,) from keys and values (N, C): equation 1, one head after the other, without projections."""
    size = len(query) // num_heads  # channels of a head
    answers = []
    for head in range(num_heads):
        block = slice(head * size, (head + 1) * size)
        scores = torch.stack([key[block] @ query[block] for key in keys]) / math.sqrt(size)  # (N,)
        shares = scores.exp() / scores.exp().sum()
        answers.append(sum(share * value[block] for share, value in zip(shares, values, strict=True)))
    return torch.cat(answers)  # (C,)


# %% role="experiment"
query = torch.tensor([4.0, 0, 0, 0])
keys = torch.tensor([[9.0, 0, 0, 0], [0.0, 0, 9, 0]])
values = torch.tensor([[1.0, 2, 3, 4], [10.0, 20, 30, 40]])
for heads in (1, 2):
    print(heads, "head(s):", attend_slowly(query, keys, values, heads))

# %% [markdown]
# One head hears the first key only, for all four channels. Two heads differ: the first one still hears the first key,
# while the second one's query is zero, so it weighs both keys alike and returns the mean of 3 and 30 and of 4 and 40.
# Use `attend_slowly` to test your own code: it is right for any number of heads.

# %% [markdown]
# ### What it costs
#
# $QK^\top$ has $N$ rows and $N$ columns. For the first stage of B0 at 256x256, the next cell counts what one layer
# stores and computes if every position is a key, and if keys and values come from a map that is `ratio` times smaller
# along each side.


# %% role="experiment"
def show_cost(side, channels, heads, ratios, batch=16):
    print(f"{heads} head(s) on maps of {channels} x {side} x {side}; memory for a batch of {batch}, work for one image")
    print("ratio    keys  weights, MiB |   scores, mixing  projections  reduction       all  million multiplications")
    queries = side * side
    for ratio in ratios:
        keys = (side // ratio) ** 2
        stored = batch * heads * queries * keys * 4 / 2**20  # 4 bytes each in float32
        mixing = 2 * queries * keys * channels
        projections = 2 * (queries + keys) * channels**2  # query and output; key and value
        reduction = keys * ratio**2 * channels**2 if ratio > 1 else 0
        work = [count / 1e6 for count in (mixing, projections, reduction, mixing + projections + reduction)]
        print(f"{ratio:5} {keys:7} {stored:13.1f} |", "{:16.1f} {:12.1f} {:10.1f} {:9.1f}".format(*work))


show_cost(side=64, channels=32, heads=1, ratios=(1, 2, 4, 8, 16))

# %% [markdown]
# Without reduction the comparison of all pairs is nearly all of the work, and its weights alone fill a gigabyte for one
# layer. Scores and mixing fall with the *square* of the ratio, the projections hardly. So each further step saves less
# than the one before, and leaves fewer keys to stand for the whole image. The published ratio for this stage is 8.

# %% role="experiment"
show_cost(side=8, channels=256, heads=8, ratios=(1, 2, 4))
show_cost(side=256, channels=32, heads=1, ratios=(1, 8), batch=1)

# %% [markdown]
# In the last stage the projections dominate from the start, so it has no reduction at all (ratio 1). The other extreme
# is the first stage on an image of 1024x1024: four times the side, sixteen times the positions, 256 times the pairs.

# %% [markdown]
# ### Fewer keys: equation 2
#
# $$\hat K = \mathrm{Reshape}\!\left(\tfrac{N}{R^2},\, C \cdot R^2\right)(K), \qquad
# K = \mathrm{Linear}(C \cdot R^2,\, C)(\hat K) \tag{2}$$
#
# In words: put $R^2$ positions side by side into one long vector of $C \cdot R^2$ numbers, and let a linear layer make
# a vector of $C$ numbers of it. The published code takes squares of $R$ x $R$ positions, with $R$ = `reduction_ratio`;
# they do not overlap and cover the map. (The paper writes $R$ where we write $R^2$.)

# %% role="experiment"
from segkit.figures import draw_attention_reduction

draw_attention_reduction(8, 12, 4)

# %% [markdown]
# Left: every position asks. Middle: each outlined square becomes one key and one value. Right: all the scores of
# equation 1 that are left, in green; the dashed square is what they would be without reduction. Not shown: the
# channels, and the LN that follows the reduction.
#
# Now by hand: one channel, 4x6 positions, ratio 2. As linear layer take the weight ¼ for each of the four positions.

# %% role="experiment"
numbers = torch.arange(24.0).reshape(4, 6)
weight = torch.full((4,), 1 / 4)  # learned in your module, and different for every pair of channels
reduced = torch.zeros(2, 3)
for i in range(2):
    for j in range(3):
        square = numbers[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        reduced[i, j] = square.flatten() @ weight
print(numbers, "->", reduced, sep="\n")

# %% [markdown]
# The first square holds 0, 1, 6, 7 and becomes 3.5. With these weights the reduction is a plain mean; in your module
# they are learned, have a bias, and mix the channels. Which layer that you know does exactly this: a linear map of
# square patches, side by side? If the sides do not divide by the ratio, the last rows and columns are left out.

# %% [markdown]
# ### All of it, in order
#
# 1. The *queries* come from every position of the input: linear layer $C \to C$, with bias.
# 2. The map is reduced, then LN. **With ratio 1 there is neither a reduction nor this LN.**
# 3. *Keys* and *values* both come from the reduced map: linear layers $C \to C$ with bias.
# 4. Equation 1 in each head, then the heads side by side.
# 5. A last linear layer $C \to C$ with bias (the *output projection*), and back to a map.


# %% role="stub" id="EfficientSelfAttention" task="2.2"
class EfficientSelfAttention(nn.Module):
    """Multi-head self-attention with keys and values from a reduced map (Xie et al. 2021, equations 1 and 2).

    softmax(Q K^T / sqrt(d)) V in each head, with d = channels / num_heads. No residual connection and no dropout here.
    Layers: four linear ones C -> C with bias (queries, keys, values, output; fused or split among heads as you like),
    and for R > 1 a convolution and a norm in front of keys and values.

    Arguments:
        channels: C, a multiple of `num_heads`.
        reduction_ratio: R, how many times smaller the map of keys and values is along each side; 1: no reduction.
        num_heads: number of heads; head 0 takes the first `C / num_heads` channels, head 1 the next ones.

    Shapes:
        (B, C, H, W) -> (B, C, H, W), for any H and W that are at least R.

    Example, C = 64, R = 4, two heads, a map of 16 x 24:
        queries (B, 2, 384, 32), keys and values (B, 2, 24, 32), weights (B, 2, 384, 24), result (B, 64, 16, 24).
        If all keys are equal, every query gets the same answer: the mean of the values, through the output projection.
    """

    def __init__(self, channels: int, reduction_ratio: int, num_heads: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.num_heads = num_heads
        self.scale = 1 / math.sqrt(channels // num_heads)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)
        self.reduction = nn.Identity()
        if reduction_ratio > 1:
            shrink = nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)
            self.reduction = nn.Sequential(shrink, LayerNorm2d(channels))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        H, W = x.shape[2:]
        tokens = x.flatten(2).transpose(1, 2)  # (B, N, C), N = H * W
        reduced = self.reduction(x).flatten(2).transpose(1, 2)  # (B, M, C), M = (H // ratio) * (W // ratio)

        def split_heads(sequence: Tensor) -> Tensor:  # (B, L, C) -> (B, heads, L, C / heads)
            return sequence.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

        Q, K, V = split_heads(self.query(tokens)), split_heads(self.key(reduced)), split_heads(self.value(reduced))
        weights = torch.softmax(Q @ K.transpose(-2, -1) * self.scale, dim=-1)  # (B, heads, N, M)
        merged = (weights @ V).transpose(1, 2).flatten(2)  # (B, heads, N, C / heads) -> (B, N, C)
        return self.output(merged).transpose(1, 2).unflatten(-1, (H, W))  # (B, C, H, W)
        ### END SOLUTION


# %% [markdown]
# <details><summary>With one head everything is right, with two it is not</summary>
#
# Go from `(B, N, C)` to `(B, heads, N, C / heads)` in two steps: first split the last axis in two, then exchange two
# axes. One `reshape` straight to the final shape mixes positions and channels, like the one shown under *Maps and
# sequences*. The way back has two steps as well. And the scale is that of a head, not of all channels.
# </details>
#
# <details><summary>Right for ratio 1, wrong (or an error) for ratio 4</summary>
#
# The reduction is learned, not pooling, and works on the map, before it becomes a sequence. An LN follows it. Keys
# *and* values come from the reduced map, queries do not. The number of keys is no longer `N`.
# </details>
#
# <details><summary>Right on squares, wrong on 8 x 12</summary>
#
# Height and width are exchanged somewhere, or you computed one from the square root of `N`. Take both from the shape of
# the input and keep them until the sequence becomes a map again.
# </details>
#
# <details><summary>RuntimeError: view size is not compatible with input tensor's size and stride</summary>
#
# After `transpose` or `permute` the numbers are no longer stored in order. `reshape` and `flatten` copy if they have
# to, `view` refuses.
# </details>
#
# <details><summary>The shapes are right and the values are not, even with ratio 1 and one head</summary>
#
# Print the weights: each row must add up to one, over the keys. Then set your four linear layers to the identity with
# zero bias and compare one position with `attend_slowly`.
# </details>

# %% role="check" id="attention" points=12
check("attention")

# %% [markdown]
# Does the clock agree with the count? This is your module on the first stage's map, one image, at four ratios.

# %% role="experiment"
import time

features = torch.randn(1, 32, 64, 64)
for ratio in (1, 2, 4, 8):
    attention = EfficientSelfAttention(32, ratio, num_heads=1)
    milliseconds = []
    for _ in range(4):
        start = time.perf_counter()
        with torch.no_grad():
            attention(features)
        milliseconds.append(1000 * (time.perf_counter() - start))
    print(f"ratio {ratio}: {min(milliseconds):6.1f} ms")

# %% [markdown]
# The order is the one you counted. On most machines the first step is even larger than counted: the weights of ratio 1
# do not only have to be computed, but also written to memory and read again, several times.

# %% [markdown]
# ## Task 2.3 · Mix-FFN (6 points, 20 minutes)
#
# **Why.** Attention has a blind spot. The next cell exchanges positions of a map at random, before your attention
# (ratio 1) and, for comparison, after it.

# %% role="experiment"
attention = EfficientSelfAttention(32, 1, num_heads=2)
features = torch.randn(1, 32, 6, 10)  # not a square, on purpose
order = torch.randperm(60)


def shuffled(features):
    return features.flatten(2)[:, :, order].reshape(features.shape)


with torch.no_grad():
    difference = (attention(shuffled(features)) - shuffled(attention(features))).abs().max()
print(f"largest difference: {difference:.1e}")

# %% [markdown]
# There is none, rounding aside: attention does not know *where* a position is. Other vision transformers add a learned
# vector for every place, which ties them to one image size. SegFormer instead puts a 3x3 convolution into the
# feed-forward network that follows attention: it sees neighbours, and it takes any size. Notebook 5 asks what else it
# gives.

# %% [markdown]
# **What.** At every position, a linear layer makes `expansion_factor` times as many channels, and a second one brings
# them back. In between come the convolution and an activation:
#
# $$x_{out} = \mathrm{MLP}(\mathrm{GELU}(\mathrm{Conv}_{3\times3}(\mathrm{MLP}(x_{in})))) + x_{in} \tag{3}$$
#
# "MLP" is one linear layer here. **The last term, $+\,x_{in}$, belongs to the encoder layer (task 2.4), not to this
# module.** All three layers have a bias.

# %% [markdown]
# The convolution is **depthwise**: every channel has a 3x3 filter of its own and sees no other channel. One ring of
# zeros keeps height and width. Slowly, and on two channels that hold the same numbers but have different filters:


# %%
def depthwise_slowly(features: Tensor, filters: Tensor) -> Tensor:
    """Filter each channel of a map (C, H, W) with its own 3x3 filter, (C, 3, 3), surrounded by zeros."""
    C, H, W = features.shape
    padded = torch.zeros(C, H + 2, W + 2)
    padded[:, 1:-1, 1:-1] = features
    filtered = torch.zeros(C, H, W)
    for c in range(C):
        for i in range(H):
            for j in range(W):
                filtered[c, i, j] = (padded[c, i : i + 3, j : j + 3] * filters[c]).sum()
    return filtered


# %% role="experiment"
same_numbers = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).expand(2, 2, 3)
right_neighbour = torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, 0, 0]])
itself_and_left = torch.tensor([[0.0, 0, 0], [1, 1, 0], [0, 0, 0]])
print(depthwise_slowly(same_numbers, torch.stack([right_neighbour, itself_and_left])))

# %% [markdown]
# Channel 0 moved by one column, and a zero came in on the right. In channel 1 each number has its left neighbour added:
# 1, 1 + 2, 2 + 3. The next cell counts what depthwise saves, for the first stage of B0.

# %% role="experiment"
outside, inside = 32, 128  # channels of stage 1, expanded 4 times
print("two linear layers       ", 2 * outside * inside + inside + outside, "parameters")
print("3x3 depthwise           ", 9 * inside + inside)
print("3x3 over all channels   ", 9 * inside * inside + inside)

x = torch.tensor([-2.0, -1, 0, 1, 2])
print("x                 ", x)
print("GELU(x)           ", F.gelu(x))
print("GELU(x) - GELU(-x)", F.gelu(x) - F.gelu(-x))
print("error of the tanh formula", F.gelu(x, approximate="tanh") - F.gelu(x))

# %% [markdown]
# A convolution over all channels would be much larger than the rest of the module. GELU is $x\,\Phi(x)$ with the
# distribution function $\Phi$ of the normal distribution. It lets a little of a negative number through, and
# $\mathrm{GELU}(x) - \mathrm{GELU}(-x) = x$, which the example in the docstring uses. Many libraries also offer a
# faster approximation with tanh: take the exact one.


# %% role="stub" id="MixFFN" task="2.3"
class MixFFN(nn.Module):
    """Feed-forward network with a convolution inside: linear, 3x3 depthwise, GELU, linear (Xie et al. 2021, eq. 3).

    The residual `+ x_in` of equation 3 is added by the encoder layer, not here.

    Arguments:
        channels: C of the map that comes in, and of the one that goes out.
        expansion_factor: the layers in between have `channels * expansion_factor` channels.

    Shapes:
        (B, C, H, W) -> (B, C, H, W), for any H and W.

    Example, MixFFN(1, 2), all biases zero:
        the first linear layer makes (x, -x) of x, both filters are 1 in their centre and 0 elsewhere, and the last
        layer has the weights (1, -1). Then the module returns its input, because GELU(x) - GELU(-x) = x.
    """

    def __init__(self, channels: int, expansion_factor: int):
        super().__init__()
        ### BEGIN SOLUTION
        hidden = channels * expansion_factor
        self.expand = nn.Conv2d(channels, hidden, kernel_size=1)
        self.depthwise = nn.Conv2d(hidden, hidden, kernel_size=3, padding=1, groups=hidden)
        self.contract = nn.Conv2d(hidden, channels, kernel_size=1)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.contract(F.gelu(self.depthwise(self.expand(x))))
        ### END SOLUTION


# %% [markdown]
# <details><summary>How do I apply a linear layer to a map?</summary>
#
# Two ways, the same function. Put the channels last, apply `nn.Linear`, put them back. Or ask yourself what a
# convolution computes if its kernel covers a single position. Either is right, here and in task 2.5.
# </details>
#
# <details><summary>My module has far too many parameters</summary>
#
# Then every output channel of the convolution sees every input channel. `nn.Conv2d` has an argument that cuts the
# channels into groups that do not see each other. How many groups do you need?
# </details>
#
# <details><summary>My result is two rows and two columns too small</summary>
#
# A 3x3 filter needs a neighbour on each side. Where the map ends, zeros stand in for it.
# </details>
#
# <details><summary>The difference is exactly the input, or it is tiny, but there</summary>
#
# Exactly the input: the residual of equation 3 is not part of this module. Tiny: look at which GELU you use.
# </details>

# %% role="check" id="mix_ffn" points=6
check("mix_ffn")

# %% [markdown]
# ## Task 2.4 · The encoder stage (6 points, 25 minutes)
#
# **Why.** Attention moves information between positions, Mix-FFN works on what arrived. One after the other, they make
# a *block*; a stage is patch merging, `n_layers` blocks, and a last LN. With $x$ the map that enters a block:
#
# $$y = x + \mathrm{Attention}(\mathrm{LN}(x)), \qquad z = y + \mathrm{MixFFN}(\mathrm{LN}(y))$$
#
# The two LN are different ones, each with its own weights. The last row of the first figure shows the same as a
# drawing.

# %% [markdown]
# The LN stands *before* each branch, inside the residual connection ("pre-norm"). What if it stood after the sum? Take
# one position with the channels 3 and 1, and a branch that returns half of what it gets.

# %% role="experiment"
position = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1)
norm = LayerNorm2d(2).requires_grad_(False)
pre, post = position, position
for layer in (1, 2, 3):
    pre, post = pre + norm(pre) / 2, norm(post + post / 2)
    shown = [channels.flatten().round(decimals=3) for channels in (pre, post)]
    print(f"layer {layer}:  LN before the branch {shown[0]}   LN after the sum {shown[1]}")

# %% [markdown]
# By hand, first layer: LN of (3, 1) is (1, −1), half of it (0.5, −0.5), the sum (3.5, 0.5). Before the branch, the
# input stays in the sum and each layer adds its share. After the sum, the size of the input is lost in the first layer.
# The gradient has the same clear way back through the sums; that is why deep pre-norm networks train well.

# %% [markdown]
# ### Given: DropPath
#
# In training, SegFormer sometimes leaves out a whole branch, for single images of the batch ("stochastic depth"). The
# others are scaled up, so that the mean stays the same. At rate 0, the default, and in evaluation it does nothing. It
# wraps a branch just before the sum; no point depends on it.


# %%
class DropPath(nn.Module):
    """In training, set whole samples of (B, ...) to zero with probability `rate`; multiply the others by 1/(1 - rate).

    Huang et al. 2016, "Deep networks with stochastic depth"; 0 <= rate < 1.
    """

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return branch
        one_per_sample = (len(branch),) + (1,) * (branch.dim() - 1)
        kept = torch.rand(one_per_sample, device=branch.device) >= self.rate
        return branch * kept / (1 - self.rate)


# %% role="experiment"
drop = DropPath(0.5)
print("training, 6 samples of 2 channels:", drop(torch.ones(6, 2, 1, 1)).flatten(1), sep="\n")
print("evaluation:", drop.eval()(torch.ones(6, 2, 1, 1)).flatten(1), sep="\n")

# %% [markdown]
# In training both channels of a sample are kept and doubled, or dropped, together: a coin per sample.
#
# Now the stub. It has two classes: the block with its two lines, and the stage. You may write the block in another way
# or do without it; only `MixTransformerEncoderLayer` is checked.


# %% role="stub" id="MixTransformerEncoderLayer" task="2.4"
class TransformerBlock(nn.Module):
    """One layer of a stage: x + attention(LN(x)), then the same with Mix-FFN. Maps (B, C, H, W) -> (B, C, H, W)."""

    def __init__(
        self, channels: int, reduction_ratio: int, num_heads: int, expansion_factor: int, drop_path: float = 0.0
    ):
        super().__init__()
        self.drop_path = DropPath(drop_path)  # for both branches, just before they are added
        ### BEGIN SOLUTION
        self.norm1 = LayerNorm2d(channels)
        self.attention = EfficientSelfAttention(channels, reduction_ratio, num_heads)
        self.norm2 = LayerNorm2d(channels)
        self.ffn = MixFFN(channels, expansion_factor)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        x = x + self.drop_path(self.attention(self.norm1(x)))
        x = x + self.drop_path(self.ffn(self.norm2(x)))
        return x
        ### END SOLUTION


class MixTransformerEncoderLayer(nn.Module):
    """One encoder stage: patch merging, `n_layers` blocks one after the other, a final LN (Xie et al. 2021, figure 2).

    Arguments:
        in_channels, out_channels, patch_size, stride, padding: of the patch merging.
        n_layers: number of blocks, each with weights of its own.
        reduction_ratio, num_heads: of the attention in every block.
        expansion_factor: of the Mix-FFN in every block.
        drop_path: rate of DropPath in every block, 0 by default.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H', W'), the size that patch merging gives.

    Example:
        MixTransformerEncoderLayer(3, 32, 7, 4, 3, 2, 8, 1, 4) is stage 1 of B0: (2, 3, 64, 96) -> (2, 32, 16, 24).
        If attention and Mix-FFN returned zeros, a stage would be patch merging followed by the final LN.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        patch_size: int,
        stride: int,
        padding: int,
        n_layers: int,
        reduction_ratio: int,
        num_heads: int,
        expansion_factor: int,
        *,
        drop_path: float = 0.0,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.patch_merging = OverlapPatchMerging(in_channels, out_channels, patch_size, stride, padding)
        self.blocks = nn.Sequential(
            *(
                TransformerBlock(out_channels, reduction_ratio, num_heads, expansion_factor, drop_path)
                for _ in range(n_layers)
            )
        )
        self.norm = LayerNorm2d(out_channels)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.norm(self.blocks(self.patch_merging(x)))
        ### END SOLUTION


# %% [markdown]
# <details><summary>My stage has as many parameters with three layers as with one</summary>
#
# `[block] * 3` is a list that holds the *same* block three times. Build a new block for each layer.
# </details>
#
# <details><summary>My blocks are missing in stage.parameters(), or "must share same datatype"</summary>
#
# PyTorch does not look into plain Python lists. `nn.ModuleList` and `nn.Sequential` are made for this.
# </details>
#
# <details><summary>Everything before the last step seems right, the result does not</summary>
#
# Is the final LN there? Is the sum taken with the map *before* its LN, both times? Does the second branch start from
# the result of the first sum? Are the two LN of a block two objects?
# </details>

# %% role="check" id="encoder_layer" points=6
check("encoder_layer")

# %% [markdown]
# Here is your stage 1 on an image whose sides divide by nothing useful, and the number of its parameters.

# %% role="experiment"
stage = MixTransformerEncoderLayer(3, 32, 7, 4, 3, n_layers=2, reduction_ratio=8, num_heads=1, expansion_factor=4)
image = torch.randn(1, 3, 250, 333)
print(tuple(image.shape), "->", tuple(stage(image).shape))
print(sum(parameter.numel() for parameter in stage.parameters()), "parameters")
for name, part in stage.named_children():
    print(f"{sum(parameter.numel() for parameter in part.parameters()):8} in {name}")

# %% [markdown]
# Compare the shape with the table at the top. Nearly all parameters are in the blocks; where, inside a block, are
# most of them? (Count `reduction_ratio`² · channels² for the reduction: efficient in time is not efficient in weights.)

# %% [markdown]
# ## Task 2.5 · The decoder (6 points, 30 minutes)
#
# **Why.** Many segmentation models have a decoder as large as their encoder. The paper claims that after this encoder a
# few linear layers are enough: bring the four maps, of different size and depth, to one size and decide at each
# position. Whether you believe it, and why, is a question of notebook 5. Here you build it.

# %% [markdown]
# **What** (equation 4; $F_i$ is the map of stage $i$, $E$ = `embed_channels`):
#
# $$\begin{aligned}
# \hat F_i &= \mathrm{Linear}(C_i, E)(F_i) && \text{every stage} \\
# \hat F_i &= \mathrm{Upsample}\!\left(\tfrac H4 \times \tfrac W4\right)(\hat F_i) && \text{every stage} \\
# F &= \mathrm{Linear}(4E, E)(\mathrm{Concat}(\hat F_i)) && \text{fuse} \\
# M &= \mathrm{Linear}(E, N_{cls})(F) && \text{classify}
# \end{aligned} \tag{4}$$
#
# The equation leaves out what the published model has between the last two lines: **BatchNorm, then ReLU**. We build
# what was published.

# %% role="experiment"
maps = [(32, 64), (64, 32), (160, 16), (256, 8)]  # channels and side of the four maps of B0 at 256 x 256
E, num_classes, side = 256, 4, 64
layers = {f"linear, stage {i}": (c * E + E, c * E * s**2) for i, (c, s) in enumerate(maps, start=1)}
layers["fuse"] = (4 * E * E, 4 * E * E * side**2)
layers["classify"] = (E * num_classes + num_classes, E * num_classes * side**2)
for name, (parameters, multiplications) in layers.items():
    print(f"{name:16} {parameters:7} parameters {multiplications / 1e6:8.1f} million multiplications")

# %% [markdown]
# The decoder is small in parameters, but not free: the fuse layer, at the resolution of the first map, does most of the
# work. The linear layers before the upsampling are cheap because they work on the small maps.

# %% [markdown]
# ### Upsampling
#
# **Bilinear** upsampling takes pixels as small squares: the centre of output pixel $j$ lies at $(j +
# ½)\cdot\frac{w}{w'} - ½$ of the input, and it gets the weighted mean of the neighbours. Two pixels, 0 and 4, become
# four:

# %% role="experiment"
two_pixels = torch.tensor([0.0, 4.0]).reshape(1, 1, 1, 2)
variants = {
    "bilinear": dict(mode="bilinear", align_corners=False),
    "bilinear, corners aligned": dict(mode="bilinear", align_corners=True),
    "nearest": dict(mode="nearest"),
}
for name, options in variants.items():
    result = F.interpolate(two_pixels, size=(1, 4), **options)
    print(f"{name:26}", [round(value, 2) for value in result.flatten().tolist()])

# %% [markdown]
# By hand, first line: the centres lie at −¼, ¼, ¾ and 1¼. Outside the input its first and last pixel continue, so the
# result is 0, ¼·4, ¾·4 and 4. "Corners aligned" stretches the input so that the outer *centres* meet: it shifts
# everything that is not in the middle. We use the first.
#
# The same for a small map, in a picture.

# %% role="experiment"
from segkit.plots import show_maps

coarse = torch.rand(1, 1, 4, 6)
fine = [F.interpolate(coarse, size=(32, 48), **options)[0, 0] for options in variants.values()]
show_maps([coarse[0, 0], *fine], titles=["4 x 6", *variants])

# %% [markdown]
# Nearest only makes the squares larger, and the decoder's borders would follow them. The two bilinear maps look alike;
# compare where the bright spots lie towards the edges.

# %% [markdown]
# The maps need not be halves of each other: for an image of 250x333 their sides are those of the second table at the
# top. So upsample to a *size*: `out_dims` if one is given, otherwise height and width of the first map. The result
# is a map of **logits**, scores before any softmax.


# %% role="stub" id="MLPDecoder" task="2.5"
class MLPDecoder(nn.Module):
    """Fuse the maps of all stages into logits with linear layers only (Xie et al. 2021, equation 4).

    Linear per stage, bilinear upsampling (`align_corners=False`), concatenation, linear, BatchNorm, ReLU, linear.
    The maps may be concatenated in any order; the published weights have the last stage first.
    A bias in the fusing layer is allowed, and of no use before a BatchNorm.

    Arguments:
        in_channels: channels of the maps, first stage first.
        embed_channels: E, channels of every map after its linear layer, and of the fused one.
        out_dims: (height, width) of the logits, or None for the size of the first map.
        num_classes: channels of the logits.

    Shapes:
        list of (B, in_channels[i], H_i, W_i) -> (B, num_classes, *out_dims), or (B, num_classes, H_0, W_0).

    Example:
        MLPDecoder([32, 64, 160, 256], 256, None, 4) on maps of 63 x 84, 32 x 42, 16 x 21 and 8 x 11 returns
        (B, 4, 63, 84). Where the fused map is negative in all channels after BatchNorm, the logits are the bias of
        the last layer.
    """

    def __init__(
        self,
        in_channels: list[int] | tuple[int, ...],
        embed_channels: int,
        out_dims: tuple[int, int] | None,
        num_classes: int,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.out_dims = out_dims
        self.projections = nn.ModuleList(nn.Conv2d(channels, embed_channels, 1) for channels in in_channels)
        self.fuse = nn.Conv2d(len(in_channels) * embed_channels, embed_channels, 1, bias=False)  # BatchNorm has one
        self.norm = nn.BatchNorm2d(embed_channels)
        self.classifier = nn.Conv2d(embed_channels, num_classes, 1)
        ### END SOLUTION

    def forward(self, features: list[Tensor]) -> Tensor:
        ### BEGIN SOLUTION
        size = self.out_dims or features[0].shape[2:]
        projected = [project(level) for project, level in zip(self.projections, features, strict=True)]  # (B, E, h, w)
        upsampled = [F.interpolate(level, size, mode="bilinear", align_corners=False) for level in projected]
        fused = self.fuse(torch.cat(upsampled[::-1], dim=1))  # (B, 4E, H, W) -> (B, E, H, W), last stage first
        return self.classifier(F.relu(self.norm(fused)))
        ### END SOLUTION


# %% [markdown]
# <details><summary>RuntimeError: Sizes of tensors must match except in dimension 1</summary>
#
# The maps must have one size before they can be put side by side. A scale factor of 2, 4 or 8 hits that size only by
# luck: give `F.interpolate` the size itself, also for the first map.
# </details>
#
# <details><summary>The values differ most near the edges</summary>
#
# Look again at the three lines of the upsampling example, and at which one you use.
# </details>
#
# <details><summary>Right in training mode, wrong after eval() (or the other way round)</summary>
#
# In evaluation BatchNorm uses the statistics that it collected. Is it there, for each of the `embed_channels`, between
# fusing and ReLU? `LayerNorm2d` is not the same thing.
# </details>
#
# <details><summary>My logits lie between 0 and 1, or are never negative</summary>
#
# ReLU comes before the last linear layer, nothing comes after it. The loss will do the softmax.
# </details>

# %% role="check" id="decoder" points=6
check("decoder")

# %% [markdown]
# ## What you have now
#
# All parts of SegFormer, for images of any size. The last cell runs your decoder on maps of the sizes of B0 at 250x333
# and shows, for a fresh model, how sure it is of each class at one position.

# %% role="experiment"
decoder = MLPDecoder([32, 64, 160, 256], 256, None, 4).eval()
sizes = [(32, 63, 84), (64, 32, 42), (160, 16, 21), (256, 8, 11)]
with torch.no_grad():
    logits = decoder([torch.randn(1, *size) for size in sizes])
print(tuple(logits.shape), "probabilities at one position:", logits.softmax(dim=1)[0, :, 30, 40])
print(sum(parameter.numel() for parameter in decoder.parameters()), "parameters")

# %% [markdown]
# Nothing learned yet: no class is far ahead. **Save this notebook** before you go on. Notebook 3 loads your classes
# from it, puts them together and trains them.
