"""Types of torchvision and one composed transform."""

from torchvision import tv_tensors


def resize_pair(image, mask, size=(64, 64)):
    resize = v2.Compose([v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True), v2.Resize(size)])
    image, mask = resize(tv_tensors.Image(image), tv_tensors.Mask(mask))
    return v2.ToPureTensor()(v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)(image), mask)
