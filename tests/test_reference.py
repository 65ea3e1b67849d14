"""The reference solution computes the same function as the SegFormer of Hugging Face's transformers.

Random weights with random biases, norm affines and BatchNorm statistics: with default initialisation a missing bias
or a missing BatchNorm would not show. In float64, so that what is left is a difference of functions, not of rounding.
"""

from functools import cache

import pytest
import torch
from threads import one_thread
from torch import nn

from autograder.reference import load_reference
from autograder.transformers_model import VARIANTS, same_model_twice

SIZES = [(256, 256), (192, 320), (250, 333)]
TOLERANCE = 1e-10  # of the logits' standard deviation
PUBLISHED_PARAMETERS = {"B0": 3_752_694, "B2": 27_461_974}  # with 150 classes


single_thread = pytest.fixture(autouse=True, scope="module")(one_thread)


@cache
def pair(variant: str, num_classes: int) -> tuple[nn.Module, nn.Module]:
    """The reference and transformers' model with the same weights, in float64 and evaluation mode."""
    ours, theirs = same_model_twice(variant, num_classes)
    return ours.double().eval(), theirs.double().eval()


def relative_difference(ours: nn.Module, theirs: nn.Module, size: tuple[int, int]) -> float:
    images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.inference_mode():
        expected, logits = theirs(images).logits, ours(images)
    assert logits.shape == expected.shape
    return float((logits - expected).abs().max() / expected.std())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("num_classes", [4, 150])
@pytest.mark.parametrize("variant", VARIANTS)
def test_same_logits_as_transformers(variant, num_classes, size):
    assert relative_difference(*pair(variant, num_classes), size) < TOLERANCE


@pytest.mark.parametrize("variant", VARIANTS)
def test_has_as_many_parameters_as_published(variant):
    ours, _ = pair(variant, 150)
    assert sum(parameter.numel() for parameter in ours.parameters()) == PUBLISHED_PARAMETERS[variant]


@pytest.mark.parametrize(
    "change",
    ["stages.0.blocks.0.attention.key.weight", "stages.3.blocks.1.ffn.depthwise.bias", "decoder.norm.running_mean"],
)
def test_comparison_sees_one_changed_entry(change):
    """The comparison above can fail: one entry of one tensor, moved by a thousandth, is seen."""
    ours, theirs = pair("B0", 4)
    entry = ours.state_dict()[change].view(-1)[:1]
    before = entry.clone()
    entry.add_(1e-3)
    try:
        assert relative_difference(ours, theirs, (64, 96)) > TOLERANCE
    finally:
        entry.copy_(before)


def test_transformers_gelu_as_tanh_is_another_function():
    """The exact GELU (erf) and its tanh approximation are told apart."""
    ours, theirs = pair("B0", 4)
    blocks = [block.mlp for stage in theirs.segformer.stages for block in stage.blocks]
    exact = blocks[0].activation_fn
    for mlp in blocks:
        mlp.activation_fn = nn.GELU(approximate="tanh")
    try:
        assert relative_difference(ours, theirs, (64, 96)) > 1e-5
    finally:
        for mlp in blocks:
            mlp.activation_fn = exact


@cache
def modules():
    return load_reference()["02_modules"]


def set_identity(linear: nn.Module) -> None:
    nn.init.eye_(linear.weight)
    nn.init.zeros_(linear.bias)


def test_attention_without_projections_is_the_notebooks_slow_version():
    attention = modules().EfficientSelfAttention(6, reduction_ratio=1, num_heads=3)
    for linear in (attention.query, attention.key, attention.value, attention.output):
        set_identity(linear)
    features = torch.randn(1, 6, 3, 5)
    positions = [features[0, :, i, j] for i in range(3) for j in range(5)]
    answers = [modules().attend_slowly(query, positions, positions, num_heads=3) for query in positions]
    torch.testing.assert_close(attention(features)[0], torch.stack(answers, dim=1).reshape(6, 3, 5))


def test_attention_with_equal_keys_answers_with_the_mean_of_the_values():
    attention = modules().EfficientSelfAttention(8, reduction_ratio=2, num_heads=2)
    nn.init.zeros_(attention.key.weight)
    set_identity(attention.output)
    features = torch.randn(2, 8, 4, 6)
    mean = attention.value(attention.reduction(features).flatten(2).transpose(1, 2)).mean(dim=1)
    torch.testing.assert_close(attention(features), mean[:, :, None, None].expand(2, 8, 4, 6))


def test_mix_ffn_example_in_its_docstring_returns_its_input():
    ffn = modules().MixFFN(1, 2)
    centre = torch.zeros(2, 1, 3, 3)
    centre[:, :, 1, 1] = 1
    for layer, weight in ((ffn.expand, [1.0, -1]), (ffn.depthwise, centre), (ffn.contract, [1.0, -1])):
        layer.weight.data = torch.as_tensor(weight).reshape(layer.weight.shape)
        nn.init.zeros_(layer.bias)
    features = torch.randn(2, 1, 3, 5)
    torch.testing.assert_close(ffn(features), features)


def test_mix_ffns_convolution_is_the_notebooks_slow_version():
    depthwise = modules().MixFFN(2, 3).depthwise
    nn.init.zeros_(depthwise.bias)
    features = torch.randn(6, 4, 5)
    slow = modules().depthwise_slowly(features, depthwise.weight.detach()[:, 0])
    torch.testing.assert_close(depthwise(features[None])[0], slow)


def test_stage_without_branches_is_patch_merging_and_the_final_norm():
    stage = modules().MixTransformerEncoderLayer(3, 8, 7, 4, 3, 2, 2, 1, 4)
    for block in stage.blocks:
        for last in (block.attention.output, block.ffn.contract):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    images = torch.randn(2, 3, 64, 96)
    assert stage(images).shape == (2, 8, 16, 24)
    torch.testing.assert_close(stage(images), stage.norm(stage.patch_merging(images)))


def test_decoder_takes_maps_that_are_not_halves_of_each_other():
    maps = [torch.randn(2, 3, 63, 84), torch.randn(2, 5, 32, 42), torch.randn(2, 7, 16, 21)]
    assert modules().MLPDecoder([3, 5, 7], 8, None, 4)(maps).shape == (2, 4, 63, 84)
    assert modules().MLPDecoder([3, 5, 7], 8, (10, 11), 4)(maps).shape == (2, 4, 10, 11)


def test_drop_path_drops_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    drop, ones = modules().DropPath(0.2), torch.ones(10_000, 2, 1, 1)
    dropped = drop(ones)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(drop.eval()(ones), ones)
