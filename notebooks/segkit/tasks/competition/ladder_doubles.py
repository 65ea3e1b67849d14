"""Stand-ins for what the tasks of 03_ladder work on, by the names that the notebook gives them."""

import torch
from torch import nn

from segkit.tasks.transfer.training_doubles import fill, set_mode


class QuarterLogits(nn.Module):
    """A model whose logits have a quarter of its images' sides, and which tells left from right.

    A convolution of 4x4 pixels, and a slope across the map: a mirrored image has other logits than a mirrored answer.
    `sizes` keeps the sides of every batch that it was asked, `graphs` how many answers kept a graph for gradients.

    Args:
        wrong_in_training: in training mode the classes are in another order.
    """

    def __init__(self, num_classes: int = 3, wrong_in_training: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, num_classes, kernel_size=4, stride=4)
        fill(self)
        self.wrong_in_training = wrong_in_training
        self.register_buffer("sizes", torch.zeros(0, 2))
        self.register_buffer("graphs", torch.zeros(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.ndim != 4:
            raise ValueError(f"the model wants images (B, 3, H, W) and was given {tuple(images.shape)}")
        self.sizes = torch.cat([self.sizes, self.sizes.new_tensor([images.shape[-2:]])])
        logits = 2 * torch.tanh(self.convolution(images) / 4)
        slope = torch.linspace(-1, 1, logits.shape[-1], dtype=logits.dtype, device=logits.device)
        logits = torch.cat([logits[:, :1] + slope, logits[:, 1:]], dim=1)
        self.graphs += float(logits.requires_grad)
        return logits.roll(1, dims=1) if self.training and self.wrong_in_training else logits


DOUBLES = {double.__name__: double for double in (QuarterLogits, set_mode)}
