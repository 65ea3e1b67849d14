"""Two loops and a comparison with every class."""


def class_shares(targets, num_classes=4):
    counts = [0] * num_classes
    labelled = 0
    for target in targets:
        for k in range(num_classes):
            counts[k] += (target == k).sum().item()
        labelled += (target != 255).sum().item()
    return torch.tensor(counts, dtype=torch.float32) / labelled
