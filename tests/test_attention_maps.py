"""Attention weights are found by what they are: in every style that the grader accepts, and the right ones."""

import pytest
import torch
from answers import cells_with
from right_answers import RIGHT_ANSWERS
from torch import nn

from autograder.reference import load_reference
from segkit.analysis import attention_of_position, attention_weights
from segkit.checking.arrangements import arrangements
from segkit.checking.candidate import StateEntry
from segkit.checking.parameters import canonical_values
from segkit.checking.probes import design_of
from segkit.checking.workbench import layer_type
from segkit.errors import CourseError
from segkit.student import load_cells, provide_sources

STYLES = {style: code for (task, style), code in RIGHT_ANSWERS.items() if task == "attention"}
# (arguments, map): several heads and a reduction that leaves a rest; as many heads as rows and columns
CASES = {"reduced": ((20, 2, 4), (7, 10)), "square": ((32, 1, 8), (8, 8)), "far reduced": ((32, 8, 1), (24, 24))}


@pytest.fixture(scope="module")
def reference():
    return load_reference()


def in_each_arrangement(cls, arguments):
    """A module whose parameters depend on their shapes only, in one way to read the shapes after the other."""
    named = dict(zip(("channels", "reduction_ratio", "num_heads"), arguments, strict=True))
    module = cls(**named).double().eval()
    state = [
        StateEntry(name, tuple(value.shape), "parameter", "float64", layer_type(owner))
        for name, value in module.named_parameters()
        for owner in [module.get_submodule(name.rpartition(".")[0])]
    ]
    design = design_of("segformer", "EfficientSelfAttention", named)
    for arrangement in arrangements(state, design):
        values = canonical_values(state, 0, design, arrangement)
        with torch.no_grad():
            for name, value in module.named_parameters():
                value.copy_(values[name])
        yield module


def computed_weights(reference, features):
    """Equation 1 on the reference's own layers: (heads, H * W, keys)."""
    reduced = reference.reduction(features).flatten(2).transpose(1, 2)
    tokens = features.flatten(2).transpose(1, 2)
    q, k = (
        layer(x)[0].unflatten(-1, (reference.num_heads, -1)).transpose(0, 1)
        for layer, x in ((reference.query, tokens), (reference.key, reduced))
    )
    return torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("style", STYLES)
def test_weights_are_found_in_every_style(reference, style, case):
    arguments, grid = CASES[case]
    channels, ratio, heads = arguments
    features = torch.randn(1, channels, *grid, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (ours,) = in_each_arrangement(reference["02_modules"].EfficientSelfAttention, arguments)
    cells = cells_with([STYLES[style]])
    provide_sources(cells)
    cls = load_cells("02_modules", cells["02_modules"]).module.EfficientSelfAttention
    with torch.no_grad():
        answer, expected = ours(features), computed_weights(ours, features)
        ways = in_each_arrangement(cls, arguments)
        module = next(module for module in ways if torch.allclose(module(features), answer, atol=1e-4))
        weights = attention_weights(module, features)
    assert weights.shape == (heads, grid[0] * grid[1], grid[0] // ratio, grid[1] // ratio)
    for head in expected:  # in whatever order
        assert min(float((head - found).abs().max()) for found in weights.flatten(2)) < 1e-4


def test_something_without_weights_is_told():
    with pytest.raises(CourseError, match="No attention weights were found in Conv2d"):
        attention_weights(nn.Conv2d(8, 8, 1), torch.randn(1, 8, 6, 6))


def test_fused_attention_is_left_as_it_was():
    fast = torch.backends.mha.get_fastpath_enabled()
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    attention_weights(OnTokens(layer), torch.randn(1, 8, 4, 6))
    assert torch.backends.mha.get_fastpath_enabled() == fast and layer.training


class OnTokens(nn.Module):
    """A module on sequences as one on maps."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)


# ---- one position of a whole model


def test_every_stage_shows_what_a_position_looks_at(reference):
    torch.manual_seed(0)
    model = reference["03_model"].SegFormer(4).train()
    image = torch.randn(3, 64, 96)
    maps = attention_of_position(model, image, (40, 70))
    assert [tuple(m.shape) for m in maps] == [(1, 2, 3), (2, 2, 3), (5, 2, 3), (8, 2, 3)]
    assert all(torch.allclose(m.sum(dim=(1, 2)), torch.ones(len(m))) for m in maps)
    assert model.training and not any(part._forward_hooks for part in model.modules())


def test_the_query_is_the_one_that_holds_the_pixel(reference):
    """Keys that point at one place: a query layer that knows only where the pixel is must follow it."""
    model = reference["03_model"].SegFormer(4).eval()
    image = torch.zeros(3, 64, 96)
    stage = next(m for m in model.modules() if type(m).__name__ == "MixTransformerEncoderLayer")
    layer = [m for m in stage.modules() if type(m).__name__ == "EfficientSelfAttention"][-1]
    seen = {}
    layer.register_forward_pre_hook(lambda _, inputs: seen.update(features=inputs[0]))
    (first, *_) = attention_of_position(model, image + torch.randn(3, 64, 96), (9, 71))
    weights = attention_weights(layer, seen["features"])
    assert torch.equal(first, weights[:, (9 // 4) * 24 + 71 // 4])


def test_a_position_outside_and_a_model_without_parts_are_told(reference):
    model = reference["03_model"].SegFormer(4)
    with pytest.raises(CourseError, match=r"Position \(64, 0\) lies outside the image of 64 x 96"):
        attention_of_position(model, torch.zeros(3, 64, 96), (64, 0))
    with pytest.raises(CourseError, match="There is no MixTransformerEncoderLayer in Conv2d"):
        attention_of_position(nn.Conv2d(3, 4, 1), torch.zeros(3, 8, 8), (0, 0))
