# %% [markdown]
# # 2 · FCN: a classifier that paints
#
# A network that names what is on a photograph becomes one that names every pixel. You give torchvision's FCN-ResNet50 a
# head for your classes, freeze its encoder, and train it: from nothing, and from what others have learned on ImageNet.
#
# | task | what you write | points | minutes |
# |---|---|---|---|
# | 2.1 | `replace_head` | 5 | 20 |
# | 2.2 | `freeze_encoder` | 6 | 35 |
# | 2.3 | `build_optimizer` | 7 | 25 |
# | | train, and compare runs | | 30 |

# %% [markdown]
# **Before you start.** Notebook 1 lies in the same folder, is complete and *saved*: the training uses your metric. You
# should know what a convolution does to the sides of a map, and how a loop with `loss.backward()` and
# `optimizer.step()` looks.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import nn
from torchvision.models.segmentation import fcn_resnet50

from segkit import check, student_code

SegmentationMetric = student_code("01_data_and_metric").SegmentationMetric

# %% [markdown]
# ## From one label to a map of labels
#
# **Idea.** A classifier ends in two steps: it averages its last map over all positions, and multiplies the mean by a
# matrix. Leave the average out and apply the matrix at every position, as a 1x1 convolution: now there is a score per
# class *and position* (Long et al. 2015, [arXiv 1411.4038](https://arxiv.org/abs/1411.4038)). What is missing is size,
# and bilinear upsampling gives it back.

# %% role="experiment"
from segkit.transfer.figures import draw_fcn

draw_fcn()

# %% [markdown]
# Read the upper row from left to right: four groups of residual blocks, each with more channels. The usual ResNet-50
# halves the map in groups 3 and 4 as well. Here their convolutions are **dilated** instead: a filter's nine weights
# stand two or four positions apart, so that it sees as far as it would on the smaller map, and positions are kept.

# %% role="experiment"
network = fcn_resnet50(weights=None, weights_backbone=None).eval()
with torch.inference_mode():
    maps = torch.zeros(1, 3, 64, 64)
    for name, part in network.backbone.items():
        maps = part(maps)
        if name.startswith("layer"):
            print(f"{name}: {tuple(maps.shape[1:])}, {sum(p.numel() for p in part.parameters()):>10,} parameters")
