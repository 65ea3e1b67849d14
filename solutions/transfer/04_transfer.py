# %% [markdown]
# # 4 · Transfer
#
# A small SegFormer learns streets first and pets afterwards. What does it bring along? You carry an encoder from one
# model to another, measure, and train five times: from scratch, fine-tuned, and frozen at two learning rates.
#
# | task | what you write | points | minutes |
# |---|---|---|---|
# | 4.1 | `load_encoder` | 7 | 35 |
# | 4.2 | `validate` | 3 | 15 |
# | | pre-train, fine-tune, freeze | | 45 |

# %% [markdown]
# **Before you start.** Notebooks 1 to 3 lie in the same folder, are complete and *saved*: this one uses your metric,
# `freeze_encoder`, `build_optimizer` and `PetSegFormer`. You should know what a `state_dict` is.

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor, nn

from segkit import check, student_code
from segkit.devices import device_of

SegmentationMetric = student_code("01_data_and_metric").SegmentationMetric
build_optimizer = student_code("02_fcn").build_optimizer
freeze_encoder = student_code("02_fcn").freeze_encoder
PetSegFormer = student_code("03_segformer").PetSegFormer

# %% [markdown]
# ## What is carried over
#
# **Idea.** Edges, textures and shapes are the same on streets and on pets; classes are not. So the encoder moves, and
# the head stays behind. Three things can then be done with it:

# %% role="experiment"
from segkit.transfer.figures import draw_transfer

draw_transfer()

# %% [markdown]
# Follow the orange line: it ends at two encoders. *Fine-tuned*, the copy is where training begins. *Frozen*, it is what
# the head has to live with. Everything else is the same in all columns, so that a difference has one cause. What the
# drawing hides: pre-training has seen other pictures and has taken other time, and that is not free.

# %% [markdown]
# ## Task 4.1 · The encoder of another model
#
# *About 35 minutes. You need: `state_dict()`, dictionaries.*

# %% [markdown]
# **Idea.** A `state_dict` maps names to tensors: parameters, and the running statistics of BatchNorms. Two models that
# differ in their classes differ in the head alone:

# %% role="experiment"
for name, classes in (("streets", 19), ("pets", 3)):
    state = PetSegFormer(classes).state_dict()
    parts = {part: [key for key in state if key.startswith(f"{part}.")] for part in ("encoder", "head")}
    print(f"{name}: {len(parts['encoder'])} tensors in the encoder, {len(parts['head'])} in the head")
    print("   the last one:", parts["head"][-1], tuple(state[parts["head"][-1]].shape))

# %% [markdown]
# PyTorch's `load_state_dict(..., strict=False)` would do most of it, in silence. Silence is the danger: a name that
# fits nothing is passed over. Here is a whole checkpoint of which nothing is loaded:

# %% role="experiment"
source, receiver = PetSegFormer(19), PetSegFormer(3)
saved_by_a_trainer = {f"model.{name}": tensor for name, tensor in source.state_dict().items()}
before = {name: tensor.clone() for name, tensor in receiver.state_dict().items()}
report = receiver.load_state_dict(saved_by_a_trainer, strict=False)
changed = sum(not torch.equal(tensor, before[name]) for name, tensor in receiver.state_dict().items())
print(
    f"no error; {changed} tensors changed, {len(report.missing_keys)} missing, {len(report.unexpected_keys)} unexpected"
)

# %% [markdown]
# The "fine-tuned" run after that would be a second run from scratch, with a wrong name in the table. So your function
# is strict about the encoder, and says what it did. Three more traps: a head of the same shapes must not be taken
# along; numbers that are not parameters must be; and a `state_dict` holds no copies, but the very memory of its model.


