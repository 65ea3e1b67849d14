"""torch.rand, then the functions of v2, step by step."""


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    if torch.rand(1).item() < flip_probability:
        image = v2.functional.horizontal_flip(image)
        mask = v2.functional.horizontal_flip(mask)

    image = v2.functional.to_dtype(image, torch.float32, scale=True)
    image = v2.functional.resize(image, list(image_size), antialias=True)
    image = v2.functional.normalize(image, mean=IMAGENET_MEAN, std=IMAGENET_STD)

    mask = v2.functional.resize(mask.unsqueeze(0), list(target_size), interpolation=v2.InterpolationMode.NEAREST)
    return image, mask.squeeze(0).long()
