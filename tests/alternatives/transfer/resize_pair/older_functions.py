"""torchvision's older functions."""

from torchvision.transforms import functional as TF


def resize_pair(image, mask, size=(64, 64)):
    image = TF.convert_image_dtype(image, torch.float32)
    image = TF.resize(image, list(size), interpolation=TF.InterpolationMode.BILINEAR, antialias=True)
    image = TF.normalize(image, IMAGENET_MEAN, IMAGENET_STD)
    small = TF.resize(mask.unsqueeze(0), list(size), interpolation=TF.InterpolationMode.NEAREST)
    return image, small.squeeze(0)
