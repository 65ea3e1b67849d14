"""Windows along both sides."""


def image_to_patches(images, patch_size):
    windows = images.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)
    return windows.movedim(1, 3).flatten(3).flatten(1, 2)
