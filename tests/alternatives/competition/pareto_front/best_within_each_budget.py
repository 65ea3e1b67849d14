"""An entry is on the front if it is the best within its own cost, and the cheapest that is so good."""


def pareto_front(costs, scores):
    mask = torch.zeros(len(costs), dtype=torch.bool)
    for index, (cost, score) in enumerate(zip(costs, scores, strict=True)):
        best = scores[costs <= cost].max() <= score
        cheapest = costs[scores >= score].min() >= cost
        mask[index] = best and cheapest
    return mask
