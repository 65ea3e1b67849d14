"""torch.unique and a dictionary of counts."""


def class_shares(targets, num_classes=4):
    counts = {k: 0 for k in range(num_classes)}
    for target in targets:
        labels, numbers = torch.unique(target, return_counts=True)
        for label, number in zip(labels.tolist(), numbers.tolist(), strict=True):
            if label != IGNORE:
                counts[label] += number
    pixels = sum(counts.values())
    return torch.tensor([counts[k] / pixels for k in range(num_classes)])
