"""torch.where, class by class."""


def pet_classes(trimap: Tensor) -> Tensor:
    return torch.where(trimap == 1, 0, torch.where(trimap == 2, 1, 2))
