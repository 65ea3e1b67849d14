"""Only the classes that occur are divided."""


def per_class_iou(confusion):
    intersection = torch.diagonal(confusion).to(torch.float32)
    union = confusion.sum(1).float() + confusion.sum(0).float() - intersection
    occurs = union > 0
    result = torch.full_like(union, torch.nan)
    result[occurs] = intersection[occurs] / union[occurs]
    return result
