"""A vector of NaN, filled class by class."""


def per_class_iou(confusion: Tensor) -> Tensor:
    num_classes = confusion.shape[0]
    ious = torch.full((num_classes,), float("nan"))
    for k in range(num_classes):
        tp = confusion[k, k]
        fp = confusion[:, k].sum() - tp
        fn = confusion[k, :].sum() - tp
        if tp + fp + fn > 0:
            ious[k] = tp / (tp + fp + fn)
    return ious
