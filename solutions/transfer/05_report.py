# %% [markdown]
# # 5 · Report
#
# Everything is trained; now it is compared. Every figure and every number in this notebook is read from the logs and
# the weights of your runs, none is typed. You write two measures, look, and argue.
#
# | task | what you do | minutes | points |
# |---|---|---|---|
# | 5.1 | `confusion_shares` | 10 | 4 |
# | 5.2 | `roc_curve` | 35 | 6 |
# | 5.3 to 5.7 | five answers in words, each after an experiment | 100 | 20 |
# | 5.8 | bonus: `attention_cost` | 20 | bonus 4 |

# %% [markdown]
# **Before you start.** Notebooks 1 to 4 lie in the same folder, complete and saved, and were run to their ends: the
# runs are in `runs/`. You should be able to read a confusion matrix.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segkit import check, student_code

# %% [markdown]
# ## The runs
#
# `read_runs` takes the runs on pets, and refuses any two that differ in data, split, metric or seed: their numbers
# would say nothing about each other.
# %% role="experiment"
from segkit.transfer.runs import read_runs, runs_table

runs = read_runs("runs", data="pets")
runs_table(runs)

# %% role="experiment"
from segkit.transfer.report import show_runs

show_runs(runs)

# %% [markdown]
# Left, what is judged; right, what is minimised. A star is the epoch whose weights were kept. Look for three things:
# where a curve *begins*, how fast it rises, and whether it still rises at the end. A run that would have gone on rising
# is not a worse model, it was stopped early: that is another sentence in a report.

# %% [markdown]
# ## Pictures that chose nothing
#
# The validation set chose the epoch of every run, and perhaps the learning rate: it flatters them. Oxford-IIIT Pet has
# a third part, `test`, which nobody has looked at. All that follows is about it.

# %% role="experiment"
from torchvision.models.segmentation import fcn_resnet50

from segkit.devices import best_device
from segkit.transfer.data import PET_CLASSES, PetPairs, locate_pets
from segkit.transfer.report import class_scores, targets_of
from segkit.transfer.sets import pet_sets
from segkit.transfer.training import load_run

metric_code, fcn_code = student_code("01_data_and_metric"), student_code("02_fcn")
segformer_code = student_code("03_segformer")
root = locate_pets()
pets, test = pet_sets(root), PetPairs(root, "test")
print(f"{len(pets.train)} images to train on, {len(pets.validation)} to validate on, {len(test)} to report on")


# %% role="experiment"
def model_of(run):
    """The model of a run with its best weights."""
    if run.facts["model"] == "FCN":
        empty = fcn_code.replace_head(fcn_resnet50(weights=None, weights_backbone=None), 3)
    else:
        empty = segformer_code.PetSegFormer(3)
    return load_run(empty, run, pets).to(best_device())


truth = targets_of(test)
scores = {name: class_scores(model_of(run), test) for name, run in runs.items()}  # (images, classes, 64, 64)
predictions = {name: of_run.argmax(dim=1) for name, of_run in scores.items()}

# %% [markdown]
# `scores` are probabilities: softmax over the classes, for every pixel of every test image. The class with the highest
# one is the prediction. First the predictions themselves, for every so many-th image, so that nobody picks the pretty
# ones.

# %% role="experiment"
from segkit.transfer.report import show_masks

