"""Every model of the zoo is what it is called: its logits, what it costs, where its weights come from."""

import json
import sys
from functools import cache

import pytest
import torch
from file_server import silent_port
from hub_server import HubServer
from safetensors.torch import save, save_file
from test_pretrained_download import point_at
from threads import one_thread

from autograder.reference import load_reference
from segkit.competition import counting
from segkit.competition.__main__ import main
from segkit.competition.counting import count_by_fvcore, count_by_torch, count_parameters
from segkit.competition.describing import describe_models
from segkit.competition.networks import AtImageSize, MaxUnpoolingNet
from segkit.competition.zoo import MODELS, build_model
from segkit.errors import CourseError

CLASSES = 19
ODD = (45, 77)  # no side is a multiple of anything
SEGFORMERS = [name for name, model in MODELS.items() if model.segformer_size]
SMALL = ["baseline", "unet", "unet_r34", "deeplabv3plus_r18", "pspnet_r18", "swin_t_segformer", "segformer_b0"]
# Parameters, and billions of multiply-adds at 512 x 512, with the 150 classes of ADE20K (Xie et al. 2021, tables 1, 6).
AS_PUBLISHED = {
    "b0": (3_752_694, 8.39),
    "b1": (13_715_798, 15.88),
    "b2": (27_461_974, 62.34),
    "b3": (47_337_814, 78.96),
    "b4": (64_108_374, 95.57),
    "b5": (84_708_694, 111.5),
}


single_thread = pytest.fixture(autouse=True, scope="module")(one_thread)


@cache
def on_meta(name: str, num_classes: int = CLASSES):
    """A model without numbers, which takes no memory and is counted at once."""
    return build_model(name, num_classes).to("meta").eval()


def images(batch: int = 1, size: tuple[int, int] = ODD) -> torch.Tensor:
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def own():
    return load_reference()["03_model"].SegFormer


# --- what they compute --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_logits_are_as_large_as_an_image_of_any_size(name):
    model = build_model(name, CLASSES).eval()
    with torch.inference_mode():
        logits = model(images(2))
        alone = model(images(2)[1:])
    assert logits.shape == (2, CLASSES, *ODD)
    assert logits.isfinite().all()
    assert logits[:, :, :-1].sub(logits[:, :, 1:]).abs().amax() > 0
    torch.testing.assert_close(logits[1:], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_every_configuration_builds(name):
    model = on_meta(name)
    assert model(torch.empty(2, 3, *ODD, device="meta")).shape == (2, CLASSES, *ODD)


@pytest.mark.parametrize("name", SMALL)
def test_backward_reaches_the_first_layer(name):
    model = build_model(name, CLASSES).train()
    model(images(2)).square().mean().backward()
    first = next(parameter for parameter in model.parameters() if parameter.dim() == 4)
    assert first.grad.abs().sum() > 0


def test_images_are_padded_to_what_a_network_takes_and_logits_are_cut():
    class Network(torch.nn.Module):
        def forward(self, images):
            self.seen = images
            return images[..., ::4, ::4]

    network = Network()
    logits = AtImageSize(network, multiple=16)(torch.ones(1, 3, 33, 48))
    assert network.seen.shape == (1, 3, 48, 48)
    assert network.seen[..., 33:, :].eq(0).all() and network.seen[..., :33, :].eq(1).all()
    assert logits.shape == (1, 3, 33, 48)
    assert logits[..., :24, :].eq(1).all()


def test_max_unpooling_puts_the_values_where_the_maxima_were():
    model = MaxUnpoolingNet(CLASSES).eval()
    before, after = [], []
    for level in model.encoder:
        level.register_forward_hook(lambda module, given, result: before.append(result))
    for level in model.decoder:
        level.register_forward_pre_hook(lambda module, given: after.append(given[0]))
    with torch.no_grad():
        model(images())
    assert [one.shape for one in after] == [one.shape for one in before[::-1]]
    pooled, places = torch.nn.functional.max_pool2d(before[-1], 2, return_indices=True)
    unpooled = after[0].flatten(2)
    torch.testing.assert_close(unpooled.gather(2, places.flatten(2)), pooled.flatten(2))
    assert unpooled.count_nonzero() == pooled.count_nonzero() > 0
    # On every other level, too, one value at most of each square of four, where the encoder had its maximum.
    for unpooled, encoded in zip(after, before[::-1], strict=True):
        _, places = torch.nn.functional.max_pool2d(encoded, 2, return_indices=True)
        mask = torch.zeros_like(encoded).flatten(2).scatter(2, places.flatten(2), 1.0)
        assert unpooled.flatten(2)[mask == 0].eq(0).all()


def test_a_swin_encoder_gives_the_segformer_head_maps_of_four_sizes():
    library = build_model("swin_t_segformer", CLASSES).model
    maps = library.encoder(images(size=(96, 160)))
    assert [tuple(one.shape[1:]) for one in maps[2:]] == [(96, 24, 40), (192, 12, 20), (384, 6, 10), (768, 3, 5)]
    assert type(library.decoder) is type(on_meta("segformer_b0").model.decoder)
    assert library.eval()(images(size=(96, 160))).shape == (1, CLASSES, 24, 40)


def test_pspnet_has_all_groups_of_its_encoder_at_an_eighth():
    library = on_meta("pspnet_r18").model
    maps = library.encoder(torch.empty(1, 3, 64, 96, device="meta"))
    assert maps[-1].shape == (1, 512, 8, 12)


# --- what they cost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_both_counters_count_the_same_multiply_adds(name):
    model = build_model(name, CLASSES)
    by_torch, by_fvcore = count_by_torch(model, ODD), count_by_fvcore(model, ODD)
    assert by_torch == by_fvcore.products > 0
    assert 0 < by_fvcore.others < 0.05 * by_torch
    assert model.training


def test_both_counters_count_a_convolution_by_hand():
    convolution = torch.nn.Conv2d(3, 7, 3, padding=1)
    assert count_by_torch(convolution, (5, 6)) == 30 * 7 * 27
    assert count_by_fvcore(convolution, (5, 6)) == (30 * 7 * 27, 0)


@pytest.mark.parametrize("size", AS_PUBLISHED)
def test_segformers_cost_what_their_paper_says(size):
    parameters, giga = AS_PUBLISHED[size]
    model = on_meta(f"segformer_{size}", 150)
    assert count_parameters(model) == parameters
    assert count_by_torch(model, (512, 512)) / 1e9 == pytest.approx(giga, rel=1e-3)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.published.giga])
