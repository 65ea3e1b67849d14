"""Factors by uniform_, a coin by randint, arguments by name."""


def augment(image, mask, size, generator, strength=0.3):
    factors = torch.empty(3).uniform_(1 - strength, 1 + strength, generator=generator)
    flip = bool(torch.randint(0, 2, (1,), generator=generator))
    height, width = mask.shape
    top = torch.randint(0, max(height - size[0], 0) + 1, (1,), generator=generator).item()
    left = torch.randint(0, max(width - size[1], 0) + 1, (1,), generator=generator).item()
    image = photometric(image, brightness=factors[0], contrast=factors[1], saturation=factors[2])
    image = v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)(image)
    if flip:
        image, mask = v2.functional.horizontal_flip(image), v2.functional.horizontal_flip(mask)
    return crop_pair(image=image, mask=mask, top=top, left=left, size=size)
