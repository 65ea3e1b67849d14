"""Stand-ins for what the tasks of 01_streets work on, by the names that the notebook gives them.

Those of `crop_pair` and `photometric` do something else than these, from which a test can read how they were called.
"""

import torch


def seeded(seed: int) -> torch.Generator:
    """A generator of its own, which a test cannot send."""
    return torch.Generator().manual_seed(seed)


def crop_pair(image, mask, top, left, size):
    """A window that goes round: beyond the last row comes the first one again, where the image is 0."""
    rows, columns = (start + torch.arange(length) for start, length in zip((top, left), size, strict=True))
    there = (rows < mask.shape[0])[:, None] & (columns < mask.shape[1])
    rows, columns = rows[:, None] % mask.shape[0], columns % mask.shape[1]
    return image[:, rows, columns] * there, mask[rows, columns]


def photometric(image, brightness, contrast, saturation):
    """Red times the first factor, green times the second, blue times the third."""
    return image * image.new_tensor([brightness, contrast, saturation])[:, None, None]


DOUBLES = {double.__name__: double for double in (seeded, crop_pair, photometric)}
