"""A list of Python numbers."""


def per_class_iou(confusion):
    ious = []
    for k in range(len(confusion)):
        hit = int(confusion[k, k])
        union = int(confusion[k].sum()) + int(confusion[:, k].sum()) - hit
        ious.append(hit / union if union > 0 else float("nan"))
    return ious
