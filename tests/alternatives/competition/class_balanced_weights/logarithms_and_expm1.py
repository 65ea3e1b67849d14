"""The difference near 1 by expm1, in logarithms."""

import math


def class_balanced_weights(counts, beta=0.999):
    occurs = counts > 0
    rate = math.log(beta) if beta else -math.inf
    effective = torch.expm1(rate * counts[occurs].double()) / (beta - 1)
    inverse = effective.reciprocal()
    weights = torch.zeros(len(counts))
    weights[occurs] = (inverse * (len(inverse) / inverse.sum())).float()
    return weights
