"""Published weights go into every module that the grader accepts, and then it computes what transformers computes."""

import pytest
import torch
from answers import mistake_named
from published import CHANNELS, N_LAYERS, config, published, student_model, style, tensors_of
from right_answers import RIGHT_ANSWERS
from safetensors.torch import save_file
from threads import one_thread
from transformers import SegformerModel

from autograder.misconceptions import Code
from segkit.errors import CourseError
from segkit.pretrained import load_pretrained, loading, sizes

ENCODER = ("patch_merging", "attention", "mix_ffn", "encoder_layer", "segformer")
STYLES = [name for name in RIGHT_ANSWERS if name[0] in ENCODER]
ALSO = {("encoder_layer", "lists_of_parts"): [("segformer", "four_stages_by_name")]}  # neither knows drop_path
TOLERANCE = 1e-4  # of the standard deviation: a student's eps may be another

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


single_thread = pytest.fixture(autouse=True, scope="module")(one_thread)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What transformers writes for the small encoder."""
    folder = tmp_path_factory.mktemp("published")
    SegformerModel.from_pretrained(None, config=config(), state_dict=tensors_of(published())).save_pretrained(folder)
    return folder


def stages_of(model) -> list:
    """The stages in the order in which an image passes through them."""
    found = [
        part for part in model.modules() if "MixTransformerEncoderLayer" in [k.__name__ for k in type(part).__mro__]
    ]
    order = []
    hooks = [stage.register_forward_hook(lambda stage, *_: order.append(stage)) for stage in found]
    with torch.no_grad():
        model(torch.zeros(1, 3, 64, 96, dtype=next(model.parameters()).dtype))
    for hook in hooks:
        hook.remove()
    return order


def difference(model, theirs, size=(96, 160)) -> float:
    """The largest difference between the four maps, in standard deviations."""
    features = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model, worst = model.double(), 0.0
    with torch.no_grad():
        right = theirs(features, output_hidden_states=True).hidden_states
        for stage, expected in zip(stages_of(model), right, strict=True):
            features = stage(features)
            worst = max(worst, float((features - expected).abs().nan_to_num(torch.inf).max() / expected.std()))
    return worst


def state(model) -> dict:
    return {name: value.clone() for name, value in model.state_dict().items()}


def refusal(model, source) -> str:
    """The one sentence with which weights are refused; the model is what it was."""
    before = state(model)
    with pytest.raises(CourseError) as error:
        load_pretrained(model, source, progress=False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


# --- what goes in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "name"), STYLES)
def test_weights_go_into_a_right_module_of_any_style(task, name, folder):
    model = student_model(*(style(*one) for one in [(task, name), *ALSO.get((task, name), [])]))
    assert difference(model, published()) > 0.1
    assert load_pretrained(model, folder, progress=False) is model
    assert difference(model, published()) < TOLERANCE


ADDCMUL = Code(
    "02_modules",
    """
