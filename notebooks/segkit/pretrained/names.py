"""What the tensors of an encoder are called: in transformers 4 and 5, in the original repository, and here.

Here a stage is a dictionary. Its layers are `embed` and `embed_norm` (patch merging), `norm`, and for block 0, 1, ...
`0.norm1`, `0.query`, `0.key`, `0.value`, `0.project`, `0.reduce` and `0.reduce_norm` (absent in a stage without a
reduction), `0.norm2`, `0.widen`, `0.filters` and `0.narrow` (Mix-FFN); each has a `.weight` and a `.bias`.
"""

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from segkit.errors import CourseError
from segkit.pretrained.sizes import NUM_HEADS, StageSizes

_ORIGINAL = {
    "norm1": "norm1", "attn.q": "query", "attn.kv": "key value", "attn.proj": "project", "attn.sr": "reduce",
    "attn.norm": "reduce_norm", "norm2": "norm2", "mlp.fc1": "widen", "mlp.dwconv.dwconv": "filters",
    "mlp.fc2": "narrow",
}  # fmt: skip
_TRANSFORMERS_4 = {
    "layer_norm_1": "norm1", "attention.self.query": "query", "attention.self.key": "key",
    "attention.self.value": "value", "attention.output.dense": "project", "attention.self.sr": "reduce",
    "attention.self.layer_norm": "reduce_norm", "layer_norm_2": "norm2", "mlp.dense1": "widen",
    "mlp.dwconv.dwconv": "filters", "mlp.dense2": "narrow",
}  # fmt: skip
_TRANSFORMERS_5 = {
    "layernorm_before": "norm1", "attention.q_proj": "query", "attention.k_proj": "key", "attention.v_proj": "value",
    "attention.o_proj": "project", "attention.sequence_reduction.sequence_reduction": "reduce",
    "attention.sequence_reduction.layer_norm": "reduce_norm", "layernorm_after": "norm2", "mlp.fc1": "widen",
    "mlp.dwconv.dwconv": "filters", "mlp.fc2": "narrow",
}  # fmt: skip
# A pattern, the number of the first stage, and the layer of the stage, or the table of the layers of its blocks.
_LAYERS = [
    (r"patch_embed(\d)\.proj", 1, "embed"),
    (r"patch_embed(\d)\.norm", 1, "embed_norm"),
    (r"norm(\d)", 1, "norm"),
    (r"block(\d)\.(\d+)\.(.+)", 1, _ORIGINAL),
    (r"encoder\.patch_embeddings\.(\d)\.proj", 0, "embed"),
    (r"encoder\.patch_embeddings\.(\d)\.layer_norm", 0, "embed_norm"),
    (r"encoder\.layer_norm\.(\d)", 0, "norm"),
    (r"encoder\.block\.(\d)\.(\d+)\.(.+)", 0, _TRANSFORMERS_4),
    (r"stages\.(\d)\.patch_embeddings\.proj", 0, "embed"),
    (r"stages\.(\d)\.patch_embeddings\.layer_norm", 0, "embed_norm"),
    (r"stages\.(\d)\.layer_norm", 0, "norm"),
    (r"stages\.(\d)\.blocks\.(\d+)\.(.+)", 0, _TRANSFORMERS_5),
]
_PREFIX = re.compile(r"^(module\.|segformer\.|backbone\.)+")
_HEADS = ("head.", "classifier.", "decode_head.", "auxiliary_head.")  # what follows an encoder in a whole model
_ALWAYS = ("embed.weight", "0.query.weight", "0.widen.weight")  # what the sizes of a stage are read from

Stage = dict[str, Tensor]


@dataclass(frozen=True)
class Encoder:
    """A published encoder: the tensors of its four stages, in float32, and their sizes."""

    stages: list[Stage]
    sizes: list[StageSizes]

    @property
    def arguments(self) -> str:
        """What makes a SegFormer of these sizes, as it is written."""
        channels, n_layers = (tuple(getattr(size, name) for size in self.sizes) for name in ("channels", "n_layers"))
        return f"SegFormer(channels={channels}, n_layers={n_layers})"