print("without dilation the last map would be", 64 // 32, "x", 64 // 32)

# %% [markdown]
# Eight by eight positions for a picture of 64 x 64, not two by two. Each of them decides about 8 x 8 pixels, and the
# upsampling between them is smooth: this model will never draw a whisker. Remember this when you look at its masks.

# %% [markdown]
# ## Task 2.1 · A head for other classes
#
# *About 20 minutes. You need: `nn.Sequential` and its indices.*

# %% [markdown]
# **Idea.** Only the last layer of a head knows how many classes there are, and which. For another data set it is
# replaced; the layers before it may stay. Look at the head, and at what the model answers:

# %% role="experiment"
print(network.classifier)
with torch.inference_mode():
    answer = network(torch.zeros(1, 3, 64, 64))
print(type(answer).__name__, {name: tuple(logits.shape) for name, logits in answer.items()})
print("with aux_loss=True:", fcn_resnet50(weights=None, weights_backbone=None, aux_loss=True).aux_classifier)

# %% [markdown]
# The answer is a dictionary. `"out"` holds the logits, at the image's size. A model that was made with `aux_loss=True`
# has a second head, on the map of group 3, whose logits are `"aux"`: a second loss there helps deep layers to learn,
# and nobody looks at it afterwards. Both heads must speak of the same classes.


# %% role="stub" id="replace_head" task="2.1"
def replace_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Give torchvision's FCN new last layers for `num_classes` classes, in place; return the model.

    Arguments:
        model: an FCN of torchvision: `classifier`, and `aux_classifier`, which may be None. Each is an `FCNHead`, an
            `nn.Sequential` whose last layer is a 1x1 convolution with a bias that gives the logits.

    The new layers are fresh 1x1 convolutions with a bias, and take as many channels as the old ones did. Everything
    else, the other layers of both heads included, stays as it is.

    Example: replace_head(fcn_resnet50(), 3)(images)["out"] has shape (B, 3, H, W)
    """
    ### BEGIN SOLUTION
    for head in (model.classifier, model.aux_classifier):
        if head is not None:
            head[-1] = nn.Conv2d(head[-1].in_channels, num_classes, kernel_size=1)
    return model
    ### END SOLUTION


# %% [markdown]
# <details><summary>"'NoneType' object is not subscriptable"</summary>
#
# This model has no auxiliary classifier: the attribute is there, and None.
# </details>
# <details><summary>"expected input[2, 4, 6, 8] to have 512 channels, but got 4 channels instead"</summary>
#
# 512 is right for one head of one model. Every convolution knows how many channels it takes: print one, and look at
# its attributes.
# </details>
# <details><summary>"The row of all other weights ... is wrong"</summary>
#
# You made a whole head anew. Its first layers had learned something; only the last one is of no use.
# </details>

# %% role="check" id="fcn_head" points=5
check("fcn_head")

# %% role="experiment"
network = replace_head(network, 3)
with torch.inference_mode():
    print("logits:", tuple(network(torch.zeros(2, 3, 64, 64))["out"].shape))
for name, part in network.named_children():
    print(f"{name}: {sum(p.numel() for p in part.parameters()):,} parameters, ", end="")
print(f"of which the new layer has {sum(p.numel() for p in network.classifier[-1].parameters()):,}")

# %% [markdown]
# 512 weights and a bias per class: 1,539 new numbers beside more than thirty million. This is why a pre-trained encoder
# matters so much. If the large part begins with random numbers, a few thousand pictures must teach all of it.

# %% [markdown]
# ## Task 2.2 · A frozen encoder
#
# *About 35 minutes. You need: `requires_grad`; what `train()` and `eval()` change; what a BatchNorm computes.*

# %% [markdown]
# **Idea.** An encoder that has learned from a million pictures may be used as it is: a fixed function that turns an
# image into features. Only the head learns. Every step is cheaper, there is less to overfit, and a head that knows
# nothing yet cannot spoil the encoder with its first large gradients.

# %% [markdown]
# **Two ways in.** Training changes an encoder through *gradients*; they end where `requires_grad` is False. But there
# is another way, which no gradient takes. For each channel, BatchNorm computes
#
# $$y = \gamma\, \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta.$$
#
# $\gamma$ and $\beta$ are parameters. $\mu$ and $\sigma^2$ are not: in training mode they are those of the *batch*, and
# each batch moves the running statistics a little, $\mu_{run} \leftarrow 0.9\, \mu_{run} + 0.1\, \mu$, which evaluation
# mode uses. Watch the two, without any gradient:

# %% role="experiment"
import matplotlib.pyplot as plt

from segkit.plots import describe

norm = nn.BatchNorm2d(1).requires_grad_(False)
torch.manual_seed(0)
batches = [torch.randn(16, 1, 8, 8) + 3 for _ in range(30)]  # the new data have mean 3, the old ones had 0
means = []
for batch in batches:
    norm.train()
    norm(batch)
    means.append(norm.running_mean.item())
figure, axis = plt.subplots(figsize=(6, 2.6), layout="constrained")
axis.plot(range(1, 31), means, label="running mean, requires_grad=False")
axis.axhline(0, color="grey", linestyle=":", label="what it had learned before")
axis.set(xlabel="batch", ylabel="running mean", title="Nothing was trained, and still it moves")
axis.legend()
words = f"From 0 the running mean rises to {means[-1]:.2f} in 30 batches of mean 3, although no parameter is trained."
describe(figure, words)

# %% [markdown]
# After thirty batches the layer has forgotten the mean that it knew. All layers behind it were trained for the old one.
# In training mode it is worse: the same image gets other features in another batch. So the normalisation layers of a
# frozen encoder must stay in **evaluation mode**.
#
# And they must *stay* there:

# %% role="experiment"
small = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), nn.Conv2d(4, 2, 1))
small[0].eval()
print("after eval() of the encoder:  training mode?", small[0][1].training)
small.train()  # a trainer does this before every epoch, and after every validation
print("after train() of the model:   training mode?", small[0][1].training)

# %% [markdown]
# `model.train()` calls `train()` of all parts. You need something that survives it: a look at the list of what a module
# has (`train`, `register_forward_pre_hook`, ...) shows more than one way. SegFormer's encoder has LayerNorms, which
# compute mean and variance from the position at hand in both modes, and keep nothing: there the first half is enough.


# %% role="stub" id="freeze_encoder" task="2.2"
def freeze_encoder(model: nn.Module) -> nn.Module:
    """Turn the encoder of a model into a fixed function of the image, in place; return the model.

    Arguments:
        model: its encoder is called `backbone` (as in torchvision's models) or `encoder`.

    No parameter of the encoder takes a gradient any more. Its normalisation layers compute as in evaluation mode, with
    the running statistics that they have, and never change them: also after `model.train()`, which a trainer calls as
    often as it likes. The rest of the model trains as before, in training mode if it is put there.

    Example: after freeze_encoder(model), any number of training steps leaves all tensors of
        model.backbone.state_dict() as they were.
    """
    ### BEGIN SOLUTION
    encoder = model.backbone if hasattr(model, "backbone") else model.encoder
    encoder.requires_grad_(False)

    def stay_in_evaluation_mode(module, inputs):
        module.eval()

    encoder.register_forward_pre_hook(stay_in_evaluation_mode)  # whatever train() has said, this comes after it
    return model
    ### END SOLUTION


# %% [markdown]
# <details><summary>"The encoder's numbers that take a gradient is ..., which is too large"</summary>
#
# `encoder.requires_grad = False` sets an attribute of the module, and nobody reads it. Each *parameter* has a
# `requires_grad`.
# </details>
# <details><summary>"The row of the running statistics in the encoder ... are wrong"</summary>
#
# The model was put into training mode after your function had run. What of your work is undone by that?
# </details>
# <details><summary>"The weights are right, the logits in training mode are not"</summary>
#
# The statistics no longer move, but the batch's own are used. `momentum=0` does that; it is half of the way.
# </details>
# <details><summary>"The row of the weights and statistics of the rest ... is wrong"</summary>
#
# You froze too much: the heads, or their BatchNorms, belong to what is trained.
# </details>

# %% role="check" id="frozen_encoder" points=6
check("frozen_encoder")

# %% [markdown]
# ## Task 2.3 · An optimiser for what is trained
#
# *About 25 minutes. You need: what an optimiser is handed, and where it keeps it (`param_groups`).*

# %% [markdown]
# **Equation.** The recipe of all runs is AdamW with amsgrad (Loshchilov & Hutter 2019,
# [arXiv 1711.05101](https://arxiv.org/abs/1711.05101); Reddi et al. 2018). With gradient $g_t$, learning rate $\eta$
# and weight decay $\lambda$:
#
# $$m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2, \quad
# \hat v_t = \max(\hat v_{t-1}, v_t)$$
#
# $$\theta_t = \theta_{t-1} - \eta \lambda \theta_{t-1} -
# \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{\hat v_t / (1 - \beta_2^t)} + \epsilon}$$
#
# The maximum is amsgrad: once a parameter has seen a large gradient, its steps stay small.

# %% [markdown]
# Look at the term with $\lambda$: it moves a parameter even if its gradient is 0. What does that mean for a frozen one?

# %% role="experiment"
for leftover in (None, 0.0):
    weight = nn.Parameter(torch.ones(1), requires_grad=False)  # frozen
    weight.grad = None if leftover is None else torch.full((1,), leftover)
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    for _ in range(100):
        optimizer.step()
    print(f"gradient {leftover}: a frozen weight of 1 is {weight.item():.3f} after 100 steps")

# %% [markdown]
# Without a gradient nothing happens; with one, even one of zeros that is left from an earlier training, the optimiser
# pulls the "frozen" weight to 0. It asks for `.grad`, not for `requires_grad`. An optimiser that does not hold a
# parameter cannot move it, and it keeps no $m$ and $v$ for it either.


# %% role="stub" id="build_optimizer" task="2.3"
def build_optimizer(model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """The optimiser of the recipe, AdamW with amsgrad, for those parameters of the model that are trained.

    Arguments:
        model: parameters that take no gradient are frozen; the optimiser does not know of them.
        learning_rate: the same for all.

    Everything else is PyTorch's default. Which parameters take a gradient does not change.

    Example: build_optimizer(freeze_encoder(model), 1e-3) holds the parameters of the head, and nothing else.
    """
    ### BEGIN SOLUTION
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, lr=learning_rate, amsgrad=True)
    ### END SOLUTION


# %% [markdown]
# <details><summary>"The numbers that the optimiser holds is 135, which is too large"</summary>
#
# `model.parameters()` gives all of them. Which question would you ask each one?
# </details>
# <details><summary>"whether it is torch's AdamW" does not hold</summary>
#
# Adam and AdamW treat the weight decay differently, and have different defaults for it.
# </details>

# %% role="check" id="trainable_optimizer" points=7
check("trainable_optimizer")

# %% role="experiment"
frozen = freeze_encoder(replace_head(fcn_resnet50(weights=None, weights_backbone=None), 3))
held = sum(p.numel() for group in build_optimizer(frozen, 1e-3).param_groups for p in group["params"])
every = sum(p.numel() for p in frozen.parameters())
print(f"{held:,} of {every:,} numbers are trained: {held / every:.0%}")
before = {name: tensor.clone() for name, tensor in frozen.backbone.state_dict().items()}
optimizer = build_optimizer(frozen, 1e-3)
for _ in range(2):
    loss = frozen.train()(torch.randn(2, 3, 64, 64))["out"].square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
after = frozen.backbone.state_dict()
print("tensors of the backbone that two steps changed:", sum(not torch.equal(after[n], before[n]) for n in before))

# %% [markdown]
# ## Training: runs that can be compared
#
# In another course that trained such models, tables of mean IoU said anything from 0.17 to 0.50 for one model "from
# scratch", and nobody could tell whether the split, the seed, the metric or the epochs made the difference. So here a
# run has a **name**, and beside its curves it keeps everything that its figure depends on. All runs share one recipe:

# %% role="experiment"
from segkit.devices import best_device
from segkit.transfer.data import locate_pets
from segkit.transfer.recipe import Recipe
from segkit.transfer.sets import pet_sets

pets = pet_sets(locate_pets())
on_gpu = best_device().type != "cpu"
recipe = Recipe() if on_gpu else Recipe(epochs=2, batch_size=16, validate_every=1)  # shortened for a laptop
print(recipe)
print({name: fact for name, fact in pets.facts.items() if name != "num_classes"})

# %% [markdown]
# `Recipe()` is the assignment's: learning rate 0.001, times 0.98 after every epoch, batches of 64, 30 epochs, validated
# every second one. The fingerprint in `split` depends on every pixel of both parts. First a mark to beat: what does a
# "model" get that calls everything background?

# %% role="experiment"
metric = SegmentationMetric(3)
for _, target in pets.validation:
    metric.update(torch.ones_like(target), target)
print("everything background: IoU per class", metric.iou().tolist(), " mean", round(float(metric.mean_iou()), 3))

# %% [markdown]
# Now FCN-ResNet50 from scratch. `train_run` is given a function that *builds* the model: it seeds PyTorch first, so
# that the first weights follow from the seed as well. Your `build_optimizer` and your metric go in, too. On two CPU
# cores this takes a minute or two; if it is interrupted, run the cell again, and it goes on.

# %% role="experiment"
from segkit.transfer.training import train_run


def fcn() -> nn.Module:
    """FCN-ResNet50 for pets, with random weights."""
    return replace_head(fcn_resnet50(weights=None, weights_backbone=None), 3)


shared = {"metric": SegmentationMetric, "optimizer": build_optimizer, "recipe": recipe}
train_run("fcn_from_scratch", fcn, pets, **shared)

# %% [markdown]
# Now with an encoder that was trained on ImageNet, twice: trained on, and frozen. The weights are 100 MB and come from
# PyTorch's server; where they cannot be fetched, a sentence says so. Without a GPU these runs are left out, unless you
# say True: each takes about as long as the one above.

# %% role="experiment"
from segkit.transfer.resnet import load_resnet50

imagenet = on_gpu
for name, is_frozen in (("fcn_pretrained", False), ("fcn_frozen", True)):
    torch.manual_seed(recipe.seed)
    model = fcn()
    if not imagenet or not load_resnet50(model):
        print(f"The run {name} is left out.")
        continue
    train_run(name, freeze_encoder(model) if is_frozen else model, pets, **shared)

# %% role="experiment"
from segkit.plots import show_curves
from segkit.transfer.runs import read_runs, runs_table

runs = read_runs("runs", data="pets")
print(runs_table(runs))
show_curves({name: run.history for name, run in runs.items()})

# %% [markdown]
# Every figure of the table is read from the runs' own logs. Runs on other data, with another seed, another split or
# another metric are refused: try it with a changed seed. Save this notebook now: the others read your functions from
# the file.
