"""An nn.Module whose matrix is a buffer, counted with scatter_add_."""

from torch import nn


class SegmentationMetric(nn.Module):
    def __init__(self, num_classes, ignore_index=255):
        super().__init__()
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.register_buffer("confusion", torch.zeros(num_classes, num_classes, dtype=torch.int64))

    def reset(self):
        self.confusion.zero_()

    def update(self, prediction, target):
        valid = target.flatten() != self.ignore_index
        index = target.flatten()[valid] * self.num_classes + prediction.flatten()[valid]
        self.confusion.view(-1).scatter_add_(0, index, torch.ones_like(index))

    def iou(self):
        tp = self.confusion.diag().double()
        fp = self.confusion.sum(0).double() - tp
        fn = self.confusion.sum(1).double() - tp
        return tp / (tp + fp + fn)

    def mean_iou(self):
        ious = self.iou()
        return ious[~ious.isnan()].mean()
