"""A dataclass, and index_put_ with accumulate."""

from dataclasses import dataclass, field


@dataclass
class SegmentationMetric:
    num_classes: int
    ignore_index: int = 255
    confusion: Tensor = field(init=False)

    def __post_init__(self):
        self.reset()

    def reset(self):
        self.confusion = torch.zeros(self.num_classes, self.num_classes).long()

    def update(self, prediction, target):
        keep = target.ne(self.ignore_index)
        rows, columns = target[keep].cpu(), prediction[keep].cpu()
        self.confusion.index_put_((rows, columns), torch.ones_like(rows), accumulate=True)

    def iou(self):
        diagonal = self.confusion.diagonal().to(torch.float64)
        return diagonal / (self.confusion.sum(1) + self.confusion.sum(0) - diagonal)

    def mean_iou(self):
        return torch.nanmean(self.iou())
