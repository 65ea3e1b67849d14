"""A result of zeros that nested loops fill."""


def image_to_patches(images, patch_size):
    B, C, H, W = images.shape
    rows, columns = H // patch_size, W // patch_size
    patches = torch.zeros(B, rows * columns, C * patch_size * patch_size, dtype=images.dtype, device=images.device)
    for row in range(rows):
        for column in range(columns):
            for c in range(C):
                for i in range(patch_size):
                    for j in range(patch_size):
                        place = c * patch_size**2 + i * patch_size + j
                        pixel = images[:, c, row * patch_size + i, column * patch_size + j]
                        patches[:, row * columns + column, place] = pixel
    return patches
