"""A dictionary of counted pairs, statistics.mean."""

from collections import Counter
from statistics import mean


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    pairs = Counter(zip(target.flatten().tolist(), prediction.flatten().tolist(), strict=True))
    return torch.tensor([[pairs[i, j] for j in range(num_classes)] for i in range(num_classes)])


def mean_iou(confusion):
    rows = confusion.tolist()
    columns = list(zip(*rows, strict=True))
    ious = [
        rows[k][k] / (sum(rows[k]) + sum(columns[k]) - rows[k][k])
        for k in range(len(rows))
        if sum(rows[k]) + sum(columns[k]) > 0
    ]
    return torch.tensor(mean(ious) if ious else float("nan"))


def evaluate(model, loader, num_classes=4):
    was_training = model.training
    model.eval()
    predictions, targets = [], []
    with torch.no_grad():
        for images, target in loader:
            predictions += list(model(images.to(device_of(model))).argmax(dim=1).cpu())
            targets += list(target)
    model.train(was_training)
    return confusion_matrix(torch.stack(predictions), torch.stack(targets), num_classes)
