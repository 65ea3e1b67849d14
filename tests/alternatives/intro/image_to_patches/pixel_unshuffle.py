"""PyTorch's pixel_unshuffle, then the positions as a sequence."""


def image_to_patches(images, patch_size):
    unshuffled = F.pixel_unshuffle(images, patch_size)  # (B, C * p * p, H / p, W / p)
    return unshuffled.flatten(start_dim=2).transpose(1, 2)
