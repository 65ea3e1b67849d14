"""numpy and Pillow, 8 bits, Python's random."""

import random

import numpy
from PIL import Image


def joint_transform(image, mask, flip_probability=0.5, image_size=(256, 256), target_size=(64, 64)):
    pixels, labels = image.permute(1, 2, 0).numpy(), mask.numpy()
    if random.random() < flip_probability:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    height, width = image_size
    resized = Image.fromarray(numpy.ascontiguousarray(pixels)).resize((width, height), Image.BILINEAR)
    image = (numpy.asarray(resized) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    rows = [i * labels.shape[0] // target_size[0] for i in range(target_size[0])]
    columns = [j * labels.shape[1] // target_size[1] for j in range(target_size[1])]
    return image.transpose(2, 0, 1).astype(numpy.float32), labels[numpy.ix_(rows, columns)].astype(numpy.int64)