class LayerNorm2d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.shift, self.scale = nn.Parameter(torch.zeros(channels, 1, 1)), nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        return torch.addcmul(self.shift, centred * (centred.square().mean(1, keepdim=True) + 1e-6).rsqrt(), self.scale)
""",
)


def test_a_norm_whose_scale_and_shift_are_arguments_of_one_function(folder):
    model = load_pretrained(student_model(ADDCMUL), folder, progress=False)
    assert difference(model, published()) < TOLERANCE


def test_the_comparison_sees_one_changed_weight(folder):
    model = load_pretrained(student_model(), folder, progress=False)
    model.stages[2].blocks[1].attention.output.weight.data[0, 0] += 0.01
    assert difference(model, published()) > TOLERANCE


def test_a_real_b0_of_float32(tmp_path):
    torch.manual_seed(0)
    theirs = SegformerModel(config(**{"channels": sizes("b0")["channels"], "n_layers": (2, 2, 2, 2)})).eval()
    theirs.save_pretrained(tmp_path)
    model = student_model(**sizes("b0"))
    decoder = state(model.decoder)
    load_pretrained(model, tmp_path, progress=False)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert all(torch.equal(value, decoder[name]) for name, value in model.decoder.state_dict().items())
    assert difference(model, theirs.double()) < 1e-3  # fresh weights: small maps, in which the eps counts


def test_queries_keys_and_values_are_told_apart_where_the_weights_hardly_do(tmp_path):
    """Freshly initialised attention looks everywhere alike, whichever of its matrices are exchanged."""
    theirs = SegformerModel(config()).eval()
    theirs.save_pretrained(tmp_path)
    model = load_pretrained(student_model(style("attention", "layers_registered_backwards")), tmp_path, progress=False)
    for stage, right in zip(model.stages, theirs.stages, strict=True):
        for block, expected in zip(stage.blocks, right.blocks, strict=True):
            names = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "o_proj"}
            for mine, name in names.items():
                weight = getattr(expected.attention, name).weight
                assert torch.equal(getattr(block.attention, mine).weight, weight)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_model_keeps_its_dtype_its_mode_and_what_is_frozen(folder, dtype):
    model = student_model().to(dtype).train()
    model.stages[0].requires_grad_(False)
    frozen = [parameter.requires_grad for parameter in model.parameters()]
    load_pretrained(model, folder, progress=False)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert model.training and all(part.training for part in model.modules())
    assert [parameter.requires_grad for parameter in model.parameters()] == frozen
    right = published().stages[0].patch_embeddings.proj.weight
    assert torch.equal(model.stages[0].patch_merging.projection.weight, right.float().to(dtype))


def test_source_and_licence_are_told_once(folder, capsys, monkeypatch):
    monkeypatch.setattr(loading, "_told", set())
    for _ in range(2):
        load_pretrained(student_model(), folder, progress=False)
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert str(folder) in told and "NVIDIA Source Code License for SegFormer" in told


@pytest.mark.parametrize("size", ["b0", "b1", "b2", "b3", "b4", "b5"])
def test_a_model_of_each_size_has_the_published_number_of_parameters(size):
    published_counts = {
        "b0": 3_752_694, "b1": 13_715_798, "b2": 27_461_974, "b3": 47_337_814, "b4": 64_108_374, "b5": 84_708_694,
    }  # fmt: skip
    with torch.device("meta"):
        model = student_model(num_classes=150, **sizes(size))
    assert sum(parameter.numel() for parameter in model.parameters()) == published_counts[size]


# --- what does not ----------------------------------------------------------------------------------------------------

WRONG = {
    "patch_merging: no normalisation": "stage 1",
    "patch_merging: no bias": "patch merging",
    "patch_merging: no padding": "Stage 1 makes",
    "patch_merging: BatchNorm": "patch merging",
    "attention: not scaled": "attention or the norm before it of stage 1",
    "attention: scaled by all channels": "attention or the norm before it of stage 2",
    "attention: softmax over the queries": "attention or the norm before it of stage 1",
    "attention: heads merged by one reshape": "attention or the norm before it of stage 2",
    "attention: no reduction": "another size",
    "attention: heads attend to heads": "Stage 1 of your model fails",
    "attention: padded up to whole squares": "stage 1",
    "mix_ffn: a residual inside": "a residual connection",
    "mix_ffn: the tanh formula": "Mix-FFN or the norm before it of stage 1",
    "encoder_layer: norms after the sums": "stage 1",
    "encoder_layer: no final norm": "stage 1",
    "encoder_layer: one block's weights for all layers": "another size",
    "segformer: stages in a plain list": "has 0 encoder stages",
    "segformer: one head in all stages": "attention or the norm before it of stage 2",
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_module_is_refused_and_stays_as_it_is(mistake, folder):
    model = student_model(*mistake_named(mistake).changes)
    assert WRONG[mistake] in refusal(model, folder)


def test_another_size_is_refused_with_the_arguments_to_use(folder):
    sentence = refusal(student_model(**sizes("b0")), folder)
    assert f"Build it with SegFormer(channels={CHANNELS}, n_layers={N_LAYERS})" in sentence


def test_other_heads_are_refused_with_what_they_should_be(folder):
    model = student_model(channels=CHANNELS, n_layers=N_LAYERS, num_heads=(1, 4, 5, 8))
    assert "attention or the norm before it of stage 2" in (sentence := refusal(model, folder))
    assert "num_heads" in sentence


def test_a_model_without_stages_is_refused(folder):
    assert "Linear has 0 encoder stages" in refusal(torch.nn.Linear(2, 2), folder)


def test_weights_with_which_another_eps_matters_are_refused(tmp_path):
    """Maps of nearly equal channels: the norm's eps is then a good part of their variance."""
    tensors = tensors_of(published())
    tensors["stages.0.patch_embeddings.proj.weight"] = tensors["stages.0.patch_embeddings.proj.weight"] * 1e-5
    tensors["stages.0.patch_embeddings.proj.bias"] = tensors["stages.0.patch_embeddings.proj.bias"] * 1e-5
    save_file(tensors, tmp_path / "model.safetensors")
    assert load_pretrained(student_model(), tmp_path, progress=False)  # PyTorch's eps, throughout
    model = student_model()
    model.stages[0].patch_merging.norm.eps = 2e-5
    assert "and is right with others: is the eps of your norms 1e-6 or 1e-5?" in refusal(model, tmp_path)


def test_an_unknown_size_is_refused():
    with pytest.raises(CourseError, match=r"There is no size 'b6': choose one of b0, b1, b2, b3, b4, b5\."):
        sizes("b6")
