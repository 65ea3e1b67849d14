"""Canonical parameters: however a right implementation names, orders and fuses its layers, it is the same function."""

import hashlib

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from segkit.checking.arrangements import Arrangement, Design, arrangements
from segkit.checking.candidate import AnswerError, Candidate, StateEntry
from segkit.checking.parameters import canonical_values, weight_count
from segkit.checking.probes import build_with_canonical_parameters
from segkit.checking.workbench import Workbench

CHANNELS, HEADS, RATIO = 12, 3, 2


def state_of(module):
    """What a workbench lists of a module."""

    class Notebook:
        pass

    notebook = Notebook()
    notebook.Given = lambda: module
    candidate = Candidate(Workbench(notebook).perform, "segformer")
    candidate.begin()
    return candidate.state(candidate.build("Given"))


def canonical(module, seed=0):
    """The module in float64 and evaluation mode with canonical parameters."""
    values = canonical_values(state_of(module), seed)
    module.double().eval()
    missing, unexpected = module.load_state_dict(values, strict=False)
    assert unexpected == []
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return module


def images(*shape, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- attentions that are the same function ---------------------------------------------------------------------


class Attention(nn.Module):
    """What all variants share: keys and values come from a reduced map, heads are blocks of channels."""

    def __init__(self):
        super().__init__()
        self.shrink = nn.Conv2d(CHANNELS, CHANNELS, RATIO, RATIO)
        self.norm = nn.LayerNorm(CHANNELS)
        self.add_layers()

    def reduced(self, x):
        return self.norm(self.shrink(x).flatten(2).mT)

    def forward(self, x):
        H, W = x.shape[2:]
        Q, K, V = (self.heads(part) for part in self.project(x.flatten(2).mT, self.reduced(x)))
        merged = F.scaled_dot_product_attention(Q, K, V).transpose(1, 2).flatten(2)
        return self.output(merged).mT.unflatten(-1, (H, W))

    @staticmethod
    def heads(sequence):
        return sequence.unflatten(-1, (HEADS, -1)).transpose(1, 2)


class Separate(Attention):
    def add_layers(self):
        self.query, self.key, self.value, self.output = (nn.Linear(CHANNELS, CHANNELS) for _ in range(4))

    def project(self, tokens, reduced):
        return self.query(tokens), self.key(reduced), self.value(reduced)


class FusedKeyValue(Attention):
    def add_layers(self):
        self.q, self.kv = nn.Linear(CHANNELS, CHANNELS), nn.Linear(CHANNELS, 2 * CHANNELS)
        self.output = nn.Linear(CHANNELS, CHANNELS)

    def project(self, tokens, reduced):
        return self.q(tokens), *self.kv(reduced).chunk(2, dim=-1)


class FusedAll(Attention):
    def add_layers(self):
        self.output, self.qkv = nn.Linear(CHANNELS, CHANNELS), nn.Linear(CHANNELS, 3 * CHANNELS)

    def project(self, tokens, reduced):
        query = self.qkv(tokens)[..., :CHANNELS]
        return query, *self.qkv(reduced)[..., CHANNELS:].chunk(2, dim=-1)


class Convolutions(Attention):
    """1x1 convolutions instead of linear layers, and the reduction as a linear layer over unfolded squares."""

    def add_layers(self):
        self.output = nn.Linear(CHANNELS, CHANNELS)
        self.value_key_query = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(3))

    def project(self, tokens, reduced):
        value, key, query = self.value_key_query
        return (
            layer(part.mT[..., None])[..., 0].mT for layer, part in ((query, tokens), (key, reduced), (value, reduced))
        )


class TorchsOwn(Attention):
    def add_layers(self):
        self.attention = nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True)

    def forward(self, x):
        H, W = x.shape[2:]
        reduced = self.reduced(x)
        return self.attention(x.flatten(2).mT, reduced, reduced, need_weights=False)[0].mT.unflatten(-1, (H, W))


VARIANTS = [Separate, FusedKeyValue, FusedAll, Convolutions, TorchsOwn]


