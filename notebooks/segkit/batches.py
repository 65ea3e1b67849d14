"""Which images make a batch: decided by a seed and the epoch, and shared out among processes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch.utils.data import BatchSampler, Sampler


class SeededOrder(Sampler):
    """The images of an epoch in an order that depends on the seed and the epoch only; as they are without `shuffle`.

    `generator` is for the DataLoader, which draws the seeds of its worker processes from it. Lightning calls
    `set_epoch`, but before the first epoch only after the workers have begun: hence `epoch` as an argument.
    """

    def __init__(self, length: int, seed: int, epoch: int = 0, *, shuffle: bool = True):
        self.length = length
        self.seed = seed
        self.shuffle = shuffle
        self.generator = torch.Generator()
        self.set_epoch(epoch)

    def set_epoch(self, epoch: int):
        self.epoch = epoch
        self.generator.manual_seed(epoch_seed(self.seed, epoch))

    def __len__(self) -> int:
        return self.length

    def __iter__(self):
        if not self.shuffle:
            return iter(range(self.length))
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch))
        return iter(torch.randperm(self.length, generator=generator).tolist())


@dataclass(frozen=True)
class Share:
    """What one process gets of every batch, which is cut into parts that differ by one image at most.

    With two processes and `accumulate=2` a batch of 16 has four parts of 4: process 0 gets parts 0 and 2, process 1
    gets parts 1 and 3. No image is in two parts.

    Args:
        rank, processes: this process, counted from 0, of how many.
        accumulate: parts for each process.
        complete: a last batch with fewer images than parts still comes, and some processes get nothing of it; else it
            is left out, so that all processes get equally many parts.
    """

    rank: int = 0
    processes: int = 1
    accumulate: int = 1
    complete: bool = False

    @property
    def parts(self) -> int:
        return self.processes * self.accumulate

    def of(self, batch: Sequence) -> Iterator[Sequence]:
        """The parts of this batch that this process gets."""
        if len(batch) < self.parts and not self.complete:
            return
        for number in range(self.rank, self.parts, self.processes):
            part = batch[number * len(batch) // self.parts : (number + 1) * len(batch) // self.parts]
            if part:
                yield part


class SeededBatches(BatchSampler):
    """Batches of (index, seed of that item in this epoch), so that workers that outlive an epoch need not know it.

    `sampler` is the `SeededOrder`; `share` is what comes of every batch, and is counted as a batch.
    """

    def __init__(self, sampler: SeededOrder, batch_size: int, drop_last: bool = False, share: Share | None = None):
        super().__init__(sampler, batch_size, drop_last)
        self.share = Share() if share is None else share
        self._skipped = (0, 0)

    def skip(self, epoch: int, batches: int) -> None:
        """Leave out the first batches of this epoch, which have been used already; `len` still counts them."""
        self._skipped = (epoch, batches)

    def __len__(self) -> int:
        return sum(1 for _ in self._parts(range(len(self.sampler))))

    def __iter__(self):
        seed, epoch = self.sampler.seed, self.sampler.epoch  # a later set_epoch must not change what has begun
        skipped = self._skipped[1] if epoch == self._skipped[0] else 0
        parts = islice(self._parts(list(self.sampler)), skipped, None)
        return ([(index, item_seed(seed, epoch, index)) for index in part] for part in parts)

    def _parts(self, order: Sequence) -> Iterator[Sequence]:
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            if len(batch) == self.batch_size or not self.drop_last:
                yield from self.share.of(batch)


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of everything that is drawn for an epoch as a whole."""
    return (seed * 100_003 + epoch) % 2**32  # NumPy takes 32 bits


def item_seed(seed: int, epoch: int, index: int) -> int:
    """The seed of what is drawn for one item in one epoch: neighbouring numbers give unrelated seeds."""
    return int(np.random.SeedSequence((seed % 2**32, epoch, index)).generate_state(1)[0])