shown = list(range(0, len(test), max(1, len(test) // 6)))[:6]
images, labels = [test[i][0] for i in shown], {name: of_run[shown] for name, of_run in predictions.items()}
show_masks(images, truth[shown], labels, titles=[f"image {i}" for i in shown])

# %% [markdown]
# Which runs find the animal at all, and which find its outline? The border is a class of its own here: a ring that is
# one to three pixels wide, and the hardest of the three. What the pictures hide is how often each error happens. That
# is counted next.

# %% [markdown]
# ## Task 5.1 · Where the pixels of each class go (4 points, 10 minutes)
#
# **Idea.** A confusion matrix of counts is ruled by the largest class. Divide each row by its sum, and it reads: "of
# the pixels that *are* pet, so many were called pet, background, border".
#
# $$S_{kj} = \frac{N_{kj}}{\sum_i N_{ki}}$$

# %% [markdown]
# By hand, two rows: (6, 2, 2) has the sum 10 and becomes (0.6, 0.2, 0.2); (0, 4, 1) becomes (0, 0.8, 0.2). A class
# without a single pixel has a row of zeros, and nothing divided by nothing is no share at all: NaN.

# %% role="experiment"
print("6 of 10:", torch.tensor(6) / torch.tensor(10), "  0 of 0:", torch.tensor(0) / torch.tensor(0))


# %% role="stub" id="confusion_shares" task="5.1"
def confusion_shares(confusion: Tensor) -> Tensor:
    """Where the pixels of each class go: counts (K, K), rows truth and columns prediction -> float shares (K, K).

    Every row adds up to one. A class that never occurs has no shares: NaN in its whole row.

    Example: confusion_shares(torch.tensor([[6, 2, 2], [0, 4, 1], [0, 0, 0]]))
        -> [[0.6, 0.2, 0.2], [0.0, 0.8, 0.2], [nan, nan, nan]]
    """
    ### BEGIN SOLUTION
    return confusion.double() / confusion.sum(dim=1, keepdim=True)  # 0 / 0 is NaN
    ### END SOLUTION


# %% [markdown]
# <details><summary>My columns add up to one</summary>
#
# Then you divided by how often a class was *predicted*. Which axis of the matrix is the truth?
# </details>
#
# <details><summary>The first row is right, the others are not</summary>
#
# A vector of three sums meets a matrix: it is spread along the rows, not along the columns. What does `keepdim` do?
# </details>

# %% role="check" id="class_shares" points=4
check("class_shares")

# %% role="experiment"
from segkit.transfer.report import show_shares

metrics = {}
for name, labels in predictions.items():
    metrics[name] = metric_code.SegmentationMetric(3)
    metrics[name].update(labels, truth)
show_shares({name: confusion_shares(metric.confusion) for name, metric in metrics.items()})

# %% [markdown]
# The diagonal says how much of each class was found. Off it, read one row: is border taken for pet or for background?
# A model that calls every uncertain pixel background has a dark second column. And the same as IoU:

# %% role="experiment"
print(f"{'test images':26}" + "".join(f"{name:>12}" for name in PET_CLASSES) + f"{'mean IoU':>12}{'validation':>12}")
for name, metric in metrics.items():
    line = "".join(f"{iou:12.3f}" for iou in metric.iou().tolist())
    print(f"{name:26}{line}{float(metric.mean_iou()):12.3f}{runs[name].best_mean_iou:12.3f}")

# %% [markdown]
# Compare the last two columns. Both are mean IoU of the same weights; the second is the one by which they were chosen.
# If they are far apart, look at the masks again: are the test pictures of another kind, or are the validation pictures
# too much like those of the training?

# %% [markdown]
# ## Task 5.2 · The ROC curve of a class (6 points, 35 minutes)
#
# **Idea.** The argmax throws away how sure the model was. Ask instead: is it *pet*, yes or no, at a threshold of your
# choice for the score of pet? A high threshold finds few pets and invents few; a low one finds all and invents many.
# The curve of all thresholds says what the scores are worth, before anybody chooses.

# %% [markdown]
# **Equation.** For a class $k$ and a threshold $t$, with $s_p$ the score of class $k$ at pixel $p$, over all pixels
# whose label is known:
#
# $$\mathrm{TPR}(t) = \frac{|\{p : s_p \ge t,\; y_p = k\}|}{|\{p : y_p = k\}|} \qquad
# \mathrm{FPR}(t) = \frac{|\{p : s_p \ge t,\; y_p \ne k\}|}{|\{p : y_p \ne k\}|}$$
#
# The curve joins the points (FPR, TPR) from the highest threshold to the lowest; the area below it (AUC) is what the
# trapezoids under it add up to.

# %% [markdown]
# By hand: four pixels with the scores 0.9, 0.7, 0.6, 0.2, of which the first and the third are pet.

# %% role="experiment"
four_scores, is_pet = torch.tensor([0.9, 0.7, 0.6, 0.2]), torch.tensor([True, False, True, False])
for threshold in (1.0, 0.9, 0.7, 0.6, 0.2):
    let_in = four_scores >= threshold
    found, invented = (let_in & is_pet).sum() / 2, (let_in & ~is_pet).sum() / 2
    print(f"threshold {threshold}: FPR {invented:.1f}, TPR {found:.1f}")

# %% role="experiment"
from segkit.transfer.report import show_roc

show_roc({"pet": {"four pixels": ([0, 0, 0.5, 0.5, 1], [0, 0.5, 0.5, 1, 1], 0.75)}})

# %% [markdown]
# Each pet is a step up, each other pixel a step to the right. Two trapezoids lie under the curve: 0.5 · 0.5 and 0.5 ·
# 1, together 0.75. That is also the probability that a random pet has a higher score than a random other pixel: of the
# four pairs, three are in order. A curve on the diagonal is guessing, 0.5.
#
# Two more things to think of. Pixels with *equal* scores are let in by the same threshold, so they make one point
# together, and a slanted line. And ignored pixels are neither.


# %% role="stub" id="roc_curve" task="5.2"
def roc_curve(scores: Tensor, target: Tensor, label: int, ignore_index: int = 255) -> tuple[Tensor, Tensor, Tensor]:
    """The ROC curve of one class against all others, over the pixels that are not ignored.

    Arguments:
        scores: (B, K, H, W), how much each pixel looks like each class; only those of class `label` are used.
        target: (B, H, W) labels 0..K-1, or `ignore_index`.
        label: the class.

    Returns:
        false positive rates (n + 1,), true positive rates (n + 1,), and the area below the curve, a number. The first
        point is (0, 0); then one point for each of the n different scores, the highest first. A rate of which there is
        no pixel is NaN everywhere, and so is the area.

    Example: scores 0.9, 0.7, 0.6, 0.2 for class 1 at four pixels whose labels are 1, 0, 1, 0
        -> [0, 0, 0.5, 0.5, 1], [0, 0.5, 0.5, 1, 1], 0.75
    """
    ### BEGIN SOLUTION
    labelled = target != ignore_index
    score, positive = scores[:, label][labelled], (target == label)[labelled]
    order = score.argsort(descending=True)
    score, positive = score[order], positive[order]
    steps = torch.cat([score[1:] != score[:-1], torch.ones(1, dtype=torch.bool)])  # the last of equal scores
    counts = [hits.double().cumsum(dim=0)[steps] for hits in (~positive, positive)]
    false_rate, true_rate = (torch.cat([torch.zeros(1), count]) / count[-1] for count in counts)
    return false_rate, true_rate, torch.trapezoid(true_rate, false_rate)
    ### END SOLUTION


# %% [markdown]
# <details><summary>How do I do this without trying every threshold on every pixel?</summary>
#
# Sort the pixels by score, the highest first. After n of them, how many were of the class, and how many were not? There
# is a function for sums up to each position.
# </details>
#
# <details><summary>My curve has a point too many (or too few)</summary>
#
# Is the first point (0, 0)? And do equal scores share one point: the one after the last of them?
# </details>
#
# <details><summary>My area is right for different scores, but too small where some are equal</summary>
#
# Rectangles below a slanted line leave triangles out. Trapezoids do not.
# </details>
#
# <details><summary>My curve has three points only</summary>
#
# Then your scores are zeros and ones: they have been through an argmax.
# </details>

# %% role="check" id="roc_curve" points=6
check("roc_curve")

# %% role="experiment"
curves = {
    class_name: {name: roc_curve(of_run, truth, label) for name, of_run in scores.items()}
    for label, class_name in enumerate(PET_CLASSES)
}
show_roc(curves)

# %% [markdown]
# A run may have a good curve and a poor IoU: then its scores put the pixels in a good order, but the argmax draws the
# line at a bad place. For the border that is nearly always so. It is rare, hence its score rarely the highest of the
# three, even where it is much higher than elsewhere. What the curves hide: most pixels are easy, so that an area of 0.9
# is less than it sounds.

# %% [markdown]
# ## Five answers in words
#
# About 100 to 180 words each, 4 points each, given by a person. A good answer takes up every part of the question,
# gives the reason and not only the fact, and uses numbers of **your** experiments and runs. "It depends" is fine if you
# say on what.

# %% [markdown]
# ## 5.3 · Four ways from an image to a mask (20 minutes)
#
# FCN, U-Net, FPN and SegFormer all shrink the image and come back. They differ in how they come back, and in how far a
# position can see on the way. The experiment puts four decoders on maps of the same sizes, and asks of each what it
# costs, and which positions of which maps act on *one* position of its answer.


# %% role="experiment"
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.ops import FeaturePyramidNetwork

WIDTHS, SIDES = (32, 64, 160, 256), (16, 8, 4, 2)  # of your encoder's four maps, for an image of 64 x 64


class LastMapOnly(nn.Module):
    """As in FCN: torchvision's head on the last map, enlarged at the end."""

    def __init__(self):
        super().__init__()
        self.head = FCNHead(WIDTHS[-1], 3)

    def forward(self, maps):
        return F.interpolate(self.head(maps[-1]), maps[0].shape[2:], mode="bilinear")


class StepByStep(nn.Module):
    """As in U-Net: enlarge, put the finer map beside it, convolve; from the last map to the first."""

    def __init__(self):
        super().__init__()
        pairs = [(WIDTHS[i + 1] + WIDTHS[i], WIDTHS[i]) for i in (2, 1, 0)]
        self.mixers = nn.ModuleList(nn.Conv2d(both, own, 3, padding=1) for both, own in pairs)
        self.classify = nn.Conv2d(WIDTHS[0], 3, 1)

    def forward(self, maps):
        x = maps[-1]
        for finer, mixer in zip(maps[-2::-1], self.mixers, strict=True):
            x = F.relu(mixer(torch.cat([F.interpolate(x, finer.shape[2:], mode="bilinear"), finer], dim=1)))
        return self.classify(x)


class AddedUp(nn.Module):
    """As in an FPN: all maps to one width, the coarser added to the finer, a 3x3 convolution at the finest level."""

    def __init__(self):
        super().__init__()
        self.pyramid = FeaturePyramidNetwork(WIDTHS, 128)
        self.classify = nn.Conv2d(128, 3, 1)

    def forward(self, maps):
        return self.classify(F.relu(self.pyramid({str(i): level for i, level in enumerate(maps)})["0"]))


# %% role="experiment"
torch.manual_seed(0)
decoders = {
    "FCN": LastMapOnly(),
    "U-Net": StepByStep(),
    "FPN": AddedUp(),
    "SegFormer": segformer_code.SegFormerHead(WIDTHS, 128, 3),
}
maps = [torch.randn(1, width, side, side, requires_grad=True) for width, side in zip(WIDTHS, SIDES, strict=True)]
print(f"{'decoder':12}{'parameters':>12}{'million MAC':>13}   positions of the maps 1, 2, 3, 4 behind one answer")
for name, decoder in decoders.items():
    decoder.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        decoder([level.detach() for level in maps])
    answer = decoder(maps)[0, :, 8, 7] @ torch.randn(3)
    gradients = torch.autograd.grad(answer, maps, allow_unused=True)
    reach = [0 if gradient is None else int((gradient != 0).any(dim=1).sum()) for gradient in gradients]
    parameters = sum(parameter.numel() for parameter in decoder.parameters())
    print(f"{name:12}{parameters:12,}{counter.get_total_flops() / 2e6:13.1f}   {reach}")

# %% [markdown]
# (U-Net and FPN come in many variants; these are small ones. A position of map 4 stands for 32×32 pixels. What each of
# *those* positions has seen of the image is the encoder's business: in ResNet it grows with every convolution, in
# SegFormer attention reaches everywhere from the first stage on.)

# %% [markdown]
# **Question 5.3.** (a) How does each of the four get back to full resolution, and what does it do with the fine maps?
# (b) Where do the four get the surroundings of a pixel from? (c) Which of them would you take for pictures whose
# outlines matter most, and which for a device with little memory? Use the table.

# %% [markdown] role="answer" id="q1" points=4
# ### BEGIN SOLUTION
# (a) *FCN* decides on the last map alone and enlarges the logits: 0 positions of the maps 1 to 3 stand behind its
# answer. (torchvision's ResNet makes up for it by keeping stride 8, with dilation.) *U-Net* goes back step by step; at
# each it joins the encoder's map of that size to what comes from below (concatenation) and mixes both by a 3×3
# convolution. *FPN* also goes from coarse to fine, but brings all maps to one width first and *adds*. *SegFormer*
# brings every map to one width by a linear layer, enlarges all of them in one go, and fuses them with one more linear
# layer; nothing looks around.
#
# (b) In FCN, U-Net and FPN from convolutions: from the depth of the encoder, in U-Net and FPN from the 3×3 of the
# decoder as well (9 positions of map 1 behind one answer, in U-Net 25 and 16 of the next). SegFormer's decoder sees 1
# to 4 positions of each map. It can afford that: each of these has drawn on the whole image by attention, from stage 1
# on.
#
# (c) Outlines: U-Net. It keeps the fine map as it is and looks around at every step; the price is 756 thousand
# parameters and 25 million multiply-adds. Little memory: SegFormer's head, 132 thousand parameters, which still sees
# all four maps. FCN's is as small here and cheapest by far (0.6 million multiply-adds), but on the 2048 channels of a
# ResNet-50 it has 9.4 million parameters, and it never sees a fine map.
#
# **Marking scheme** (4)
# * 1.5 (a): all four described rightly: last map only; concatenation step by step; addition in a pyramid; one linear
#   fusion of all maps (0.5 for two of them, 1 for three).
# * 1 (b): convolutions reach as far as they are deep, also in the decoder (0.5); attention is global, so that the
#   decoder need not look around (0.5).
# * 1 (c): a choice for each case with a reason that fits the table (0.5 each). Other choices count if they are argued.
# * 0.5: uses at least two numbers of the table, rightly read.
# ### END SOLUTION

# %% [markdown]
# ## 5.4 · Why down, and why up again (20 minutes)
#
# A network could keep the resolution all the way. The experiment asks what that would cost, what it would see, and what
# a network that stays small at the end must lose.

# %% role="experiment"
print("four 3x3 convolutions, 64 channels, on a 64 x 64 image     million MAC   sees, a side")
for name, strides in {"at full resolution": (1, 1, 1, 1), "halved before each": (2, 2, 2, 2)}.items():
    side, reach, step, work = 64, 1, 1, 0
    for stride in strides:
        side, step = side // stride, step * stride
        reach, work = reach + 2 * step, work + side**2 * 64 * 64 * 9
    print(f"  {name:54}{work / 1e6:13.1f}{reach:12} pixels")

# %% [markdown]
# ("Halved" by a stride in the layer before; `sees` is the receptive field.) And the other direction: a model that
# answers *perfectly*, but on a coarse grid of which each cell is one label. What mean IoU can it reach on the test
# masks?

# %% role="experiment"
print(f"{'side of the grid':20}" + "".join(f"{name:>12}" for name in PET_CLASSES) + f"{'mean IoU':>12}")
for side in (64, 32, 16, 8, 4):
    fine = F.one_hot(truth.clamp(max=2), 3).movedim(-1, 1).double() * (truth != 255)[:, None]
    cells = F.adaptive_avg_pool2d(fine, side).argmax(dim=1)  # the most frequent class of each cell
    metric = metric_code.SegmentationMetric(3)
    metric.update(F.interpolate(cells[:, None].double(), (64, 64), mode="nearest")[:, 0].long(), truth)
    print(f"{side:<20}" + "".join(f"{iou:12.3f}" for iou in metric.iou().tolist()) + f"{metric.mean_iou():12.3f}")

# %% [markdown]
# **Question 5.4.** (a) What is gained by downsampling in the encoder? Name two things, with numbers. (b) What is lost,
# which class suffers first, and why? What can upsampling do about it, and what not? (c) Your SegFormer decides on 16×16
# positions and enlarges the logits; torchvision's FCN does so on 8×8. Is the row of the table with their side a limit
# for them? Why, or why not?

# %% [markdown] role="answer" id="q2" points=4
# ### BEGIN SOLUTION
# *Figures of one `make demo-transfer` with photographs: 86 animals to train on, 12 epochs, batch 16. A second one had
# 0.561 (fine-tuned) and 0.552 (from scratch) on test instead of 0.579 and 0.553.*
#
# (a) Cost: work falls with the square of the side. Four convolutions take 604 million multiply-adds at full resolution
# and 50 million with halving, a twelfth; memory for activations falls alike, and only so can there be many channels.
# Reach: every position stands for more pixels, so the same four layers see 61 pixels a side instead of 9. With the
# reach come features that are about things and not about pixels, and some tolerance against small shifts.
#
# (b) Place. A cell has one label, and what is thinner than about half a cell disappears in it. The border is one to
# three pixels wide and goes first: its IoU is at most 0.66, 0.46, 0.25 and 0.04 on grids of 32, 16, 8 and 4, while
# background stays above 0.81. Upsampling gives every pixel a label again, and can place a line smoothly between cells;
# it cannot invent what is lost. For that the finer maps are needed, beside the coarse ones (U-Net, FPN, SegFormer's
# head).
#
# (c) No limit in principle: the table enlarges *labels*, blocks of one class; the models enlarge *logits*. Between two
# cells the lead of a class changes gradually, so that the outline may lie anywhere between their centres and at any
# angle, and the loss, taken at 64×64, teaches logits that come out right there. In practice the models are far below
# the row (0.58 against 0.75 for 16×16), so that the grid is not what holds them back.
#
# **Marking scheme** (4)
# * 1 (a): cost falls with the square of the side (0.5), larger receptive field or context (0.5); each with a number.
# * 1.5 (b): position and thin structures are lost (0.5); the border first, because it is thinner than a cell (0.5);
#   upsampling gives every pixel a label and restores nothing, finer maps do (0.5).
# * 1 (c): logits and not labels are enlarged, outlines between cells (0.5 for "bilinear" alone, 1 with the reason). "A
#   limit" with a good argument about thin structures gets 0.5.
# * 0.5: numbers from both tables, rightly read.
# ### END SOLUTION

# %% [markdown]
# ## 5.5 · What pre-training is for, and when (20 minutes)
#
# Your fine-tuned runs begin where another training ended. The experiment reads from the logs what that start was worth:
# in the first validation, in the end, and in epochs saved.

# %% role="experiment"
scratch = runs["segformer_from_scratch"].best_mean_iou
print(f"{'run':28}{'first':>9}{'best':>9}{'last':>9}   epochs until {scratch:.3f}, the best from scratch")
for name, run in runs.items():
    epochs, ious = run.history.epochs, run.history.val_mean_iou
    reached = [epoch for epoch, iou in zip(epochs, ious, strict=True) if iou >= scratch]
    print(f"{name:28}{ious[0]:9.3f}{max(ious):9.3f}{ious[-1]:9.3f}   {reached[0] if reached else 'never'}")

# %% [markdown]
# And what did the encoder learn on streets? Here are the scores of a *linear* layer on its frozen maps against the same
# on the maps of an encoder with random weights. Each is trained for 100 steps on the pets; whatever it reaches was in
# the maps.

# %% role="experiment"
train_images = torch.stack([pets.train[i][0] for i in range(min(128, len(pets.train)))])
train_truth = torch.stack([pets.train[i][1] for i in range(min(128, len(pets.train)))])


def probe(encoder, steps=100):
    """Mean IoU on the test images of a linear layer on the frozen maps of an encoder, enlarged and joined."""

    def maps_of(images):
        with torch.no_grad():
            return torch.cat([F.interpolate(m, (16, 16), mode="bilinear") for m in encoder.eval()(images)], dim=1)

    torch.manual_seed(0)
    features, linear = maps_of(train_images), nn.Conv2d(sum(WIDTHS), 3, 1)
    adam = torch.optim.Adam(linear.parameters(), lr=1e-2)
    for _ in range(steps):
        logits = F.interpolate(linear(features), (64, 64), mode="bilinear")
        loss = F.cross_entropy(logits, train_truth, ignore_index=255)
        adam.zero_grad()
        loss.backward()
        adam.step()
    metric = metric_code.SegmentationMetric(3)
    with torch.no_grad():
        for images, labels in torch.utils.data.DataLoader(test, 64):
            metric.update(F.interpolate(linear(maps_of(images)), (64, 64), mode="bilinear").argmax(dim=1), labels)
    return metric.mean_iou().item()


torch.manual_seed(0)
print(f"random encoder       {probe(segformer_code.PetSegFormer(3).encoder):.3f}")
for name, run in runs.items():
    if "frozen" in name and run.facts["model"] != "FCN":
        print(f"{name:20} {probe(model_of(run).cpu().encoder):.3f}   (its encoder is that of the street scenes)")
        break

# %% [markdown]
# **Question 5.5.** (a) What does a pre-trained encoder bring that training from random weights lacks? Tell a better
# start from a better end. (b) When does it help much, when little, when might it harm? Think of the number of images,
# of the kind of pictures, and of the task it was trained on: streets here, ImageNet in torchvision's weights. (c) What
# does freezing save, and what does it give up?

# %% [markdown] role="answer" id="q3" points=4
# ### BEGIN SOLUTION
# *Figures of one `make demo-transfer` with photographs: 86 animals to train on, 12 epochs, batch 16. A second one had
# 0.561 (fine-tuned) and 0.552 (from scratch) on test instead of 0.579 and 0.553.*
#
# (a) Features that need not be learned from 86 pictures: edges, textures, parts, what belongs together. A better
# *start*: at the first validation the frozen runs, which learn nothing but a head, have 0.46 and 0.49, fine-tuned has
# 0.46, from scratch 0.40; fine-tuned reaches after 8 epochs what takes 12 from scratch. And a better *end*, less
# clearly: 0.551 against 0.532, with all curves still rising. A start is worth most where the training is short, as
# here.
#
# (b) Much, if there are few labelled pictures or little time, and if the pictures are of the same kind; little, if
# there are many and the training is long, for from scratch then gets there too. Streets are a far domain: hardly an
# animal, no indoor scene, always the same view. Still the probe finds something: a linear layer on the streets'
# features has 0.483, on random ones 0.420. ImageNet has a million pictures, dogs and cats among them, and should help
# more, although it was trained for one label per picture and not for outlines. Harm is possible: features narrowed to
# what streets need, statistics of another domain in frozen BatchNorms, a learning rate that suits the new head and
# destroys the old encoder.
#
# (c) Freezing saves the gradients and the optimiser's state of 3.3 of 3.45 million parameters and about half of the
# time, and it keeps a model with few pictures from learning them by heart. It gives up the end: 0.518 against 0.551,
# and most of all the border (IoU 0.13 against 0.26 on test), which streets do not have.
#
# **Marking scheme** (4)
# * 1 (a): features that need not be learned from few images (0.5); start and end told apart with the run's own numbers
#   (0.5).
# * 1.5 (b): much with few labelled images or a near domain (0.5); little with much data, long training or a far domain
#   (0.5); possible harm, e.g. wrong statistics, features narrowed to other classes, frozen too early (0.5).
# * 1 (c): saves gradients, optimiser state and time, and protects against overfitting (0.5); gives up adapting to new
#   classes and textures, visible in the own numbers (0.5).
# * 0.5: numbers from the logs or the probe, rightly read.
# ### END SOLUTION

# %% [markdown]
# ## 5.6 · What you observed (20 minutes)
#
# Your own report in short. All figures above are material: curves, table, masks, matrices, ROC curves.

# %% [markdown]
# **Question 5.6.** (a) Order the runs, with numbers on the test images, and say which differences you would call large.
# (b) Describe the kinds of errors: one that all runs share and one that tells two runs apart, with numbers of the
# matrices and the index of an image. (c) What did the learning rate do to the frozen run, and what would you try next?
# (d) Did the expected happen (fine-tuned above from scratch)? If not, say so, and why that may be.

# %% [markdown] role="answer" id="q4" points=4
# ### BEGIN SOLUTION
# *Figures of one `make demo-transfer` with photographs: 86 animals to train on, 12 epochs, batch 16. A second one had
# 0.561 (fine-tuned) and 0.552 (from scratch) on test instead of 0.579 and 0.553.*
#
# (a) On the test images: fine-tuned 0.579, from scratch 0.553, frozen 0.500 (learning rate 0.001) and 0.485 (0.0005),
# FCN from scratch 0.403. Large are the distances from the runs that train everything to the frozen ones, and from these
# to the FCN. Small are 0.026 between the first two and 0.015 between the two learning rates.
#
# (b) Shared: what is uncertain becomes background. Of the border 42 to 64 % are called background; the wings of the
# bird in image 5 are missed by all. Telling two apart: fine-tuned finds 38 % of the border, from scratch 22 %, frozen
# 15 and 10 %; in image 15, the dog, fine-tuned draws the rim along the back, from scratch none, and the frozen runs
# flow out into wall and pavement. The border's ROC curves say that the frozen scores do know where it is likelier
# (0.84, from scratch 0.85, fine-tuned 0.88), but never enough to win the argmax. FCN draws round blobs in the middle,
# whatever the picture (images 0 and 10): it has learned where animals usually are.
#
# (c) At 0.0005 the curve is flatter and ends lower (0.503 against 0.518 on validation); with a head alone to train, the
# smaller rate was merely slower, and both still rise. Next: unfreeze stages 3 and 4 at 0.0001, for the coarse maps are
# what streets shaped most. I expect more than 0.500 on test; if it stays below, the fine stages matter more.
#
# (d) Fine-tuned is above from scratch, by 0.026 on test and 0.019 on validation, as expected. That FCN is last was not:
# it has 33 million parameters, no pre-training and 72 steps. Its training loss still falls, so this says little about
# 30 epochs of the whole data set, where groups found it ahead of SegFormer.
#
# **Marking scheme** (4; one point each, in halves)
# * (a): all runs in order, with test numbers, and large told from small differences. Half a point for validation
#   numbers only.
# * (b): a shared error and one that distinguishes, each with a number and an image. Half a point without images or
#   without numbers.
# * (c): the two learning rates compared by their curves (speed, end), and one next step with an expectation that could
#   be disappointed.
# * (d): the expectation is answered honestly from the own numbers; if it failed, a cause that could be tested. An
#   unexpected result that is reported earns the same as an expected one.
# ### END SOLUTION

# %% [markdown]
# ## 5.7 · May one believe the difference? (20 minutes)
#
# Reports of this assignment have been seen in which "from scratch" reached a mean IoU of 0.496 in one table and 0.17 in
# another. And a table of four runs always has a winner, also if all four are the same. How far would *your* numbers
# move with other test images? The experiment draws the test images anew, with replacement, 500 times (a *bootstrap*),
# and computes every run's mean IoU on each draw.

# %% role="experiment"
per_image = {}
for name, labels in predictions.items():
    counts = []
    for predicted, true in zip(labels, truth, strict=True):
        metric = metric_code.SegmentationMetric(3)
        metric.update(predicted[None], true[None])
        counts.append(metric.confusion)
    per_image[name] = torch.stack(counts)  # (images, 3, 3)

draws = torch.randint(len(truth), (500, len(truth)), generator=torch.Generator().manual_seed(0))


def drawn_mean_ious(counts):
    """Mean IoU of each draw: (500,)."""
    found = []
    for draw in draws:
        metric = metric_code.SegmentationMetric(3)
        metric.confusion = counts[draw].sum(dim=0)
        found.append(float(metric.mean_iou()))
    return torch.tensor(found)


drawn = {name: drawn_mean_ious(counts) for name, counts in per_image.items()}
for name, ious in drawn.items():
    low, high = ious.quantile(torch.tensor([0.05, 0.95])).tolist()
    print(f"{name:28} {float(metrics[name].mean_iou()):.3f}, in 90 % of the draws between {low:.3f} and {high:.3f}")

# %% role="experiment"
best = max(drawn, key=lambda name: float(metrics[name].mean_iou()))
for name in drawn:
    if name != best:
        print(f"{best} is above {name:28} in {(drawn[best] > drawn[name]).double().mean():.0%} of the draws")

# %% [markdown]
# The draws are the same for all runs, so the last lines compare them on equal images. What the bootstrap does not move
# is the training: another seed gives other weights, and that may move a number more than other images do.

# %% [markdown]
# **Question 5.7.** (a) Which of your differences survive the draws, and which would you not defend? (b) Name three ways
# in which one model can get two numbers as different as 0.496 and 0.17, and what in this notebook's tools would refuse
# or show each. (c) What would you do, with ten times the computing time, to be sure of *one* of your claims?

# %% [markdown] role="answer" id="q5" points=4
# ### BEGIN SOLUTION
# *Figures of one `make demo-transfer` with photographs: 86 animals to train on, 12 epochs, batch 16. A second one had
# 0.561 (fine-tuned) and 0.552 (from scratch) on test instead of 0.579 and 0.553.*
#
# (a) The intervals are wide (0.550 to 0.613 for fine-tuned, 0.520 to 0.585 from scratch) and those two overlap. But
# overlapping is not the question: the draws are the same for all, and *paired*, fine-tuned is above from scratch in 98
# % of them and above the others in all. For other *images* I would defend all four. For another *training* I would not
# defend the first: 0.026 after 12 epochs of a jumping curve (0.547, 0.522, 0.551) is a matter of seeds. Frozen and FCN
# are far enough away.
#
# (b) Another metric: a mean over batches, absent classes counted as 0, ignored pixels counted; `run.json` has a
# fingerprint of the metric, and `read_runs` refuses two that differ. Other pictures: another split, or training images
# by mistake; the fingerprint of the split is compared as well. Another state of the same run: the last epoch instead of
# the best (the star in the curves), or a training that fell apart or was stopped early, which the curve and the column
# "of" show. Another recipe or seed: both are in `run.json`. None of this is visible in a number that somebody has
# typed.
#
# (c) "After 12 epochs, fine-tuned is better than from scratch." Say so beforehand; train both with five seeds each,
# nothing else changed; measure on the whole test set; compare the mean of the five differences with their spread. All
# the time goes into this one claim, for among twenty comparisons one succeeds by chance.
#
# **Marking scheme** (4)
# * 1 (a): reads the intervals and the paired comparison rightly (overlap of intervals is not the test: 0.5), and names
#   a difference to defend and one not to (0.5).
# * 1.5 (b): three causes, such as another metric (mean per batch, absent classes as 0, ignored pixels counted), another
#   split or the training images, last against best epoch, another resolution, another recipe or a seed that failed;
#   each with what shows it (`run.json`, `read_runs`' refusal, the fingerprint of the metric, the star in the curves).
# * 1 (c): several seeds for both runs, the same data, the difference compared with its spread (0.5); one claim only,
#   said beforehand, other things equal (0.5).
# * 0.5: numbers of the own experiment.
# ### END SOLUTION

# %% [markdown]
# ## 5.8 · Bonus: what the reduction saves (4 bonus points, 20 minutes)
#
# **Idea.** "Efficient" self-attention takes keys and values from a map that is $R$ times smaller along each side. How
# much work is that, in multiply-adds (one number times another, added to what is there)? Count it, for any map.

# %% [markdown]
# With $N = HW$ positions, $M = \lfloor H/R \rfloor \lfloor W/R \rfloor$ keys and $C$ channels: a linear layer from $a$
# to $b$ channels at $n$ positions takes $n\,a\,b$; scores of $N$ queries with $M$ keys of $d$ channels take $N M d$ in
# each head. Go through the layers of task 3.2 one by one.
#
# By hand, the smallest case: one head, 2×3 positions, one channel, no reduction. Four linear layers at six positions
# are 24, the scores 6 · 6 = 36, the weighted sum again 36: 96 in all.


# %% role="stub" id="attention_cost" task="5.8"
def attention_cost(height: int, width: int, channels: int, num_heads: int, reduction_ratio: int = 1) -> int:
    """Multiply-adds of the attention in a `TransformerBlock` for one map of height x width.

    Counted are all linear layers, the reduction, the scores and the weighted sum of the values; biases, norms, softmax
    and the division by sqrt(d) are not. Rows and columns that fill no square of R x R are left out of the reduction.

    Example: attention_cost(4, 6, 4, 1) -> 6144, attention_cost(4, 6, 4, 1, 2) -> 2496
    """
    ### BEGIN SOLUTION
    queries = height * width
    keys = (height // reduction_ratio) * (width // reduction_ratio)
    pairs = 2 * queries * keys * channels  # scores, and the weighted sum: each head has its share of the channels
    linear = 2 * (queries + keys) * channels**2  # queries and output; keys and values
    squares = keys * reduction_ratio**2 * channels**2 if reduction_ratio > 1 else 0
    return pairs + linear + squares
    ### END SOLUTION


# %% [markdown]
# <details><summary>Do more heads cost more?</summary>
#
# How many channels has each of them?
# </details>
#
# <details><summary>My number is too large for R = 2 and right for R = 1</summary>
#
# Which of your terms are about queries, and which about keys? And what does the reduction itself cost, at how many
# positions?
# </details>

# %% role="bonus" id="attention_cost" points=4
check("attention_cost")

# %% role="experiment"
stages = [(4, 32, 1, 8), (8, 64, 2, 4), (16, 160, 5, 2), (32, 256, 8, 1)]  # stride, channels, heads, ratio
for side in (64, 256, 1024):
    plain = [attention_cost(side // stride, side // stride, c, heads) for stride, c, heads, _ in stages]
    reduced = [attention_cost(side // stride, side // stride, c, heads, ratio) for stride, c, heads, ratio in stages]
    saved = [f"{before / after:6.2f}" for before, after in zip(plain, reduced, strict=True)]
    print(f"{side:5} x {side:<5} times as much work without reduction, stages 1 to 4: {' '.join(saved)}")

# %% [markdown]
# At 1024×1024 the first stage would be impossible without the reduction. At 64×64 it still is six times cheaper, the
# others hardly: where $N$ is small, the linear layers are most of the work, and the reduction is one more of them. A
# design is made for a size.

# %% [markdown]
# Before you hand in: run this notebook from the top, look whether your numbers still fit your answers, and save it.
# Then hand in all five notebooks together.
