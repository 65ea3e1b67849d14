"""numpy, with signed bytes."""

import numpy as np


def pet_classes(trimap):
    return torch.from_numpy((np.asarray(trimap).astype(np.int8) - 1).astype(np.int64))