# %% role="stub" id="load_encoder" task="4.1"
def load_encoder(model: nn.Module, weights: dict[str, Tensor]) -> list[str]:
    """Copy the encoder's weights of a pre-trained model into `model`; return the names of what was copied.

    Arguments:
        model: has an `encoder`, whose parameters and statistics are called "encoder. ..." in `model.state_dict()`.
        weights: the `state_dict()` of a model with the same encoder, whatever its head is.

    All of the encoder is copied, running statistics included, into the parameters that the model has. Its head stays as
    it is, even where the other head has the same shapes. `weights` stays as it is too, also when the model is trained.

    Raises:
        ValueError: with the name of a weight, if the model's encoder has one that `weights` lacks or has in another
            shape, or if `weights` has one of an encoder that the model lacks. The model is then as it was.

    Example: load_encoder(PetSegFormer(3), PetSegFormer(19).state_dict()) -> ["encoder. ...", ...], no name of a head
    """
    ### BEGIN SOLUTION
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("encoder.")}
    given = {name: tensor for name, tensor in weights.items() if name.startswith("encoder.")}
    for name in sorted(own.keys() ^ given.keys()):
        raise ValueError(f"{name} is in only one of the two encoders")
    for name, tensor in own.items():
        if given[name].shape != tensor.shape:
            raise ValueError(f"{name} has another shape in the model")
    model.load_state_dict(given, strict=False)  # the head is missing, on purpose
    return list(own)
    ### END SOLUTION


# %% [markdown]
# <details><summary>"Error(s) in loading state_dict: size mismatch for head ..."</summary>
#
# `strict=False` forgives names, not shapes. The head of 19 classes should not be there when you load.
# </details>
# <details><summary>"whether a ValueError is raised" does not hold</summary>
#
# Compare the two sets of names before you copy anything, and then the shapes. `copy_` spreads a tensor of one number
# over a whole row without a word.
# </details>
# <details><summary>"The row of all numbers of the model afterwards" is wrong</summary>
#
# You had copied a part before you noticed. First look at everything, then copy.
# </details>
# <details><summary>"The row of the source's numbers" is wrong</summary>
#
# Training your model changed the other one: they share memory. Copy numbers *into* the parameters that are there.
# </details>

# %% role="check" id="encoder_weights" points=7
check("encoder_weights")

# %% [markdown]
# ## Task 4.2 · Validation
#
# *About 15 minutes. You need: your `SegmentationMetric`; what `eval()` and `no_grad()` do.*

# %% [markdown]
# **Idea.** One figure for a model on a data set: counts of all batches first, one division at the end. The trainer does
# this for you while it trains; for what comes after (test pictures, a model that somebody sends you) you need it
# yourself. FCN answers with a dictionary and SegFormer with logits: let one function take both.


# %% role="stub" id="validate" task="4.2"
def validate(model: nn.Module, loader, metric) -> float:
    """The mean IoU of a model on all images of a loader, as a Python float.

    Arguments:
        model: maps images (B, 3, H, W) to logits (B, K, H, W), or to a dictionary with the logits as its "out".
        loader: yields (images, target) with target (B, H, W), on the CPU. The last batch may be smaller.
        metric: your `SegmentationMetric` for K classes. What it has counted before plays no part.

    The model predicts in evaluation mode, without gradients and on the device where it lies (`device_of(model)`).
    Afterwards it is in the mode, training or evaluation, in which it came.
    """
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    metric.reset()
    with torch.no_grad():
        for images, target in loader:
            logits = model(images.to(device_of(model)))
            if isinstance(logits, dict):
                logits = logits["out"]
            metric.update(logits.argmax(dim=1).cpu(), target.cpu())
    model.train(was_training)
    return float(metric.mean_iou())
    ### END SOLUTION


# %% [markdown]
# <details><summary>"'collections.OrderedDict' object has no attribute 'argmax'"</summary>
#
# This model is one of torchvision's: its logits are one of the dictionary's values.
# </details>
# <details><summary>"Right for one batch, wrong for several"</summary>
#
# When does the metric begin anew, and when is its figure asked for? Both should happen once.
# </details>

# %% role="check" id="validation" points=3
check("validation")

# %% [markdown]
# ## Pre-training on streets
#
# The data: Cityscapes (the README.md beside this notebook says how to get it), or streets that stand in for it. 19
# classes, 255 where nobody knows. The recipe is that of notebook 2, and so is the way to call it.

