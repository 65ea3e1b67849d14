"""Subtracted as bytes, converted afterwards: no value is 0."""


def pet_classes(trimap):
    return trimap.sub(1).type(torch.LongTensor)
