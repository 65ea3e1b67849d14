"""Mirrored first; places by a permutation, the coin by Bernoulli's distribution."""


def augment(image, mask, size, generator, strength=0.3):
    if torch.bernoulli(torch.tensor(0.5), generator=generator):
        image, mask = image.flip(dims=(2,)), mask.fliplr()
    mean, std = (torch.as_tensor(numbers)[:, None, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    lit = photometric(image, *(1 + strength * (1 - 2 * torch.rand(3, generator=generator))).tolist())
    places = [
        int(torch.randperm(max(whole - part, 0) + 1, generator=generator)[0])
        for whole, part in zip(mask.shape, size, strict=True)
    ]
    return crop_pair(lit.sub(mean).div(std), mask, *places, size)
