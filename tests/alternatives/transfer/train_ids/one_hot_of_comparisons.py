"""A comparison with all ids at once."""


def train_ids(label_ids):
    equal = label_ids[..., None] == torch.tensor(CITYSCAPES_IDS)
    return torch.where(equal.any(dim=-1), equal.int().argmax(dim=-1), 255)