@pytest.mark.parametrize("variant", VARIANTS[1:], ids=lambda variant: variant.__name__)
def test_fused_and_separate_projections_are_the_same_function(variant):
    x = images(2, CHANNELS, 4, 6)
    right, found = canonical(Separate())(x), canonical(variant())(x)
    torch.testing.assert_close(found, right, rtol=0, atol=1e-12)
    assert right.std() > 0.1


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_fusing_does_not_change_how_many_weights_there_are(variant):
    assert weight_count(state_of(variant())) == 4 * CHANNELS**2 + (CHANNELS * RATIO) ** 2


def test_heads_get_different_weights():
    """Otherwise mixing up the heads would not show."""
    module = canonical(Separate())
    blocks = module.query.weight.unflatten(0, (HEADS, -1))
    assert not torch.allclose(blocks[0], blocks[1])


# --- layers that are the same in other clothes ----------------------------------------------------------------------


def test_a_linear_layer_is_a_1x1_convolution():
    x = images(2, 5, 3, 4)
    linear, convolution = canonical(nn.Linear(5, 7)), canonical(nn.Conv2d(5, 7, 1))
    torch.testing.assert_close(linear(x.movedim(1, -1)).movedim(-1, 1), convolution(x), rtol=0, atol=1e-12)
    flat = canonical(nn.Conv1d(5, 7, 1))
    torch.testing.assert_close(flat(x.flatten(2)), convolution(x).flatten(2), rtol=0, atol=1e-12)


def test_a_depthwise_filter_may_be_a_plain_parameter():
    class ByHand(nn.Module):
        def __init__(self):
            super().__init__()
            self.filters, self.offset = nn.Parameter(torch.zeros(6, 3, 3)), nn.Parameter(torch.zeros(6))

        def forward(self, x):
            return F.conv2d(x, self.filters[:, None], self.offset, padding=1, groups=6)

    x = images(2, 6, 4, 5)
    depthwise = canonical(nn.Conv2d(6, 6, 3, padding=1, groups=6))
    torch.testing.assert_close(depthwise(x), canonical(ByHand())(x), rtol=0, atol=1e-12)
    assert not torch.allclose(depthwise.weight[0], depthwise.weight[1])


def test_names_and_order_of_registration_do_not_matter():
    forwards = {"first": nn.Linear(4, 8), "norm": nn.BatchNorm2d(8), "last": nn.Conv2d(8, 3, 3)}
    backwards = dict(reversed([(f"other_{name}", layer) for name, layer in forwards.items()]))
    values = canonical_values(state_of(nn.ModuleDict(forwards)))
    others = canonical_values(state_of(nn.ModuleDict(backwards)))
    assert len(values) == len(others) == 8
    for name, value in values.items():
        assert torch.equal(value, others[f"other_{name}"]), name


def test_a_concatenation_may_go_in_any_order():
    """SegFormer's decoder joins four maps of E channels: weights (E, 4E) are four times the same square block."""
    weight = canonical(nn.Conv2d(4 * 6, 6, 1, bias=False)).weight[:, :, 0, 0]
    blocks = weight.unflatten(1, (4, 6))
    assert all(torch.equal(blocks[:, 0], blocks[:, number]) for number in range(4))


def test_the_bias_of_a_fused_layer_is_made_of_copies_and_that_of_a_norm_is_not():
    module = canonical(nn.ModuleDict({"kv": nn.Linear(5, 10), "one": nn.Linear(5, 5), "norm": nn.LayerNorm(10)}))
    assert torch.equal(module["kv"].bias, module["one"].bias.repeat(2))
    assert torch.equal(module["kv"].weight, module["one"].weight.repeat(2, 1))
    assert not torch.equal(module["norm"].bias[:5], module["norm"].bias[5:])


def test_a_bias_before_a_norm_is_zero_where_the_design_says_so():
    state = state_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3)))
    values = canonical_values(state, design=Design(idle=((4, 3, 3, 3),)))
    assert not values["0.bias"].any() and values["1.bias"].all() and values["2.bias"].all()


# --- informative values ---------------------------------------------------------------------------------------------


def test_vectors_are_far_from_their_usual_start_and_variances_positive():
    module = canonical(nn.Sequential(nn.BatchNorm2d(40), nn.LayerNorm(41), nn.Conv2d(3, 42, 5)))
    vectors = [value for name, value in module.state_dict().items() if value.ndim == 1]
    assert len(vectors) == 7
    for vector in vectors:
        assert (vector.abs() >= 0.5).all() and (vector.abs() <= 1.5).all()
        assert vector.unique().numel() == vector.numel()
    assert (module[0].running_var > 0).all()
    assert (module[0].running_mean < 0).any() and (module[0].bias > 0).any()


