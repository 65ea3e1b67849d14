"""Files of published weights: under all their names, and every file that is none is refused in one sentence."""

import pickle

import pytest
import torch
from published import as_original, as_transformers_4, config, published, tensors_of
from safetensors.torch import save_file
from transformers import SegformerForImageClassification, SegformerForSemanticSegmentation, SegformerModel

from segkit.errors import CourseError
from segkit.pretrained.files import LARGEST, read_tensors
from segkit.pretrained.finding import find_weights
from segkit.pretrained.names import read_encoder
from segkit.pretrained.sizes import SIZES


def encoder_of(path):
    found = find_weights(path)
    return read_encoder(read_tensors(found.path), found.name)


def refusal(path) -> str:
    with pytest.raises(CourseError) as error:
        encoder_of(path)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def is_published(encoder) -> bool:
    """Whether an encoder has the weights of the small published one."""
    right = read_encoder(tensors_of(published()), "right")
    assert right.sizes == encoder.sizes
    return all(
        mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in theirs)
        for mine, theirs in zip(encoder.stages, right.stages, strict=True)
    )


def test_each_tensor_is_what_transformers_uses_it_for():
    stage = read_encoder(tensors_of(published()), "file").stages[1]
    theirs = published().stages[1]
    block = theirs.blocks[0]
    layers = {
        "embed": theirs.patch_embeddings.proj, "embed_norm": theirs.patch_embeddings.layer_norm,
        "0.norm1": block.layernorm_before, "0.query": block.attention.q_proj, "0.key": block.attention.k_proj,
        "0.value": block.attention.v_proj, "0.project": block.attention.o_proj,
        "0.reduce": block.attention.sequence_reduction.sequence_reduction,
        "0.reduce_norm": block.attention.sequence_reduction.layer_norm, "0.norm2": block.layernorm_after,
        "0.widen": block.mlp.fc1, "0.filters": block.mlp.dwconv.dwconv, "0.narrow": block.mlp.fc2,
        "norm": theirs.layer_norm,
    }  # fmt: skip
    assert stage.keys() == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    for layer, module in layers.items():
        assert torch.equal(stage[f"{layer}.weight"], module.weight.float())
        assert torch.equal(stage[f"{layer}.bias"], module.bias.float())


# --- names and formats ------------------------------------------------------------------------------------------------


WHOLE = [SegformerModel, SegformerForSemanticSegmentation, SegformerForImageClassification]


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: whole.__name__)
@pytest.mark.parametrize("as_in_4", [True, False], ids=["names of transformers 4", "names of transformers 5"])
def test_what_transformers_writes(whole, as_in_4, tmp_path):
    model = whole(config(decoder_hidden_size=8))
    encoder = model if whole is SegformerModel else model.segformer
    encoder.load_state_dict(tensors_of(published()))
    model.save_pretrained(tmp_path, save_original_format=as_in_4)
    names = read_tensors(tmp_path / "model.safetensors").keys()
    assert any("attention.self.query" in name for name in names) is as_in_4
    assert is_published(encoder_of(tmp_path))


FORMS = {
    "transformers 4": as_transformers_4,
    "transformers 4 in a whole model": lambda tensors: {
        f"segformer.{name}": value for name, value in as_transformers_4(tensors).items()
    } | {"decode_head.classifier.bias": torch.zeros(4)},
    "transformers 5": lambda tensors: tensors,
    "original": as_original,
    "original in a checkpoint": lambda tensors: {"state_dict": as_original(tensors), "meta": {"epoch": 3}},
    "original in a segmentation checkpoint": lambda tensors: {
        "state_dict": {f"backbone.{name}": value for name, value in as_original(tensors).items() if "head" not in name}
        | {"decode_head.linear_fuse.bn.num_batches_tracked": torch.tensor(3)}
    },
}  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("form", FORMS)
def test_what_torch_saves(form, zipped, tmp_path):
    path = tmp_path / "mit_b0.pth"
    torch.save(FORMS[form](tensors_of(published())), path, _use_new_zipfile_serialization=zipped)
    assert is_published(encoder_of(path))
    assert is_published(encoder_of(tmp_path))


def test_half_precision_is_widened(tmp_path):
    save_file({name: value.half() for name, value in tensors_of(published()).items()}, tmp_path / "half.safetensors")
    stages = encoder_of(tmp_path / "half.safetensors").stages
    assert {value.dtype for stage in stages for value in stage.values()} == {torch.float32}


