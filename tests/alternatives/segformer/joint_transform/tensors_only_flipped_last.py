"""Tensors only, floats, no antialiasing, flipped last."""


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    scaled = torch.nn.functional.interpolate(image[None].float() / 255, image_size, mode="bilinear")[0]
    image = (scaled - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]
    rows, columns = (torch.arange(new) * old // new for new, old in zip(target_size, mask.shape, strict=True))
    target = mask[rows][:, columns].long()
    if torch.rand(()) < flip_probability:
        image, target = image.flip(2), target.flip(1)
    return image, target
