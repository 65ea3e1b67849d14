"""From the cheapest entry to the dearest, with the best so far; numpy's lexsort puts the better of equals first."""

import numpy as np


def pareto_front(costs, scores):
    costs, scores = np.asarray(costs), np.asarray(scores)
    mask, best = np.zeros(len(costs), dtype=bool), None
    for index in np.lexsort((-scores, costs)):
        entry = (costs[index], scores[index])
        if best is None or entry == best or scores[index] > best[1]:
            mask[index], best = True, entry
    return torch.from_numpy(mask)
