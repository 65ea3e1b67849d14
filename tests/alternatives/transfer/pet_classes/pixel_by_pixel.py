"""A dictionary, pixel by pixel."""

CLASS_OF = {1: 0, 2: 1, 3: 2}


def pet_classes(trimap):
    return torch.tensor([CLASS_OF[value] for value in trimap.flatten().tolist()]).reshape(trimap.shape)
