"""A lookup table in numpy."""

import numpy as np


def train_ids(label_ids):
    lut = np.full(256, 255, dtype=np.int64)
    lut[list(CITYSCAPES_IDS)] = np.arange(19)
    return torch.from_numpy(lut[label_ids.cpu().numpy()])
