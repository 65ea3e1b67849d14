"""One composed transform for both sizes."""


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    image, mask = v2.RandomHorizontalFlip(flip_probability)(tv_tensors.Image(image), tv_tensors.Mask(mask))
    prepare = v2.Compose(
        [
            v2.Resize(image_size),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    return [prepare(image), v2.Resize(target_size)(mask).long()]
