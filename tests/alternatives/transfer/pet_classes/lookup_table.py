"""A lookup table."""


def pet_classes(trimap):
    return torch.tensor([255, 0, 1, 2], device=trimap.device)[trimap.long()]
