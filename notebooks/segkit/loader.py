"""Batches in an order that a seed and the epoch decide, made in as many processes as are safe here.

`Loader` gives augmented batches of a four-class data set on the device where the model is; `loading_options` serves any
`DataLoader`. Which images make a batch is decided in `segkit.batches`.
"""

import multiprocessing
import pickle
import signal
import sys
from collections.abc import Iterator
from itertools import chain, pairwise

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from segkit.augmentation import Augmentation, Plain
from segkit.batches import SeededBatches, SeededOrder, Share
from segkit.data import IMAGE_SIZE, TARGET_SIZE
from segkit.errors import CourseError
from segkit.machine import usable_cpus

AUGMENT_ON = ("auto", "workers", "device")
# Where the device augments if "auto" may choose. On a CPU both designs are equally fast without worker processes
# (`benchmarks/data_loading.py`), and with them only "workers" shares the work out. That the other devices do better
# with bytes, a quarter of what floats take to copy, is an expectation and not measured.
AUGMENTING_DEVICES = ("cuda", "mps")


class Loader:
    """The batches of an epoch: images float32 (B, 3, h, w), targets int64 (B, h', w'), both on `device`.

    What a batch holds depends on `seed`, the epoch and the positions of its images in `data` only; neither the number
    of worker processes, nor where the augmentation happens, nor torch's own generators change it, but for the last bits
    of a float, which depend on how many threads torch adds with. Call `set_epoch` before every epoch; Lightning does so
    by itself.

    Args:
        data: data set of uint8 images (3, H, W) and masks (H, W) without a transform, such as `FourClassADE20K`.
        augmentation: None for none, as `segkit.data.EvalTransform`.
        image_size, target_size: (height, width) without an augmentation, which has its own; None for the course's.
        shuffle: False keeps the order of `data`.
        augment_on: "workers" augments each item on the CPU, in the worker processes if there are any; "device" copies
            whole batches of bytes to the device, one batch ahead, and augments them there (`data.planes` is needed);
            "auto" chooses.
        num_workers: processes that load data; None for as many as are safe and useful here.
        drop_last: leave out the last batch if it is smaller than the others.
        share: which parts of every batch this process gets, where several share the work; None for whole batches.

    Raises:
        CourseError: if a setting or the data set is none that can be used here.
    """

    def __init__(
        self,
        data,
        batch_size: int = 16,
        *,
        augmentation: Augmentation | None = None,
        image_size=None,
        target_size=None,
        shuffle: bool = True,
        seed: int = 0,
        device="cpu",
        augment_on: str = "auto",
        num_workers: int | None = None,
        drop_last: bool = False,
        share: Share | None = None,
    ):
        _check_batch_size(batch_size)
        check_raw_data(data)
        self.device = _usable_device(device)
        self.augmentation = _chosen_augmentation(augmentation, image_size, target_size)
        self.augment_on = _chosen_design(augment_on, data, self.device)
        order = SeededOrder(len(data), seed, shuffle=shuffle)
        self.batch_sampler = SeededBatches(order, batch_size, drop_last, share)  # where Lightning looks for a set_epoch
        options = loading_options(num_workers, (data, self.augmentation), self.device.type)
        if self.augment_on == "device":
            options |= {"dataset": _RawBatches(data), "collate_fn": _as_it_is}
        else:
            options |= {"dataset": _AugmentedItems(data, self.augmentation)}
        self._batches = DataLoader(
            batch_sampler=self.batch_sampler,
            generator=order.generator,
            # Forked anew in every epoch they take a moment, started in another way seconds.
            persistent_workers=options["num_workers"] > 0 and not forks(),
            worker_init_fn=ignore_interrupts,
            **options,
        )
        self._iteration = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the augmentations of the next iteration; an iteration that has begun keeps its own."""
        self.batch_sampler.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self._iteration += 1
        return self._finished(iter(self._batches), self._iteration)

    def _finished(self, batches, iteration: int) -> Iterator[tuple[Tensor, Tensor]]:
        batches = chain(map(self._move, _with_readable_errors(batches)), [None])
        for batch, _ in pairwise(batches):  # the next batch is on its way before this one is used
            yield self._augment(*batch) if self.augment_on == "device" else tuple(batch)
            self._check_only(iteration)

    def _move(self, batch) -> list:
        return [part.to(self.device, non_blocking=True) if isinstance(part, Tensor) else part for part in batch]

    def _augment(self, planes: Tensor, seeds: list[int]) -> tuple[Tensor, Tensor]:
        items = [self.augmentation(item[:3], item[3], seed) for item, seed in zip(planes, seeds, strict=True)]
        images, targets = zip(*items, strict=True)
        return torch.stack(images), torch.stack(targets)

    def _check_only(self, iteration: int) -> None:
        if self._batches.persistent_workers and iteration != self._iteration:
            raise CourseError(
                "A Loader whose worker processes outlive an epoch can be gone through once at a time, but it was begun "
                "again meanwhile: make a second Loader, or use num_workers=0."
            )


class _AugmentedItems(Dataset):
    """Items for `DataLoader` to put together, each asked for by (index, seed)."""

    def __init__(self, data, augmentation: Augmentation | Plain):
        self.data = data
        self.augmentation = augmentation

    def __getitem__(self, drawn: tuple[int, int]) -> tuple[Tensor, Tensor]:
        index, seed = drawn
        return self.augmentation(*self.data[index], seed)


class _RawBatches(Dataset):
    """Whole batches of bytes: uint8 (B, 4, H, W) with the planes red, green, blue and label, and the items' seeds."""

    def __init__(self, data):
        self.data = data

    def __getitems__(self, drawn: list[tuple[int, int]]) -> tuple[Tensor, list[int]]:
        planes = np.stack([self.data.planes(index) for index, _ in drawn])
        return torch.from_numpy(planes), [seed for _, seed in drawn]


