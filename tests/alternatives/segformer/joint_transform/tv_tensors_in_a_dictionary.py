"""tv_tensors in a dictionary, a coin of v2.RandomApply."""


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    sample = {"image": tv_tensors.Image(image), "mask": tv_tensors.Mask(mask)}
    augment = v2.RandomApply([v2.RandomHorizontalFlip(p=1.0)], p=flip_probability)
    sample = augment(sample)
    convert = v2.ToDtype({tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64}, scale=True)
    sample = convert(sample)
    normalise = v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)
    image = normalise(v2.functional.resize(sample["image"], image_size))
    mask = v2.functional.resize(sample["mask"], target_size)
    return image.as_subclass(torch.Tensor), mask.as_subclass(torch.Tensor)
