"""numpy.bincount of all 256 values."""

import numpy as np


def class_shares(targets, num_classes=4):
    counts = np.zeros(256, dtype=np.int64)
    for target in targets:
        counts += np.bincount(np.asarray(target).ravel(), minlength=256)
    counts = counts[:num_classes]
    return torch.from_numpy(counts / counts.sum()).float()
