"""What is handed in as a trained model: written, tried at once, and read without believing a word of it."""

import json
import pickle
import struct

import pytest
import torch
from safetensors.torch import save
from torch import nn
from torch.nn import functional

from autograder.reference import load_reference
from segkit.checking.notebook import CheckFailed
from segkit.errors import CourseError
from segkit.evaluation.checking import check_results
from segkit.evaluation.checkpoint import MAX_BYTES, learned_numbers, read_checkpoint
from segkit.evaluation.counting import multiply_adds
from segkit.evaluation.saving import save_results
from segkit.evaluation.scale import Scale, read_scale
from segkit.evaluation.settings import ResultsSettings, read_settings
from segkit.sample import make_sample
from segkit.subset import build_subset


class Tiny(nn.Module):
    """Four classes out of patches of 4 x 4 pixels; `hidden` lives in no parameter and no buffer."""

    def __init__(self, width: int = 8, hidden: float = 0.0) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.norm = nn.BatchNorm2d(width)
        self.classify = nn.Conv2d(width, 4, 1)
        self.hidden = hidden

    def forward(self, images):
        return self.classify(self.norm(self.patches(images)).relu()) + self.hidden * torch.arange(4)[:, None, None]


class OnAGpu(Tiny):
    """Its logits are rough, as those of a GPU's convolutions are, until it is moved to the CPU."""

    rough = False

    def forward(self, images):
        return super().forward(images) * (1.003 if self.rough else 1)

    def cpu(self):
        self.rough = False
        return self

    def to(self, device):
        self.rough = True
        return self


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A small drawn four-class set."""
    folder = tmp_path_factory.mktemp("drawn")
    build_subset(make_sample(folder / "raw", 2, 6), folder / "four", progress=False)
    return folder / "four"


@pytest.fixture(scope="module")
def functions():
    """The student's own functions, as the reference has them."""
    code = load_reference("segformer")
    metric = code["03_model"]
    return {
        "predict": code["04_results"].predict_full_resolution,
        "confusion_matrix": metric.confusion_matrix,
        "mean_iou": metric.mean_iou,
    }


def settings_with(**changes) -> bytes:
    return json.dumps({"arguments": {"num_classes": 4}, "image_size": [64, 96], "name": None} | changes).encode()


def bomb(table: object, data: bytes = b"") -> bytes:
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_what_is_saved_is_read_as_it_was(tmp_path, capsys):
    model = Tiny(width=6)
    save_results(model, tmp_path / "results", image_size=(64, 96), arguments={"width": 6}, name="  Ada\n L. ")
    said = capsys.readouterr().out
    weights = read_checkpoint((tmp_path / "results" / "model.safetensors").read_bytes())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    settings = read_settings((tmp_path / "results" / "settings.json").read_bytes())
    assert settings == ResultsSettings({"width": 6}, (64, 96), "Ada L.")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert learned_numbers(weights) == parameters and f"{parameters:,} parameters" in said and '"Ada L."' in said
    assert model.training, "the model is left in the mode in which it came"


