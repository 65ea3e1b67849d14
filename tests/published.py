"""Encoders as they are published, made by transformers: small ones, with weights that all matter, under every name."""

import re
from functools import cache

import torch
from answers import cells_with
from right_answers import RIGHT_ANSWERS
from torch import Tensor
from transformers import SegformerConfig, SegformerModel

from segkit.student import load_cells, provide_sources

CHANNELS, N_LAYERS = (8, 16, 40, 64), (2, 1, 2, 1)
# In transformers 5 a part of a module's name, in transformers 4, and in the original repository.
NAMES = [
    (r"stages\.(\d)\.patch_embeddings\.proj", r"encoder.patch_embeddings.\1.proj", "patch_embed{}.proj"),
    (r"stages\.(\d)\.patch_embeddings\.layer_norm", r"encoder.patch_embeddings.\1.layer_norm", "patch_embed{}.norm"),
    (r"stages\.(\d)\.layer_norm", r"encoder.layer_norm.\1", "norm{}"),
    (r"stages\.(\d)\.blocks", r"encoder.block.\1", "block{}"),
    (r"attention\.q_proj", "attention.self.query", "attn.q"),
    (r"attention\.k_proj", "attention.self.key", "attn.k"),
    (r"attention\.v_proj", "attention.self.value", "attn.v"),
    (r"attention\.o_proj", "attention.output.dense", "attn.proj"),
    (r"attention\.sequence_reduction\.sequence_reduction", "attention.self.sr", "attn.sr"),
    (r"attention\.sequence_reduction\.layer_norm", "attention.self.layer_norm", "attn.norm"),
    (r"layernorm_before", "layer_norm_1", "norm1"),
    (r"layernorm_after", "layer_norm_2", "norm2"),
    (r"mlp\.fc1", "mlp.dense1", "mlp.fc1"),
    (r"mlp\.fc2", "mlp.dense2", "mlp.fc2"),
]


def config(channels=CHANNELS, n_layers=N_LAYERS, **more) -> SegformerConfig:
    return SegformerConfig(hidden_sizes=list(channels), depths=list(n_layers), **more)


@cache
def published() -> SegformerModel:
    """A small encoder in float64, in which a missing bias, a swapped norm or another projection shows."""
    model = SegformerModel(config(attn_implementation="sdpa")).double().eval()  # the eager path has a float32 softmax
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        vector = noise.sign() * (0.5 + noise.abs().clamp(max=1))
        parameter.data.copy_(vector if noise.ndim == 1 else noise / noise[0].numel() ** 0.5)
    return model.requires_grad_(False)


def tensors_of(model) -> dict[str, Tensor]:
    """The weights of an encoder in float32, as transformers 5 calls them."""
    return {name: value.float() for name, value in model.state_dict().items()}


def as_transformers_4(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights as transformers 4 calls them."""
    for new, old, _ in NAMES:
        tensors = {re.sub(new, old, name): value for name, value in tensors.items()}
    return tensors


def as_original(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights as the original repository calls them, keys and values in one, with its classifier."""
    for new, _, original in NAMES:
        tensors = {
            re.sub(new, lambda match, text=original: text.format(*(int(i) + 1 for i in match.groups())), name): value
            for name, value in tensors.items()
        }
    for name in [name for name in tensors if ".attn.k." in name]:
        values = tensors.pop(name.replace("attn.k.", "attn.v."))
        tensors[name.replace("attn.k.", "attn.kv.")] = torch.cat([tensors.pop(name), values])
    return tensors | {"head.weight": torch.zeros(1000, 64), "head.bias": torch.zeros(1000)}


def student_notebook(*changes):
    """Notebook 3 of a student whose answers are the reference's, but for some changes."""
    cells = cells_with(changes)
    provide_sources(cells)
    loaded = load_cells("03_model", cells["03_model"])
    assert loaded.problems == []
    return loaded.module


def student_model(*changes, **arguments):
    """A student's SegFormer, of the small encoder's size unless arguments say otherwise."""
    arguments = arguments or {"channels": CHANNELS, "n_layers": N_LAYERS}
    return student_notebook(*changes).SegFormer(**arguments).eval()


def style(task: str, name: str):
    """A right answer of tests/alternatives."""
    return RIGHT_ANSWERS[task, name]
