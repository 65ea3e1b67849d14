"""Image and mask flipped as one stack of four channels."""

import random


def joint_transform(
    image: Tensor,
    mask: Tensor,
    flip_probability: float = 0.5,
    image_size: tuple[int, int] = (256, 256),
    target_size: tuple[int, int] = (64, 64),
) -> tuple[Tensor, Tensor]:
    stack = torch.cat([image, mask[None]])
    if random.random() < flip_probability:
        stack = stack.flip(-1)
    colours, labels = stack[:3], stack[3:]
    prepare = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Resize(image_size, antialias=True),
            v2.Normalize(mean=IMAGENET_MEAN, std=IMAGENET_STD),
        ]
    )
    shrink = v2.Resize(target_size, interpolation=v2.InterpolationMode.NEAREST)
    return prepare(colours), shrink(labels)[0].long()
