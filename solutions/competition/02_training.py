# %% [markdown]
# # 2 · Training: four tricks
#
# The model of this notebook never changes. What changes is how it is trained: how fast it learns at which moment, which
# pixels it learns from, where its gradients come from, and who teaches it. Each trick is a function of a few lines.
# What it is worth on *your* data is measured in notebook 3, not believed.
#
# | task | what you write | points | minutes |
# |---|---|---|---|
# | 2.1 | `poly_restarts` | 10 | 20 |
# | 2.2 | `ohem_loss` | 14 | 40 |
# | 2.3 | `AuxiliaryHead`, `auxiliary_loss` | 10 | 30 |
# | 2.4 | bonus: `channel_distillation` | 5 | 25 |

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit import check

# %% [markdown]
# ## Task 2.1 · A schedule that begins anew
#
# *About 20 minutes. You need: a loop, and whole numbers.*
#
# **Idea.** At the beginning of a training long steps are good: everything is wrong, and any direction downhill will do.
# At the end they do harm: the weights jump over the bottom of the valley and never arrive. So the learning rate falls
# while the model is trained. The rule that nearly every paper on segmentation took from DeepLab is called **poly**: the
# rate is a power of the share of the training that is still to come.

# %% [markdown]
# **Restarts.** A rate that only falls has one chance: the model ends up in the valley that it was in when the steps
# became short. *Warm restarts* lift the rate to where it began, at once, and let it fall again. The weights stay as
# they are, so nothing is lost but a little for the moment; from there the model may find another valley, a wider one.
# The paper lets each **cycle** last longer than the one before, so that early ones explore and the last one arrives.

# %% [markdown]
# **Equation.** Cycle $i$ lasts $T_i$ steps, and $t$ steps of it have been taken before this one. The optimiser's
# learning rate is the base rate $\eta_{\max}$ times a factor, which is what you write:
#
# $$\frac{\eta}{\eta_{\max}} = f + (1 - f) \left(1 - \frac{t}{T_i}\right)^{p}, \qquad
# T_0 = \text{cycle\_steps}, \quad T_{i+1} = m\, T_i, \quad t = 0, 1, \dots, T_i - 1.$$
#
# $p$ is the power, 0.9 unless said otherwise. $m$ is how many times as long the next cycle is, and $f$ the floor that
# the factor falls towards, so that even the last step of a cycle moves something. The power is from Chen et al. 2018
# (*DeepLab*, [arXiv 1606.00915](https://arxiv.org/abs/1606.00915), section 4.1.2); restarts and floor are those of
# Loshchilov & Hutter 2017 (*SGDR*, [arXiv 1608.03983](https://arxiv.org/abs/1608.03983), equation 5), who have half a
# cosine where we have the power.

# %% [markdown]
# By hand, with $p = 1$, $f = 0$, a first cycle of 2 steps and $m = 2$:
#
# | step | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|---|
# | cycle $i$ | 0 | 0 | 1 | 1 | 1 | 1 | 2 |
# | $t$ of $T_i$ | 0 of 2 | 1 of 2 | 0 of 4 | 1 of 4 | 2 of 4 | 3 of 4 | 0 of 8 |
# | factor | 1 | 0.5 | 1 | 0.75 | 0.5 | 0.25 | 1 |
#
# No step has the factor 0: it would be a step on the spot. The step that would have it is the first of the next cycle.


# %% role="stub" id="poly_restarts" task="2.1"
def poly_restarts(step: int, cycle_steps: int, power: float = 0.9, cycle_factor: int = 1, floor: float = 0.0) -> float:
    """The factor of the base learning rate at a step: poly (Chen et al. 2018) with warm restarts (SGDR, equation 5).

    Arguments:
        step: of the optimiser, counted from 0 over the whole training; it goes on as long as it likes.
        cycle_steps: steps of the first cycle, at least 1.
        power: of the share of the cycle that is left.
        cycle_factor: each cycle has so many times the steps of the one before: 1, 2, 3, ...
        floor: what the factor falls towards from 1, 0 <= floor < 1.

    The answer depends on nothing but the arguments: whoever resumes a training asks for step 1000 first.

    Example: [poly_restarts(step, 2, power=1, cycle_factor=2) for step in range(7)]
        -> [1.0, 0.5, 1.0, 0.75, 0.5, 0.25, 1.0]
    """
    ### BEGIN SOLUTION
    length = cycle_steps
    while step >= length:  # whole numbers: a logarithm would be wrong by a hair, just where a cycle begins
        step -= length
        length *= cycle_factor
    return floor + (1 - floor) * (1 - step / length) ** power
    ### END SOLUTION