# %% role="experiment"
from segkit.devices import best_device
from segkit.transfer.data import locate_cityscapes, locate_pets
from segkit.transfer.recipe import Recipe
from segkit.transfer.sets import cityscapes_sets, pet_sets
from segkit.transfer.training import train_run

pets, streets = pet_sets(locate_pets()), cityscapes_sets(locate_cityscapes())
on_gpu = best_device().type != "cpu"
shortened = {"epochs": 6, "batch_size": 16}


def recipe(learning_rate: float = 1e-3) -> Recipe:
    """The assignment's recipe, or a short one for a laptop, at a learning rate."""
    return Recipe(learning_rate=learning_rate) if on_gpu else Recipe(learning_rate=learning_rate, **shortened)


shared = {"metric": SegmentationMetric, "optimizer": build_optimizer}
torch.manual_seed(recipe().seed)
teacher = PetSegFormer(19)  # has the best weights afterwards
train_run("segformer_on_streets", teacher, streets, recipe=recipe(), **shared)

# %% [markdown]
# ## Four runs on pets
#
# From scratch, fine-tuned, and frozen at two learning rates. A function builds each model, so that all four begin with
# the same random numbers; then two lines decide what kind of run it is.


# %% role="experiment"
def pet_model(pretrained: bool, frozen: bool) -> nn.Module:
    """A SegFormer for pets, with the streets' encoder or a random one."""
    model = PetSegFormer(3)
    if pretrained:
        load_encoder(model, teacher.state_dict())
    return freeze_encoder(model) if frozen else model


kinds = {
    "segformer_from_scratch": (False, False, 1e-3),
    "segformer_fine_tuned": (True, False, 1e-3),
    "segformer_frozen_1e-3": (True, True, 1e-3),
    "segformer_frozen_5e-4": (True, True, 5e-4),
}
for name, (pretrained, frozen, learning_rate) in kinds.items():
    run = train_run(name, lambda p=pretrained, f=frozen: pet_model(p, f), pets, recipe=recipe(learning_rate), **shared)
    print(run)

# %% [markdown]
# Does a figure in the logs agree with what *you* measure? `load_run` loads the best weights of a run. On a GPU,
# training validates in 16 bits (mixed precision) and your function in 32: then the last digits differ.

# %% role="experiment"
from torch.utils.data import DataLoader

from segkit.transfer.runs import read_runs, runs_table
from segkit.transfer.training import load_run

runs = read_runs("runs", names=kinds)
model = load_run(PetSegFormer(3), runs["segformer_fine_tuned"], pets)
mine = validate(model, DataLoader(pets.validation, batch_size=16), SegmentationMetric(3))
print(f"your validate: {mine:.6f}, the log: {runs['segformer_fine_tuned'].best_mean_iou:.6f}")

# %% role="experiment"
from segkit.plots import show_curves

print(runs_table(runs))
show_curves({name: run.history for name, run in runs.items()})

# %% [markdown]
# How to read it:
#
# * **First epochs.** What was copied shows at once, if it is of use. A fine-tuned run that begins no higher than the
#   one from scratch has gained nothing from the streets, or was not loaded.
# * **Last epochs.** From scratch may catch up if there are enough pictures and epochs.
# * **Frozen.** It cannot get better than the streets' features allow. Its loss moves little, and the learning rate
#   matters less than you might think: compare the two.

# %% role="experiment"
scratch, tuned = (runs[name].best_mean_iou for name in ("segformer_from_scratch", "segformer_fine_tuned"))
if tuned > scratch:
    print(f"Fine-tuned beats from scratch here, {tuned:.3f} against {scratch:.3f}.")
else:
    print(f"Fine-tuned does not beat from scratch here: {tuned:.3f} against {scratch:.3f}.")
    pictures = len(streets.train)
    print(
        f"The encoder saw {pictures} pictures of streets, {recipe().epochs} times: too little to learn what would last."
    )
print("One run each, one seed: a difference of a few hundredths may be chance. Two more seeds would tell.")

# %% [markdown]
# With your own copies of both data sets, a GPU and the whole recipe these are the runs of the report in notebook 5. A
# short recipe on a laptop shows that everything works, and not what is true about transfer. Save this notebook now.
