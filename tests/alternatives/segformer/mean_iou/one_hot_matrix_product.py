"""The matrix as a product of one-hot tables, nanmean of the IoUs."""


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    labelled = target != ignore_index
    true = F.one_hot(target[labelled], num_classes)
    said = F.one_hot(prediction[labelled], num_classes)
    return true.T @ said


def mean_iou(confusion):
    intersection = torch.diag(confusion).float()
    union = confusion.sum(0) + confusion.sum(1) - intersection
    return torch.nanmean(intersection / union)


def evaluate(model, loader, num_classes=4):
    was_training = model.training
    model.eval()
    device = device_of(model)
    matrices = []
    with torch.no_grad():
        for images, target in loader:
            logits = model(images.to(device))
            matrices.append(confusion_matrix(logits.argmax(1).cpu(), target, num_classes))
    if was_training:
        model.train()
    return torch.stack(matrices).sum(dim=0)
