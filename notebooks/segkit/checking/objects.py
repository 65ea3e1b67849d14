"""The objects that a task needs besides tensors: described in a request, built beside the student's code."""

from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from segkit.errors import CourseError

DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16}


class TinySegmenter(nn.Module):
    """A small segmentation model to train instead of SegFormer: (B, 3, H, W) -> logits (B, num_classes, H/s, W/s).

    BatchNorm makes its answer in training mode differ from the one in evaluation mode; nothing in it is random.

    Args:
        stale_gradients: leave a gradient of ones in every parameter, as an earlier `backward` would.
    """

    def __init__(self, num_classes: int, stride: int = 1, stale_gradients: bool = False) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 8, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.classify = nn.Conv2d(8, num_classes, kernel_size=1)
        self.stale_gradients = stale_gradients

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classify(self.norm(self.features(images)).tanh())


class _Watched(nn.Module):
    """A model that remembers, in the buffer `graphs`, how many of its answers kept a graph for gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("graphs", torch.zeros(()))

    def answer(self, logits: torch.Tensor, wrong_in_training: bool) -> torch.Tensor:
        if self.training and wrong_in_training:  # as a model with Dropout or BatchNorm would be
            logits = logits.roll(1, dims=1)
        logits = logits * self.scale
        self.graphs += float(logits.requires_grad)
        return logits


class RecordedLogits(_Watched):
    """A model whose answer is in its input: minus the first `num_classes` channels of the images are the logits.

    A test knows exactly which prediction belongs to which image, whatever the batch. In training mode the classes are
    in another order.
    """

    def __init__(self, num_classes: int, wrong_in_training: bool = True) -> None:
        super().__init__()
        self.num_classes, self.wrong_in_training = num_classes, wrong_in_training

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        _require_batch(images)
        return self.answer(-images[:, : self.num_classes], self.wrong_in_training)


class FixedLogits(_Watched):
    """A model that answers every image with the same logits (K, h, w) and keeps what it was asked in `images`."""

    def __init__(self, logits: torch.Tensor, wrong_in_training: bool = True) -> None:
        super().__init__()
        self.wrong_in_training = wrong_in_training
        self.register_buffer("logits", logits)
        self.register_buffer("images", torch.zeros(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        _require_batch(images)
        self.images = images.detach().clone()
        return self.answer(self.logits.expand(len(images), -1, -1, -1), self.wrong_in_training)


def _require_batch(images: torch.Tensor) -> None:
    if images.ndim != 4:
        raise CourseError(f"The model wants a batch of images (B, C, H, W) and was given {tuple(images.shape)}.")


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


MODELS = {"tiny_segmenter": TinySegmenter, "recorded_logits": RecordedLogits, "fixed_logits": FixedLogits}


def build_object(kind: str, fields: dict[str, Any], module: ModuleType, device: torch.device) -> Any:
    """Build what a request describes.

    Kinds:
        `student` (`name`, `args`, `kwargs`, `dtype`): an object of a class of the notebook.
        `tiny_segmenter`, `recorded_logits`, `fixed_logits` (`dtype`, `training`, the constructor's arguments): a model.
        `loader` (`images`, `targets`, `batch_sizes`), `pairs` (`images`, `targets`): data, on the CPU.
        `optimizer` (`name`, `model`, further settings).
        `on_cpu` (`tensor`): a tensor that stays on the CPU, wherever models are.
        `generator` (`items`): something that can be walked through once.

    Raises:
        LookupError: if there is no such kind.
    """
    match kind:
        case "student":
            built = find_name(module, fields["name"])(*fields["args"], **fields["kwargs"])
            return built.to(device, DTYPES[fields["dtype"]]) if isinstance(built, nn.Module) else built
        case "tiny_segmenter" | "recorded_logits" | "fixed_logits":
            return _build_model(MODELS[kind], device, **fields)
        case "loader":
            data = TensorDataset(fields["images"].cpu(), fields["targets"].cpu())
            return DataLoader(data, batch_sampler=_batches(fields["batch_sizes"]))
        case "pairs":
            return Pairs([image.cpu() for image in fields["images"]], [target.cpu() for target in fields["targets"]])
        case "optimizer":
            return _build_optimizer(**fields)
        case "on_cpu":
            return fields["tensor"].cpu()
        case "generator":
            return (item for item in fields["items"])
    raise LookupError(f"there is no object of the kind {kind!r}")


def _build_model(model_class, device, *, dtype: str = "float32", training: bool = True, **arguments: Any) -> nn.Module:
    model = model_class(**arguments).to(device, DTYPES[dtype]).train(training)
    if getattr(model, "stale_gradients", False):
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
    return model


def _build_optimizer(name: str, model: nn.Module, **settings: Any) -> torch.optim.Optimizer:
    return {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[name](model.parameters(), **settings)


def _batches(sizes: list[int]) -> list[list[int]]:
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return [list(range(start, start + size)) for start, size in zip(starts, sizes, strict=True)]
