"""Numbers to try code on that are the same on every machine and with every numpy (RandomState's streams are frozen)."""

import numpy
import torch


class Numbers:
    """A seeded source of tensors and choices.

    Args:
        seed: 0 <= seed < 2**32.
    """

    def __init__(self, seed: int) -> None:
        self._random = numpy.random.RandomState(seed)

    def normal(self, *shape: int) -> torch.Tensor:
        """Float64, standard normal."""
        return torch.from_numpy(numpy.asarray(self._random.standard_normal(shape)))

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Int64 in [low, high)."""
        return torch.from_numpy(numpy.asarray(self._random.randint(low, high, shape, dtype=numpy.int64)))

    def blocks(self, values: tuple[int, ...], height: int, width: int, size: int) -> torch.Tensor:
        """Int64 map (height, width) of constant squares of `size` pixels drawn from `values`: regions, as in images."""
        rows, columns = -(-height // size), -(-width // size)
        chosen = torch.tensor(values)[self.integers(0, len(values), rows, columns)]
        return chosen.repeat_interleave(size, 0).repeat_interleave(size, 1)[:height, :width].contiguous()

    def smooth_image(self, height: int, width: int) -> torch.Tensor:
        """Uint8 image (3, height, width) of slow waves: every sensible way to resize it agrees."""
        rows, columns = torch.arange(height)[:, None] / height, torch.arange(width)[None, :] / width
        channels = []
        for _ in range(3):
            a, b, phase = self._random.uniform(0.5, 2.5), self._random.uniform(0.5, 2.5), self._random.uniform(0, 6.28)
            channels.append(127.5 + 110 * torch.sin(2 * torch.pi * (a * rows / 2 + b * columns / 2) + phase))
        return torch.stack(channels).round().to(torch.uint8)

    def shuffled(self, items) -> list:
        """The items in another order."""
        items = list(items)
        return [items[index] for index in self._random.permutation(len(items))]

    def choose(self, *options):
        """One of the options."""
        return options[self._random.randint(len(options))]
