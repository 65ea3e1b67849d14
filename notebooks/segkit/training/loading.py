"""The batches of a training run, the same after resuming as without a stop."""

import random

import numpy as np
import torch
from lightning.pytorch import Callback
from torch.utils.data import DataLoader

from segkit.augmentation import Augmentation
from segkit.loader import Loader, SeededOrder, epoch_seed, loading_options


class SeedEpochs(Callback):
    """Seeds all generators at the start of every epoch, so that an epoch is the same after resuming."""

    def __init__(self, seed: int):
        self.seed = seed

    def on_train_epoch_start(self, trainer, task):
        seed = epoch_seed(self.seed, trainer.current_epoch)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)


def make_loaders(
    train_set,
    val_set,
    batch_size: int,
    augmentation: Augmentation | None,
    kind: str,
    *,
    seed: int,
    epoch: int,
    num_workers: int | None,
    shuffle: bool,
) -> tuple:
    """(training, validation) loaders for a training on a device of this kind that begins with `epoch`."""
    if augmentation is not None:
        options = {"seed": seed, "device": kind, "num_workers": num_workers}
        return _augmented_loaders(train_set, val_set, batch_size, augmentation, epoch, shuffle, options)
    options = loading_options(num_workers, (train_set, val_set), kind)
    order = SeededOrder(len(train_set), seed, epoch, shuffle=shuffle)
    training = DataLoader(train_set, batch_size, sampler=order, generator=order.generator, **options)
    return training, DataLoader(val_set, batch_size, **options)


def _augmented_loaders(train_set, val_set, batch_size, augmentation, epoch, shuffle, options) -> tuple[Loader, Loader]:
    """Only the training images are augmented; the others are resized to the same sizes."""
    training = Loader(train_set, batch_size, augmentation=augmentation, shuffle=shuffle, **options)
    training.set_epoch(epoch)
    sizes = {"image_size": augmentation.image_size, "target_size": augmentation.target_size}
    return training, Loader(val_set, batch_size, shuffle=False, **sizes, **options)
