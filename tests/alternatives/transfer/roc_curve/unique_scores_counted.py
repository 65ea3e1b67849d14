"""Pixels counted per different score, then added up from the highest score on."""


def roc_curve(scores, target, label, ignore_index=255):
    known = target != ignore_index
    values, place = scores[:, label][known].unique(return_inverse=True)
    hits = (target[known] == label).double()
    true = torch.zeros(len(values), dtype=torch.float64).index_add_(0, place, hits).flip(0).cumsum(0)
    false = torch.zeros(len(values), dtype=torch.float64).index_add_(0, place, 1 - hits).flip(0).cumsum(0)
    tpr = torch.cat([true.new_zeros(1), true]) / hits.sum()
    fpr = torch.cat([false.new_zeros(1), false]) / (1 - hits).sum()
    return fpr, tpr, torch.trapz(tpr, fpr)
