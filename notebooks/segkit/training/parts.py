"""A step whose batch is cut into parts, on several devices or one after the other, is the step of the whole batch."""

import torch
from torch import Tensor

from segkit.data import IGNORE


class Parts:
    """Weights the losses of a batch's parts by their labelled pixels.

    The loss is taken for a mean over labelled pixels. Of parts p with n_p labelled pixels and mean loss L_p, the batch
    has the loss sum(n_p L_p) / sum(n_p). Lightning and DDP build the plain mean of all parts' gradients instead, in
    which a pixel of a part with few labels would count for more: each part's loss is therefore multiplied by n_p, and
    the gradients are divided by the mean of all n_p before the step. A batch of one part is left as it is.

    `loss` and `images` are those of the whole batch, once its step was made.
    """

    def __init__(self, trainer):
        self._trainer = trainer
        self._count = trainer.world_size * trainer.accumulate_grad_batches
        self._clear()
        self.loss = float("nan")
        self.images = 0

    def weighted(self, loss: Tensor, value: float, target: Tensor) -> Tensor:
        """The loss to derive for a part: a scalar, its value, and the labels (B, h, w) it was computed with."""
        labelled = int((target != IGNORE).sum()) if self._count > 1 else 1
        self._pixels = target[0].numel()  # of one image: keeps the weights near the numbers of images
        self._sums[0] += labelled * value
        self._sums[1] += labelled
        self._sums[2] += len(target)
        return loss * (labelled / self._pixels) if self._count > 1 else loss

    def complete(self, parameters):
        """Correct the gradients before the step, and note what the batch was."""
        sums = torch.tensor(self._sums, dtype=torch.float64)
        if self._trainer.world_size > 1:
            torch.distributed.all_reduce(sums := sums.to(self._trainer.strategy.root_device))
        loss, labelled, images = sums.tolist()
        if self._count > 1:
            factor = self._count * self._pixels / max(1.0, labelled)
            torch._foreach_mul_([parameter.grad for parameter in parameters if parameter.grad is not None], factor)
        self.loss, self.images = loss / max(1.0, labelled), int(images)
        self._clear()

    def _clear(self):
        self._sums = [0.0, 0.0, 0.0]  # loss times labelled pixels, labelled pixels, images
