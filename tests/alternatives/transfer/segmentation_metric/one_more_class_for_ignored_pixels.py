"""Ignored pixels as one more row, cut off when the matrix is looked at."""


class SegmentationMetric:
    def __init__(self, num_classes, ignore_index=255):
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.reset()

    def reset(self):
        self.all_counts = torch.zeros((self.num_classes + 1) * self.num_classes, dtype=torch.int64)

    def update(self, prediction, target):
        rows = torch.where(target == self.ignore_index, self.num_classes, target)
        pairs = (rows * self.num_classes + prediction).flatten().cpu()
        self.all_counts += torch.bincount(pairs, minlength=len(self.all_counts))

    @property
    def confusion(self):
        return self.all_counts.view(-1, self.num_classes)[:-1]

    def iou(self):
        hits, true, said = self.confusion.diagonal(), self.confusion.sum(dim=1), self.confusion.sum(dim=0)
        union = true + said - hits
        return torch.where(union > 0, hits.double() / union.clamp(min=1), torch.nan)

    def mean_iou(self):
        return self.iou().nanmean()
