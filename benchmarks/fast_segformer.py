"""The reference made fast: other forwards for its own classes, so that the same state dict serves both.

The decoder is that of the bonus (task 3.4), with BatchNorm built into the matrices in evaluation; attention is
PyTorch's fused one; linear layers work on maps whose channels lie last in memory, where they need no copy; large images
are evaluated one by one.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LARGE = 256 * 256  # pixels of an image; up to there a batch at once is faster


def made_fast(model: nn.Module) -> nn.Module:
    """A copy of a SegFormer of the reference that computes the same, sooner, from the same weights.

    Raises:
        LookupError: if a part of it that should be replaced is not there.
    """
    forwards = {
        "EfficientSelfAttention": attention, "MixFFN": mix_ffn, "MLPDecoder": decoder, "SegFormer": segformer
    }  # fmt: skip
    model = copy.deepcopy(model)
    kinds = {type(part).__name__: type(part) for part in model.modules()}
    if lost := forwards.keys() - kinds.keys():
        raise LookupError(f"The model has no {', '.join(sorted(lost))}.")
    fast = {kinds[name]: type(f"Fast{name}", (kinds[name],), {"forward": made}) for name, made in forwards.items()}
    for part in model.modules():
        part.__class__ = fast.get(type(part), type(part))
    return model.to(memory_format=torch.channels_last)


def segformer(self: nn.Module, images: Tensor) -> Tensor:
    """SegFormer.forward: (B, 3, H, W) -> (B, num_classes, H/4, W/4).

    On a CPU, buffers of a whole batch of large images go back to the system after each use, and their pages come back
    one by one: for one image they are small enough to be kept.
    """
    large = images.shape[2] * images.shape[3] > LARGE and images.device.type == "cpu"
    parts = images.split(1) if large and not self.training and not torch.is_grad_enabled() else (images,)
    logits = []
    for part in parts:
        features = []
        for stage in self.stages:
            part = stage(part)
            features.append(part)
        logits.append(self.decoder(features))
    return torch.cat(logits)


def attention(self: nn.Module, x: Tensor) -> Tensor:
    """EfficientSelfAttention.forward: (B, C, H, W) -> (B, C, H, W)."""
    H, W = x.shape[2:]
    tokens = x.flatten(2).transpose(1, 2)  # (B, N, C)
    reduced = self.reduction(x).flatten(2).transpose(1, 2)  # (B, M, C)

    def split_heads(sequence: Tensor) -> Tensor:  # (B, L, C) -> (B, heads, L, C / heads)
        return sequence.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    queries, keys, values = self.query(tokens), self.key(reduced), self.value(reduced)
    heads = F.scaled_dot_product_attention(*map(split_heads, (queries, keys, values)))
    return self.output(heads.transpose(1, 2).flatten(2)).transpose(1, 2).unflatten(-1, (H, W))


def mix_ffn(self: nn.Module, x: Tensor) -> Tensor:
    """MixFFN.forward: (B, C, H, W) -> (B, C, H, W)."""
    hidden = F.gelu(self.depthwise(_at_every_position(x, self.expand.weight, self.expand.bias)))
    return _at_every_position(hidden, self.contract.weight, self.contract.bias)


def decoder(self: nn.Module, features: list[Tensor]) -> Tensor:
    """MLPDecoder.forward: maps of all stages -> logits (B, num_classes, H, W)."""
    size = torch.Size(self.out_dims or features[0].shape[2:])
    matrices = self.fuse.weight.flatten(1)  # (E, 4E), the last stage's block first
    shift = torch.zeros_like(self.norm.bias)
    if not self.training:
        scale = self.norm.weight * torch.rsqrt(self.norm.running_var + self.norm.eps)
        matrices, shift = scale[:, None] * matrices, self.norm.bias - scale * self.norm.running_mean
    blocks = matrices.chunk(len(features), dim=1)[::-1]
    for block, project in zip(blocks, self.projections, strict=True):
        shift = shift + block @ project.bias
    # In place takes half the time, but backward through a permuted view would take longer for it.
    add, fused = torch.add if torch.is_grad_enabled() else Tensor.add_, None
    for level, block, project in zip(features, blocks, self.projections, strict=True):
        bias = shift if fused is None else None  # once for all maps
        mapped = _at_every_position(level, block @ project.weight.flatten(1), bias)
        if mapped.shape[2:] != size:
            mapped = F.interpolate(mapped, size, mode="bilinear", align_corners=False)
        fused = mapped if fused is None else add(fused, mapped)
    fused = F.relu(self.norm(fused) if self.training else fused, inplace=not torch.is_grad_enabled())
    return _at_every_position(fused, self.classifier.weight, self.classifier.bias)


def _at_every_position(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1x1 convolution as a linear layer over the channels, which lie last in memory."""
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