def test_parameters_that_are_called_as_statistics_are_counted():
    class Shy(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(5)
            self.running_mean = nn.Parameter(torch.zeros(30, 40))
            self.num_batches_tracked = nn.Parameter(torch.zeros(7))

    assert learned_numbers(Shy().state_dict()) == 10 + 1200 + 7


def test_half_precision_takes_half_the_space_and_is_still_the_same_model(tmp_path, capsys):
    model = Tiny(width=64)
    for name, half in (("whole", False), ("half", True)):
        save_results(model, tmp_path / name, image_size=(64, 64), arguments={"width": 64}, half=half)
    whole, half = ((tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half"))
    assert half < 0.65 * whole
    assert "you stay anonymous" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (Tiny(8), {"arguments": {"width": 6}}, "belongs to another model than Tiny"),
        (Tiny(8), {"arguments": {"depth": 6}}, "cannot be built with the arguments"),
        (Tiny(8, hidden=3.0), {"arguments": {}}, "gives other logits"),
        (Tiny(8), {"arguments": {}, "image_size": (64, 64, 3)}, "must be .height, width."),
        (Tiny(8), {"arguments": {}, "image_size": (8, 4096)}, "whole numbers from 32 to 1024"),
        (Tiny(8), {"arguments": {"width": object()}}, "the argument 'width' must be a number"),
    ],
)
def test_what_could_not_be_evaluated_is_not_written(tmp_path, model, options, words):
    with pytest.raises(CourseError, match=words):
        save_results(model, tmp_path / "results", **{"image_size": (64, 64)} | options)
    assert not (tmp_path / "results").exists()


def test_a_model_on_a_gpu_is_compared_on_the_cpu_and_goes_back(tmp_path):
    model = OnAGpu()
    model.to("cuda")
    save_results(model, tmp_path, image_size=(64, 64), arguments={})
    assert model.rough and model.training


def test_a_model_that_failed_is_not_written_and_one_that_is_too_large_is_told_what_to_do(tmp_path):
    model = Tiny()
    nn.init.constant_(model.classify.bias, float("nan"))
    with pytest.raises(CourseError, match="NaN or infinity in 1 of 9 tensors"):
        save_results(model, tmp_path, image_size=(64, 64), arguments={})
    width = MAX_BYTES // 4 // 52
    with pytest.raises(CourseError, match="half=True"):
        save_results(Tiny(width), tmp_path, image_size=(64, 64), arguments={"width": width})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "damaged or no safetensors file"),
        (b"not a checkpoint at all", "damaged or no safetensors file"),
        (pickle.dumps({"weights": 1}), "holds a pickle"),
        (b"PK\x03\x04" + bytes(100), "holds a pickle"),
        (struct.pack("<Q", 2**60), "table of tensors is larger than it may be"),
        (bomb({"w": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}, bytes(4)), "damaged"),
        (bomb({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 2**50]}}, bytes(16)), "do not match"),
        (bomb({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(16)), "do not match"),
        (
            bomb({"w": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}, bytes(4)),
            "table of tensors is broken",
        ),
        (bomb([1, 2, 3]), "table of tensors is none"),
        (bomb({}), "holds 0 tensors"),
        (bomb({"__metadata__": {"format": "pt"}}), "holds 0 tensors"),
        (save({"a": torch.tensor([1.0, float("inf")])}), "NaN or infinity in 1 of 1 tensors"),
        (save({f"{n}": torch.zeros(1) for n in range(4001)}), "holds 4001 tensors"),
        (bytes(MAX_BYTES + 1), "64 may be handed in"),
    ],
)
def test_a_checkpoint_that_is_none_is_refused_in_a_sentence(data, words):
    with pytest.raises(CourseError, match=words) as error:
        read_checkpoint(data)
    assert str(error.value).startswith("model.safetensors")


def test_a_checkpoint_with_safetensors_own_metadata_is_read():
    assert torch.equal(read_checkpoint(save({"a": torch.ones(2)}, {"format": "pt"}))["a"], torch.ones(2))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "damaged or no JSON"),
        (b"\xff\xfe\x00", "damaged or no JSON"),
        (b"[" * 60_000, "damaged or no JSON"),
        (b"[1]", "holds no settings"),
        (b" " * 70_000, "larger than 64 KiB"),
        (settings_with(arguments=None), '"arguments" must name'),
        (settings_with(arguments={str(n): 1 for n in range(31)}), "at most 30"),
        (settings_with(arguments={"channels": [10**12]}), "must be a number up to 1,000,000,000"),
        (settings_with(arguments={"channels": {"__import__('os')": 1}}), "must be a number"),
        (b'{"arguments": {"a": NaN}, "image_size": [64, 64]}', "must be a number"),
        (settings_with(image_size=[10**6, 10**6]), "whole numbers from 32 to 1024"),
        (settings_with(image_size=[64.5, 64]), "whole numbers"),
        (settings_with(image_size="64x64"), "whole numbers"),
        (settings_with(name=["x"]), '"name" must be a text'),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_a_sentence(text, words):
    with pytest.raises(CourseError, match=words) as error:
        read_settings(text)
    assert str(error.value).startswith("settings.json")


