"""Strips of rows, cut into patches with split."""


def image_to_patches(images, patch_size):
    patches = []
    for strip in images.split(patch_size, dim=2):
        for patch in strip.split(patch_size, dim=3):
            patches.append(patch.reshape(len(images), 1, -1))
    return torch.cat(patches, dim=1)
