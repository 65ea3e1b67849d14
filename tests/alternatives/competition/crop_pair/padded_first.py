"""The whole pair is padded first, by as much as the window is large, and cut after that."""


def crop_pair(image, mask, top, left, size):
    height, width = size
    image = functional.pad(image, (0, width, 0, height))
    mask = functional.pad(mask, (0, width, 0, height), value=255)
    return (
        image.narrow(1, top, height).narrow(2, left, width).contiguous(),
        mask.narrow(0, top, height).narrow(1, left, width).contiguous(),
    )
