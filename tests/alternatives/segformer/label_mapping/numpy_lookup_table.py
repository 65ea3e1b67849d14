"""A lookup table in numpy."""

import numpy as np


def map_labels(annotation):
    lut = np.zeros(151, dtype=np.int64)
    for label in (1, 2, 3):
        lut[list(ADE20K_CLASSES[label])] = label
    return torch.from_numpy(lut[annotation.cpu().numpy()]).to(annotation.device)
