"""numpy, with its warnings switched off."""

import numpy as np


def per_class_iou(confusion):
    matrix = np.asarray(confusion, dtype=np.float64)
    intersection = np.diag(matrix)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - intersection
    with np.errstate(divide="ignore", invalid="ignore"):
        return torch.from_numpy(intersection / union)