# %% [markdown]
# <details><summary>How do I find the cycle of a step?</summary>
#
# Take the first cycle away from the step, then the second, as long as there are enough steps left to take away. What is
# left is $t$. Where all cycles have the same length there is an operator for that, but it has to work for both.
# </details>
# <details><summary>"... is a complex"</summary>
#
# Python's `(-0.5) ** 0.9` is a complex number. Which of your steps think that their cycle is over, and still go on?
# </details>
# <details><summary>All is right but a few first steps of late cycles</summary>
#
# `math.log(243, 3)` is 4.999999999999999. Count in whole numbers.
# </details>

# %% role="check" id="poly_restarts" points=10
check("poly_restarts")

# %% [markdown]
# How three such schedules look over 60 steps:

# %% role="experiment"
from segkit.plots import show_lines

steps = list(range(60))
show_lines(
    steps,
    {
        "one cycle of 60": [poly_restarts(step, 60) for step in steps],
        "cycles of 20": [poly_restarts(step, 20, floor=0.05) for step in steps],
        "cycles of 9, 18, 36": [poly_restarts(step, 9, cycle_factor=2) for step in steps],
    },
    x_label="step",
    y_label="factor of the learning rate",
    title="Poly, with and without restarts",
)

# %% [markdown]
# The power 0.9 bends the curve only a little: near the end it falls faster than a straight line. Where should a
# training of restarts stop? At the *end* of a cycle, when the rate is lowest. With cycles of 9, 18 and 36 steps these
# are the steps 9, 27 and 63; 60 is a little early, and 64 would be the worst choice of all.
#
# PyTorch's `LambdaLR` takes such a function as it is and multiplies the optimiser's rate by it.

# %% [markdown]
# ## Task 2.2 · Only the hard pixels
#
# *About 40 minutes. You need: cross-entropy of single pixels, indexing by a mask, `topk` or `sort`.*

# %% [markdown]
# **Idea.** Half of a street scene is road, sky and wall, and after a few hundred steps the model is sure of nearly all
# of it. A mean over all pixels is then a mean over what it knows already: ten thousand easy pixels with a small loss
# each outweigh the two hundred of a cyclist. *Online hard example mining* leaves the easy ones out. "Online" means that
# they are chosen anew in every step, by what the model says at that moment.

# %% [markdown]
# **Equation.** Let $p_i$ be the probability that the model gives to the *true* class $y_i$ of pixel $i$, and
# $\ell_i = -\log p_i$ its cross-entropy. Of the labelled pixels of the whole batch, these are kept:
#
# $$\mathcal{K} = \{\, i : p_i < \theta \,\}, \qquad \text{or, if these are fewer than } n, \text{ the } n
# \text{ pixels with the smallest } p_i.$$
#
# With fewer than $n$ labelled pixels, all of them are kept. The minimum is there for later: a model that has become
# good has hardly a pixel below the threshold $\theta$, and a mean over three pixels is a poor guide. The loss is
#
# $$L = \frac{\sum_{i \in \mathcal{K}} w_{y_i}\, \ell_i}{\sum_{i \in \mathcal{K}} w_{y_i}},$$
#
# with a weight $w_k$ for each class, or 1. The weights enter the mean, above and below, as in PyTorch's cross-entropy.
# They do not enter the choice: what is hard is a question to the model, what is important one to you.
#
# The method is Shrivastava, Gupta & Girshick 2016 (*Training Region-based Object Detectors with Online Hard Example
# Mining*, [arXiv 1604.03540](https://arxiv.org/abs/1604.03540)), who choose boxes of an object detector by their loss.
# For pixels, with a threshold and a minimum, it is the *online bootstrapping* of Wu, Shen & van den Hengel 2016
# (*Bridging Category-level and Instance-level Semantic Image Segmentation*,
# [arXiv 1605.06885](https://arxiv.org/abs/1605.06885)).

