"""Two transpositions of contiguous views."""


def image_to_patches(images, patch_size):
    B, C, H, W = images.shape
    p, h, w = patch_size, H // patch_size, W // patch_size
    x = images.contiguous().view(B, C, h, p, w, p)
    x = x.transpose(3, 4).contiguous()  # (B, C, h, w, p, p)
    x = x.view(B, C, h * w, p * p).transpose(1, 2).contiguous()
    return x.view(B, h * w, C * p * p)
