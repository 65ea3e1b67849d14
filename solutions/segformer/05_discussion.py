# %% [markdown]
# # 5 · Discussion
#
# Eight questions about the decisions in SegFormer and in this course. Each comes with a small experiment that runs in
# seconds; most use *your* modules. Run it, change it, and argue from what it prints.

# %% [markdown]
# **What you must know:** notebooks 1 to 4. **What it takes:** about 15 minutes per question, two hours in all.
#
# **A good answer** has about 80 to 150 words. It answers every part of the question, gives the reason and not only the
# fact, and uses at least one number of your experiment. "It depends" is fine if you say on what.

# %% [markdown]
# <details><summary>NotImplementedError: Task ...: your code goes here, or "does not define"</summary>
#
# The experiment uses a module of yours that is not finished. Complete its task, save that notebook, and run the cells
# from the top. You can also go on with another question first.
# </details>
#
# <details><summary>My times are odd: the cheaper variant is slower</summary>
#
# Something else is using the processor. Run the cell again; if it stays so, argue from the counts, which do not depend
# on the machine, and say so.
# </details>

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import time
from unittest import mock

import torch
import torch.nn.functional as F
from torch import nn

from segkit import student_code

modules = student_code("02_modules")
model_code = student_code("03_model")

# %% role="experiment"
from segkit.data import EvalTransform, FourClassADE20K, Photographs, locate_data, prepare_image

