"""All labelled pixels are kept, and counted when somebody asks."""


class SegmentationMetric:
    def __init__(self, num_classes, ignore_index=255):
        self.k, self.ignored = num_classes, ignore_index
        self.predictions, self.targets = [], []

    def reset(self):
        self.predictions.clear()
        self.targets.clear()

    def update(self, prediction, target):
        kept = target != self.ignored
        self.predictions += prediction[kept].tolist()
        self.targets += target[kept].tolist()

    @property
    def confusion(self):
        matrix = torch.zeros(self.k, self.k, dtype=torch.long)
        for true, said in zip(self.targets, self.predictions, strict=True):
            matrix[true, said] += 1
        return matrix

    def iou(self):
        matrix, ious = self.confusion, []
        for c in range(self.k):
            union = matrix[c].sum() + matrix[:, c].sum() - matrix[c, c]
            ious.append(float(matrix[c, c]) / float(union) if union > 0 else float("nan"))
        return torch.tensor(ious, dtype=torch.float64)

    def mean_iou(self):
        there = [value for value in self.iou().tolist() if value == value]
        return sum(there) / len(there) if there else float("nan")
