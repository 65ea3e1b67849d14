"""A sum of masks for each pair of classes."""


class SegmentationMetric:
    def __init__(self, num_classes, ignore_index=255):
        self.classes = range(num_classes)
        self.ignore_index = ignore_index
        self.reset()

    def reset(self):
        self.confusion = torch.zeros(len(self.classes), len(self.classes), dtype=torch.int64)

    def update(self, prediction, target):
        for true in self.classes:
            for said in self.classes:
                both = (target == true) & (prediction == said) & (target != self.ignore_index)
                self.confusion[true, said] += both.sum().item()

    def iou(self):
        found = torch.full((len(self.classes),), float("nan"), dtype=torch.float64)
        for k in self.classes:
            union = self.confusion[k, :].sum() + self.confusion[:, k].sum() - self.confusion[k, k]
            if union:
                found[k] = self.confusion[k, k].double() / union
        return found

    def mean_iou(self):
        found = self.iou()
        return found[found.isfinite()].mean()
