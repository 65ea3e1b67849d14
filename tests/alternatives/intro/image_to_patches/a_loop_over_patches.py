"""A loop over patches."""


def image_to_patches(images, patch_size):
    p = patch_size
    H, W = images.shape[2:]
    corners = [(i, j) for i in range(0, H, p) for j in range(0, W, p)]
    return torch.stack([images[:, :, i : i + p, j : j + p].flatten(1) for i, j in corners], dim=1)
