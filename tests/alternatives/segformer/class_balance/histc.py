"""torch.histc with a bin around every label."""


def class_shares(targets, num_classes=4):
    total = sum(torch.histc(target.double(), bins=num_classes, min=-0.5, max=num_classes - 0.5) for target in targets)
    return total / total.sum()
