"""numpy, channel by channel."""

import numpy


def photometric(image, brightness, contrast, saturation):
    pixels = numpy.clip(image.numpy() * numpy.float32(brightness), 0, 1)

    def grey():
        return 0.299 * pixels[0] + 0.587 * pixels[1] + 0.114 * pixels[2]

    pixels = numpy.clip(contrast * pixels + (1 - contrast) * grey().mean(), 0, 1)
    pixels = numpy.clip(saturation * pixels + (1 - saturation) * grey()[None], 0, 1)
    return torch.from_numpy(pixels.astype(numpy.float32))
