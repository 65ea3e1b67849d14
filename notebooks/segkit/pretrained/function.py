"""What an encoder stage computes, as a function of an image or map and of the published tensors.

It is what a student's stage is held against once the tensors are in it. Nothing here is a module.
"""

import torch
from torch import Tensor
from torch.nn import functional

from segkit.pretrained.names import Stage
from segkit.pretrained.sizes import StageSizes


def stage_output(
    tensors: Stage, sizes: StageSizes, features: Tensor, *, eps: float = 1e-5, eps_of_blocks: float = 1e-5
) -> Tensor:
    """The map that a stage makes of a map (Xie et al. 2021, figure 2 and section 3.1).

    Args:
        tensors: by the names of `segkit.pretrained.names`.
        features: (B, in_channels, H, W).
        eps: of the norms after patch merging and reduction.
        eps_of_blocks: of the other norms. It is 1e-6 in the original repository, which has 1e-5 elsewhere, and 1e-5 in
            transformers.

    Returns:
        (B, channels, H', W'); H' = H / 4 in the first stage, else H / 2, rounded up.
    """

    def of(layer: str) -> tuple[Tensor, Tensor]:
        return tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]

    def normalised(layer: str, positions: Tensor) -> Tensor:  # the channels come last
        here = eps if layer.endswith(("embed_norm", "reduce_norm")) else eps_of_blocks
        return functional.layer_norm(positions, (sizes.channels,), *of(layer), eps=here)

    def convolved(layer: str, positions: Tensor, **how) -> Tensor:
        return functional.conv2d(positions.movedim(-1, 1), *of(layer), **how).movedim(1, -1)

    window = {"stride": sizes.stride, "padding": sizes.patch // 2}
    state = normalised("embed_norm", convolved("embed", features.movedim(1, -1), **window))
    for block in range(sizes.n_layers):
        asked = told = normalised(f"{block}.norm1", state)
        if sizes.ratio > 1:
            told = normalised(f"{block}.reduce_norm", convolved(f"{block}.reduce", asked, stride=sizes.ratio))
        state = state + _attended(tensors, sizes, block, asked, told)
        wide = functional.linear(normalised(f"{block}.norm2", state), *of(f"{block}.widen"))
        mixed = convolved(f"{block}.filters", wide, padding=1, groups=sizes.hidden)
        state = state + functional.linear(functional.gelu(mixed), *of(f"{block}.narrow"))
    return normalised("norm", state).movedim(-1, 1)


def _attended(tensors: Stage, sizes: StageSizes, block: int, asked: Tensor, told: Tensor) -> Tensor:
    """PyTorch's own attention of the positions (B, H, W, C) of `asked` to those of `told`."""
    asked_for, memory = (positions.flatten(1, 2).transpose(0, 1) for positions in (asked, told))  # (H * W, B, C)
    weight, bias = (
        torch.cat([tensors[f"{block}.{part}.{kind}"] for part in ("query", "key", "value")])
        for kind in ("weight", "bias")
    )
    answer, _ = functional.multi_head_attention_forward(
        asked_for, memory, memory, sizes.channels, sizes.heads, weight, bias,
        bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0, training=False, need_weights=False,
        out_proj_weight=tensors[f"{block}.project.weight"], out_proj_bias=tensors[f"{block}.project.bias"],
    )  # fmt: skip
    return answer.transpose(0, 1).reshape(asked.shape)
