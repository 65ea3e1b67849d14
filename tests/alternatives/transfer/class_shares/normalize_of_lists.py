"""Lists of Python numbers."""


def confusion_shares(confusion):
    rows = confusion.tolist()
    return torch.tensor([[count / sum(row) if sum(row) else float("nan") for count in row] for row in rows])