torch.set_num_threads(1)  # for tensors this small, several threads mostly wait for each other
data_root = locate_data()
validation = Photographs(data_root, "validation")
photographs = [validation[index] for index in range(0, len(validation), max(1, len(validation) // 40))][:40]
print(f"The experiments look at {len(photographs)} validation photographs.")


# %% role="experiment"
def milliseconds(module, inputs, repeats=5):
    """Median time of a forward pass without gradients, after one to warm up."""
    times = []
    with torch.no_grad():
        module(inputs)
        for _ in range(repeats):
            start = time.perf_counter()
            module(inputs)
            times.append(1000 * (time.perf_counter() - start))
    return sorted(times)[repeats // 2]


def parameters(module):
    """Number of parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


# %% [markdown]
# ## Question 1 · Overlapping patch merging and max pooling
#
# *About 15 minutes. Look back at task 2.1.*
#
# A network must shrink its maps somewhere. Many convolutional networks do it by max pooling; SegFormer by *overlapping
# patch merging*, a strided convolution whose windows share pixels. The experiment walks one bright pixel through a dark
# image in 16 steps and watches which tokens (positions of the small map) notice.

# %% role="experiment"
torch.manual_seed(0)
mergings = {
    "max pooling 4/4": nn.MaxPool2d(4),
    "patches 4/4/0": modules.OverlapPatchMerging(1, 16, 4, 4, 0),
    "overlapping 7/4/3": modules.OverlapPatchMerging(1, 16, 7, 4, 3),
}
walk = torch.zeros(17, 1, 32, 32)
walk[torch.arange(17), 0, 17, torch.arange(8, 25)] = 1  # one image per position of the bright pixel
print(f"{'':18}{'parameters':>12}{'tokens that see it':>20}{'steps noticed':>15}{'steps with a witness':>22}")
for name, merging in mergings.items():
    with torch.no_grad():
        maps, dark = merging(walk), merging(torch.zeros(1, 1, 32, 32))
    sees = (maps - dark).abs().amax(dim=1) > 1e-6  # (17, h, w): does the token react to the bright pixel?
    tokens = sees.sum(dim=(1, 2))
    noticed = ((maps[1:] - maps[:-1]).abs().amax(dim=(1, 2, 3)) > 1e-6).sum().item()
    witnessed = (sees[1:] & sees[:-1]).any(dim=2).any(dim=1).sum().item()
    seen_by = f"{tokens.min().item()} to {tokens.max().item()}"
    print(f"{name:18}{parameters(merging):12}{seen_by:>20}{noticed:>12}/16{witnessed:>19}/16")

# %% [markdown]
# *Noticed*: the small map changes when the pixel moves by one. *With a witness*: some token sees the pixel both before
# and after the step, so that it can know that the two places are neighbours.

# %% [markdown]
# **Question 1.** Compare overlapping patch merging with max pooling as a way to shrink a map. (a) What happens to the
# values and to the places inside a window? (b) What does the *overlap* add to a merging without overlap, and why does
# it matter when every pixel is to be labelled? (c) What speaks for max pooling?

# %% [markdown]
# <details><summary>I can only say that one is learned and the other is not</summary>
#
# Take the last column of the table: which steps does nobody witness, and where do they happen in the image?
# </details>

# %% [markdown] role="answer" id="q1" points=2.5
# ### BEGIN SOLUTION
# (a) Max pooling keeps the largest value of each channel and forgets where in the window it was and everything else: of
# 16 one-pixel steps it notices only the 4 that cross a window's border. It has no parameters and cannot change the
# number of channels. Patch merging is a learned linear combination of *all* values in the window, with more output
# channels than input channels, so that the place inside the window can be encoded in the channels: all 16 steps change
# the map.
#
# (b) Without overlap, 4 of 16 steps have no witness: two pixels that touch each other fall into different patches and
# no token ever sees both, so an edge on the seam is visible only later, by comparing tokens. With 7/4/3 every pair of
# neighbours is seen by at least one token. Local continuity survives, also a one-pixel shift changes the result
# gradually instead of moving a structure from one token to the next. Segmentation needs that because borders of objects
# are where pixels get decided, and they ignore the grid.
#
# (c) Max pooling costs no parameters and hardly any arithmetic, is invariant to small shifts, and keeps the strongest
# response however small: good when the question is *whether* something is there (image classification, few data).
# Overlapping windows cost parameters (here 832 against 304 and 0) and computation.
#
# **Marking scheme** (2.5)
# * 0.75 (a): max pooling discards position and all but the maximum (0.5); merging is learned, weighs all values, may
#   change the channels (0.25). "Both halve the resolution" alone: 0.
# * 0.75 (b): neighbours across a seam are seen together (0.5); connected to borders / dense labels / continuity (0.25).
# * 0.5 (c): one sound advantage of max pooling with its reason (no parameters, cost, invariance, robust to weak data).
# * 0.5: argues from at least one number of the experiment, correctly read (4/16 noticed, 12/16 or 16/16 witnessed,
#   ...).
# ### END SOLUTION

# %% [markdown]
# ## Question 2 · Efficient self-attention
#
# *About 15 minutes. Look back at task 2.2.*
#
# Attention compares every query with every key. On a 64×64 map that is $4096^2$ comparisons; SegFormer takes the keys
# and values from a map reduced by $R$ in height and in width, which leaves $N / R^2$ of them. (The paper's $R$
# counts the tokens: what it calls 64 in the first stage is our 8.)

# %% role="experiment"
torch.manual_seed(0)
features = torch.randn(1, 32, 64, 64)
queries = features.shape[2] * features.shape[3]
print(f"{'R':>3}{'queries':>10}{'keys':>8}{'scores in MiB':>16}{'GMAC for scores and sum':>26}{'ms, whole module':>19}")
for ratio in (1, 2, 4, 8, 16):
    attention = modules.EfficientSelfAttention(32, ratio, 1)
    keys = queries // ratio**2
    mebibytes = queries * keys * 4 / 2**20  # float32
    billions = 2 * queries * keys * 32 / 1e9
    duration = milliseconds(attention, features)
    print(f"{ratio:3}{queries:10}{keys:8}{mebibytes:16.2f}{billions:26.4f}{duration:19.1f}")

# %% [markdown]
# That is the price. What is lost? A key now stands for $R \times R$ positions but has no more channels than one.
# How much of such a patch *can* that many numbers keep? The best linear summary is known: the principal components.
# Here for the three channels of photographs, and for noise.

# %% role="experiment"
small = torch.stack([prepare_image(image, (128, 128)) for image, _ in photographs])


def share_kept(images, ratio):
    """Share of the variance of ratio x ratio patches that as many numbers as there are channels can keep at best."""
    rows = F.unfold(images, ratio, stride=ratio).transpose(1, 2).flatten(0, 1).double()  # one patch per row
    variances = torch.linalg.eigvalsh(torch.cov(rows.T)).flip(0)  # largest first
    return (variances[: images.shape[1]].sum() / variances.sum()).item()


for ratio in (1, 2, 4, 8, 16):
    photo, noise = share_kept(small, ratio), share_kept(torch.randn_like(small), ratio)
    print(f"R = {ratio:2}: of {3 * ratio**2:3} numbers, 3 keep {photo:6.1%} of the photographs, {noise:6.1%} of noise")

# %% [markdown]
# **Question 2.** (a) How do memory and time of the attention grow with the number of positions $N$ and with the ratio?
# Is it still quadratic? (b) What does a larger ratio change in the *result*, and what does it leave as it was? Why does
# it cost little on photographs? (c) Why do the stages use 8, 4, 2, 1 and not the same ratio everywhere?

# %% [markdown]
# <details><summary>R = 16 is hardly faster than R = 8</summary>
#
# Which parts of your module do the same work whatever the ratio is? Compare the column of GMAC with the column of ms.
# </details>

# %% [markdown] role="answer" id="q2" points=2.5
# ### BEGIN SOLUTION
# (a) Scores and weighted sum need $N \cdot N/R^2$ entries and products: doubling $R$ divides them by four (64 MiB
# at R = 1, 1 MiB at R = 8). For a fixed ratio it remains quadratic in $N$: an image of twice the height and width has 4
# times the positions and 16 times the scores. The measured time falls less at the end, because the four projections and
# the reducing convolution, linear in $N$, do not shrink.
#
# (b) Nothing changes in the shape: every position still asks its own query and gets its own answer, and still reaches
# the whole image, in one step. What changes is the detail of what it can look *at*: a key and a value describe R×R
# positions, learned but with the channels of one. Photographs are smooth, neighbours resemble each other: three numbers
# keep most of a patch of 8×8×3, whereas of noise they keep next to nothing. Lost are thin structures and exact places
# in the keys; the queries, the residual connection and the Mix-FFN keep the local detail.
#
# (c) N is 4,096 in the first stage (at 256×256) and 64 in the last. The ratio falls as the map shrinks, so that the
# number of keys stays the same (64 in every stage): the saving is made where attention is expensive, and where it is
# cheap and a position already stands for 32×32 pixels, nothing more is thrown away.
#
# **Marking scheme** (2.5)
# * 0.75 (a): factor R² (0.5; if "factor R" is explained with the paper's definition, full); still quadratic in N for
#   fixed R (0.25).
# * 0.75 (b): resolution of the output and global reach unchanged (0.25); keys/values coarser, fine detail lost (0.25);
#   redundancy of neighbouring positions as the reason it is cheap (0.25).
# * 0.5 (c): cost sits in the early, large maps (0.25); late maps are small/already coarse, reducing would cost
#   information and save nothing (0.25).
# * 0.5: argues from at least one number of the experiment, correctly read.
# ### END SOLUTION

# %% [markdown]
# ## Question 3 · One activation in Mix-FFN
#
# *About 15 minutes. Look back at task 2.3.*
#
# Mix-FFN is linear, depthwise convolution, GELU, linear: two linear maps and a convolution, but one activation.
# Convolutional networks often activate after every layer. The experiment builds your Mix-FFN with none, with one, and
# with a second GELU just before the depthwise convolution, and lets each learn a small task.

# %% role="experiment"
gelu = F.gelu


def no_activation(values, **_):
    """Takes the place of the GELU and does nothing."""
    return values


def make_ffn(activations):
    """A Mix-FFN of yours; with two activations, the input of its convolution goes through a GELU as well."""
    torch.manual_seed(0)
    ffn = modules.MixFFN(4, 8)
    depthwise = [part for part in ffn.modules() if isinstance(part, nn.Conv2d) and part.groups > 1]
    assert len(depthwise) == 1, "This experiment looks for the one nn.Conv2d with groups in your MixFFN."
    if activations == 2:
        depthwise[0].register_forward_pre_hook(lambda _, inputs: gelu(inputs[0]))
    return ffn


# %% [markdown]
# The task: do a position and its left neighbour agree? Wanted is the *product* of their first channels. The targets
# have variance 1, so an error of 1 means that nothing was learned. *Not additive* is the largest value of
# $f(a+b)-f(a)-f(b)+f(0)$, which is zero if $f$ is a linear map plus a constant. (For the row without activations,
# `F.gelu` is replaced while the row is computed.)


# %% role="experiment"
def learn(ffn, steps=250):
    """Train `ffn` on the task; mean squared error on new inputs."""
    adam = torch.optim.Adam(ffn.parameters(), lr=0.02)
    for step in range(steps + 1):
        inputs = torch.randn(16 if step < steps else 256, 4, 8, 8)
        error = F.mse_loss(ffn(inputs)[:, 0, :, 1:], inputs[:, 0, :, 1:] * inputs[:, 0, :, :-1])
        if step < steps:
            adam.zero_grad()
            error.backward()
            adam.step()
    return error.item()


def kept_for_backward(ffn):
    """Mebibytes of activations that a forward pass on a 64x64 map keeps for the backward pass."""
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: sizes.append(kept.nbytes) or kept, lambda kept: kept):
        ffn(torch.randn(1, 4, 64, 64, requires_grad=True))
    return sum(sizes) / 2**20


# %% role="experiment"
for activations in (0, 1, 2):
    ffn = make_ffn(activations)
    a, b = torch.randn(2, 1, 4, 8, 8)
    with mock.patch.object(F, "gelu", gelu if activations else no_activation):
        with torch.no_grad():
            gap = (ffn(a + b) - ffn(a) - ffn(b) + ffn(torch.zeros_like(a))).abs().max().item()
        memory = kept_for_backward(ffn)
        print(f"{activations} activations: not additive {gap:.1e}, error {learn(ffn):.3f}, kept {memory:.2f} MiB")

# %% [markdown]
# And the weights of two ways to get from 32 to 128 channels with a view of 3×3 positions: the pair at the beginning of
# Mix-FFN, and one full convolution.

# %% role="experiment"
channels, hidden = 32, 128
pair, full = channels * hidden + 9 * hidden, 9 * channels * hidden
print(f"weights of the pair: {pair:,}; of one full 3x3 convolution: {full:,}")

# %% [markdown]
# **Question 3.** (a) What would Mix-FFN be without its activation, and what would a stage of such blocks still be able
# to do that is not linear? (b) Why is there no activation between the first linear map and the depthwise convolution;
# what are the two together? (c) What does the experiment say for or against a second activation, and what does it not
# say?

# %% [markdown]
# <details><summary>The row with 0 activations learns the task all the same</summary>
#
# The experiment replaces `torch.nn.functional.gelu`, which `nn.GELU` calls too. If your Mix-FFN computes its activation
# in another way, use one of these two.
# </details>

# %% [markdown] role="answer" id="q3" points=2.5
# ### BEGIN SOLUTION
# (a) Without an activation, linear map, convolution and linear map collapse into one linear map of the 3×3
# neighbourhood: the additivity gap drops to rounding error, and the error stays at 1, because a product is not a linear
# function. The expansion to 4C would be pointless. What is left that is not linear in a block is the softmax of
# attention (and the LayerNorm); but what attention hands on is only a weighted mean of linear values, so nothing would
# process a position's own features.
#
# (b) Without an activation between them, the linear map and the depthwise convolution are one 3×3 convolution from C to
# 4C channels in factored (separable) form: channels first, then places, with 5,248 instead of 36,864 weights. So
# Mix-FFN is the usual transformer FFN (wide linear map, one activation, linear map back) whose first map also sees the
# neighbours. An activation in between would throw away the negative part of the values before the neighbours are
# compared.
#
# (c) One activation solves the task (error below 0.01); a second one is no better and keeps another copy of the widest
# tensor for the backward pass (2.06 against 1.56 MiB). But the task is a toy that needs a single product: it does not
# say what a second activation would do in a deep network trained on photographs.
#
# **Marking scheme** (2.5)
# * 0.75 (a): collapses to a linear map (0.5); names what remains nonlinear, softmax or norm, or that expansion would be
#   pointless (0.25).
# * 0.75 (b): the pair is a factored 3×3 convolution, or: acts as the first linear map of an ordinary FFN with a
#   neighbourhood (0.5); saves weights, or keeps the information before mixing places (0.25).
# * 0.5 (c): a second one brings little here and costs memory/time (0.25); limits of a toy named (0.25).
# * 0.5: argues from at least one number of the experiment, correctly read.
# ### END SOLUTION

# %% [markdown]
# ## Question 4 · What zero padding does
#
# *About 15 minutes. Look back at tasks 2.3 and 2.4.*
#
# Attention does not know where a position lies: permute the positions and it permutes its answer. ViT adds learned
# position codes; SegFormer adds none. Its 3×3 convolutions pad the border with zeros, seemingly just to keep the size.
# The experiment asks four stacked Mix-FFNs of yours, fed with pure noise, *how far each position is from the border*.

# %% role="experiment"
CHANNELS = 8


def distance_to_border(height, width):
    """(height, width): how many positions lie between each position and the nearest border."""
    to_edge = [torch.minimum(torch.arange(size), torch.arange(size).flip(0)) for size in (height, width)]
    return torch.minimum(to_edge[0][:, None], to_edge[1]).float()


class DistanceGuesser(nn.Module):
    """Four Mix-FFNs with residuals and a read-out: noise (B, 8, H, W) -> guessed distance (B, H, W)."""

    def __init__(self, padding_mode):
        super().__init__()
        self.layers = nn.ModuleList(modules.MixFFN(CHANNELS, 4) for _ in range(4))
        self.read_out = nn.Linear(CHANNELS, 1)
        for part in self.layers.modules():
            if isinstance(part, nn.Conv2d) and part.groups > 1:
                part.padding_mode = padding_mode

    def forward(self, values):
        for layer in self.layers:
            values = values + layer(values)
        return self.read_out(values.movedim(1, -1)).squeeze(-1)


# %% [markdown]
# Once with zero padding, once with *circular* padding, which continues the map at the opposite side: it keeps the size
# just as well, but there is no border any more. Training takes a few seconds on 12×16 maps; the test is on new noise,
# at that size and at a larger one.

# %% role="experiment"
from segkit.plots import show_lines

guesses = {"truth": distance_to_border(12, 16)[6].tolist()}
for padding_mode in ("zeros", "circular"):
    torch.manual_seed(0)
    guesser = DistanceGuesser(padding_mode)
    adam = torch.optim.Adam(guesser.parameters(), lr=0.01)
    for _ in range(150):
        error = F.mse_loss(guesser(torch.randn(8, CHANNELS, 12, 16)), distance_to_border(12, 16).expand(8, -1, -1))
        adam.zero_grad()
        error.backward()
        adam.step()
    with torch.no_grad():
        for size in ((12, 16), (20, 24)):
            off = (guesser(torch.randn(32, CHANNELS, *size)) - distance_to_border(*size)).abs().mean(dim=0)
            border, centre = off[0].mean(), off[size[0] // 2, size[1] // 2]
            print(f"{padding_mode:9}{size}: off by {off.mean():.2f}; at the border {border:.2f}, centre {centre:.2f}")
        guesses[padding_mode] = guesser(torch.randn(64, CHANNELS, 12, 16)).mean(dim=0)[6].tolist()
show_lines(range(16), guesses, x_label="column", y_label="distance to the border", title="Guesses along a middle row")

# %% [markdown]
# The figure shows the average over 64 noise maps. What it hides: four layers of 3×3 look four positions far, so beyond
# that even the guess with zeros can only be one and the same number.

# %% [markdown]
# **Question 4.** (a) Where does the knowledge of the border come from, and why can circular padding not have it? (b)
# What does SegFormer gain by getting position this way instead of from learned codes, in particular when test images
# have another size than those in training? (c) Where is this knowledge weak, and what in SegFormer extends its range?

# %% [markdown]
# <details><summary>The two curves look alike</summary>
#
# The experiment changes the padding of every `nn.Conv2d` with groups in your Mix-FFN. Is yours one, with `padding=1`?
#
# </details>

# %% [markdown] role="answer" id="q4" points=2.5
# ### BEGIN SOLUTION
# (a) At the border the convolution reads zeros where inside it reads data. Its output there has other statistics, and
# layer by layer the difference spreads inwards by one position. With circular padding every position has the same
# surroundings: the stack commutes with shifts, so on noise its answer has the same distribution everywhere, and the
# best it can do is one constant, the mean. It is off by about 1.3 at 12×16, zero padding by about 0.2.
#
# (b) Learned codes belong to one grid; for another size they must be interpolated, which costs accuracy. Padding needs
# no parameters and no fixed size: near the border the guess is as good at 20×24 (off by less than 0.1) as at the size
# of the training. SegFormer takes images of any size and shape.
#
# (c) It is knowledge about the *distance to the border*, exact near it and absent in the middle: beyond the reach of
# four layers the curve is flat, and in the centre at 20×24 the guess is off by 4 to 5. In SegFormer every block has
# such a convolution, the patch mergings pad as well, in the last stage one step is 32 pixels, and attention can carry
# the mark of the border anywhere at once.
#
# **Marking scheme** (2.5)
# * 0.75 (a): zeros mark the border, propagate inwards layer by layer (0.5); circular: no border, equivariant, all
#   positions alike (0.25).
# * 0.75 (b): no codes to interpolate, works at any resolution (0.5); why that matters, e.g. test resolution, no
#   parameters (0.25).
# * 0.5 (c): weak far from the border (0.25); depth, strides/patch merging or attention extend it (0.25).
# * 0.5: argues from at least one number of the experiment, correctly read.
# * "Padding keeps the size" alone: 0. "Position embedding" without a mechanism: at most 0.25 in (a).
# ### END SOLUTION

# %% [markdown]
# ## Question 5 · The loss is not the metric
#
# *About 15 minutes. Look back at tasks 3.2 and 3.3.*
#
# We train with cross-entropy and judge by mean IoU. Why not train with what we want? First, nudge single logits by
# 0.001, a thousand times, and count how often each of the two changes.

# %% role="experiment"
generator = torch.Generator().manual_seed(0)
logits = torch.randn(1, 4, 16, 16, generator=generator)
truth = torch.randint(0, 4, (1, 16, 16), generator=generator)


def both(logits, truth):
    """Cross-entropy and mean IoU of logits (1, K, H, W), by your own functions."""
    confusion = model_code.confusion_matrix(logits.argmax(1), truth, logits.shape[1])
    return model_code.segmentation_loss(logits, truth).item(), model_code.mean_iou(confusion).item()


before = both(logits.double(), truth)
changed = torch.zeros(2, dtype=torch.int64)
for place in torch.randperm(logits.numel(), generator=generator)[:1000]:
    nudged = logits.double().flatten()
    nudged[place] += 0.001
    after = both(nudged.reshape(logits.shape), truth)
    changed += torch.tensor([after[0] != before[0], after[1] != before[1]])
print(f"of 1000 nudges, cross-entropy answered {changed[0]}, mean IoU {changed[1]}")

# %% [markdown]
# Now the logits of 16 pixels slide together from random to right ones. Look at *how* the two curves come down.

# %% role="experiment"
few, few_truth = logits[..., :4, :4], truth[..., :4, :4]
right = 4 * F.one_hot(few_truth, 4).movedim(-1, 1)
positions = torch.linspace(0, 1, 100)
curves = [both(few * (1 - t) + right * t, few_truth) for t in positions]
show_lines(
    positions,
    {"cross-entropy": [loss for loss, _ in curves], "1 - mean IoU": [1 - iou for _, iou in curves]},
    x_label="way from random logits to right ones",
    y_label="value",
)

# %% [markdown]
# And they can prefer different models. One pixel in twenty is a plant. Model A has learned this frequency and nothing
# else. Model B finds every plant but is unsure everywhere.

# %% role="experiment"
truth = torch.zeros(1, 20, 20, dtype=torch.int64)
truth[:, 0] = 1
lazy = torch.tensor([0.95, 0.05])[None, :, None, None].expand(1, 2, 20, 20)
unsure = torch.where(truth == 1, 0.6, 0.3)  # its probability of a plant
unsure = torch.stack([1 - unsure, unsure], dim=1)
for name, probabilities in (("A, always background", lazy), ("B, right but unsure", unsure)):
    loss, iou = both(probabilities.log(), truth)
    print(f"{name:22} cross-entropy {loss:.3f}   mean IoU {iou:.3f}")

# %% [markdown]
# **Question 5.** (a) What does each of the two measure, and how can they disagree about A and B? (b) Why can mean IoU,
# as the metric is defined, not be minimised by gradient descent (give the mathematical reason)? (c) Name a loss that
# comes closer to IoU, or a change to cross-entropy that does, and a price it has.

# %% [markdown]
# <details><summary>A gradient of zero sounds like a minimum. Is that not good?</summary>
#
# Ask where it is zero. What would an optimiser do at a *bad* model?
# </details>

# %% [markdown] role="answer" id="q5" points=2.5
# ### BEGIN SOLUTION
# (a) Cross-entropy is a mean over *pixels* of how surprised the model is by the truth; it rates probabilities, and a
# frequent class dominates it. Mean IoU rates decisions (argmax) by the overlap of sets, and is a mean over *classes*,
# so a rare class counts as much as background. A is confident and right on 95 % of the pixels, so its cross-entropy is
# low (0.199), but its plant IoU is 0, so its mean IoU is 0.475. B decides right everywhere (mean IoU 1), but pays for
# its doubt on every pixel (0.364).
#
# (b) IoU depends on the logits only through the argmax, which is piecewise constant: a small change moves no pixel
# across a decision border (hardly any of 1000 nudges), so the derivative is zero almost everywhere, and at the jumps it
# does not exist. Gradient descent gets no direction. Cross-entropy is smooth and pushes every pixel, also the wrong
# ones far from the border. Besides, IoU is a ratio of sums over the whole data set and not a mean over pixels or
# batches, so that a batch's IoU is not an unbiased estimate.
#
# (c) Examples: soft Dice / soft Jaccard (probabilities in place of decisions: noisy for classes with few pixels in the
# batch, gradients vanish when nearly no overlap, poorly calibrated); Lovász-Softmax (a convex extension; needs sorting,
# is often used after cross-entropy); class weights or focal loss/OHEM in cross-entropy (rare classes get more gradient;
# more false positives, a further hyper-parameter).
#
# **Marking scheme** (2.5)
# * 0.75 (a): pixels/probabilities against classes/sets/decisions (0.5); explains A against B by that (0.25).
# * 0.75 (b): argmax piecewise constant, gradient zero almost everywhere (0.5); jumps/not differentiable there, or not
#   decomposable over pixels or batches (0.25). Only "not differentiable": 0.25.
# * 0.5 (c): a suitable loss or change (0.25) with a real price (0.25).
# * 0.5: argues from at least one number of the experiment, correctly read.
# ### END SOLUTION

# %% [markdown]
# ## Question 6 · A large encoder and a small decoder
#
# *About 15 minutes. Look back at tasks 2.4 and 2.5.*
#
# SegFormer's decoder is a handful of per-position linear maps: it cannot look around. The encoder must have done all
# the looking. How far? The *effective receptive field* (Luo et al. 2016) is the gradient of one feature vector $y$ in
# the middle by the pixels $x$: $|\partial (v^T y) / \partial x|$ with random directions $v$, averaged over photographs.

# %% [markdown]
# Compared are your four stages, a convolutional twin with the same strides, channels and number of layers, and the
# ResNet-18 of torchvision, three times as large: all untrained, so that architectures are compared and not recipes. If
# notebook 3 has left trained weights, your trained encoder stands beside them.

# %% role="experiment"
STAGES = [
    (3, 32, 7, 4, 3, 2, 8, 1),
    (32, 64, 3, 2, 1, 2, 4, 2),
    (64, 160, 3, 2, 1, 2, 2, 5),
    (160, 256, 3, 2, 1, 2, 1, 8),
]


class TwoConvolutions(nn.Module):
    """A residual block of two 3x3 convolutions."""

    def __init__(self, channels):
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, values):
        return values + self.second(F.relu(self.first(values)))


# %% role="experiment"
def convolutional_twin(before, channels, patch, stride, padding, depth, *_):
    """A stage of the same sizes, made of convolutions only."""
    strided = nn.Conv2d(before, channels, patch, stride=stride, padding=padding)
    return nn.Sequential(strided, *(TwoConvolutions(channels) for _ in range(depth)))


torch.manual_seed(0)
yours = nn.Sequential(*(modules.MixTransformerEncoderLayer(*stage, 4) for stage in STAGES))
twin = nn.Sequential(*(convolutional_twin(*stage) for stage in STAGES))

# %% role="experiment"
from pathlib import Path

from torchvision.models import resnet18

from segkit.analysis import effective_receptive_field, encoder_stages, smallest_share
from segkit.training import load_best

resnet = resnet18()
networks = {  # a network, and the parts of it that are looked at
    "yours": (yours, list(yours)),
    "twin": (twin, list(twin)),
    "ResNet-18": (resnet, [resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4]),
}
training = Path("checkpoints/first")
if (training / "settings.json").is_file():
    trained = load_best(model_code.SegFormer(num_classes=4), training)
    networks["yours, trained"] = (trained, encoder_stages(trained))
for name, (_, stages) in networks.items():
    print(f"{name:15} {sum(parameters(stage) for stage in stages):12,} parameters")

# %% role="experiment"
images = torch.stack([prepare_image(image, (256, 256)) for image, _ in photographs[:6]])
fields = {name: effective_receptive_field(network, stages, images) for name, (network, stages) in networks.items()}

axis = (torch.arange(256) - 128).abs()
distance = torch.maximum(axis[:, None], axis[None])
print(
    f"{'':15}{'stage':>6}{'pixels that act at all':>25}{'gradient from beyond 64 pixels':>33}{'95 % of it lies on':>21}"
)
for name, maps in fields.items():
    for number, strength in enumerate(maps, start=1):
        far = strength[distance > 64].sum() / strength.sum()
        acting, area = (strength > 0).float().mean(), smallest_share(strength, 0.95)
        print(f"{name:15}{number:6}{acting:25.1%}{far:33.1%}{area:21.1%}")

# %% [markdown]
# The last column is an area: the smallest share of the image that holds 95 % of the gradient. Where every pixel counts
# alike it is 95 %.

# %% role="experiment"
from segkit.plots import show_receptive_fields

show_receptive_fields(fields)

# %% [markdown]
# Read along the rows: convolutions grow outwards, stage by stage; attention starts with the whole image. What the
# figure cannot say: gradients measure influence, not use. The last row shows what training made of *your* encoder; no
# convolutional network here was trained, and training is known to widen their fields (Luo et al.), though never beyond
# the pixels that act at all.

# %% [markdown]
# And how large are decoders that look around themselves, at the same input channels?

# %% role="experiment"
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

decoder = modules.MLPDecoder([32, 64, 160, 256], 256, None, 4)
print(f"your encoder          {parameters(yours):10,}")
print(f"your MLP decoder      {parameters(decoder):10,}")
print(f"DeepLabV3's decoder   {parameters(DeepLabHead(256, 4)):10,}   on 256 channels")
print(f"DeepLabV3's decoder   {parameters(DeepLabHead(2048, 4)):10,}   on the 2048 channels of a ResNet-50")

# %% [markdown]
# **Question 6.** (a) Why can SegFormer do with so small a decoder? (b) What would be missing if the same decoder stood
# on the convolutional twin, and what do convolutional networks do about it? (c) Why does the decoder take all four
# stages and not only the last, which has seen the most?

# %% [markdown]
# <details><summary>In stage 4 the two rows are similar, so what is the point?</summary>
#
# Each stage has its own resolution. Which stages does the decoder need for fine detail, and what do the rows say there?
# </details>

# %% [markdown] role="answer" id="q6" points=2.5
# ### BEGIN SOLUTION
# (a) Attention lets every position draw on the whole image from the first stage on: 100 % of the pixels act on the
# middle, nearly half of the gradient comes from beyond 64 pixels, and 95 % of it covers 85 % of the image (less after
# training, but still most of it). When the features arrive at the decoder, each already contains its context; what is
# left is to bring four maps to one size and to weigh them per position, and for that linear maps are enough: about a
# tenth of the encoder's parameters.
#
# (b) The twin's fine maps are local: after its first stage 2 % of the pixels act on the middle, and no gradient comes
# from beyond 64 pixels; in stage 3 nearly every pixel acts *in theory*, yet 95 % of the gradient lies on a seventh of
# the image (ResNet-18, three times as large: a quarter). Only the last maps, at stride 32, look as far as attention or
# nearly so. A per-position decoder adds no reach, so at fine resolution the pixels would be judged by their
# surroundings alone: large plain areas suffer, and objects known by their context. Convolutional networks therefore buy
# reach: dilation and ASPP (DeepLab), pyramid pooling (PSPNet), large kernels, more depth, at the price of millions of
# parameters (see the count). How far a *trained* convolutional network looks, the experiment does not say.
#
# (c) The last map has context but a stride of 32: it cannot place a border to better than tens of pixels. The first has
# stride 4 and fine detail but, in practice, mostly local, low-level features. Concatenated, the decoder gets *what* and
# *where*.
#
# **Marking scheme** (2.5)
# * 0.75 (a): context is already in each feature through attention, local and global in one encoder (0.5); hence
#   per-position fusion suffices (0.25).
# * 0.75 (b): effective receptive field of convolutions is local/smaller than the theoretical one (0.5); a remedy such
#   as ASPP, dilation, pyramid pooling, large kernels (0.25).
# * 0.5 (c): early stages give resolution/detail, late ones semantics/context (0.25 each).
# * 0.5: argues from at least one number of the experiment, correctly read.
# ### END SOLUTION

# %% [markdown]
# ## Question 7 · Would a feature pyramid help?
#
# *About 15 minutes. Look back at task 2.5.*
#
# A *feature pyramid network* (FPN) also fuses maps of several stages, step by step: from the last stage downwards, each
# map is brought to a common width, the coarser result is added, and a 3×3 convolution smooths the sum. The experiment
# puts torchvision's FPN on SegFormer's four maps.


# %% role="experiment"
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import FeaturePyramidNetwork


class PyramidDecoder(nn.Module):
    """An FPN, its levels added up at the size of the first, and a classifier: four maps -> logits (B, 4, H, W)."""

    def __init__(self, in_channels, width):
        super().__init__()
        self.pyramid = FeaturePyramidNetwork(in_channels, width)
        self.to_classes = nn.Conv2d(width, 4, kernel_size=1)

    def forward(self, maps):
        levels = self.pyramid({str(number): level for number, level in enumerate(maps)})
        height, width = maps[0].shape[-2:]
        total = sum(F.interpolate(level, (height, width), mode="bilinear") for level in levels.values())
        return self.to_classes(F.relu(total))


# %% [markdown]
# Cost, and reach: how many positions of each stage's map act on the class scores of *one* output position?

# %% role="experiment"
torch.manual_seed(0)
widths = [32, 64, 160, 256]
maps = [torch.randn(1, width, 64 >> stage, 64 >> stage, requires_grad=True) for stage, width in enumerate(widths)]
decoders = {"MLP, 256 wide": modules.MLPDecoder(widths, 256, None, 4)}
decoders |= {f"FPN, {width} wide": PyramidDecoder(widths, width) for width in (256, 128, 64)}
print(f"{'':16}{'parameters':>12}{'GMAC':>8}{'ms':>8}   positions of stages 1, 2, 3, 4 behind one output")
for name, decoder in decoders.items():
    decoder.eval()
    plain = [level.detach() for level in maps]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        decoder(plain)
    duration = milliseconds(decoder, plain)
    scores = decoder(maps)[0, :, 33, 30] @ torch.randn(4)
    reach = [int((gradient != 0).any(dim=1).sum()) for gradient in torch.autograd.grad(scores, maps)]
    print(f"{name:16}{parameters(decoder):12,}{counter.get_total_flops() / 2e9:8.2f}{duration:8.1f}   {reach}")

# %% [markdown]
# A position of stage 4 is 32×32 pixels. Compare the last column with question 6: how much of the image has each of
# those positions seen before the decoder begins?

# %% [markdown]
# **Question 7.** Would you expect an FPN instead of the MLP decoder to improve SegFormer? (a) What can the FPN do that
# the MLP decoder cannot? (b) Why may that matter less here than on a convolutional encoder, and what does it cost? (c)
# Describe a *fair* comparison that would settle it: what is kept equal, what is measured, how often?

# %% [markdown]
# <details><summary>The table does not say which decoder is better</summary>
#
# It cannot: nothing was trained. It says what each decoder is able to do and at what price. Say what you expect and
# why; part (c) is about finding out.
# </details>

# %% [markdown] role="answer" id="q7" points=2.5
# ### BEGIN SOLUTION
# (a) The FPN hands coarse context down level by level and works with 3×3 convolutions: one output position sees 9 to 16
# positions of every stage instead of 1 to 4, so it can smooth, repair upsampling artefacts and relate a border in a
# fine map to its surroundings. It would also give *separate* maps for objects of different size, which detection needs.
#
# (b) Its main gift to a convolutional network is to bring context to fine maps. Here each position has drawn on the
# whole image since stage 1, so a few positions more add little; and pure segmentation needs one output map, not one per
# scale. At equal width the FPN has about six times the parameters and three times the operations (2.5 million against
# 0.4, 3.3 GMAC against 1.1). Narrower, it is cheaper than the MLP decoder: 64 wide, less than half the parameters; the
# MLP decoder at stride 4 and 256 channels is not free. I expect a small gain at borders at most. Reasoned expectation
# of "helps a bit" or "does not help" are both fine.
#
# (c) Same encoder with the same pre-trained weights, data, augmentation, schedule and number of steps; decoders of
# equal cost (or a curve over widths); learning rate tuned for each alike; mean IoU over the whole validation set, plus
# a measure at borders (boundary IoU) and time; at least three seeds, and the difference compared with the spread.
#
# **Marking scheme** (2.5)
# * 0.75 (a): top-down fusion and spatial (3×3) mixing in the decoder (0.5); what it could improve, e.g. borders, small
#   objects (0.25).
# * 0.75 (b): context is there already in the encoder (0.5); cost (0.25). A well-argued contrary view gets the points.
# * 0.5 (c): equal encoder, data and budget (0.25); whole-set mean IoU over several seeds or a spread (0.25).
# * 0.5: argues from at least one number of the experiment, correctly read.
# ### END SOLUTION

# %% [markdown]
# ## Question 8 · What this training leaves out
#
# *About 15 minutes. Look back at notebooks 1 and 3.*
#
# | | published SegFormer | this course |
# |---|---|---|
# | encoder | pre-trained on ImageNet | from scratch |
# | labels | 150 classes, unlabelled ignored | 4 classes, unlabelled is background |
# | image | random scale 0.5 to 2, crop 512×512, colour distortion, flip | squeezed to 256×256, flip |
# | target | full resolution | 64×64 |
# | schedule | 160,000 steps of 16 | minutes |

# %% [markdown]
# Some of this can be measured without training. A model that gave a *perfect* answer, but at the resolution of our
# target: what mean IoU would it reach on the full-size masks, each answer shown as a block of pixels?

# %% role="experiment"
print("side of the target -> mean IoU of a perfect answer")
for side in (16, 32, 64, 128, 256):
    sample_labels = EvalTransform((8, 8), (side, side))
    total = torch.zeros(4, 4, dtype=torch.int64)
    for image, mask in photographs:
        answer = sample_labels(image, mask)[1]
        blocks = F.interpolate(answer[None, None].float(), tuple(mask.shape), mode="nearest")[0, 0].long()
        blocks = torch.where(blocks == 255, 0, blocks)  # whoever answers has to name a class
        total += model_code.confusion_matrix(blocks, mask.as_subclass(torch.Tensor).long())
    print(f"{side:18} -> {model_code.mean_iou(total):.3f}")

# %% [markdown]
# How much are the photographs squeezed? And how many images does a training see?

# %% role="experiment"
shapes = torch.tensor([mask.shape for _, mask in photographs]).double()
stretch = shapes.amax(dim=1) / shapes.amin(dim=1)
print(f"long side / short side: median {stretch.median():.2f}, largest {stretch.max():.2f}")

epochs = 10  # put in the number of yours
images = len(FourClassADE20K(data_root, "training"))
print(f"this course: {images} images x {epochs} epochs = {images * epochs:,} looks at an image")
print(f"published:   160,000 steps x 16 = {160_000 * 16:,}, {160_000 * 16 / 20_210:.0f} for each of 20,210 images")

# %% [markdown]
# **Question 8.** Choose two simplifications of this training set-up, from the table or others you noticed. For each:
# what does it save, by what *mechanism* does it cost quality, and how would you measure that cost?

# %% [markdown]
# <details><summary>I find reasons but no number</summary>
#
# Add sides to the first table, or look at a single class. The curves of your own training count as well.
# </details>

# %% [markdown] role="answer" id="q8" points=2.5
# ### BEGIN SOLUTION
# Two of, for example:
#
# *64×64 targets.* Saves memory and time: loss and logits are a sixteenth of 256×256, and nothing has to be upsampled.
# Cost: the loss never sees anything thinner than a few pixels of the input; which of several labels in a block becomes
# the target is decided by its upper left pixel, so borders carry label noise. Even a perfect answer loses mean IoU on
# the full-size masks (see the table: the loss grows quickly below 64). Measure: train with targets at 64 and 256,
# evaluate both at full resolution, also near borders only.
#
# *No pre-training.* Saves downloading or a long training on another data set. Cost: edges, textures and object parts
# must be learned from a few hundred or thousand images; transformers have little built-in locality and need much data,
# rare classes suffer most. Measure: the same training from published weights, curves over the amount of data.
#
# *Plain resizing to a square, no scale augmentation.* Saves cropping logic, and every image gives one batch entry of
# equal size. Cost: objects are distorted by the aspect ratio (median 1.3 or so), test and training always show one
# scale, so nothing forces scale invariance; few distinct views, so overfitting. Measure: train with random scale and
# crops; evaluate on rescaled validation images.
#
# *Short training.* The published model saw 2.56 million crops, ours a small fraction: underfitted rare classes; the
# learning rate ends before convergence. Measure: curves; double the epochs until validation mean IoU stays.
#
# *Four classes / unlabelled as background.* Saves output channels and makes the numbers large; background becomes a
# mixture of everything, unlabelled plants are taught as background; imbalance. Measure: train with id 0 ignored,
# compare confusion.
#
# **Marking scheme** (2.5)
# * 1.0 for each of two simplifications: saving (0.25), mechanism of the cost (0.5), a way to measure it that isolates
#   this one change (0.25). Naming it without a mechanism: 0.25 in all.
# * 0.5: argues from at least one number of the experiment or of the own training, correctly read.
# ### END SOLUTION

# %% [markdown]
# ## Hand in
#
# Run this notebook from the top, look whether your numbers still fit your answers, and save it. The next cell writes
# one zip with all five notebooks, and says what may be missing. With `checkpoint=True` the trained model of notebook 4
# goes along; in a group, name all of you: `submit(student="ada", group="tigers", members=["ada", "grace"])`.

# %% role="experiment"
from segkit import submit

my_id = ""  # as your course knows you, for example "ada"
if my_id:
    submit(student=my_id)
else:
    print("Write your id into this cell and run it again: then it writes the zip that you upload.")
