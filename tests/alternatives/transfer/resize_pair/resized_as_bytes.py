"""Resized as uint8, converted and normalised afterwards."""


def resize_pair(image, mask, size=(64, 64)):
    image = v2.Resize(size, antialias=True)(image)
    image = v2.Normalize(mean=IMAGENET_MEAN, std=IMAGENET_STD)(v2.ToDtype(torch.float32, scale=True)(image))
    rows = torch.arange(size[0]) * mask.shape[0] // size[0]
    columns = torch.arange(size[1]) * mask.shape[1] // size[1]
    return image, mask[rows[:, None], columns]