def read_encoder(tensors: dict[str, Tensor], source: str) -> Encoder:
    """The encoder among the tensors of a file; a decoder or classifier beside it is left out.

    Args:
        tensors: by their names in the file.
        source: what the file is called in a sentence.

    Raises:
        CourseError: if they are not, or not all, those of a MiT encoder, or one of them has the wrong shape.
    """
    stages: list[Stage] = [{}, {}, {}, {}]
    for name, tensor in tensors.items():
        name = _PREFIX.sub("", name)
        if name.startswith(_HEADS):
            continue
        layer, _, kind = name.rpartition(".")
        number, layers = _place(layer) if kind in ("weight", "bias") else (None, ())
        if number is None:
            raise CourseError(
                f"{source} holds no MiT encoder: none has a tensor called {name[:80]!r}; choose the file of a "
                'published one, for example "nvidia/mit-b0".'
            )
        for part, piece in zip(layers, _pieces(tensor, len(layers)), strict=True):
            stages[number][f"{part}.{kind}"] = piece.float()
    sizes = [_stage_sizes(stage, number, source) for number, stage in enumerate(stages)]
    for stage, size in zip(stages, sizes, strict=True):
        _check(stage, size, source)
    return Encoder(stages, sizes)


def _place(layer: str) -> tuple[int | None, tuple[str, ...]]:
    """The stage of a layer, counted from 0, and what it is called here; the stage is None for an unknown layer."""
    for pattern, first, meaning in _LAYERS:
        match = re.fullmatch(pattern, layer)
        if match and int(match[1]) - first in range(4):
            if isinstance(meaning, str):
                return int(match[1]) - first, (meaning,)
            if match[3] in meaning:
                return int(match[1]) - first, tuple(f"{int(match[2])}.{part}" for part in meaning[match[3]].split())
    return None, ()


def _pieces(tensor: Tensor, count: int) -> tuple[Tensor, ...]:
    """The original repository keeps keys and values in one layer, the keys first."""
    if count == 1 or tensor.ndim == 0 or len(tensor) % count:
        return (tensor,) * count
    return tensor.chunk(count)


def _stage_sizes(stage: Stage, number: int, source: str) -> StageSizes:
    missing = [name for name in _ALWAYS if name not in stage or stage[name].ndim < 2]
    if missing:
        raise CourseError(f"{source} holds no complete MiT encoder: stage {number + 1} lacks {missing[0]}.")
    embed, reduce = stage["embed.weight"], stage.get("0.reduce.weight")
    return StageSizes(
        number=number + 1,
        in_channels=embed.shape[1],
        channels=embed.shape[0],
        patch=7 if number == 0 else 3,
        n_layers=1 + max(int(name.split(".")[0]) for name in stage if name[0].isdigit()),
        ratio=1 if reduce is None else reduce.shape[-1],
        heads=NUM_HEADS[number],
        hidden=len(stage["0.widen.weight"]),
    )


def _check(stage: Stage, size: StageSizes, source: str) -> None:
    """Every tensor is there, has the shape that the others ask for, and holds numbers."""
    expected = size.shapes()
    where = f"stage {size.number}"
    if missing := expected.keys() - stage.keys():
        raise CourseError(f"{source} holds no complete MiT encoder: {where} lacks {min(missing)}.")
    if surplus := stage.keys() - expected.keys():
        raise CourseError(f"{source} holds no MiT encoder: no {where} of one has {min(surplus)}.")
    for name, shape in expected.items():
        if tuple(stage[name].shape) != shape or math.prod(shape) == 0:
            found = tuple(stage[name].shape)
            raise CourseError(f"{source} is damaged: {name} of {where} has the shape {found} instead of {shape}.")
        if not torch.isfinite(stage[name]).all():
            raise CourseError(f"{source} is damaged: {name} of {where} holds infinite numbers or none; fetch it again.")
    if size.channels % size.heads:
        raise CourseError(f"{source} holds no MiT encoder: {size.channels} channels are not {size.heads} heads.")
