"""Easy pixels are given ignore_index, and PyTorch's weighted cross-entropy does the rest."""


def ohem_loss(logits, target, threshold=0.7, min_kept=10_000, weight=None, ignore_index=255):
    settings = dict(ignore_index=ignore_index)
    each = F.cross_entropy(logits.detach(), target, reduction="none", **settings).flatten()
    each[(target == ignore_index).flatten()] = -1
    order = each.argsort(descending=True)
    enough = torch.arange(len(order), device=order.device) < min_kept
    keep = torch.zeros_like(enough)
    keep[order] = enough | (each[order] > -torch.as_tensor(float(threshold)).log().to(each))
    hard = torch.where(keep.view_as(target), target, ignore_index)
    loss = F.cross_entropy(logits, hard, weight=weight, **settings)
    return loss if loss.isfinite() else 0 * logits.sum()
