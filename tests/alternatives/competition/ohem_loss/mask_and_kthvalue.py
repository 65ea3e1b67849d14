"""A mask of pixels; the minimum by the k-th value, pixels equal to it only until there are enough."""


def ohem_loss(logits, target, threshold=0.7, min_kept=10_000, weight=None, ignore_index=255):
    known = (target != ignore_index).flatten()
    safe = torch.where(target == ignore_index, 0, target)
    each = F.cross_entropy(logits, safe, reduction="none").flatten()
    with torch.no_grad():
        hard = known & (torch.exp(-each) < threshold)
        wanted = min(min_kept, int(known.sum()))
        if hard.sum() < wanted:
            kth = torch.kthvalue(each[known], int(known.sum()) - wanted + 1).values
            hard = known & (each > kth)
            equal = (known & (each == kth)).nonzero().flatten()
            hard[equal[: wanted - int(hard.sum())]] = True
    factor = hard.to(each.dtype)
    if weight is not None:
        factor = factor * weight[safe.flatten()]
    return (factor * each).sum() / (factor.sum() if factor.sum() > 0 else 1)