# %% [markdown]
# By hand: six pixels, of which one has no label. $\theta = 0.7$.
#
# | pixel | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|
# | $p_i$ | 0.9 | 0.8 | 0.6 | 0.3 | no label | 0.05 |
# | $\ell_i$ | 0.105 | 0.223 | 0.511 | 1.204 | | 2.996 |
# | kept, $n = 2$ | | | yes | yes | | yes |
# | kept, $n = 4$ | | yes | yes | yes | | yes |
# | kept, $n = 8$ | yes | yes | yes | yes | | yes |
#
# $n = 2$ plays no part: three pixels are below the threshold, and $L = (0.511 + 1.204 + 2.996) / 3 = 1.570$. With
# $n = 4$ the next hardest comes in, and $L = 1.234$. $n = 8$ is more than there are: $L = 1.008$, the mean that you
# know. With $n = 2$ and a weight of 3 for the class of pixel 6, 1 for the others,
# $L = (0.511 + 1.204 + 3 \cdot 2.996) / 5 = 2.141$: the same three pixels.


# %% role="stub" id="ohem_loss" task="2.2"
def ohem_loss(
    logits: Tensor,
    target: Tensor,
    threshold: float = 0.7,
    min_kept: int = 10_000,
    weight: Tensor | None = None,
    ignore_index: int = 255,
) -> Tensor:
    """Cross-entropy averaged over the hard pixels of a batch (Shrivastava et al. 2016; Wu et al. 2016).

    Arguments:
        logits: float (B, K, H, W).
        target: int64 (B, H, W), classes 0 .. K-1, or ignore_index where there is no label.
        threshold: kept are the pixels whose true class has a probability below it,
        min_kept: and at least so many of the whole batch, the hardest ones; all labelled ones if these are fewer.
        weight: float (K,), of the classes: the mean is the sum of weight times loss over the sum of the weights, both
            over the kept pixels. Which pixels are kept does not depend on it. None: all weights are 1.

    Returns a scalar that gradients flow back from, to the kept pixels only. Where no pixel is kept, or those that are
    have no weight, it is 0, and so are the gradients. Among equally hard pixels it does not matter which are kept.

    Example: the probabilities 0.9, 0.8, 0.6, 0.3 and 0.05 of the true class, min_kept=2 -> 1.570 = -log(0.6 * 0.3 *
        0.05) / 3
    """
    ### BEGIN SOLUTION
    labelled = target != ignore_index
    losses = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")[labelled]
    weights = torch.ones_like(losses) if weight is None else weight[target[labelled]]
    below = int(((-losses.detach()).exp() < threshold).sum())
    count = max(below, min(min_kept, len(losses)))
    kept = losses.detach().topk(count).indices  # by the loss: very small probabilities would all be 0
    total = weights[kept].sum()
    return (weights * losses)[kept].sum() / torch.where(total > 0, total, 1)
    ### END SOLUTION


# %% [markdown]
# <details><summary>How do I get the loss of each pixel?</summary>
#
# `F.cross_entropy` has an argument `reduction`. The pixels without a label get 0 from it: take them out before you
# choose or count anything.
# </details>
# <details><summary>How do threshold and minimum go together?</summary>
#
# The pixels below the threshold are the hardest ones, too. So it is always the hardest *some*, and the question is how
# many.
# </details>
# <details><summary>"it contains infinity"</summary>
#
# A softmax says exactly 0 where the true class is far behind, and its logarithm is minus infinity. The loss of a pixel
# is finite if it is computed from the logits in one go.
# </details>
# <details><summary>"No gradient flows back from the answer"</summary>
#
# The 0 of a batch without labels must come out of the logits as well. A sum over no pixels does.
# </details>

# %% role="check" id="ohem_loss" points=14
check("ohem_loss")

