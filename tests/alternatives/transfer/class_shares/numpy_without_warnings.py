"""numpy, whose warning about 0 / 0 is switched off."""

import numpy as np


def confusion_shares(confusion):
    counts = confusion.numpy().astype(float)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(counts / counts.sum(axis=1)[:, None])
