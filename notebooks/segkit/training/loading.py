"""Loading images in an order that a seed and the epoch decide, in as many processes as are safe here."""

import multiprocessing
import os
import pickle
import random
import sys

import numpy as np
import torch
from lightning.pytorch import Callback
from torch.utils.data import Sampler

from segkit.training.settings import require


class SeededOrder(Sampler):
    """The images of an epoch in an order that depends on the seed and the epoch only.

    `generator` is for the DataLoader, which draws the seeds of its worker processes from it. Lightning calls
    `set_epoch`, but before the first epoch only after the workers have begun: hence `epoch` as an argument.
    """

    def __init__(self, length: int, seed: int, epoch: int = 0):
        self.length = length
        self.seed = seed
        self.generator = torch.Generator()
        self.set_epoch(epoch)

    def set_epoch(self, epoch: int):
        self.epoch = epoch
        self.generator.manual_seed(_epoch_seed(self.seed, epoch))

    def __len__(self) -> int:
        return self.length

    def __iter__(self):
        generator = torch.Generator().manual_seed(_epoch_seed(self.seed, self.epoch))
        return iter(torch.randperm(self.length, generator=generator).tolist())


class SeedEpochs(Callback):
    """Seeds all generators at the start of every epoch, so that an epoch is the same after resuming."""

    def __init__(self, seed: int):
        self.seed = seed

    def on_train_epoch_start(self, trainer, task):
        seed = _epoch_seed(self.seed, trainer.current_epoch)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)


def _epoch_seed(seed: int, epoch: int) -> int:
    return (seed * 100_003 + epoch) % 2**32  # NumPy takes 32 bits


def loading_options(num_workers: int | None, datasets, kind: str) -> dict:
    """How to load data here.

    Worker processes that are forked can run whatever a notebook defines; started in any other way (Windows, macOS,
    newer Pythons) they cannot see a notebook. On a CPU they would only take time from the training.
    """
    forked = multiprocessing.get_start_method() == "fork"
    if num_workers is None:
        num_workers = min(8, max(1, _usable_cpus() - 1)) if kind == "cuda" and forked else 0
    if num_workers > 0 and not forked:
        require(
            _can_be_sent(datasets),
            f"num_workers={num_workers} cannot load data with functions or classes that a notebook defines on this "
            "system: use num_workers=0, or move them into a file and import them.",
        )
    return {"num_workers": num_workers, "pin_memory": kind == "cuda"}


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _can_be_sent(datasets) -> bool:
    """Whether a new process that imports what this one has imported can unpickle the data sets."""
    try:
        pickled = pickle.dumps(datasets)
    except (pickle.PicklingError, AttributeError, TypeError):  # a lambda, a function in a function, an open file
        return False
    is_script = hasattr(sys.modules["__main__"], "__file__")  # which a new process imports, unlike a notebook
    return is_script or b"__main__" not in pickled
