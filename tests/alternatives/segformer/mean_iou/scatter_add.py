"""scatter_add_ of ones, torch.where for absent classes, try and finally."""


def confusion_matrix(prediction: Tensor, target: Tensor, num_classes: int = 4, ignore_index: int = 255) -> Tensor:
    prediction, target = prediction.flatten(), target.flatten()
    valid = target != ignore_index
    index = target[valid] * num_classes + prediction[valid]
    counts = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=target.device)
    counts.scatter_add_(0, index, torch.ones_like(index))
    return counts.view(num_classes, num_classes)


def mean_iou(confusion: Tensor) -> Tensor:
    tp = confusion.diagonal().double()
    fn = confusion.sum(dim=1) - tp
    fp = confusion.sum(dim=0) - tp
    union = tp + fp + fn
    present = (union > 0).double()
    iou = torch.where(union > 0, tp / union.clamp(min=1), 0.0)
    return iou.sum() / present.sum()


@torch.inference_mode()
def evaluate(model: nn.Module, loader, num_classes: int = 4) -> Tensor:
    was_training = model.training
    try:
        model.eval()
        total = torch.zeros((num_classes, num_classes), dtype=torch.long)
        for images, target in loader:
            _, prediction = model(images.to(device_of(model))).max(dim=1)
            total = total + confusion_matrix(prediction, target.to(prediction.device), num_classes).cpu()
    finally:
        model.train(was_training)
    return total
