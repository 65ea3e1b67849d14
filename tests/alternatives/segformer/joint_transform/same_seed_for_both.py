"""Two flips that start from one seed."""


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    flip = v2.RandomHorizontalFlip(p=flip_probability)
    seed = torch.randint(0, 2**31, (1,)).item()
    torch.manual_seed(seed)
    image = flip(image)
    torch.manual_seed(seed)
    mask = flip(mask)

    image = v2.Resize(image_size, antialias=True)(image.float() / 255)
    image = v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)(image)
    target = v2.Resize(target_size, interpolation=v2.InterpolationMode.NEAREST)(mask[None])
    return image, target[0].to(torch.int64)
