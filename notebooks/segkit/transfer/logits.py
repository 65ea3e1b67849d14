"""Models that answer with a dictionary, as torchvision's do, beside those that answer with logits."""

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from segkit.training.settings import require


class LogitsOnly(nn.Module):
    """A model of torchvision's whose answer is the logits alone: the "out" of its dictionary, without the auxiliary."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B, num_classes, H, W)"""
        return self.model(images)["out"]


def giving_logits(model: nn.Module, dataset: Dataset) -> nn.Module:
    """The model itself, or `LogitsOnly` of it if it answers with a dictionary.

    Raises:
        CourseError: if it answers with something else.
    """
    was_training = model.training
    image = dataset[0][0][None]
    with torch.no_grad():
        answer = model.eval()(image.to(next(model.parameters()).device))
    model.train(was_training)
    if isinstance(answer, dict) and "out" in answer:
        return LogitsOnly(model)
    require(
        isinstance(answer, Tensor),
        f"{type(model).__name__} answers with a {type(answer).__name__}: logits (B, classes, H, W) are needed, or a "
        'dictionary that has them as "out".',
    )
    return model
