"""A new tensor, filled class by class."""


def train_ids(label_ids):
    found = torch.full_like(label_ids, 255, dtype=torch.int64)
    for index, number in enumerate(CITYSCAPES_IDS):
        found[label_ids == number] = index
    return found
