"""A generator of looks, images one by one, the mode restored whatever happens, torchvision's resizing."""

from itertools import product

from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms


def resize(maps, size):
    return transforms.resize(maps, list(size), interpolation=InterpolationMode.BILINEAR, antialias=False)


def looks_at(model, image, scales, flip, multiple):
    for scale, mirrored in product(scales, (False, True) if flip else (False,)):
        view = transforms.horizontal_flip(image) if mirrored else image
        size = [multiple * max(1, round(side * scale / multiple)) for side in image.shape[-2:]]
        logits = resize(model(resize(view, size)), image.shape[-2:])
        yield (transforms.horizontal_flip(logits) if mirrored else logits).exp() / logits.exp().sum(
            1, keepdim=True
        ).flip(-1 if mirrored else ())


def multi_scale(model, images, scales=(0.75, 1.0, 1.25), flip=True, multiple=32):
    mode = model.training
    try:
        with torch.inference_mode():
            model.eval()
            averaged = [
                torch.cat(list(looks_at(model, image[None], scales, flip, multiple))).mean(0) for image in images
            ]
            return torch.stack(averaged)
    finally:
        model.train(mode)