@pytest.mark.parametrize("layer", [nn.Linear(48, 48), nn.Linear(24, 96), nn.Conv2d(16, 20, 3), nn.Linear(50, 7)])
def test_weights_are_scaled_by_the_root_of_fan_in(layer):
    weight = canonical(layer).weight.detach()
    assert 0.9 < float(weight.std()) * weight[0].numel() ** 0.5 < 1.1


def test_buffers_other_than_statistics_are_left_alone():
    module = nn.BatchNorm2d(3)
    module.register_buffer("grid", torch.full((2, 2), 5.0))
    assert canonical_values(state_of(module)).keys() == {"weight", "bias", "running_mean", "running_var"}


def test_shared_parameters_come_once():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    assert canonical_values(state_of(module)).keys() == {"0.weight", "0.bias", "1.bias"}
    assert weight_count(state_of(module)) == 9


# --- reproducible ---------------------------------------------------------------------------------------------------

SHAPES = {
    "linear.weight": (8, 5), "linear.bias": (8,), "kv.weight": (12, 6), "kv.bias": (12,), "conv.weight": (4, 3, 7, 7),
    "depthwise.weight": (10, 1, 3, 3), "norm.weight": (6,), "norm.running_var": (6,), "scale": (),
}  # fmt: skip
RECORDED = {0: "2fcd6c77c4d314d0", 1: "0a7fc993b9564b7e"}


@pytest.mark.parametrize("seed", RECORDED)
def test_the_values_are_those_that_the_recorded_answers_were_made_with(seed):
    state = [StateEntry(name, shape, "parameter", "float32") for name, shape in SHAPES.items()]
    values = canonical_values(state, seed)
    assert {name: tuple(value.shape) for name, value in values.items()} == SHAPES
    assert all(value.dtype == torch.float64 for value in values.values())
    digest = hashlib.sha256()
    for name in SHAPES:  # a last digit may differ between processors
        digest.update(" ".join(f"{number:.9f}" for number in values[name].flatten().tolist()).encode())
    assert digest.hexdigest()[:16] == RECORDED[seed]


def test_values_depend_on_the_seed_and_on_nothing_that_went_before():
    state = [StateEntry("weight", (4, 3), "parameter", "float32")]
    first = canonical_values(state, 1)["weight"]
    torch.manual_seed(5)
    torch.rand(3)
    assert torch.equal(canonical_values(state, 1)["weight"], first)
    assert not torch.equal(canonical_values(state, 2)["weight"], first)


# --- arrangements ---------------------------------------------------------------------------------------------------

ATTENTION = Design(heads={CHANNELS: HEADS}, patches={CHANNELS * RATIO**2: (CHANNELS, RATIO)})


def entry(name, *shape, layer="Linear"):
    return StateEntry(name, shape, "parameter", "float64", layer)


@pytest.mark.parametrize("variant", [Separate, FusedKeyValue], ids=lambda variant: variant.__name__)
def test_usual_modules_are_read_in_one_way_and_fused_ones_in_three(variant):
    assert len(arrangements(state_of(variant()), ATTENTION)) == (1 if variant is Separate else 3)


@pytest.mark.parametrize(("fused", "axes"), [("stacked", (0, 1, 2)), ("by head", (1, 0, 2)), ("by channel", (1, 2, 0))])
def test_a_fused_matrix_holds_its_parts_in_the_order_of_the_arrangement(fused, axes):
    state = [
        entry("kv.weight", 2 * CHANNELS, CHANNELS),
        entry("kv.bias", 2 * CHANNELS),
        entry("q.weight", CHANNELS, CHANNELS),
    ]
    values = canonical_values(state, 0, ATTENTION, Arrangement(fused=fused))
    parts = torch.stack([values["q.weight"]] * 2).unflatten(1, (HEADS, -1)).permute(*axes, 3)
    assert torch.equal(values["kv.weight"], parts.reshape(2 * CHANNELS, CHANNELS))


