"""The objects that a task needs besides tensors: described in a request, built beside the student's code."""

from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16}


class TinySegmenter(nn.Module):
    """A small segmentation model that stands in for SegFormer: (B, 3, H, W) -> logits (B, num_classes, H/s, W/s).

    BatchNorm and Dropout make its answer in training mode differ from the one in evaluation mode.
    """

    def __init__(self, num_classes: int, stride: int = 1) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 8, kernel_size=3, stride=stride, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Conv2d(8, num_classes, kernel_size=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classify(self.dropout(self.norm(self.features(images)).tanh()))


class RecordedLogits(nn.Module):
    """A model whose answer is in its input: the first `num_classes` channels are its logits, all-zero images aside.

    It tells a test exactly which prediction belongs to which image, whatever the batch.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, : self.num_classes] * self.scale


class Pairs(Dataset):
    """A data set of (image, target) pairs whose sizes may differ."""

    def __init__(self, images: list[torch.Tensor], targets: list[torch.Tensor]) -> None:
        self.pairs = list(zip(images, targets, strict=True))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.pairs[index]


class MissingName(LookupError):
    """The notebook does not define what a task asks for."""


def find_name(module: ModuleType, name: str) -> Any:
    """What the notebook calls `name`.

    Raises:
        MissingName: if it defines no such thing.
    """
    if not hasattr(module, name):
        raise MissingName(f"{name} is not defined: complete its cell, run it, and keep its name.")
    return getattr(module, name)


def build_object(kind: str, fields: dict[str, Any], module: ModuleType, device: torch.device) -> Any:
    """Build what a request describes.

    Kinds: `student` (`name`, `args`, `kwargs`, `dtype`: an object of a class of the notebook), `tiny_segmenter` and
    `recorded_logits` (keyword arguments), `loader` (`images`, `targets`, `batch_sizes`), `pairs` (`images`, `targets`),
    `optimizer` (`name`, `model`, further settings).

    Raises:
        LookupError: if there is no such kind.
    """
    match kind:
        case "student":
            built = find_name(module, fields["name"])(*fields["args"], **fields["kwargs"])
            return built.to(device, DTYPES[fields["dtype"]]) if isinstance(built, nn.Module) else built
        case "tiny_segmenter" | "recorded_logits":
            model_class = {"tiny_segmenter": TinySegmenter, "recorded_logits": RecordedLogits}[kind]
            dtype = DTYPES[fields.pop("dtype", "float32")]
            return model_class(**fields).to(device, dtype)
        case "loader":
            starts = [sum(fields["batch_sizes"][:index]) for index in range(len(fields["batch_sizes"]))]
            batches = [
                list(range(start, start + size)) for start, size in zip(starts, fields["batch_sizes"], strict=True)
            ]
            return DataLoader(TensorDataset(fields["images"], fields["targets"]), batch_sampler=batches)
        case "pairs":
            return Pairs(fields["images"], fields["targets"])
        case "optimizer":
            settings = dict(fields)
            model, optimizer_class = settings.pop("model"), {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}
            return optimizer_class[settings.pop("name")](model.parameters(), **settings)
    raise LookupError(f"there is no object of the kind {kind!r}")
