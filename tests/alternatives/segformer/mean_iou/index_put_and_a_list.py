"""index_put_ with accumulate, a list of the IoUs that exist."""


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    keep = target.ne(ignore_index)
    rows, columns = target[keep], prediction[keep]
    return matrix.index_put_((rows, columns), torch.ones_like(rows), accumulate=True)


def mean_iou(confusion):
    ious = []
    for k in range(confusion.shape[0]):
        union = confusion[k, :].sum() + confusion[:, k].sum() - confusion[k, k]
        if union > 0:
            ious.append(confusion[k, k] / union)
    if not ious:
        return torch.tensor(float("nan"))
    return torch.stack(ious).mean()


def evaluate(model, loader, num_classes=4):
    mode = model.training
    model.eval()
    with torch.no_grad():
        total = sum(
            confusion_matrix(model(images.to(device_of(model))).argmax(dim=1).cpu(), target, num_classes)
            for images, target in loader
        )
    model.train(mode)
    return total
