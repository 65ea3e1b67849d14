"""numpy: add.at, and warnings switched off."""

import numpy as np


class SegmentationMetric:
    def __init__(self, num_classes, ignore_index=255):
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.reset()

    def reset(self):
        self.counts = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)

    @property
    def confusion(self):
        return torch.from_numpy(self.counts.copy())

    def update(self, prediction, target):
        said, true = prediction.cpu().numpy(), target.cpu().numpy()
        kept = true != self.ignore_index
        np.add.at(self.counts, (true[kept], said[kept]), 1)

    def iou(self):
        hits = np.diag(self.counts).astype(np.float64)
        with np.errstate(all="ignore"):
            return torch.from_numpy(hits / (self.counts.sum(0) + self.counts.sum(1) - hits))

    def mean_iou(self):
        ious = self.iou()
        return ious.nansum() / (~ious.isnan()).sum()
