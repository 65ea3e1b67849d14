"""ImageNet's weights in an FCN's backbone: fetched once, checked, or left out with a sentence."""

import hashlib

import pytest
import torch
from file_server import silent_port
from torchvision.models import resnet
from torchvision.models.segmentation.fcn import FCN, FCNHead

from segkit.errors import CourseError
from segkit.transfer import resnet as loading
from segkit.transfer.resnet import load_resnet50

NOT_ASKED = "http://127.0.0.1/small-{start}.pth"  # of what is in the cache already


class Backbone(torch.nn.Sequential):
    """A ResNet without its classifier, of so few layers that a test can save it."""

    def __init__(self, seed: int):
        torch.manual_seed(seed)
        whole = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)
        super().__init__()
        for name, part in whole.named_children():
            if name not in ("fc", "avgpool"):
                self.add_module(name, part)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache, empty."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def saved(cache, weights) -> str:
    """The address of a file that is in the cache already."""
    file = cache / "some.pth"
    torch.save(weights, file)
    start = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    file.rename(cache / f"small-{start}.pth")
    return NOT_ASKED.format(start=start)


def model(seed=0):
    return FCN(Backbone(seed), FCNHead(512, 3))


def published(seed=1, **changes):
    weights = Backbone(seed).state_dict()
    return weights | {"fc.weight": torch.zeros(5, 512), "fc.bias": torch.zeros(5)} | changes


def test_weights_in_the_cache_go_into_the_backbone_without_their_classifier(cache):
    mine = model()
    assert load_resnet50(mine, saved(cache, published()))
    wanted = Backbone(seed=1).state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in mine.backbone.state_dict().items())


def test_weights_that_cannot_be_fetched_are_a_sentence_and_no_change(cache, capsys):
    mine = model()
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    with silent_port() as port:
        assert not load_resnet50(mine, f"http://127.0.0.1:{port}/small-00000000.pth")
    said = capsys.readouterr().out
    assert said.startswith("The weights of ResNet-50 are not here")
    assert str(cache / "small-00000000.pth") in said
    assert all(torch.equal(value, before[name]) for name, value in mine.state_dict().items())


def test_a_damaged_file_and_weights_of_another_model_are_named(cache):
    address = saved(cache, published())
    next(cache.iterdir()).write_bytes(b"half of it")
    with pytest.raises(CourseError, match="is damaged: delete it"):
        load_resnet50(model(), address)
    with pytest.raises(CourseError, match="does not hold the weights of a ResNet-50"):
        load_resnet50(model(), saved(cache, published(**{"conv1.weight": torch.zeros(3)})))
    with pytest.raises(CourseError, match=r"layer9.weight is in only one of the two"):
        load_resnet50(model(), saved(cache, published(**{"layer9.weight": torch.zeros(3)})))


def test_torchvisions_file_is_named_after_its_checksum():
    assert loading.WEIGHTS.url.endswith("/resnet50-11ad3fa6.pth")
