"""A product of one-hot tables."""

import torch.nn.functional as F


class SegmentationMetric:
    def __init__(self, num_classes: int, ignore_index: int = 255):
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.confusion = torch.zeros((num_classes, num_classes), dtype=torch.long)

    def reset(self):
        self.__init__(self.num_classes, self.ignore_index)

    def update(self, prediction, target):
        mask = target != self.ignore_index
        true = F.one_hot(target[mask], self.num_classes)
        said = F.one_hot(prediction[mask], self.num_classes)
        self.confusion = self.confusion + (true.T @ said).cpu()

    def iou(self):
        hits = torch.diagonal(self.confusion)
        return torch.true_divide(hits.double(), (self.confusion.sum(0) + self.confusion.sum(1) - hits).double())

    def mean_iou(self):
        return torch.nanmean(self.iou())
