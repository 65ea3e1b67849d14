"""Every entry is held against every other, in lists of Python's numbers."""


def beats(one, other):
    return one != other and one[0] <= other[0] and one[1] >= other[1]


def pareto_front(costs, scores):
    entries = list(zip(costs.tolist(), scores.tolist(), strict=True))
    return torch.tensor([not any(beats(one, other) for one in entries) for other in entries], dtype=torch.bool)
