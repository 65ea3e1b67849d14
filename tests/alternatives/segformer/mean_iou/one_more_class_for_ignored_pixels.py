"""Ignored pixels as one more row, cut off after counting."""


def confusion_matrix(prediction, target, num_classes=4, ignore_index=255):
    rows = torch.where(target == ignore_index, num_classes, target)
    pairs = (rows * num_classes + prediction).flatten()
    counts = torch.bincount(pairs, minlength=(num_classes + 1) * num_classes)
    return counts.view(num_classes + 1, num_classes)[:num_classes]


def mean_iou(confusion):
    hits, true, said = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    occurs = (true + said) != 0
    return torch.mean(torch.true_divide(hits[occurs], (true + said - hits)[occurs]))


def evaluate(model, loader, num_classes=4):
    training = model.training
    model.train(mode=False)
    confusion = None
    previous = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    for images, target in loader:
        prediction = torch.argmax(F.softmax(model(images.to(device_of(model))), dim=1), dim=1).cpu()
        matrix = confusion_matrix(prediction, target, num_classes)
        confusion = matrix if confusion is None else confusion + matrix
    torch.set_grad_enabled(previous)
    model.train(mode=training)
    return confusion
