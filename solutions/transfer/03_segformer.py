# %% [markdown]
# # 3 · SegFormer
#
# The FCN of notebook 2 has an encoder that others wrote and others trained. Here you write one yourself: SegFormer,
# small enough to be trained on a laptop at 64×64. If you did the first assignment of this course, you have all of it
# already.
#
# | task | you write | minutes | points |
# |---|---|---|---|
# | 3.1 | `PatchEmbedding` | 10 | 4 |
# | 3.2 | `TransformerBlock` | 45 | 8 |
# | 3.3 | `SegFormerHead` | 20 | 5 |
# | 3.4 | `PetSegFormer` | 15 | 3 |

# %% [markdown]
# **Before you start** you should know how a PyTorch module is written, what stride and padding of a convolution do, and
# what a softmax is. The equations are those of Xie et al. 2021, *SegFormer*,
# [arXiv 2105.15203](https://arxiv.org/abs/2105.15203); you need not read it.

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
# ## You wrote this before?
#
# Then use it. The next cell prints a class of your own from the folder `segformer` beside this one. Copy it into a cell
# of this notebook: what you hand in must stand alone, and the names and arguments are not quite the same (the table
# below). If there is nothing to print, go on: the tasks explain everything.

# %% role="experiment"
from segkit.transfer.earlier import show_own_class

show_own_class("EfficientSelfAttention")  # or OverlapPatchMerging, MixFFN, MLPDecoder

# %% [markdown]
# | in the first assignment | here |
# |---|---|
# | `OverlapPatchMerging(..., patch_size, stride, padding)` | `PatchEmbedding(..., patch_size, stride)` |
# | `EfficientSelfAttention`, `MixFFN` | both inside `TransformerBlock` |
# | `MLPDecoder(..., embed_channels, out_dims, num_classes)` | `SegFormerHead(..., embed_channels, num_classes)` |
# | logits at a quarter of the image's size | logits at the image's size |

# %% [markdown]
# ## The whole model first

# %% role="experiment"
from segkit.figures import draw_segformer

draw_segformer(embed_channels=128, num_classes=3)

# %% [markdown]
# Four stages make the map smaller and deeper: patch embedding (task 3.1), then blocks (3.2). The head (3.3) takes the
# maps of all four at once. What the figure does not show is how small things get here: SegFormer was made for images of
# 512×512, and ours are 64×64.


