"""F.interpolate for both, numpy's random generator."""

import numpy as np
import torch.nn.functional as F


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    if np.random.rand() < flip_probability:
        image, mask = torch.flip(image, dims=[-1]), torch.flip(mask, dims=[-1])
    image = F.interpolate(
        image[None].float(), size=image_size, mode="bilinear", align_corners=False, antialias=True
    ).squeeze(0)
    mean, std = (torch.tensor(numbers).view(3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    image = (image / 255.0 - mean) / std
    target = F.interpolate(mask[None, None].float(), size=target_size, mode="nearest")[0, 0]
    return image, target.to(torch.long)
