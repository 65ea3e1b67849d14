"""Log-probabilities gathered and sorted; the cut is where the threshold or the minimum says, whichever comes later."""


def ohem_loss(logits, target, threshold=0.7, min_kept=10_000, weight=None, ignore_index=255):
    scores = logits.log_softmax(dim=1).movedim(1, -1)[target != ignore_index]  # (labelled pixels, classes)
    classes = target[target != ignore_index]
    of_true = scores.gather(1, classes[:, None]).squeeze(1)
    ordered, order = of_true.sort()
    cut = max(int((ordered.exp() < threshold).sum()), min(min_kept, ordered.numel()))
    if weight is None:
        weight = logits.new_ones(logits.shape[1])
    shares = weight[classes[order[:cut]]]
    total = shares.sum()
    if total == 0:
        return (shares * ordered[:cut]).sum()
    return -(shares / total * ordered[:cut]).sum()
