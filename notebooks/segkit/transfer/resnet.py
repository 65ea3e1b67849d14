"""The ResNet-50 that was trained on ImageNet: torchvision's weights, where they can be had."""

import pickle
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn
from torchvision.models import ResNet50_Weights

from segkit.download import checksum_of, download
from segkit.errors import CourseError

WEIGHTS = ResNet50_Weights.IMAGENET1K_V2
CLASSIFIER = ("fc.weight", "fc.bias")  # of ImageNet's 1000 classes: an FCN has no use for them


def load_resnet50(model: nn.Module, url: str = WEIGHTS.url) -> bool:
    """Load ImageNet's weights into `model.backbone`, a ResNet-50 without classifier, in place; whether it was done.

    They are about 100 MB, fetched once into torch's own cache. Where that is not possible a sentence is printed, and
    the model is as it was: a run with these weights can then only be left out.

    Args:
        url: of the file; the last part of its name begins its SHA-256.

    Raises:
        CourseError: if the file is another one than that, or its weights do not fit.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    try:
        download(url, file, attempts=1, timeout=20)
    except CourseError as error:
        print(f"The weights of ResNet-50 are not here; to have them without the network, put the file at {file}.")
        print(f"({error})")
        return False
    _require_whole(file)
    _load(model.backbone, file)
    return True


def _require_whole(file: Path):
    """The file's name tells how its checksum begins, as torch.hub has it."""
    if not checksum_of(file, "sha256").startswith(file.stem.rpartition("-")[2]):
        raise CourseError(f"{file} is damaged: delete it, and it is fetched again.")


def _load(backbone: nn.Module, file: Path):
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        missing, surplus = backbone.load_state_dict(
            {name: value for name, value in weights.items() if name not in CLASSIFIER}, strict=False
        )
    except (RuntimeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise CourseError(f"{file} does not hold the weights of a ResNet-50 for this backbone.") from error
    lost = [name for name in missing if not name.endswith("num_batches_tracked")]
    if lost or surplus:
        raise CourseError(f"{file} does not fit the backbone: {[*lost, *surplus][0]} is in only one of the two.")
