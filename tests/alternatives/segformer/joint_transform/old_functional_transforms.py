"""torchvision's older functions, the target by a grid of places."""

from torchvision.transforms import functional as TF


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    flipped = bool(torch.bernoulli(torch.tensor(float(flip_probability))))
    if flipped:
        image, mask = TF.hflip(image), TF.hflip(mask)
    image = TF.convert_image_dtype(image, torch.float32)
    image = TF.resize(image, image_size, interpolation=TF.InterpolationMode.BILINEAR, antialias=True)
    image = TF.normalize(image, IMAGENET_MEAN, IMAGENET_STD)

    H, W = mask.shape
    h, w = target_size
    target = torch.zeros(h, w, dtype=torch.int64)
    for i in range(h):
        for j in range(w):
            target[i, j] = mask[i * H // h, j * W // w]
    return image, target
