"""Python's own numbers, class by class."""


def class_balanced_weights(counts: Tensor, beta: float = 0.999) -> Tensor:
    weights = [(1 - beta) / (1 - beta**n) if n else 0.0 for n in counts.tolist()]
    mean = sum(weights) / sum(weight > 0 for weight in weights)
    return torch.tensor([weight / mean for weight in weights])
