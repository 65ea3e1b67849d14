"""torchvision's crop, which fills up with 0: the mask counts from 255 down meanwhile."""


def crop_pair(image, mask, top, left, size):
    window = v2.functional.crop(image, top, left, *size)
    return [window, 255 - v2.functional.crop((255 - mask)[None], top, left, *size)[0]]
