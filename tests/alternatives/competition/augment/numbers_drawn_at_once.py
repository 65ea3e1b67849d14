"""Six numbers at once; the pair is cut first and mirrored after that."""


def augment(image, mask, size, generator, strength=0.3):
    drawn = torch.rand(6, generator=generator)
    low, high = 1 - strength, 1 + strength
    lit = photometric(image, *(low + (high - low) * drawn[:3]).tolist())
    mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    room = torch.tensor(mask.shape) - torch.tensor(size)
    top, left = (drawn[3:5] * (room.clamp(min=0) + 1)).int().tolist()
    window, labels = crop_pair((lit - mean) / std, mask, top, left, size)
    if drawn[5] >= 0.5:
        window, labels = torch.flip(window, [2]), torch.flip(labels, [1])
    return window, labels
