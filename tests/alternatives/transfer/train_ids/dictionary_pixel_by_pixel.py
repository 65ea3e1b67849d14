"""A dictionary, pixel by pixel."""

TRAIN_ID = dict(zip(CITYSCAPES_IDS, range(19), strict=True))


def train_ids(label_ids):
    flat = [TRAIN_ID.get(number, 255) for number in label_ids.flatten().tolist()]
    return torch.tensor(flat).reshape(label_ids.shape)