@pytest.mark.parametrize("split", ["by part", "by head"])
def test_the_matrices_of_heads_are_rows_of_the_whole(split):
    each = CHANNELS // HEADS
    state = [entry("q.weight", CHANNELS, CHANNELS), *(entry(f"{n}.weight", each, CHANNELS) for n in range(2 * HEADS))]
    values = canonical_values(state, 0, ATTENTION, Arrangement(split=split))
    for number in range(2 * HEADS):
        head = number % HEADS if split == "by part" else number // 2
        assert torch.equal(values[f"{number}.weight"], values["q.weight"][head * each : (head + 1) * each])


def test_a_linear_layer_over_patches_is_a_convolution_either_way():
    wide = CHANNELS * RATIO**2
    state = [
        entry("conv.weight", CHANNELS, CHANNELS, RATIO, RATIO, layer="Conv2d"),
        entry("linear.weight", CHANNELS, wide),
    ]
    first = canonical_values(state, 0, ATTENTION)
    assert torch.equal(first["linear.weight"], first["conv.weight"].flatten(1))
    last = canonical_values(state, 0, ATTENTION, Arrangement(patch="channels last"))
    assert torch.equal(last["linear.weight"], first["conv.weight"].permute(0, 2, 3, 1).flatten(1))


SIZES = st.sampled_from([1, 2, 3, 4, 6, 8, 9, 12, 16, 24, 36])
ENTRIES = st.builds(
    StateEntry,
    st.sampled_from(["weight", "bias", "a.weight", "a.bias", "b.running_var", "c"]),
    st.one_of(st.lists(SIZES, min_size=0, max_size=4).map(tuple), st.sampled_from([(1, 1, 3, 3), (3, 3, 8), (5,)])),
    st.sampled_from(["parameter", "buffer"]),
    st.just("float64"),
    st.sampled_from(["", "Linear", "Conv2d", "MultiheadAttention"]),
)
DESIGNS = st.sampled_from([
    Design(), Design(heads={12: 3}, patches={36: (4, 3), 24: (6, 2)}), Design(heads={6: 2, 8: 4}, filters=(9,)),
    Design(joined=(6,), idle=((6, 24), (6, 6))), Design(heads={4: 2}, patches={9: (1, 3)}, filters=(9,), joined=(4,)),
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(state=st.lists(ENTRIES, max_size=6, unique_by=lambda entry: entry.name), design=DESIGNS)
def test_whatever_a_module_lists_gets_values_in_every_arrangement(state, design):
    """An error here would be a fault of the grader, which a student could cause."""
    for arrangement in arrangements(state, design):
        values = canonical_values(state, 0, design, arrangement)
        assert all(values[entry.name].shape == entry.shape for entry in state if entry.name in values)


# --- through a candidate --------------------------------------------------------------------------------------------


class Notebook:
    """A student's names."""

    Linear = nn.Linear

    class Stretched(nn.Module):
        """One number that claims to be a million million, without the memory for them."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64).expand(10**6, 10**6))


@pytest.fixture
def candidate():
    found = Candidate(Workbench(Notebook).perform, "segformer")
    found.begin()
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_built_module_carries_the_canonical_values_in_its_own_dtype(candidate, dtype):
    handle = build_with_canonical_parameters(candidate, "Linear", {"in_features": 3, "out_features": 2}, dtype)
    values, right = candidate.read(handle)[0], canonical_values(candidate.state(handle))
    assert values.keys() == right.keys() == {"weight", "bias"}
    assert all(torch.equal(values[name], right[name].to(getattr(torch, dtype))) for name in right)


def test_a_module_that_claims_more_parameters_than_memory_is_refused_in_words(candidate):
    with pytest.raises(AnswerError, match=r"The module has 1000000000000 numbers in its parameters"):
        build_with_canonical_parameters(candidate, "Stretched", {})


@pytest.mark.parametrize(
    "state",
    [None, 1, "text", [1], [{}], [{"name": "x", "shape": [-1], "kind": "parameter", "dtype": "float32"}],
     [{"name": "x", "shape": [float("inf")], "kind": "parameter", "dtype": "float32"}],
     [{"name": "x", "shape": 3, "kind": "parameter", "dtype": "float32"}]],
    ids=str,
)  # fmt: skip
def test_a_list_of_parameters_that_is_none_is_refused_in_words(state):
    candidate = Candidate(lambda request, tensors: ({"state": state}, {}), "segformer")
    with pytest.raises(AnswerError, match=r"The module's parameters could not be listed\."):
        candidate.state(candidate.build("X"))
