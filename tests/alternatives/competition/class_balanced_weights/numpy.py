"""numpy, with errors of the division silenced."""

import numpy


def class_balanced_weights(counts, beta=0.999):
    n = counts.numpy()
    with numpy.errstate(divide="ignore"):
        weights = (1.0 - beta) / (1.0 - numpy.power(beta, n.astype(float)))
    weights[n == 0] = 0
    weights = weights / weights.sum() * numpy.count_nonzero(n)
    return torch.tensor(weights, dtype=torch.float32)
