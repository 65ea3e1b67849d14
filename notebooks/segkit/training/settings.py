"""The settings of a training run: what can be used here, and a sentence for what cannot."""

from pathlib import Path

import torch
from torch import Tensor

from segkit.devices import best_device
from segkit.errors import CourseError
from segkit.loader import check_raw_data

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
PRECISIONS = {"cpu": ("32", "bf16-mixed"), "cuda": ("32", "bf16-mixed", "16-mixed"), "mps": ("32",)}


def require(condition: bool, sentence: str):
    """Raise a CourseError with this sentence unless the condition holds."""
    if not condition:
        raise CourseError(sentence)


def check_whole(name: str, value):
    require(
        isinstance(value, int) and not isinstance(value, bool) and value >= 1,
        f"{name}={value} must be a whole number of at least 1.",
    )


def check_seed(seed):
    require(
        isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0,
        f"seed={seed} must be a whole number of at least 0.",
    )


def check_settings(out: Path, train_set, val_set, *, augmentation, whole_numbers: dict, switches: dict):
    for name, value in whole_numbers.items():
        check_whole(name, value)
    for name, value in switches.items():
        require(isinstance(value, bool), f"{name}={value!r} must be True or False.")
    for name, dataset in (("training", train_set), ("validation", val_set)):
        require(len(dataset) > 0, f"The {name} set is empty: there is nothing to train with.")
        if augmentation is None:
            _check_item(dataset[0], f"The {name} set")
        else:
            check_raw_data(dataset, f"The {name} set")
    require(out.is_dir() or not out.exists(), f"{out} is a file, but the folder of a run is needed: choose another.")


def check_parts(batch_size: int, devices: int, accumulate: int, training_images: int, validation_images: int):
    """Whether batches can be shared out."""
    parts = devices * accumulate
    require(
        batch_size % parts == 0,
        f"batch_size={batch_size} is shared by {devices} device(s) in {accumulate} part(s) each: choose one that can "
        f"be divided by {parts}, for example {max(1, batch_size // parts) * parts}.",
    )
    require(
        training_images >= parts and validation_images >= devices,
        f"{training_images} training images and {validation_images} validation images are too few to share: choose "
        "fewer devices, or a smaller accumulate.",
    )


def _check_item(item, whose: str):
    """Raw images, or float64 ones, would fail deep inside the model, and the latter on a Mac only."""
    item = item if isinstance(item, tuple | list) else [item]
    described = [f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value) for value in item]
    kinds = [(value.dtype, value.ndim) for value in item if isinstance(value, Tensor)]
    require(
        kinds == [(torch.float32, 3), (torch.int64, 2)] and len(item) == 2,
        f"{whose} must give an image (torch.float32, 3 x height x width) and a target (torch.int64, height x width), "
        f"but its first item is {', '.join(described)[:200]}: give the data set the transform that makes them.",
    )


def choose_precision(precision: str = "auto", accelerator: str = "auto") -> str:
    """The precision to train with here: what is asked for, if this device has it.

    "auto" is "bf16-mixed" on a CUDA GPU that computes in bfloat16 itself, "16-mixed" on an older one, "32" elsewhere.

    Raises:
        CourseError: if the device does not have the precision, or there is no such device.
    """
    kind = kind_of_device(accelerator)
    if precision == "auto":
        if kind != "cuda":
            return "32"
        # older GPUs emulate bfloat16, correctly and slowly, and torch counts that as support unless told not to
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    require(
        precision in PRECISIONS[kind],
        f'precision="{precision}" cannot be used on {kind}: choose "auto" or one of {", ".join(PRECISIONS[kind])}.',
    )
    return precision


def kind_of_device(accelerator: str) -> str:
    """cpu, cuda or mps"""
    require(
        accelerator in ACCELERATORS,
        f'accelerator="{accelerator}" is not known: choose one of {", ".join(ACCELERATORS)}.',
    )
    found = best_device().type
    if accelerator in ("auto", "cpu"):
        return "cpu" if accelerator == "cpu" else found
    require(
        found != "cpu" and accelerator in ("gpu", found),
        f'accelerator="{accelerator}" is asked for, but torch finds {found} here: use accelerator="auto".',
    )
    return found