def test_settings_may_claim_what_they_like_and_a_name_is_one_printable_line():
    text = settings_with(name="\u202eevil\u0000\n<b>" + "x" * 100, mean_iou=0.99, weights="../../../etc/passwd")
    settings = read_settings(text)
    assert settings.name == "evil <b>" + "x" * 32 and set(vars(settings)) == {"arguments", "image_size", "name"}
    assert read_settings(settings_with(name="Anonymous ")).name is None
    assert read_settings(settings_with(arguments={"channels": [1, [2, 3]]})).arguments == {"channels": (1, (2, 3))}


def test_the_scale_is_straight_between_its_points_and_flat_outside():
    scale = read_scale("0.2: 0, 0.4: 0.5, 0.5: 1")
    assert [scale.share(iou) for iou in (0.0, 0.2, 0.3, 0.4, 0.45, 0.5, 0.9)] == pytest.approx(
        [0, 0, 0.25, 0.5, 0.75, 1, 1]
    )
    assert scale.in_words() == "0.2 earns 0%, 0.4 earns 50%, 0.5 earns 100%, in between in proportion"
    assert read_scale("0.3: 1") == Scale(((0.3, 1.0),)) and read_scale("0.3:1").share(0.3) == 1
    assert read_scale().share(1.0) == 1, "the course's own"


@pytest.mark.parametrize(
    "text", ["half", "0.3: 0, 0.2: 1", "0.1: 0.5, 0.2: 0.4, 0.3: 1", "0.3: 0.9", "0.3: 0, 5: 1", ","]
)
def test_a_scale_that_is_none_is_refused(text):
    with pytest.raises(CourseError, match="is no scale of points"):
        read_scale(text)


def test_multiply_adds_are_those_of_the_formula_and_attention_is_counted_in_every_form():
    images = torch.zeros(1, 3, 32, 32)
    assert multiply_adds(Tiny(8), images) == 8 * 8 * 8 * 48 + 8 * 8 * 4 * 8

    class Attention(nn.Module):
        def __init__(self, fused):
            super().__init__()
            self.fused = fused

        def forward(self, images):
            x = images.flatten(2)
            if self.fused:
                return functional.scaled_dot_product_attention(x, x, x)
            return (x @ x.transpose(1, 2)).softmax(-1) @ x

    plain, fused = (multiply_adds(Attention(fused), images) for fused in (False, True))
    assert plain == fused == 2 * 3 * 3 * 1024


def test_the_check_evaluates_what_was_saved_with_the_students_own_functions(tmp_path, four, functions, capsys):
    model = Tiny()
    save_results(model, tmp_path / "results", image_size=(64, 64), arguments={})
    check_results(tmp_path / "results", Tiny, four, images=3, **functions)
    said = capsys.readouterr().out
    assert "✗" not in said and "on 3 of your own validation images: mean IoU 0." in said
    assert "0.35 earns 0%" in said and "only your instructor has" in said


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "run save_results first"),
        (lambda folder: (folder / "settings.json").unlink(), "run save_results first"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "no safetensors file"),
        (
            lambda folder: (folder / "settings.json").write_text('{"arguments": {"width": 9}, "image_size": [64, 64]}'),
            "another",
        ),
    ],
)
def test_the_check_says_what_is_wrong_and_stops_there(tmp_path, four, functions, capsys, spoil, words):
    save_results(Tiny(), tmp_path / "results", image_size=(64, 64), arguments={})
    spoil(tmp_path / "results")
    with pytest.raises(CheckFailed, match=words):
        check_results(tmp_path / "results", Tiny, four, images=2, **functions)
    assert "✗ it can be evaluated" in capsys.readouterr().out


def test_the_check_says_so_if_a_task_that_it_needs_is_not_done(tmp_path, four, functions, capsys):
    def unwritten(*_):
        raise NotImplementedError("Task 4.1: your code goes here")

    save_results(Tiny(), tmp_path / "results", image_size=(64, 64), arguments={})
    with pytest.raises(CheckFailed, match="not written yet"):
        check_results(tmp_path / "results", Tiny, four, **functions | {"predict": unwritten})
    wrong_size = functions | {"predict": lambda *_: torch.zeros(2, 2, dtype=torch.int64)}
    with pytest.raises(CheckFailed, match=r"has shape \(2, 2\): see task 4.1"):
        check_results(tmp_path / "results", Tiny, four, **wrong_size)
