"""The reference, and the SegFormer of Hugging Face's transformers with the same weights."""

import torch
from torch import nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from autograder.reference import load_reference

VARIANTS = {
    "B0": {"channels": (32, 64, 160, 256), "n_layers": (2, 2, 2, 2), "embed_channels": 256},
    "B2": {"channels": (64, 128, 320, 512), "n_layers": (3, 4, 6, 3), "embed_channels": 768},
}


def same_model_twice(variant: str, num_classes: int, *, rates: float = 0.1) -> tuple[nn.Module, nn.Module]:
    """The reference and transformers' model of that variant, in float32 and with the same informative weights.

    Args:
        rates: of dropout and DropPath in transformers' model, by default its own; the reference has none.
    """
    sizes = VARIANTS[variant]
    config = SegformerConfig(
        hidden_sizes=list(sizes["channels"]),
        depths=list(sizes["n_layers"]),
        decoder_hidden_size=sizes["embed_channels"],
        num_labels=num_classes,
        classifier_dropout_prob=rates,
        drop_path_rate=rates,
        attn_implementation="sdpa",  # the eager path computes its softmax in float32
    )
    theirs = SegformerForSemanticSegmentation(config)
    ours = load_reference()["03_model"].SegFormer(num_classes, **sizes)
    randomise(theirs)
    copy_weights(theirs, ours)
    return ours, theirs


def randomise(model: nn.Module) -> None:
    """Give every parameter and statistic an informative value, matrices on the scale that keeps activations near 1.

    With the usual start a missing bias or BatchNorm would not show.
    """
    generator = torch.Generator().manual_seed(0)
    for name, value in model.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        if name.endswith("running_var"):
            value.copy_(0.5 + noise.abs())
        elif value.dim() == 1:
            norm_weight = "norm" in name and name.endswith("weight")
            value.copy_(norm_weight + 0.3 * noise)
        else:
            value.copy_(noise / value[0].numel() ** 0.5)


def copy_weights(theirs: nn.Module, ours: nn.Module) -> None:
    """Copy by order of registration, the same in both; a linear layer may be a 1x1 convolution in the other."""
    for (name, value), source in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert value.squeeze().shape == source.squeeze().shape, f"{name}: {value.shape} cannot take {source.shape}"
        value.copy_(source.reshape(value.shape))
