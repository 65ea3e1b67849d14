"""numpy's stable sort, and the area by differences."""

import numpy as np


def roc_curve(scores, target, label, ignore_index=255):
    truth = target.numpy().ravel()
    score = scores.numpy()[:, label].ravel()[truth != ignore_index]
    hit = truth[truth != ignore_index] == label
    order = np.argsort(-score, kind="stable")
    score, hit = score[order], hit[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    true, false = np.cumsum(hit)[ends], np.cumsum(~hit)[ends]
    with np.errstate(invalid="ignore"):
        tpr, fpr = np.append(0, true) / hit.sum(), np.append(0, false) / (~hit).sum()
    return fpr, tpr, float((np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2).sum())