def test_safetensors_are_preferred(tmp_path):
    save_file(tensors_of(published()), tmp_path / "model.safetensors")
    (tmp_path / "pytorch_model.bin").write_bytes(b"not read")
    assert is_published(encoder_of(tmp_path))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("names", [lambda tensors: tensors, as_transformers_4, as_original])
def test_the_names_and_shapes_of_every_size(size, names):
    wanted = SIZES[size]
    with torch.device("meta"):
        state = SegformerModel(config(wanted["channels"], wanted["n_layers"])).state_dict()
    # one number, however large the shape; `torch.cat` of the original names needs no more for biases and projections
    tensors = {name: torch.zeros(()).expand(value.shape) for name, value in state.items()}
    encoder = read_encoder(names(tensors), size)
    assert encoder.arguments == f"SegFormer(channels={wanted['channels']}, n_layers={wanted['n_layers']})"
    assert [stage.ratio for stage in encoder.sizes] == [8, 4, 2, 1]
    assert [stage.hidden for stage in encoder.sizes] == [4 * channels for channels in wanted["channels"]]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture
def tensors():
    return tensors_of(published())


def saved(tensors, tmp_path):
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("name", ["stages.2.blocks.1.mlp.fc2.bias", "stages.3.layer_norm.weight"])
def test_a_missing_tensor(tensors, tmp_path, name):
    del tensors[name]
    assert "holds no complete MiT encoder: stage" in refusal(saved(tensors, tmp_path))


def test_a_missing_stage(tensors, tmp_path):
    fewer = {name: value for name, value in tensors.items() if not name.startswith("stages.3")}
    assert "holds no complete MiT encoder: stage 4 lacks embed.weight" in refusal(saved(fewer, tmp_path))


def test_a_tensor_of_the_wrong_shape(tensors, tmp_path):
    tensors["stages.1.blocks.0.mlp.dwconv.dwconv.weight"] = torch.zeros(64, 1, 5, 5)
    sentence = refusal(saved(tensors, tmp_path))
    assert "0.filters.weight of stage 2 has the shape (64, 1, 5, 5) instead of (64, 1, 3, 3)" in sentence


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none(tensors, tmp_path, value):
    tensors["stages.0.layer_norm.weight"][3] = value
    assert "norm.weight of stage 1 holds infinite numbers or none" in refusal(saved(tensors, tmp_path))


def test_another_model(tmp_path):
    assert "holds no MiT encoder: none has a tensor called 'conv1.weight'" in refusal(
        saved({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path)
    )


def test_a_decoder_alone(tmp_path):
    path = saved({"decode_head.classifier.weight": torch.zeros(4, 8, 1, 1)}, tmp_path)
    assert "holds no complete MiT encoder: stage 1 lacks embed.weight" in refusal(path)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("ending", [".safetensors", ".bin", ".pth"])
def test_a_file_that_breaks_off(tensors, tmp_path, ending, share):
    path = tmp_path / f"model{ending}"
    (save_file if ending == ".safetensors" else torch.save)(tensors, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "cannot be read as weights" in refusal(path)


@pytest.mark.parametrize("ending", [".safetensors", ".bin"])
def test_a_file_of_something_else(tmp_path, ending):
    (tmp_path / f"page{ending}").write_text("<!DOCTYPE html><html>Please log in.</html>")
    assert "cannot be read as weights" in refusal(tmp_path / f"page{ending}")


class Harm:
    """Runs a function when it is unpickled."""

    def __reduce__(self):
        return open, ("harm.txt", "w")


def test_a_pickle_that_runs_code_runs_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.bin").write_bytes(pickle.dumps({"weight": Harm()}))
    torch.save({"weight": Harm()}, tmp_path / "saved.pth")
    for name in ("plain.bin", "saved.pth"):
        assert "cannot be read as weights" in refusal(tmp_path / name)
    assert not (tmp_path / "harm.txt").exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, {"epoch": 3}, {1: torch.zeros(2)}], ids=str)
def test_saved_objects_that_are_no_weights(tmp_path, content):
    torch.save(content, tmp_path / "some.pth")
    assert "choose a file of weights" in refusal(tmp_path / "some.pth")


def test_a_file_that_is_too_large_is_not_opened(tmp_path):
    path = tmp_path / "huge.bin"
    with open(path, "wb") as file:
        file.truncate(LARGEST + 1)  # takes no room on the disk
    assert "2.0 GiB; the largest published encoder" in refusal(path)


def test_folders_that_do_not_say_which_file_is_meant(tensors, tmp_path):
    assert "holds no file of weights" in refusal(tmp_path)
    for name in ("a.pth", "b.pth"):
        torch.save(tensors, tmp_path / name)
    assert "holds several files of weights" in refusal(tmp_path)