def loading_options(num_workers: int | None, datasets, kind: str) -> dict:
    """How to load data here: `num_workers` and `pin_memory` of a `DataLoader`.

    Worker processes that are forked can run whatever a notebook defines; started in any other way (Windows, macOS,
    newer Pythons) they cannot see a notebook. On a CPU they would only take time from the training.

    Args:
        num_workers: None for as many as are safe and useful here.
        datasets: all that the processes are sent.
        kind: cpu, cuda or mps, where the training happens.

    Raises:
        CourseError: if `num_workers` is no such number, or the data sets cannot be sent to new processes.
    """
    if not (num_workers is None or (isinstance(num_workers, int) and num_workers >= 0)):
        raise CourseError(f"num_workers={num_workers} must be None, 0 or a positive whole number.")
    forked = forks()
    if num_workers is None:
        num_workers = min(8, max(1, usable_cpus() - 1)) if kind == "cuda" and forked else 0
    if num_workers > 0 and not forked and not can_be_sent(datasets):
        raise CourseError(
            f"num_workers={num_workers} cannot load data with functions or classes that a notebook defines on this "
            "system: use num_workers=0, or move them into a file and import them."
        )
    return {"num_workers": num_workers, "pin_memory": kind == "cuda"}


def check_raw_data(data, whose: str = "The data set") -> None:
    """Whether `Loader` can use a data set, judged by its first item.

    Raises:
        CourseError: if it is empty, has a transform, or gives anything but bytes.
    """
    if len(data) == 0:
        raise CourseError(f"{whose} is empty: there is nothing to load.")
    if getattr(data, "transform", None) is not None:
        raise CourseError(f"{whose} has a transform of its own: leave it out, since the augmentation takes its place.")
    item = data[0]
    item = item if isinstance(item, tuple | list) else [item]
    described = [f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value) for value in item]
    shapes = [tuple(value.shape) for value in item if isinstance(value, Tensor) and value.dtype == torch.uint8]
    if not (len(item) == len(shapes) == 2 and len(shapes[1]) == 2 and shapes[0] == (3, *shapes[1])):
        raise CourseError(
            f"{whose} must give an image (torch.uint8, 3 x height x width) and its mask (torch.uint8, height x width), "
            f"but its first item is {', '.join(described)[:200]}: use FourClassADE20K without a transform."
        )


def _check_batch_size(batch_size) -> None:
    if not (isinstance(batch_size, int) and batch_size >= 1):
        raise CourseError(f"batch_size={batch_size} must be a whole number of at least 1.")


def _usable_device(device) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        raise CourseError(f'device="{device}" cannot be used here: choose "cpu", or call best_device().') from error


def _chosen_augmentation(augmentation, image_size, target_size) -> Augmentation | Plain:
    if augmentation is None:
        return Plain(image_size or IMAGE_SIZE, target_size or TARGET_SIZE)
    if image_size is not None or target_size is not None:
        raise CourseError("The augmentation has an image_size and a target_size already: give them to it alone.")
    if not (callable(augmentation) and hasattr(augmentation, "image_size")):
        raise CourseError(f"augmentation={augmentation!r} must be None or a segkit.augmentation.Augmentation.")
    return augmentation


def _chosen_design(augment_on: str, data, device: torch.device) -> str:
    if augment_on not in AUGMENT_ON:
        raise CourseError(f'augment_on="{augment_on}" is not known: choose one of {", ".join(AUGMENT_ON)}.')
    has_planes = hasattr(data, "planes")
    if augment_on == "auto":
        return "device" if device.type in AUGMENTING_DEVICES and has_planes else "workers"
    if augment_on == "device" and not has_planes:
        raise CourseError(
            f'augment_on="device" reads whole batches with data.planes, which {type(data).__name__} does not have: '
            'use FourClassADE20K, or augment_on="workers".'
        )
    return augment_on


def _with_readable_errors(batches) -> Iterator:
    """The batches; an error in a worker process comes out as it would in this one, as one sentence."""
    try:
        yield from batches
    except CourseError as error:
        # Tracebacks hold on to the processes: without these two they end now, not when the garbage is collected.
        error.__traceback__ = None
        del batches
        # DataLoader puts the worker's traceback before the sentence.
        raise CourseError(str(error).rsplit("CourseError: ", 1)[-1].strip()) from None
    except (RuntimeError, ConnectionError, EOFError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker"):
            raise
        raise CourseError(
            "A process that loads data has ended unexpectedly, probably for want of memory: use fewer with "
            "num_workers, or a smaller batch_size."
        ) from error


def forks() -> bool:
    """Whether new processes are copies of this one, as on Linux up to Python 3.13."""
    return multiprocessing.get_start_method() == "fork"


def can_be_sent(datasets) -> bool:
    """Whether a new process that imports what this one has imported can unpickle the data sets."""
    try:
        pickled = pickle.dumps(datasets)
    except (pickle.PicklingError, AttributeError, TypeError):  # a lambda, a function in a function, an open file
        return False
    is_script = hasattr(sys.modules["__main__"], "__file__")  # which a new process imports, unlike a notebook
    return is_script or b"__main__" not in pickled


def ignore_interrupts(worker: int) -> None:
    """For a process that loads data: Ctrl-C reaches it as well, but whether to stop is for the training to say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _as_it_is(batch):
    return batch
