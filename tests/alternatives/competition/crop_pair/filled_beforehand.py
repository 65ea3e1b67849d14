"""Tensors that are full of the filling, into which what is there is copied."""


def crop_pair(image, mask, top, left, size):
    window = image.new_zeros(3, *size)
    labels = mask.new_full(size, 255)
    part = mask[top : top + size[0], left : left + size[1]]
    rows, columns = part.shape
    labels[:rows, :columns] = part
    window[:, :rows, :columns] = image[:, top : top + rows, left : left + columns]
    return window, labels