# %% [markdown]
# **See it work.** Small pictures of streets, a SegFormer-B0 with random weights, and a training of a few steps, with
# your schedule: about half a minute each time without a GPU. What is minimised is a function of the model and a batch,
# so that other losses fit in later.

# %% role="experiment"
import itertools

from segkit.competition.kitti import locate_kitti
from segkit.competition.scores import evaluate
from segkit.competition.streets import NUM_CLASSES, street_sets
from segkit.competition.zoo import build_model
from segkit.devices import best_device
from segkit.progress import open_bar

device = best_device()
steps = 20 if device.type == "cpu" else 400
streets = street_sets(locate_kitti(), (64, 192), images=32)


def small_model():
    """SegFormer-B0 for 19 classes with random weights: always the same ones."""
    torch.manual_seed(0)
    return build_model("segformer_b0", NUM_CLASSES).to(device)


def short_training(objective, model, steps=steps):
    """Minimise objective(model, images, target) for some steps of AdamW, and return the model in evaluation mode."""
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: poly_restarts(step, steps))
    loader = torch.utils.data.DataLoader(streets.train, 4, shuffle=True, drop_last=True)
    batches = itertools.islice(itertools.chain.from_iterable(itertools.repeat(loader)), steps)
    model.train()
    with open_bar(steps, description="training") as bar:
        for images, target in batches:
            loss = objective(model, images.to(device), target.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.update()
    return model.eval()


def mean_over_pixels(model, images, target):
    """The usual loss, to compare with."""
    return F.cross_entropy(model(images), target, ignore_index=255)


trained = {"every pixel": short_training(mean_over_pixels, small_model())}

# %% [markdown]
# Which pixels would your loss keep now? Ask the loss itself: a pixel that is left out has no gradient.

# %% role="experiment"
from segkit.competition.training_figures import show_kept_pixels

image, target = streets.train[0]
with torch.inference_mode():
    found = trained["every pixel"](image[None].to(device)).cpu()
logits = found.clone().requires_grad_()
ohem_loss(logits, target[None], min_kept=target.numel() // 16).backward()
kept = logits.grad[0].abs().sum(dim=0) > 0
true_class = torch.where(target == 255, 0, target)
probability = found.softmax(dim=1)[0].gather(0, true_class[None])[0]
show_kept_pixels(image, target, probability, kept)

# %% role="experiment"
for label in target[target != 255].unique().tolist():
    mask, name = target == label, streets.train.class_names[label]
    print(f"{name:14} {mask.sum():6} pixels, {kept[mask].double().mean():4.0%} of them kept")

# %% [markdown]
# After so few steps the model is sure of little, and much is kept; later the green shrinks to borders and small things.
# Note also what OHEM cannot know: a pixel with a *wrong label* is always hard.
#
# Now the same training with your loss. `min_kept` is a sixteenth of the pixels of a batch.

# %% role="experiment"
pixels_of_a_batch = 4 * 64 * 192


def hard_pixels(model, images, target):
    """Your loss."""
    return ohem_loss(model(images), target, min_kept=pixels_of_a_batch // 16)


trained["hard pixels"] = short_training(hard_pixels, small_model())
for name, model in trained.items():
    scores = evaluate(model, streets.validation, NUM_CLASSES)
    found = (scores.class_iou() > 0.01).sum()
    print(f"{name:12} mean IoU {scores.mean_iou():.3f}, {found} classes found at all")

# %% [markdown]
# Do not conclude anything from this: a few steps, one seed. A difference that you would report needs more of both, and
# notebook 3 is about that. What the experiment can show is that the loss trains, and what it looks at.

# %% [markdown]
# ## Task 2.3 · A second head
#
# *About 30 minutes. You need: `nn.Conv2d`, `nn.BatchNorm2d`, bilinear interpolation.*

# %% [markdown]
# **Idea.** The gradient of the loss comes in at the end of the network and has to pass everything in between before it
# reaches the early layers; there it is weak and says little. A second, *auxiliary* head on a map in the middle has a
# loss of its own, and shows the layers before it a short way to a better answer. When the training is over, the head is
# thrown away: the model that is handed in costs what it cost before.

# %% role="experiment"
from segkit.competition.training_figures import draw_auxiliary_head

draw_auxiliary_head()

# %% [markdown]
# **Equation.** For a map $X$ of $C$ channels from inside the encoder, with $*$ for a convolution,
#
# $$\mathrm{head}(X) = W_2 *_{1 \times 1} \mathrm{ReLU}(\mathrm{BatchNorm}(W_1 *_{3 \times 3} X)) + b.$$
#
# $W_1$ leads to `channels` channels and keeps the size of the map (padding 1), $W_2$ to the classes. The loss of a
# training step is
#
# $$L = \mathcal{L}(\mathrm{up}(Z), y) + \alpha\, \mathcal{L}(\mathrm{up}(Z_{\mathrm{aux}}), y), \qquad
# \alpha = 0.4,$$
#
# where $Z$ and $Z_{\mathrm{aux}}$ are the logits of both heads, $\mathcal{L}$ is any criterion (`ohem_loss`, for
# example), and $\mathrm{up}$ enlarges logits bilinearly to the size of the target, with `align_corners=False`. The
# target is never made smaller: a cyclist has few pixels already.
#
# From Zhao et al. 2017 (*Pyramid Scene Parsing Network*, [arXiv 1612.01105](https://arxiv.org/abs/1612.01105), section
# 4), who tried several weights between 0 and 1 and kept 0.4. Their head has a dropout before the last layer, as
# torchvision's `FCNHead` has; ours does not.

# %% [markdown]
# By hand: the criterion says 0.5 for the main logits and 2 for the auxiliary ones. $L = 0.5 + 0.4 \cdot 2 = 1.3$. With
# $\alpha = 0$, and in evaluation, where there are no auxiliary logits, $L = 0.5$.


# %% role="stub" id="AuxiliaryHead" task="2.3"
class AuxiliaryHead(nn.Module):
    """A small head on a map inside a network, used in training only (PSPNet, Zhao et al. 2017).

    A 3x3 convolution, BatchNorm, ReLU, and a 1x1 convolution with a bias. No dropout.

    Arguments of the constructor:
        in_channels: of the map.
        channels: between the two convolutions.
        num_classes: of the logits.

    forward: maps (B, in_channels, h, w) -> logits (B, num_classes, h, w), as large as the maps.
    """

    def __init__(self, in_channels: int, channels: int, num_classes: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.reduce = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False)  # the norm has a bias
        self.norm = nn.BatchNorm2d(channels)
        self.classify = nn.Conv2d(channels, num_classes, kernel_size=1)
        ### END SOLUTION

    def forward(self, maps: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        hidden = F.relu(self.norm(self.reduce(maps)))
        return self.classify(hidden)
        ### END SOLUTION


# %% role="stub" id="auxiliary_loss" task="2.3"
def auxiliary_loss(
    main_logits: Tensor, auxiliary_logits: Tensor | None, target: Tensor, criterion, weight: float = 0.4
) -> Tensor:
    """The loss of the main head plus `weight` times that of the auxiliary head (PSPNet, Zhao et al. 2017).

    Arguments:
        main_logits, auxiliary_logits: float (B, K, h, w), each of a size of its own; both are enlarged bilinearly to
            that of the target, with align_corners=False. No auxiliary logits, None: the main loss alone.
        target: int64 (B, H, W).
        criterion: function (logits (B, K, H, W), target) -> scalar, used for both heads.
        weight: of the auxiliary loss.

    Returns a scalar whose gradients reach both logits.

    Example: a criterion that says 0.5 for the main and 2.0 for the auxiliary logits -> 1.3
    """

    ### BEGIN SOLUTION
    def at_full_size(logits):
        return F.interpolate(logits, target.shape[-2:], mode="bilinear", align_corners=False)

    main = criterion(at_full_size(main_logits), target)
    if auxiliary_logits is None:
        return main
    return main + weight * criterion(at_full_size(auxiliary_logits), target)
    ### END SOLUTION


# %% [markdown]
# <details><summary>"the criterion was given logits of 2 x 3 and a target of 4 x 6 pixels"</summary>
#
# A criterion compares pixel by pixel. Which of the two has to change its size, and what would be lost if it were the
# other one?
# </details>
# <details><summary>The values are right in evaluation mode, not in training mode</summary>
#
# Print your head: is there a BatchNorm, and is it the layer itself that is called, not its function?
# </details>
# <details><summary>"No gradient flows back"</summary>
#
# The whole point of this head is what it tells the encoder. Nothing may be cut off with `detach`.
# </details>

# %% role="check" id="auxiliary_head" points=10
check("auxiliary_head")

# %% [markdown]
# How much of a gradient reaches the first layer of the encoder, from each of the two losses? `WithAuxiliaryHead` gives
# any model a second head on what comes out of one of its parts: in training mode it answers with both logits.

# %% role="experiment"
from segkit.competition.training import WithAuxiliaryHead


def model_with_second_head():
    """SegFormer-B0 and your head on the map of its third stage, which has 160 channels."""
    model = small_model()
    head = AuxiliaryHead(160, 64, NUM_CLASSES).to(device)
    return WithAuxiliaryHead(model, "model.encoder", head, pick=lambda maps: maps[4])


def cross_entropy(logits, target):
    """Of the labelled pixels."""
    return F.cross_entropy(logits, target, ignore_index=255)


model = model_with_second_head()
first_layer = next(model.model.parameters())
images, target = (torch.stack(items).to(device) for items in zip(*(streets.train[i] for i in range(4)), strict=True))
answer = model(images)
print({name: tuple(logits.shape) for name, logits in answer.items()}, "for a target of", tuple(target.shape))
main = auxiliary_loss(answer["out"], None, target, cross_entropy)
both = auxiliary_loss(answer["out"], answer["aux"], target, cross_entropy)
for name, loss in (("main loss", main), ("0.4 times the auxiliary loss", both - main)):
    (gradient,) = torch.autograd.grad(loss, first_layer, retain_graph=True)
    print(f"{name:28} is {loss:.2f}; its gradient at the first layer has the norm {gradient.norm():.4f}")


# %% role="experiment"
def two_heads(model, images, target):
    """Cross-entropy of both heads."""
    answer = model(images)
    return auxiliary_loss(answer["out"], answer["aux"], target, cross_entropy)


trained["two heads"] = short_training(two_heads, model_with_second_head()).model  # the second head is left behind
print(f"two heads    mean IoU {evaluate(trained['two heads'], streets.validation, NUM_CLASSES).mean_iou():.3f}")

# %% [markdown]
# Which of the two norms is larger? Here the main loss need not be weak at the first layer. SegFormer is not a likely
# customer: its decoder takes the maps of all four stages anyway, so each of them already has a short way to the loss.
# The winners of the original competition gained 0.4 points by this trick on SegFormer-B0, less than by any other. In a
# deep ResNet, which PSPNet was built on, there is no such shortcut.

# %% [markdown]
# ## Task 2.4 · Bonus: a teacher
#
# *About 25 minutes. You need: `log_softmax` along any axis, and what a KL divergence is.*

# %% [markdown]
# **Idea.** A large model has been trained; it is too slow for the competition. A small one can learn more from it than
# from the labels: a label says "road" and nothing else, the teacher's logits say how sure it is, and where. In
# *channel-wise* distillation the student need not hit the teacher's numbers. Each channel of the logits is one class,
# seen as a map: where in this picture are the cars? The softmax is taken over the **pixels**, so that a channel becomes
# a distribution over places, and the student's is pulled towards the teacher's.

# %% [markdown]
# **Equation.** For logits $z$ of one image, with $K$ channels of $N = HW$ pixels, and a temperature $T$:
#
# $$\phi(z)_{k,i} = \frac{\exp(z_{k,i} / T)}{\sum_{j=1}^{N} \exp(z_{k,j} / T)}, \qquad
# L = \frac{T^2}{K} \sum_{k=1}^{K} \sum_{i=1}^{N} \phi(z^{t})_{k,i}\,
# \log \frac{\phi(z^{t})_{k,i}}{\phi(z^{s})_{k,i}},$$
#
# $z^t$ for the teacher, $z^s$ for the student; of a batch it is the mean over the images. A higher temperature makes
# the maps flatter, so that places count that are only likely; $T^2$ makes up for the gradients, which become smaller by
# that. The teacher is given, and no gradient reaches it. From Shu et al. 2021 (*Channel-wise Knowledge Distillation for
# Dense Prediction*, [arXiv 2011.13256](https://arxiv.org/abs/2011.13256)).

# %% [markdown]
# By hand: one channel of two pixels, $T = 1$. The teacher's logits are $\log 3$ and $0$, so $\phi(z^t) = (3/4, 1/4)$.
# The student's are both $0$: $\phi(z^s) = (1/2, 1/2)$.
#
# $$L = \tfrac34 \log\tfrac{3/4}{1/2} + \tfrac14 \log\tfrac{1/4}{1/2} = 0.3041 - 0.1733 = 0.1308.$$
#
# If both logits of the student were 5, nothing would change: only differences between places count.


# %% role="stub" id="channel_distillation" task="2.4"
def channel_distillation(student_logits: Tensor, teacher_logits: Tensor, temperature: float = 4.0) -> Tensor:
    """Channel-wise distillation (Shu et al. 2021): KL divergence of each channel's softmax over the pixels.

    Arguments:
        student_logits, teacher_logits: float (B, K, H, W), of one size.
        temperature: T; the logits are divided by it.

    Returns a scalar: the mean over images and channels of the divergence of the student's map from the teacher's, times
    T squared. Gradients reach the student's logits only.

    Example: teacher [[[[log 3, 0]]]], student [[[[0, 0]]]], temperature 1 -> 0.1308
    """
    ### BEGIN SOLUTION
    student = (student_logits / temperature).flatten(2).log_softmax(dim=2)
    teacher = (teacher_logits.detach() / temperature).flatten(2).log_softmax(dim=2)
    divergence = (teacher.exp() * (teacher - student)).sum(dim=2)  # of each image and channel
    return temperature**2 * divergence.mean()
    ### END SOLUTION


# %% [markdown]
# <details><summary>Which axes does the softmax run over?</summary>
#
# Over two of them at once, rows and columns: make one of them first. What should a channel's map add up to?
# </details>
# <details><summary>`F.kl_div` gives something else</summary>
#
# It takes the *logarithm* of the student's distribution first, then the teacher's, and its `reduction` decides by what
# it divides. Of the four ways, which one divides by images and channels?
# </details>

# %% role="bonus" id="distillation" points=5
check("distillation")

# %% [markdown]
# **See it work.** The teacher is the model that was trained longest; here it is no larger than its student, only twice
# as long at school. The student is trained with the labels *and* with your loss.

# %% role="experiment"
teacher = short_training(mean_over_pixels, small_model(), steps=2 * steps)


def with_a_teacher(model, images, target):
    """Cross-entropy, and three times what the teacher says."""
    logits = model(images)
    with torch.no_grad():
        wanted = teacher(images)
    return cross_entropy(logits, target) + 3 * channel_distillation(logits, wanted)


trained["with a teacher"] = short_training(with_a_teacher, small_model())
for name, model in {"the teacher": teacher, **trained}.items():
    print(f"{name:14} mean IoU {evaluate(model, streets.validation, NUM_CLASSES).mean_iou():.3f}")

# %% [markdown]
# Below is one channel of three models as the loss sees it: where is the road? Each map adds up to 1.

# %% role="experiment"
from segkit.plots import show_maps

seen = {"teacher": teacher, "taught by labels": trained["every pixel"], "and by the teacher": trained["with a teacher"]}
maps = []
with torch.inference_mode():
    for model in seen.values():
        road = model(streets.validation[0][0][None].to(device))[0, 0].cpu() / 4  # the temperature
        maps.append(road.flatten().softmax(dim=0).view(road.shape) * road.numel())
show_maps(maps, titles=list(seen), label="share of the map, times its pixels", columns=3)

# %% [markdown]
# Save this notebook: the ladder of notebook 3 climbs with your functions.
