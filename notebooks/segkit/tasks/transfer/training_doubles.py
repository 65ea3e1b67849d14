"""Small models that tasks about pre-training and freezing are tried on, and what a test does with them.

They take the place of nothing that students write, but for the metric: a task gets its model from a test. All weights
are the same on every machine.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.segmentation.fcn import FCN, FCNHead

IGNORE = 255


class _Backbone(nn.Sequential):
    """Three layers with statistics; "aux" are the maps before the last of them."""

    def __init__(self, width: int, aux_width: int) -> None:
        super().__init__(
            nn.Sequential(nn.Conv2d(3, aux_width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(aux_width)),
            nn.Sequential(nn.Conv2d(aux_width, width, 1), nn.BatchNorm2d(width)),
        )

    def forward(self, images):
        aux = self[0](images).tanh()
        return OrderedDict(out=self[1](aux).tanh(), aux=aux)


class TinyFCN(FCN):
    """torchvision's FCN and its heads on a small backbone; without dropout, so that nothing in it is random."""

    def __init__(self, num_classes: int = 21, width: int = 24, aux_width: int = 16, aux: bool = True) -> None:
        heads = [FCNHead(channels, num_classes) for channels in (width, aux_width)]
        super().__init__(_Backbone(width, aux_width), heads[0], heads[1] if aux else None)
        _without_dropout(self)
        fill(self)


class TinySegFormer(nn.Module):
    """An `encoder` and a `head`, each with statistics and with a norm that has none.

    Args:
        shift: other weights.
        depth: blocks of the encoder.
    """

    def __init__(self, num_classes: int = 3, width: int = 6, shift: float = 0.0, depth: int = 2) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, width, 2, stride=2), nn.GroupNorm(1, width))
        for _ in range(depth):
            self.encoder.append(nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.Tanh()))
        self.head = nn.Sequential(nn.Conv2d(width, 5, 1), nn.BatchNorm2d(5), nn.Tanh(), nn.Conv2d(5, num_classes, 1))
        fill(self, shift)

    def forward(self, images):
        logits = self.head(self.encoder(images))
        return functional.interpolate(logits, images.shape[-2:], mode="bilinear", align_corners=False)


class DictionaryOfLogits(nn.Module):
    """A model whose answer is a dictionary, as torchvision's are: "out" is in its input, "aux" the reverse of it.

    In training mode the classes of "out" are in another order.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images):
        logits = -images[:, : self.num_classes] * self.scale
        return OrderedDict(out=logits.roll(1, dims=1) if self.training else logits, aux=-logits)


class SegmentationMetric:
    """Not a mean IoU: a number in 0..1 that depends on all pixels since the last `reset` and averages over nothing."""

    def __init__(self, num_classes, ignore_index=IGNORE):
        self.classes, self.ignored = num_classes, ignore_index
        self.reset()

    def reset(self):
        self.counts = torch.zeros(self.classes**2, dtype=torch.int64)

    def update(self, prediction, target):
        if prediction.shape != target.shape or prediction.is_floating_point():
            raise ValueError(f"predicted labels {tuple(target.shape)} are wanted, not {tuple(prediction.shape)}")
        known = target != self.ignored
        self.counts += torch.bincount(
            target[known] * self.classes + prediction[known], minlength=len(self.counts)
        ).cpu()

    def mean_iou(self):
        weights = 7919 * torch.arange(1, len(self.counts) + 1) ** 3
        counted = self.counts.sum()
        return (self.counts * weights).sum() % 1000003 / 1000003 * (counted / counted)


# ---- what a test does with models, optimisers and metrics


def fill(model: nn.Module, shift: float = 0.0) -> None:
    """Give every parameter and statistic a value that depends on its place only."""
    with torch.no_grad():
        for number, tensor in enumerate([*model.parameters(), *model.buffers()]):
            if tensor.is_floating_point():
                places = torch.arange(tensor.numel(), dtype=torch.float64) + 1
                waves = torch.sin(places * (1.7 + number / 10) + shift).reshape(tensor.shape)
                tensor.copy_(waves.abs() + 0.5 if tensor.ndim == 1 else waves)


def _without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def take_step(model, optimizer, images, targets, clear_first=True):
    """One step on one batch, as a trainer takes it: the whole model is put into training mode first.

    Args:
        clear_first: False clears the gradients after the step, so that the first one uses what is left from before.
    """
    model.train()
    logits = model(images)
    logits = list(logits.values()) if isinstance(logits, dict) else [logits]
    loss = sum(functional.cross_entropy(each, targets, ignore_index=IGNORE) for each in logits)
    if clear_first:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if not clear_first:
        optimizer.zero_grad()
    return loss.item()


def settle(model):
    """Move new layers to the device and the dtype of the others: a student's function makes them as PyTorch does."""
    first = next(model.parameters())
    model.to(first.device, first.dtype)


def set_mode(model, training):
    """Put the model into training or evaluation mode."""
    model.train(training)


def trained_numbers(model, names=("backbone", "encoder")):
    """How many numbers of the encoder take a gradient, and how many of the rest of the model."""
    counts = [0, 0]
    for name, parameter in model.named_parameters():
        counts[name.split(".")[0] not in names] += parameter.numel() * parameter.requires_grad
    return counts


def is_same(one, other):
    """Whether two names are of one object."""
    return one is other


def freeze(model, parts, leftover=0.0):
    """No gradients for the parameters whose names begin with one of `parts`; `leftover` stays in their `.grad`."""
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(parts)):
            parameter.requires_grad_(False)
            parameter.grad = torch.full_like(parameter, leftover) if leftover else None


def held_numbers(optimizer):
    """How many numbers an optimiser holds, and how many of them take a gradient."""
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [sum(p.numel() for p in held), sum(p.numel() for p in held if p.requires_grad)]


def settings_of(optimizer):
    """Whether it is torch's AdamW, whether with amsgrad, and the learning rates of all groups."""
    groups = optimizer.param_groups
    amsgrad = all(group.get("amsgrad", False) for group in groups)
    return [isinstance(optimizer, torch.optim.AdamW), amsgrad, [float(group["lr"]) for group in groups]]


def weights_of(model, without="", surplus="", reshaped="", enlarged=""):
    """The weights of a model by name, as a checkpoint holds them; they share the model's memory.

    Args:
        without: leave this one out.
        surplus: add one of this name.
        reshaped: of this one, only the first number.
        enlarged: this one, twice in a row.
    """
    weights = {name: value for name, value in model.state_dict().items() if name != without}
    if surplus:
        weights[surplus] = torch.ones(3)
    if reshaped:
        weights[reshaped] = weights[reshaped].flatten()[:1].clone()
    if enlarged:
        weights[enlarged] = torch.cat([weights[enlarged], weights[enlarged]])
    return weights


def count_pixels(metric, prediction, target):
    """Let a metric count something before it is handed in."""
    metric.update(prediction, target)


DOUBLES = {
    double.__name__: double
    for double in (
        TinyFCN, TinySegFormer, DictionaryOfLogits, SegmentationMetric, take_step, settle, set_mode, trained_numbers,
        is_same, freeze, held_numbers, settings_of, weights_of, count_pixels,
    )
}  # fmt: skip