# %% role="experiment"
def show_sizes(side):
    print(f"image {side} x {side}")
    table = [(32, 7, 4, 1, 8), (64, 3, 2, 2, 4), (160, 3, 2, 5, 2), (256, 3, 2, 8, 1)]
    for stage, (channels, patch, stride, heads, ratio) in enumerate(table, start=1):
        side = (side + 2 * (patch // 2) - patch) // stride + 1
        keys = (side // ratio) ** 2
        print(f"  stage {stage}: {channels:3} channels, {side:3} x {side:<3} {heads} head(s), {keys:3} keys per query")


show_sizes(512)
show_sizes(64)

# %% [markdown]
# At 64×64 the last map has four positions, and every query chooses between four keys. So little room is one reason for
# the modest figures that you will see in notebook 5. Another question for later: which of the two models, this one or
# the FCN, should suffer more from it?

# %% [markdown]
# ### Maps, and a norm over channels
#
# Every module takes and returns **maps** `(B, C, H, W)`. SegFormer normalises each *position* by itself, over its
# channels. `nn.LayerNorm` does that for the last axis, the class below for maps. Use it wherever "LN" is written.


# %%
class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation of maps (B, C, H, W) over their channels: `LayerNorm2d(C)`."""

    def forward(self, features: Tensor) -> Tensor:
        channels_last = features.permute(0, 2, 3, 1)  # (B, H, W, C): nn.LayerNorm normalises the last axis
        return super().forward(channels_last).permute(0, 3, 1, 2)


# %% role="experiment"
one_position = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1)
print("channels 3 and 1 become", LayerNorm2d(2)(one_position).detach().flatten())
print("their tenfold becomes  ", LayerNorm2d(2)(10 * one_position).detach().flatten())

# %% [markdown]
# The mean of 3 and 1 is 2 and the standard deviation 1, so they become 1 and −1; the scale is gone. BatchNorm, which
# the FCN uses, takes its mean over a whole batch instead, and remembers it. In notebook 4, when an encoder is frozen,
# that difference matters.

# %% [markdown]
# ## Task 3.1 · Patch embedding (4 points, 10 minutes)
#
# **Idea.** Attention compares every position with every other, and pixels are too many for that. So each stage first
# turns patches of its input into the positions of a smaller map. The patches overlap, so that two neighbouring pixels
# are always together in one of them.

# %% [markdown]
# **Equation.** Patches of side $K$, one every $S$ positions, $P = \lfloor K/2 \rfloor$ zeros around the map; the same
# linear map, with bias, for every patch; then LN. Along each side $H$ positions become
#
# $$H' = \left\lfloor \frac{H + 2P - K}{S} \right\rfloor + 1$$

# %% role="experiment"
from segkit.figures import draw_patches

draw_patches(3, 2, 1, size=8)

# %% [markdown]
# Patches of 3, every 2 positions: eight positions become four. Each patch holds all channels of its positions, which
# the figure does not show. By hand, in one dimension, with the sum of a patch as the linear map:

# %% role="experiment"
row = torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8])
padded = torch.cat([torch.zeros(1), row, torch.zeros(1)])
print([padded[start : start + 3].tolist() for start in range(0, 8, 2)])
print("sums", [padded[start : start + 3].sum().item() for start in range(0, 8, 2)])

# %% [markdown]
# Which layer that you know applies one linear map to patches of a map, one every $S$ positions?


# %% role="stub" id="PatchEmbedding" task="3.1"
class PatchEmbedding(nn.Module):
    """Turn overlapping patches of a map into the positions of a smaller one (Xie et al. 2021, section 3.1).

    One linear map of every patch, with bias, then `LayerNorm2d`. The map is surrounded by `patch_size // 2` zeros.

    Arguments:
        in_channels, out_channels: channels of the map that comes in, and of the one that goes out.
        patch_size, stride: side K of a patch, step S between patches; one int each.

    Shapes:
        (B, in_channels, H, W) -> (B, out_channels, H', W') with H' = floor((H + 2P - K) / S) + 1, P = K // 2.

    Example:
        PatchEmbedding(3, 32, 7, 4) takes (2, 3, 64, 64) to (2, 32, 16, 16).
        Where the linear map gives the two channels (3, 1), a fresh module with two output channels returns (1, -1).
    """

    def __init__(self, in_channels: int, out_channels: int, patch_size: int, stride: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.patches = nn.Conv2d(in_channels, out_channels, patch_size, stride, padding=patch_size // 2)
        self.norm = LayerNorm2d(out_channels)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.norm(self.patches(x))
        ### END SOLUTION


# %% [markdown]
# <details><summary>My map is 15 x 15, and 16 x 16 is expected</summary>
#
# Put K, S and P into the formula. Which of the three is missing in your layer?
# </details>
#
# <details><summary>RuntimeError: Given normalized_shape=[32], expected input with shape [*, 32]</summary>
#
# `nn.LayerNorm` normalises the last axis, and in a map that is the width. Use `LayerNorm2d`.
# </details>

# %% role="check" id="patch_embedding" points=4
check("patch_embedding")

# %% [markdown]
# ## Task 3.2 · The transformer block (8 points, 45 minutes)
#
# **Idea.** A block does two things in turn. *Attention* moves information between positions: each asks all others and
# decides by content whom to listen to. *Mix-FFN* works on what arrived, position by position, with a glance at the
# neighbours. Both answers are added to the map, so that a block changes it only as much as it has learned to.

# %% [markdown]
# ### Attention: one question, by hand
#
# Of each position's channels, linear layers make a **query** $q$, a **key** $k$ and a **value** $v$. A query is
# compared with every key by a dot product, divided by $\sqrt d$; softmax makes weights of the scores; the answer is the
# weighted mean of the values.

# %% role="experiment"
query = torch.tensor([2.0, 0, 0, 0])  # d = 4: scores are divided by 2
keys = torch.tensor([[math.log(1), 5, 5, 5], [math.log(2), 5, 5, 5], [math.log(5), 5, 5, 5]])  # three positions
values = torch.tensor([[8.0], [16.0], [24.0]])
weights = (keys @ query / math.sqrt(4)).softmax(dim=0)
print("weights", weights, "answer", weights @ values)

# %% [markdown]
# The scores are the logarithms of 1, 2 and 5, so the weights are 1/8, 2/8 and 5/8, and the answer is 1 + 4 + 15 = 20.
# For all queries at once, a row of $Q$, $K$, $V$ per position (equation 1 of the paper):
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# The softmax runs over the keys. With several **heads** the channels are cut into contiguous blocks of $d = C /$
# `num_heads`; each block attends by itself, and the answers are put side by side again.

# %% [markdown]
# ### Fewer keys
#
# All pairs of positions are many. So keys and values come from a smaller map: squares of $R \times R$ positions, side
# by side, become one position each by a learned linear map with bias, then LN (equation 2). Queries stay where they
# are, and nothing is lost from the size of the answer. With $R = 1$ there is neither that map nor its LN.

# %% role="experiment"
from segkit.figures import draw_attention_reduction

draw_attention_reduction(8, 8, 4)

# %% [markdown]
# Sixty-four queries, four keys: the green area are the scores that are left. The bonus at the end of notebook 5 counts
# what this saves at which size.

# %% [markdown]
# ### Mix-FFN
#
# At every position a linear layer makes `expansion` times as many channels, a second one brings them back; in between a
# 3×3 **depthwise** convolution (every channel has a filter of its own; one ring of zeros keeps the size) and a GELU,
# the exact one. All three layers have a bias.

# %% [markdown]
# ### The block
#
# $$y = x + \mathrm{Attention}(\mathrm{LN}(x)), \qquad z = y + \mathrm{MixFFN}(\mathrm{LN}(y))$$
#
# The two LN have their own weights and stand *before* the branches. Compare with LN after the sum, for a position with
# the channels 3 and 1 and a branch that returns half of what it gets:

# %% role="experiment"
position = torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1)
norm = LayerNorm2d(2).requires_grad_(False)
pre, post = position, position
for block in (1, 2, 3):
    pre, post = pre + norm(pre) / 2, norm(post + post / 2)
    shown = [channels.flatten().round(decimals=3).tolist() for channels in (pre, post)]
    print(f"block {block}:  LN before the branch {shown[0]}   LN after the sum {shown[1]}")

# %% [markdown]
# Before the branch, the input stays in the sum, and so does a clear way back for the gradient. After the sum, its size
# is lost in the first block.
#
# The stub has a method for each branch. You may also use classes of your own, in a cell above: only what
# `TransformerBlock` computes is checked.


# %% role="stub" id="TransformerBlock" task="3.2"
class TransformerBlock(nn.Module):
    """x + attention(LN(x)), then the same with Mix-FFN (Xie et al. 2021, equations 1 to 3).

    Layers: two LN; four linear ones C -> C with bias (queries, keys, values, output; fused or not), for R > 1 a
    reduction with bias and an LN in front of keys and values; Mix-FFN: linear, 3x3 depthwise, GELU, linear.

    Arguments:
        channels: C, a multiple of `num_heads`.
        num_heads: head 0 takes the first `C / num_heads` channels, head 1 the next ones.
        reduction_ratio: R, how many times smaller the map of keys and values is along each side; 1: no reduction.
            Rows and columns that fill no square of R x R are left out of it.
        expansion: inside Mix-FFN there are `C * expansion` channels.

    Shapes:
        (B, C, H, W) -> (B, C, H, W), for any H and W that are at least R.

    Example, C = 64, two heads, R = 4, a map of 8 x 12:
        queries (B, 2, 96, 32), keys and values (B, 2, 6, 32), weights (B, 2, 96, 6), result (B, 64, 8, 12).
        If both branches returned zeros, a block would return its input.
    """

    def __init__(self, channels: int, num_heads: int, reduction_ratio: int, expansion: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.num_heads, hidden = num_heads, channels * expansion
        self.norm1, self.norm2 = LayerNorm2d(channels), LayerNorm2d(channels)
        self.reduce = nn.Identity()
        if reduction_ratio > 1:
            squares = nn.Conv2d(channels, channels, kernel_size=reduction_ratio, stride=reduction_ratio)
            self.reduce = nn.Sequential(squares, LayerNorm2d(channels))
        self.to_query = nn.Conv2d(channels, channels, 1)
        self.to_key = nn.Conv2d(channels, channels, 1)
        self.to_value = nn.Conv2d(channels, channels, 1)
        self.to_output = nn.Conv2d(channels, channels, 1)
        self.widen = nn.Conv2d(channels, hidden, 1)
        self.look_around = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.narrow = nn.Conv2d(hidden, channels, 1)
        ### END SOLUTION

    def attend(self, x: Tensor) -> Tensor:
        """Attention of a normalised map: (B, C, H, W) -> (B, C, H, W)."""
        ### BEGIN SOLUTION
        reduced = self.reduce(x)
        query, key, value = map(self.heads_of, (self.to_query(x), self.to_key(reduced), self.to_value(reduced)))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])  # (B, heads, N, M)
        answers = scores.softmax(dim=3) @ value  # (B, heads, N, d)
        return self.to_output(answers.transpose(2, 3).reshape(x.shape))

    def heads_of(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, heads, h * w, C / heads)."""
        return features.flatten(2).unflatten(1, (self.num_heads, -1)).transpose(2, 3)
        ### END SOLUTION

    def feed_forward(self, x: Tensor) -> Tensor:
        """Mix-FFN of a normalised map: (B, C, H, W) -> (B, C, H, W)."""
        ### BEGIN SOLUTION
        return self.narrow(F.gelu(self.look_around(self.widen(x))))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        x = x + self.attend(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))
        ### END SOLUTION


# %% [markdown]
# <details><summary>With one head everything is right, with four it is not</summary>
#
# First split the channels in two axes, heads and channels of a head, then exchange axes: one `reshape` to the final
# shape mixes positions and channels. The way back has two steps as well. And $d$ is the number of channels of a head.
# </details>
#
# <details><summary>Right for R = 1, wrong for R = 4</summary>
#
# The reduction is learned, works on the *normalised* map, and has an LN behind it. Keys and values come from the
# reduced map, queries do not.
# </details>
#
# <details><summary>Right on squares, wrong on 8 x 12</summary>
#
# Somewhere a size is computed from a square root, or height and width are exchanged. Take both from the shape of `x`.
# </details>
#
# <details><summary>Far too many parameters</summary>
#
# Then the 3x3 convolution is not depthwise: look for the argument of `nn.Conv2d` that cuts the channels into groups.
# </details>

# %% role="check" id="transformer_block" points=8
check("transformer_block")

# %% [markdown]
# Attention alone does not know *where* a position is; Mix-FFN does, a little. The next cell exchanges the positions of
# a map before your block and, for comparison, after it, with and without the 3×3 convolution's neighbours.

# %% role="experiment"
block = TransformerBlock(32, 1, 1, 4).eval()
features, order = torch.randn(1, 32, 6, 10), torch.randperm(60)


def shuffled(maps):
    return maps.flatten(2)[:, :, order].reshape(maps.shape)


with torch.no_grad():
    apart = (block(shuffled(features)) - shuffled(block(features))).abs().max()
    for filters in (p for p in block.parameters() if p.shape[-2:] == (3, 3)):
        filters[:, :, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0  # only the centre is left
    blind = (block(shuffled(features)) - shuffled(block(features))).abs().max()
print(f"largest difference: {apart:.2f}; without the neighbours: {blind:.1e}")

# %% [markdown]
# Without neighbours the order of the positions leaves no trace. Nothing else in SegFormer says where a position is, and
# that is why it takes images of any size: also of 64×64, for which no published model was made.

# %% [markdown]
# ## Task 3.3 · The head (5 points, 20 minutes)
#
# **Idea.** The head brings the maps of all stages to one size and decides at each position, with linear layers only.
# The FCN's head sees one map, the last one; this one sees fine maps as well.

# %% [markdown]
# **Equation** (equation 4 of the paper, with what the published model has between its last two lines; $E$ =
# `embed_channels`, $n$ maps $F_i$ with $C_i$ channels):
#
# $$\begin{aligned}
# \hat F_i &= \mathrm{Upsample}\left(\mathrm{Linear}(C_i, E)(F_i)\right) && \text{to the size of } F_1 \\
# F &= \mathrm{ReLU}(\mathrm{BatchNorm}(\mathrm{Linear}(nE, E)(\mathrm{Concat}(\hat F_i)))) && \text{fuse} \\
# M &= \mathrm{Linear}(E, N_{cls})(F) && \text{classify}
# \end{aligned}$$

# %% [markdown]
# Upsampling is bilinear, with `align_corners=False`: pixels are small squares, and their centres are what is
# interpolated. Two pixels, 0 and 4, become four:

# %% role="experiment"
two_pixels = torch.tensor([[[[0.0, 4.0]]]])
for options in (
    dict(mode="bilinear", align_corners=False),
    dict(mode="bilinear", align_corners=True),
    dict(mode="nearest"),
):
    print(options, F.interpolate(two_pixels, size=(1, 4), **options).flatten().tolist())

# %% [markdown]
# By hand, first line: the four centres lie at −¼, ¼, ¾ and 1¼ of the input; outside, the outer pixels continue, so the
# result is 0, 1, 3, 4. We use this one. In a picture, the logits of a coarse map, and what the three make of them:

# %% role="experiment"
from segkit.plots import show_maps

coarse = torch.rand(1, 1, 4, 4)
fine = [
    F.interpolate(coarse, size=(64, 64), mode="bilinear", align_corners=False),
    F.interpolate(coarse, size=(64, 64), mode="bilinear", align_corners=True),
    F.interpolate(coarse, size=(64, 64), mode="nearest"),
]
show_maps([coarse[0, 0], *(maps[0, 0] for maps in fine)], titles=["4 x 4", "bilinear", "corners aligned", "nearest"])

# %% [markdown]
# The two in the middle look alike, but the second is stretched outwards: everything that is not in the centre has
# moved. For a cat's ear of two pixels that is a lot.


# %% role="stub" id="SegFormerHead" task="3.3"
class SegFormerHead(nn.Module):
    """Fuse the maps of all stages into logits with linear layers only (Xie et al. 2021, equation 4).

    Linear per map, bilinear upsampling (`align_corners=False`), concatenation, linear, BatchNorm, ReLU, linear.
    The maps may be concatenated in any order. A bias in the fusing layer is allowed, and of no use before a BatchNorm.

    Arguments:
        in_channels: channels of the maps, first stage first; as many as there are maps.
        embed_channels: E, channels of every map after its linear layer, and of the fused one.
        num_classes: channels of the logits.

    Shapes:
        list of (B, in_channels[i], H_i, W_i) -> (B, num_classes, H_0, W_0).

    Example:
        SegFormerHead([32, 64, 160, 256], 128, 3) on maps of 16 x 16, 8 x 8, 4 x 4 and 2 x 2 returns (B, 3, 16, 16).
        Where the fused map is negative in all channels after BatchNorm, the logits are the bias of the last layer.
    """

    def __init__(self, in_channels: list[int] | tuple[int, ...], embed_channels: int, num_classes: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.unify = nn.ModuleList(nn.Conv2d(count, embed_channels, 1) for count in in_channels)
        self.join = nn.Conv2d(len(in_channels) * embed_channels, embed_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(embed_channels)
        self.classify = nn.Conv2d(embed_channels, num_classes, 1)
        ### END SOLUTION

    def forward(self, features: list[Tensor]) -> Tensor:
        ### BEGIN SOLUTION
        size = features[0].shape[2:]
        levels = [layer(maps) for layer, maps in zip(self.unify, features, strict=True)]  # (B, E, H_i, W_i)
        enlarged = [F.interpolate(level, size, mode="bilinear", align_corners=False) for level in levels]
        fused = self.norm(self.join(torch.cat(enlarged, dim=1)))  # (B, n * E, H_0, W_0) -> (B, E, H_0, W_0)
        return self.classify(F.relu(fused))
        ### END SOLUTION


# %% [markdown]
# <details><summary>RuntimeError: Sizes of tensors must match except in dimension 1</summary>
#
# A scale factor of 2, 4 or 8 hits the wanted size only by luck. Give `F.interpolate` the size itself.
# </details>
#
# <details><summary>Right in training mode, wrong after eval() (or the other way round)</summary>
#
# Is there a BatchNorm, for each of the `embed_channels`, between fusing and ReLU? `LayerNorm2d` is not the same thing.
# </details>
#
# <details><summary>My logits are never negative</summary>
#
# ReLU comes before the last linear layer, nothing comes after it. The loss will do the softmax.
# </details>

# %% role="check" id="segformer_head" points=5
check("segformer_head")

# %% [markdown]
# ## Task 3.4 · The whole model (3 points, 15 minutes)
#
# **Idea.** What is pre-trained in notebook 4 is the **encoder**: the four stages. What belongs to one data set and its
# classes is the **head**. The two are attributes of the model, called `encoder` and `head`, and hold all of its weights
# between them; notebook 4 finds them by these names.

# %% [markdown]
# A stage is a patch embedding, `depths[i]` blocks and a last LN. The first has patches of 7 every 4 pixels, the others
# patches of 3 every 2 positions. Every stage takes the map of the one before; the encoder returns all four maps. At the
# end the logits are enlarged to the size of the image, bilinearly as in the head.
#
# The settings are those of B0, the smallest published model, with a narrower head.


# %% role="stub" id="PetSegFormer" task="3.4"
class PetSegFormer(nn.Module):
    """SegFormer for small images: logits for every pixel (Xie et al. 2021, figure 2).

    Attributes:
        encoder: a module, the four stages with their last LN.
        head: a `SegFormerHead`.

    Arguments:
        num_classes: channels of the logits.
        channels, depths, num_heads, reduction_ratios: of the four stages, the first one first; `depths` counts blocks.
        expansion: of all blocks.
        embed_channels: of the head.

    Shapes:
        (B, 3, H, W) -> (B, num_classes, H, W), for any H and W that are at least 32.

    Example:
        PetSegFormer(3) takes (2, 3, 64, 64) to (2, 3, 64, 64); its head sees maps of 16, 8, 4 and 2 positions a side.
    """

    def __init__(
        self,
        num_classes: int,
        channels: tuple[int, ...] = (32, 64, 160, 256),
        depths: tuple[int, ...] = (2, 2, 2, 2),
        num_heads: tuple[int, ...] = (1, 2, 5, 8),
        reduction_ratios: tuple[int, ...] = (8, 4, 2, 1),
        expansion: int = 4,
        embed_channels: int = 128,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.encoder = PyramidEncoder(channels, depths, num_heads, reduction_ratios, expansion)
        self.head = SegFormerHead(channels, embed_channels, num_classes)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        coarse = self.head(self.encoder(images))  # (B, K, H / 4, W / 4)
        return F.interpolate(coarse, images.shape[2:], mode="bilinear", align_corners=False)


class PyramidEncoder(nn.Module):
    """Four stages in a chain: images (B, 3, H, W) -> a list of four maps."""

    def __init__(self, channels, depths, num_heads, reduction_ratios, expansion):
        super().__init__()
        self.stages = nn.ModuleList()
        for i, count in enumerate(channels):
            embedding = PatchEmbedding(3, count, 7, 4) if i == 0 else PatchEmbedding(channels[i - 1], count, 3, 2)
            blocks = [TransformerBlock(count, num_heads[i], reduction_ratios[i], expansion) for _ in range(depths[i])]
            self.stages.append(nn.Sequential(embedding, *blocks, LayerNorm2d(count)))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps
        ### END SOLUTION


# %% [markdown]
# <details><summary>Where do I write the encoder?</summary>
#
# In a class of its own, below `PetSegFormer` in the same cell or in a cell above: an `nn.Module` whose forward returns
# the list of four maps. A plain function has no weights that could be copied.
# </details>
#
# <details><summary>"weights outside of encoder and head"</summary>
#
# Everything with weights belongs to one of the two, the last LN of each stage as well. Print the names:
# `[name for name, _ in model.named_parameters()]`.
# </details>
#
# <details><summary>My model has as many parameters with depths (1, 1, 1, 1) as with (2, 2, 2, 2)</summary>
#
# `[block] * 2` is a list that holds the *same* block twice. Build a new one each time.
# </details>

# %% role="check" id="pet_segformer" points=3
check("pet_segformer")

# %% role="experiment"
model = PetSegFormer(3)
for name, part in model.named_children():
    print(f"{name:8} {sum(p.numel() for p in part.parameters()):10,} parameters")
print(f"{'logits':8} {tuple(model(torch.randn(2, 3, 64, 64)).shape)}")
print(f"at 50 x 67: {tuple(model(torch.randn(2, 3, 50, 67)).shape)}")

# %% [markdown]
# Compare with the FCN of notebook 2: which has more parameters, and in which of its parts? Nearly all of yours are in
# the encoder, which is what makes it worth pre-training.

# %% [markdown]
# ## Can it learn at all?
#
# Before hours go into a training, ask whether the model can learn eight images by heart. A model that cannot has a
# mistake that no check found, or a learning rate that is far off. (One that can may still be useless on any other
# image.)

# %% role="experiment"
from segkit.transfer.data import PetPairs, locate_pets
from segkit.transfer.report import class_scores, show_masks

pairs = PetPairs(locate_pets())
eight = [pairs[i] for i in range(8)]
images, target = torch.stack([image for image, _ in eight]), torch.stack([labels for _, labels in eight])
torch.manual_seed(0)
model = PetSegFormer(3)
adamw = torch.optim.AdamW(model.parameters(), lr=1e-3, amsgrad=True)
for step in range(121):
    loss = F.cross_entropy(model(images), target, ignore_index=255)
    adamw.zero_grad()
    loss.backward()
    adamw.step()
    if step % 30 == 0:
        print(f"step {step:3}: loss {loss.item():.3f}")

# %% role="experiment"
prediction = class_scores(model, eight).argmax(dim=1)
right = (prediction == target)[target != 255].double().mean()
print(f"{right:.1%} of the pixels are right")
show_masks(images[:3], target[:3], {"after 120 steps": prediction[:3]})

# %% [markdown]
# At the start the loss is near log 3 = 1.10, that of a model which knows nothing about three classes. Large regions
# come first, the thin border last; why, is a question of notebook 5.
#
# **Save this notebook** before you go on. Notebook 4 loads `PetSegFormer` from it, and trains it in earnest.
