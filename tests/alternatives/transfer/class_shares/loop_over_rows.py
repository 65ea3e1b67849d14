"""Row by row, into a matrix of NaN."""


def confusion_shares(confusion):
    shares = torch.full(confusion.shape, float("nan"))
    for k, row in enumerate(confusion):
        if row.sum() > 0:
            shares[k] = row / row.sum()
    return shares