def test_models_cost_what_the_original_competition_reported(name):
    """At KITTI's commonest size, with fvcore's other operations left out."""
    found = count_by_torch(on_meta(name), (375, 1242)) / 1e9
    assert found == pytest.approx(MODELS[name].published.giga, rel=0.05)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_clock_waits_until_a_gpu_has_done_what_it_was_told(kind, monkeypatch):
    waited = []
    for other in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{other}.synchronize", lambda *device, other=other: waited.append(other))
    counting._wait_for(torch.device(kind))
    assert waited == [kind]


def test_the_command_prints_a_table_and_a_line_of_json(capsys):
    given = ["models", "--size", "40", "64", "--models", "baseline", "segformer_b0", "--rounds", "1"]
    assert main(given) == 0
    *table, line = capsys.readouterr().out.strip().splitlines()
    rows = json.loads(line)["models"]
    assert list(rows) == ["baseline", "segformer_b0"]
    assert rows["baseline"]["multiply_adds"] == rows["baseline"]["fvcore"] > 0
    assert rows["baseline"]["seconds"] > 0
    assert any("3.14" in row and "encoder-decoder" in row and "0.276" in row for row in table)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--size", "16", "64"], "16 x 64 is too small"),
        (["--size", "64", "64", "--models", "baseline", "--device", "xpu:99"], "xpu:99 cannot be used here"),
        (["--size", "64", "64", "--own", "nowhere/03_model.ipynb"], "There is no folder nowhere"),
    ],
)
def test_the_command_says_in_a_sentence_what_is_wrong(given, words, capsys):
    assert main(["models", *given]) == 2
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said


# --- the student's own --------------------------------------------------------------------------------------------


def test_an_own_segformer_costs_what_the_librarys_does(own):
    (mine,) = describe_models(ODD, ["segformer_b0"], rounds=1, segformer=own)
    (theirs,) = describe_models(ODD, ["segformer_b0"], rounds=1)
    assert mine.own and not theirs.own
    assert mine.parameters == theirs.parameters
    assert mine.fvcore == mine.multiply_adds == pytest.approx(theirs.multiply_adds, rel=0.02)


