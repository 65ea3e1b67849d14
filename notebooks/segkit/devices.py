"""Where to compute: the best device of this machine, and the device on which a model lies."""

import torch
from torch import nn


def best_device() -> torch.device:
    """A CUDA GPU if there is one, else Apple's (MPS), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's first parameter; a model without parameters counts as lying on the CPU."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
