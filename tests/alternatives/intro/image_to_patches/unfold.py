"""PyTorch's unfold."""


def image_to_patches(images, patch_size):
    patches = F.unfold(images.double(), patch_size, stride=patch_size)
    return patches.transpose(1, 2).to(images.dtype)
