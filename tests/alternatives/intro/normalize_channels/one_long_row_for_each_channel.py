"""One long row for each channel."""


def normalize_channels(images, eps=1e-5):
    rows = images.transpose(0, 1).flatten(1)
    rows = (rows - rows.mean(1, keepdim=True)) * torch.rsqrt(rows.var(1, unbiased=False, keepdim=True) + eps)
    return rows.unflatten(1, (len(images), *images.shape[2:])).transpose(0, 1)
