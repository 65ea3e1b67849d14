"""Stand-ins for what the tasks of 02_training work on, by the names that the notebook gives them."""

import torch

from segkit.data import IGNORE


class Criterion:
    """Not cross-entropy: the mean, over labelled pixels, of a power of what the true class lacks to 1.

    Raises:
        ValueError: if the logits are not as large as the target.
    """

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def __call__(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if logits.shape[-2:] != target.shape[-2:]:
            sizes = [" x ".join(map(str, tensor.shape[-2:])) for tensor in (logits, target)]
            raise ValueError(f"the criterion was given logits of {sizes[0]} and a target of {sizes[1]} pixels")
        labelled = target != IGNORE
        true = logits.softmax(dim=1).gather(1, torch.where(labelled, target, 0)[:, None]).squeeze(1)
        return ((1 - true[labelled]) ** self.power).mean()


DOUBLES = {"Criterion": Criterion}
