# %% [markdown]
# # 1 · Streets
#
# 150 photographs from a car, 19 classes, and one question: which model gives the most for what it costs?

# %%
import sys

sys.path.insert(0, "..")  # segkit, the course's small library, stands beside this folder

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from segkit import check
from segkit.data import IGNORE, IMAGENET_MEAN, IMAGENET_STD


# %% role="stub" id="class_balanced_weights" task="1.1"
def class_balanced_weights(counts: Tensor, beta: float = 0.999) -> Tensor:
    """Weights of classes by their effective number of samples (Cui et al. 2019, eq. 2 to 4).

    Args:
        counts: how many samples n_c there are of each class, pixels or pictures: int64 (K,), at least one of them
            above 0. The argument is left as it is.
        beta: 0 <= beta < 1; 1 / (1 - beta) is how many samples there are to tell apart.

    Returns:
        float32 (K,): (1 - beta) / (1 - beta^n_c) up to a common factor, by which the weights of the classes that occur
        average to 1. A class that never occurs gets 0.

    Example:
        counts [1, 2, 0, 3], beta 0.5 -> [1.340, 0.894, 0, 0.766]
    """
    ### BEGIN SOLUTION
    n = counts.to(torch.float64)  # seven digits are too few for a beta near 1
    effective = (1 - beta**n) / (1 - beta)
    occurs = counts > 0
    weights = torch.where(occurs, 1 / effective, 0.0)
    return (weights / weights[occurs].mean()).to(torch.float32)
    ### END SOLUTION


# %% role="check" id="class_balanced_weights" points=8
check("class_balanced_weights")


# %% role="stub" id="crop_pair" task="1.2"
def crop_pair(image: Tensor, mask: Tensor, top: int, left: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Cut the same window out of an image and its mask; beyond their right and lower sides it is filled up.

    Args:
        image: float32 (3, H, W), normalised.
        mask: labels (H, W), uint8 or int64.
        top, left: row and column of the window's first pixel, which is in the image.
        size: (height, width) of the window.

    Returns:
        image: float32 (3, *size), 0 beyond the image.
        mask: `size`, of its own dtype, 255 beyond the mask.

    Example:
        the mask [[1, 2, 3]] with top 0, left 1, size (2, 3) -> [[2, 3, 255], [255, 255, 255]]
    """
    ### BEGIN SOLUTION
    height, width = size
    image, mask = (whole[..., top : top + height, left : left + width] for whole in (image, mask))
    beyond = (0, width - mask.shape[1], 0, height - mask.shape[0])  # left, right, above, below
    return functional.pad(image, beyond, value=0.0), functional.pad(mask, beyond, value=IGNORE)
    ### END SOLUTION


# %% role="check" id="crop_pair" points=8
check("crop_pair")


# %%
def grey_of(image: Tensor) -> Tensor:
    """The grey of each pixel, as bright as it looks: (3, H, W) -> (1, H, W). The three parts add up to 1."""
    return (image * image.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=0, keepdim=True)


# %% role="stub" id="photometric" task="1.3"
def photometric(image: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """Change the light of an image: brightness, then contrast, then saturation. A factor of 1 changes nothing.

    Args:
        image: float32 (3, H, W) in 0..1, left as it is.
        brightness: what every number is multiplied by.
        contrast: what the distance from the image's mean grey, one number, is multiplied by.
        saturation: what the distance from each pixel's own grey is multiplied by.

    Returns:
        float32 (3, H, W); whatever leaves 0..1 is clamped after each of the three steps. Greys are those of what the
        step before has made, by `grey_of`.

    Example:
        saturation 0 makes a black-and-white picture, contrast 0 a grey wall
    """
    ### BEGIN SOLUTION
    image = (brightness * image).clamp(0, 1)
    mean = grey_of(image).mean()
    image = (mean + contrast * (image - mean)).clamp(0, 1)
    grey = grey_of(image)
    return (grey + saturation * (image - grey)).clamp(0, 1)
    ### END SOLUTION


# %% role="check" id="photometric" points=5
check("photometric")


# %% role="stub" id="augment" task="1.4"
def augment(
    image: Tensor, mask: Tensor, size: tuple[int, int], generator: torch.Generator, strength: float = 0.3
) -> tuple[Tensor, Tensor]:
    """A random window of a picture in random light, mirrored or not.

    1. The light of the whole picture: `photometric` with three factors, each uniform in 1 - strength .. 1 + strength.
    2. Normalised with ImageNet's mean and standard deviation.
    3. With probability 1/2, image and mask are mirrored from left to right.
    4. `crop_pair` at a row and a column that are uniform among those where the window fits; 0 where it is too large.

    Args:
        image: float32 (3, H, W) in 0..1.
        mask: int64 (H, W).
        size: (height, width) of the window.
        generator: where all that is random comes from, and nothing else.

    Returns:
        image: float32 (3, *size), normalised. mask: int64 `size`. The arguments are left as they are.
    """

    ### BEGIN SOLUTION
    def factor():
        return 1 + strength * (2 * torch.rand((), generator=generator).item() - 1)

    image = photometric(image, factor(), factor(), factor())
    image = v2.functional.normalize(image, IMAGENET_MEAN, IMAGENET_STD)
    if torch.rand((), generator=generator) < 0.5:
        image, mask = image.flip(-1), mask.flip(-1)
    room = (max(0, whole - part) for whole, part in zip(mask.shape, size, strict=True))
    top, left = (int(torch.randint(most + 1, (), generator=generator)) for most in room)
    return crop_pair(image, mask, top, left, size)
    ### END SOLUTION


# %% role="check" id="augment" points=7
check("augment")
