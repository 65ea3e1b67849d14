"""Float64, NaN put in afterwards."""


def per_class_iou(confusion):
    confusion = confusion.double()
    hits = confusion.diag()
    missed, invented = (matrix.sum(1) - hits for matrix in (confusion, confusion.T))
    union = hits + missed + invented
    return torch.where(union == 0, float("nan"), hits / union.clamp(min=1))
