"""The effective receptive field: how far a position of a feature map looks in practice (Luo et al. 2016).

The *theoretical* receptive field holds every pixel that has any influence; the *effective* one weighs them by how much.
Luo, Li, Urtasun & Zemel, "Understanding the effective receptive field in deep convolutional neural networks".
"""

import torch
from torch import Tensor, nn

from segkit.analysis.parts import evaluating, parts_named, recording
from segkit.devices import device_of
from segkit.errors import CourseError

ROUNDING = 1e-6  # of sums of float32 numbers


def encoder_stages(model: nn.Module) -> list[nn.Module]:
    """The stages of a student's SegFormer, its `MixTransformerEncoderLayer`s.

    Raises:
        CourseError: if it has none.
    """
    return parts_named(model, "MixTransformerEncoderLayer")


def effective_receptive_field(model: nn.Module, stages: list[nn.Module], images: Tensor, seed: int = 0) -> list[Tensor]:
    """How strongly every pixel acts on the middle position of each stage's output.

    The gradient of the position's feature vector y, projected on a random direction v: |d(v . y) / d pixel|, added up
    over red, green and blue and averaged over the images, each with a direction of its own. (The plain sum of all
    channels will not do: behind a LayerNorm it is constant, and its gradient 0.)

    Args:
        model: maps images (B, 3, H, W) to anything, and calls `stages` on the way.
        stages: parts of the model that give maps (B, C, h, w).
        images: float (B, 3, H, W).
        seed: of the directions.

    Returns:
        One map (H, W) per stage, in the order of `stages`, on the CPU; its largest value is 1.

    Raises:
        CourseError: if a stage is not called, or a map does not depend on the image.
    """
    device = device_of(model)
    images = images.detach().to(device).requires_grad_()
    with evaluating(model), recording(stages) as calls:
        model(images)
    outputs = {part: output for part, _, output in calls}
    if missing := [type(stage).__name__ for stage in stages if stage not in outputs]:
        raise CourseError(f"The model never calls its part {missing[0]}: choose stages that its forward pass uses.")
    generator = torch.Generator().manual_seed(seed)
    return [_gradient_of_the_middle(outputs[stage], images, generator) for stage in stages]


def _gradient_of_the_middle(features: Tensor, images: Tensor, generator: torch.Generator) -> Tensor:
    middle = features[:, :, features.shape[2] // 2, features.shape[3] // 2]
    directions = torch.randn(middle.shape, generator=generator).to(middle)
    (gradient,) = torch.autograd.grad((middle * directions).sum(), images, retain_graph=True)
    strength = gradient.abs().sum(dim=1).mean(dim=0).cpu()
    if not strength.any():
        raise CourseError("The middle position does not depend on the image at all: its gradient is 0 at every pixel.")
    return strength / strength.max()


def smallest_share(values: Tensor, part: float = 0.95) -> float:
    """The smallest share of a map's positions that together hold `part` of its sum.

    A measure of area that does not ask where: `part` itself if all values are equal, nearly 0 if one has everything.

    Args:
        values: of any shape, not negative.
    """
    running = values.flatten().double().sort(descending=True).values.cumsum(0)
    needed = int((running < part * running[-1] * (1 - ROUNDING)).sum()) + 1
    return needed / values.numel()
