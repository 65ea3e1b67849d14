"""numpy."""

import numpy


def crop_pair(image, mask, top, left, size):
    part = mask.numpy()[top:, left:][: size[0], : size[1]]
    beyond = [(0, size[0] - part.shape[0]), (0, size[1] - part.shape[1])]
    cut = image.numpy()[:, top:, left:][:, : size[0], : size[1]]
    window = numpy.pad(cut, [(0, 0), *beyond])
    return torch.from_numpy(window), torch.from_numpy(numpy.pad(part, beyond, constant_values=255))
