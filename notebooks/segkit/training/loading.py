"""The batches of a training run: the same after resuming as without a stop, and on several devices as on one."""

import random
from dataclasses import dataclass, replace

import numpy as np
import torch
from lightning.pytorch import Callback, LightningDataModule
from torch.utils.data import DataLoader, Dataset

from segkit.augmentation import Augmentation
from segkit.batches import SeededBatches, SeededOrder, Share
from segkit.loader import Loader, ignore_interrupts, loading_options


def seed_generators(seed: int):
    """Seed the generators of Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class SeedSteps(Callback):
    """Seeds all generators before every part of every step, so that what the model draws needs no memory.

    A part draws the same whether it is one of several that a process accumulates or another process computes it, and
    no two parts draw the same.
    """

    def __init__(self, seed: int):
        self.seed = seed % 2**32

    def on_train_batch_start(self, trainer, task, batch, batch_index):
        step, number = divmod(batch_index, trainer.accumulate_grad_batches)
        part = number * trainer.world_size + trainer.global_rank
        entropy = (self.seed, trainer.current_epoch, step, part)
        seed_generators(int(np.random.SeedSequence(entropy).generate_state(1)[0]))


@dataclass(eq=False)
class TrainingData(LightningDataModule):
    """Both data sets as Lightning asks for them, in each process for its own share.

    Args:
        batch_size: images per step, of all devices together.
        accumulate: parts that a process makes of its share of a batch.
        kind: cpu, cuda or mps, where the training happens.

    Raises:
        CourseError: if a setting or a data set is none that can be used here.
    """

    train_set: Dataset
    val_set: Dataset
    batch_size: int
    augmentation: Augmentation | None
    kind: str
    seed: int = 0
    shuffle: bool = True
    num_workers: int | None = None
    processes: int = 1
    accumulate: int = 1

    def __post_init__(self):
        super().__init__()
        self.begin_at(0, 0)
        self.steps_per_epoch = len(self._training("cpu", self._share(rank=0))) // self.accumulate

    def begin_at(self, epoch: int, batches: int):
        """Training begins in this epoch (from 0), and without that many of its batches."""
        self._epoch, self._skip = epoch, batches

    def train_dataloader(self):
        return self._training(*self._here())

    def val_dataloader(self):
        device, share = self._here()
        share = replace(share, accumulate=1, complete=True)
        if self.augmentation is None:
            return self._own(self.val_set, SeededOrder(len(self.val_set), self.seed, shuffle=False), share)
        sizes = {"image_size": self.augmentation.image_size, "target_size": self.augmentation.target_size}
        return self._augmented(self.val_set, device, share, shuffle=False, **sizes)

    def _here(self):
        return self.trainer.strategy.root_device, self._share(self.trainer.global_rank)

    def _share(self, rank: int) -> Share:
        return Share(rank, self.processes, self.accumulate)

    def _training(self, device, share: Share):
        if self.augmentation is None:
            order = SeededOrder(len(self.train_set), self.seed, shuffle=self.shuffle)
            loader = self._own(self.train_set, order, share)
        else:
            options = {"augmentation": self.augmentation, "shuffle": self.shuffle}
            loader = self._augmented(self.train_set, device, share, **options)
        # Lightning makes its first iterator before it says which epoch it is
        loader.batch_sampler.sampler.set_epoch(self._epoch)
        loader.batch_sampler.skip(self._epoch, self._skip)
        return loader

    def _own(self, dataset, order: SeededOrder, share: Share) -> DataLoader:
        """Of a data set that makes its own tensors, perhaps with a random transform of the student's."""
        return DataLoader(
            _SeededItems(dataset),
            batch_sampler=SeededBatches(order, self.batch_size, share=share),
            generator=order.generator,
            worker_init_fn=ignore_interrupts,
            **loading_options(self.num_workers, (dataset,), self.kind),
        )

    def _augmented(self, dataset, device, share: Share, **options) -> Loader:
        options |= {"seed": self.seed, "num_workers": self.num_workers}
        return Loader(dataset, self.batch_size, device=device, share=share, **options)


class _SeededItems(Dataset):
    """Items asked for by (index, seed): what a transform draws from the usual generators depends on nothing else."""

    def __init__(self, data):
        self.data = data

    def __getitem__(self, drawn: tuple[int, int]):
        index, seed = drawn
        seed_generators(seed)
        return self.data[index]
