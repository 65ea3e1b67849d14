"""numpy, and an evaluation that counts by itself."""

import numpy


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    matrix = numpy.zeros((num_classes, num_classes), dtype=numpy.int64)
    kept = (target != ignore_index).numpy()
    numpy.add.at(matrix, (target.numpy()[kept], prediction.numpy()[kept]), 1)
    return matrix


def mean_iou(confusion):
    confusion = numpy.asarray(confusion, dtype=float)
    hits = numpy.diag(confusion)
    with numpy.errstate(all="ignore"):
        ious = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    return numpy.nanmean(ious) if (ious == ious).any() else numpy.nan


@torch.no_grad()
def evaluate(model, loader, num_classes=4):
    mode = model.training
    model.train(False)
    counts = torch.zeros(num_classes * num_classes, dtype=torch.int64)
    for images, target in loader:
        labels = model(images).softmax(dim=1).argmax(dim=1)
        for true, said in zip(target.flatten().tolist(), labels.flatten().tolist(), strict=True):
            if true != 255:
                counts[true * num_classes + said] += 1
    model.train(mode)
    return counts.view(num_classes, -1)
