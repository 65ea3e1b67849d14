"""An encoder that has learned on everyday photographs: what `transfer` brings along where nothing can be fetched."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2

from segkit.competition.kitti_layout import DRIVING
from segkit.competition.streets import normalised
from segkit.competition.training import Budget, load_entry, train_entry
from segkit.data import CLASS_NAMES, FourClassADE20K
from segkit.errors import CourseError
from segkit.files import whole_file
from segkit.transfer.sets import Sets


class EverydayPairs(Dataset):
    """A split of a four-class data set at one size, in memory, without the photographs from a car.

    Those have names that begin with `DRIVING`, and streets of their kind are what the competition is about. Item i is
    (image, target): float32 (3, H, W), normalised with ImageNet's mean and standard deviation, and int64 (H, W), labels
    0..3, 255 where ignored.

    Args:
        root: what `segkit.data.locate_data` gives.
        split: "training" or "validation".
        size: (height, width) that all pictures are resized to.

    Raises:
        CourseError: if there is no such data set or split, or nothing is left of it.
    """

    def __init__(self, root, split: str, *, size: tuple[int, int]):
        pairs = FourClassADE20K(root, split)
        chosen = [index for index, name in enumerate(pairs.names) if not name.startswith(DRIVING)]
        if not chosen:
            raise CourseError(f"{root} has no {split} pictures that were not taken from a car: give another data set.")
        resize = v2.Resize(tuple(size), antialias=True)
        self.names = [pairs.names[index] for index in chosen]
        self._kept = [tuple(one.as_subclass(Tensor) for one in resize(*pairs[index])) for index in chosen]

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, labels = self._kept[index]
        return normalised(image / 255), labels.long()


def train_encoder(
    root, out, *, size: tuple[int, int], budget: Budget, model: str = "segformer_b0", folder="runs", **options
) -> Path:
    """Train a model of the zoo on a four-class data set, and write the weights of its encoder; return their path.

    The same call again goes on with a training that was interrupted. The file is what `build_model(..., pretrained=
    PATH)` takes.

    Args:
        root: what `segkit.data.locate_data` gives.
        out: the file to write, `.safetensors`.
        size: (height, width) of the pictures.
        model: its name in the zoo.
        folder: of the run, which is called "encoder".
        options: further ones of `train_entry`.

    Raises:
        CourseError: as `EverydayPairs` and `train_entry`, or if the file cannot be written.
    """
    parts = (EverydayPairs(root, split, size=size) for split in ("training", "validation"))
    run = train_entry("encoder", model, Sets("everyday scenes", *parts, len(CLASS_NAMES)), budget=budget,
                      folder=folder, facts={"size": list(size)}, **options)  # fmt: skip
    out = Path(out)
    _write(load_entry(run).model.encoder, out)
    return out


def _write(encoder: torch.nn.Module, out: Path) -> None:
    """Whole or not at all."""
    try:
        with whole_file(out) as part:
            save_file({name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}, part)
    except OSError as error:
        raise CourseError(f"The encoder cannot be written to {out} ({error.strerror}).") from error