def test_an_own_segformer_takes_the_librarys_weights_and_computes_the_same_maps(own, tmp_path):
    theirs = build_model("segformer_b0", CLASSES).model.encoder.eval()
    save_file(theirs.state_dict(), tmp_path / "b0.safetensors")
    mine = build_model("segformer_b0", CLASSES, tmp_path / "b0.safetensors", segformer=own).model.eval()
    with torch.inference_mode():
        maps, features = theirs(images(size=(64, 96)))[2:], images(size=(64, 96))
        for stage, expected in zip(mine.stages, maps, strict=True):
            features = stage(features)
            torch.testing.assert_close(features, expected, atol=1e-3, rtol=1e-3)


def test_an_own_segformer_is_no_other_model(own):
    with pytest.raises(CourseError, match="baseline is no SegFormer"):
        build_model("baseline", CLASSES, segformer=own)


# --- published weights --------------------------------------------------------------------------------------------


def classifier_of_timm() -> dict[str, torch.Tensor]:
    """What timm's file of a Swin-T trained on ImageNet holds, with other numbers."""
    import timm

    return timm.create_model("swin_tiny_patch4_window7_224", pretrained=False).state_dict()


@pytest.mark.parametrize("name", ["deeplabv3plus_r18", "segformer_b0"])
def test_weights_of_a_file_go_into_the_encoder(name, tmp_path):
    given = build_model(name, CLASSES).model.encoder.state_dict()
    save_file(given, tmp_path / "weights.safetensors")
    model = build_model(name, CLASSES, tmp_path / "weights.safetensors").model
    assert all(torch.equal(value, given[key]) for key, value in model.encoder.state_dict().items())


def test_weights_of_timms_classifier_go_into_the_swin_encoder(tmp_path):
    given = classifier_of_timm()
    save_file(given, tmp_path / "swin.safetensors")
    found = build_model("swin_t_segformer", CLASSES, tmp_path / "swin.safetensors").model.encoder.state_dict()
    assert torch.equal(found["model.patch_embed.proj.weight"], given["patch_embed.proj.weight"])
    assert torch.equal(found["model.layers_3.blocks.1.mlp.fc2.weight"], given["layers.3.blocks.1.mlp.fc2.weight"])


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Pauses take no time, and the hub's client has a cache of its own and an address where nobody answers."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "*")
    with silent_port() as port:
        point_at(f"http://127.0.0.1:{port}", monkeypatch, tmp_path)
        yield


def test_weights_come_from_the_hub(offline, monkeypatch, tmp_path):
    given = build_model("pspnet_r18", CLASSES).model.encoder.state_dict()
    files = {("smp-hub/resnet18.imagenet", "model.safetensors"): save(given)}
    files["smp-hub/resnet18.imagenet", "config.json"] = b"{}"
    with HubServer(files) as hub:
        point_at(hub.url, monkeypatch, tmp_path)
        found = build_model("pspnet_r18", CLASSES, pretrained=True).model.encoder.state_dict()
    assert all(torch.equal(value, given[key]) for key, value in found.items())


@pytest.mark.parametrize("name", ["deeplabv3plus_r18", "segformer_b0", "swin_t_segformer"])
def test_without_a_network_a_sentence_says_what_to_do(name, offline):
    with pytest.raises(CourseError, match="could not be fetched from the Hugging Face hub") as error:
        build_model(name, CLASSES, pretrained=True)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("name", ["deeplabv3plus_r18", "segformer_b0", "swin_t_segformer"])
def test_weights_of_another_model_are_refused(name, tmp_path):
    save_file({"layer.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(CourseError, match=r"other\.safetensors holds no weights of") as error:
        build_model(name, CLASSES, tmp_path / "other.safetensors")
    assert "\n" not in str(error.value)


def test_what_cannot_be_built_is_refused_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="no model 'unet_r99' in the zoo: choose one of baseline, unet"):
        build_model("unet_r99", CLASSES)
    with pytest.raises(CourseError, match="unet has no published weights"):
        build_model("unet", CLASSES, pretrained=True)
    with pytest.raises(CourseError, match="There is no file"):
        build_model("pspnet_r18", CLASSES, tmp_path / "nothing.pth")
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(CourseError, match=r"segmentation_models_pytorch is not installed.*requirements-competition"):
        build_model("pspnet_r18", CLASSES)
    assert build_model("baseline", CLASSES)
