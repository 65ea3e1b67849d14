"""The places of the rule, pixel by pixel."""


def resize_pair(image: Tensor, mask: Tensor, size: tuple[int, int] = (64, 64)):
    pixels = v2.functional.resize(image.to(torch.float32).div(255), list(size), antialias=True)
    for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)):
        pixels[channel] = (pixels[channel] - mean) / std
    (H, W), (h, w) = mask.shape, size
    small = torch.empty(size, dtype=mask.dtype)
    for i in range(h):
        for j in range(w):
            small[i, j] = mask[(i * H) // h, (j * W) // w]
    return [pixels, small]
