"""torch.compile, where it works."""

import warnings

import torch
from torch import Tensor, nn


class CompiledModel:
    """Calls the compiled model; the model itself, its names and its weights stay as they are.

    Where compiling fails, which shows at the first call, the model is called as it is, and one sentence says so.
    """

    def __init__(self, model: nn.Module):
        self._model = model
        self._call = None

    def __call__(self, images: Tensor) -> Tensor:
        if self._call is None:
            return self._first(images)
        return self._call(images)

    def _first(self, images: Tensor) -> Tensor:
        try:
            compiled = torch.compile(self._model)
            logits = compiled(images)
            self._call = compiled
        except Exception as error:  # of the compilers of many systems, each with exceptions of its own
            logits = self._model(images)  # where the student's mistakes come out as what they are
            self._call = self._model
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            warnings.warn(
                f"torch.compile does not work here ({reason[:150]}), so the model is trained without it.", stacklevel=2
            )
        return logits
