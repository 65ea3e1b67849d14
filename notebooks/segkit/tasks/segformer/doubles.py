"""Neutral stand-ins for earlier tasks: the same constructors and sizes, simple functions instead of the right ones.

A task that composes earlier ones is tried with these in their place, on both sides, so that a mistake made earlier
costs nothing here. Every constructor argument changes the answer, so a wrong one shows.
"""

import torch
from torch import nn
from torch.nn import functional


class _Wave(nn.Module):
    """Channel c of a map becomes sin(a_c x + b_c) + x / 2, times `gain`."""

    def __init__(self, channels: int, gain: float) -> None:
        super().__init__()
        # Three axes: a matrix would be made of copies of one block, and channels would come in equal pairs.
        self.wave = nn.Parameter(torch.rand(channels, 2, 3))
        self.gain = gain

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.wave.sum(dim=2).T[:, :, None, None]
        return self.gain * (torch.sin(a * x + b) + x / 2)


def _refuse_other_channels(x: torch.Tensor, channels: int, part: str) -> None:
    """Raise where a map has not as many channels as a part was built for, as that part's convolution would."""
    if x.shape[1] != channels:
        raise RuntimeError(f"{part} was built for maps of {channels} channels, but got {x.shape[1]} channels")


def _change_channels(x: torch.Tensor, channels: int) -> torch.Tensor:
    return x[:, torch.arange(channels, device=x.device) % x.shape[1]]


class OverlapPatchMerging(_Wave):
    def __init__(self, in_channels, out_channels, patch_size, stride, padding, **_):
        # A large gain: where channels differ much, a norm's eps does not matter.
        super().__init__(out_channels, gain=10 + in_channels / 10)
        self.window, self.out_channels = (patch_size, stride, padding), out_channels

    def forward(self, x):
        return super().forward(_change_channels(functional.avg_pool2d(x, *self.window), self.out_channels))


class EfficientSelfAttention(_Wave):
    def __init__(self, channels, reduction_ratio, num_heads, **_):
        super().__init__(channels, gain=1 + reduction_ratio / 10 + num_heads / 100)


class MixFFN(_Wave):
    def __init__(self, channels, expansion_factor, **_):
        super().__init__(channels, gain=0.5 + expansion_factor / 10)


class MixTransformerEncoderLayer(nn.Module):
    def __init__(
        self, in_channels, out_channels, patch_size, stride, padding, n_layers, reduction_ratio, num_heads,
        expansion_factor, drop_path=0.0, **_,
    ):  # fmt: skip
        super().__init__()
        self.window, self.out_channels = (patch_size, stride, padding), out_channels
        gain = 1 + in_channels / 100 + n_layers / 10 + reduction_ratio / 100 + num_heads / 1000
        gain += drop_path  # no test asks for one: it must be 0
        self.wave = _Wave(out_channels, gain)
        self.in_channels = in_channels
        self.expansion_factor = expansion_factor

    def forward(self, x):
        _refuse_other_channels(x, self.in_channels, "MixTransformerEncoderLayer")
        pooled = functional.avg_pool2d(x, *self.window)
        return self.wave(_change_channels(pooled, self.out_channels)) + self.expansion_factor / 10


class MLPDecoder(nn.Module):
    def __init__(self, in_channels, embed_channels, out_dims, num_classes, **_):
        super().__init__()
        self.out_dims, self.num_classes, self.in_channels = out_dims, num_classes, list(in_channels)
        self.waves = nn.ModuleList([_Wave(size, gain=1 + embed_channels / 100) for size in in_channels])

    def forward(self, features):
        if len(features) != len(self.in_channels):
            raise RuntimeError(f"MLPDecoder was built for {len(self.in_channels)} maps, but got {len(features)}")
        for feature, channels in zip(features, self.in_channels, strict=True):
            _refuse_other_channels(feature, channels, "MLPDecoder")
        height, width = features[0].shape[-2:] if self.out_dims is None else self.out_dims
        maps = [wave(feature) for wave, feature in zip(self.waves, features, strict=True)]
        scaled = [functional.adaptive_avg_pool2d(map, (height, width)) for map in maps]
        return sum((level + 1) * _change_channels(map, self.num_classes) for level, map in enumerate(scaled))


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    """Not a confusion matrix: equal and unequal pixels in its first row, and a hash of the pairs in its second."""
    known = target != ignore_index
    said, true = prediction[known], target[known]
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=prediction.device)
    matrix[0, 0] = (said == true).sum()
    matrix[0, 1] = (said != true).sum()
    matrix[1, 0] = (said * 7 + true.to(said) * 3).remainder(5).sum()
    return matrix


def mean_iou(confusion):
    """A number in 0..1 that depends on the whole first row and column and grows with nothing; NaN for no pixels."""
    counted = confusion[0].sum()
    mixed = (confusion[0, 0] * 7919 + confusion[0, 1] * 104729 + confusion[1, 0] * 15485863) % 1000003
    return mixed / 1000003 * (counted / counted)


def segmentation_loss(logits, target, ignore_index=255):
    """A squared distance between logits and targets."""
    return (logits - target[:, None].to(logits)).square().mean() / 10


DOUBLES = {
    double.__name__: double
    for double in (
        OverlapPatchMerging, EfficientSelfAttention, MixFFN, MixTransformerEncoderLayer, MLPDecoder,
        confusion_matrix, mean_iou, segmentation_loss,
    )
}  # fmt: skip
