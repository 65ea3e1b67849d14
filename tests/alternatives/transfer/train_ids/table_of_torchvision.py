"""The list of classes that torchvision has."""

from torchvision.datasets import Cityscapes as TheirCityscapes


def train_ids(label_ids):
    table = torch.full((256,), 255, dtype=torch.long)
    for one in TheirCityscapes.classes:
        if 0 <= one.train_id < 255:
            table[one.id] = one.train_id
    return torch.take(table, label_ids.to(torch.int64))
