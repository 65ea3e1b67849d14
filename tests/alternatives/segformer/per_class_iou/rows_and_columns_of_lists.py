"""Lists of rows and columns, and a comprehension."""

import math


def per_class_iou(confusion):
    rows = confusion.tolist()
    columns = [list(column) for column in zip(*rows, strict=True)]
    unions = [sum(row) + sum(column) - row[k] for k, (row, column) in enumerate(zip(rows, columns, strict=True))]
    return torch.tensor([rows[k][k] / union if union else math.nan for k, union in enumerate(unions)])
