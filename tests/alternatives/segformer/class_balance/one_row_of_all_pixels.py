"""One row of all pixels, compared with each class, float64."""


def class_shares(targets, num_classes=4):
    pixels = torch.cat([target.reshape(-1) for target in targets])
    pixels = pixels[pixels != 255]
    return torch.stack([(pixels == k).double().mean() for k in range(num_classes)])
