"""`model.safetensors`: the weights, read with nothing believed of the file before it is checked.

Its table of tensors, as written by the safetensors library: https://github.com/huggingface/safetensors#format
"""

import io
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from segkit.checking.wire import WireError, read_tensors
from segkit.errors import CourseError

CHECKPOINT = "model.safetensors"
MAX_BYTES = 64 * 2**20
MAX_TENSORS = 4000
# What a norm layer counts while it is trained, each as large as its weights, but for the last; all else was learned.
STATISTICS, COUNT = ("running_mean", "running_var"), "num_batches_tracked"
_PICKLES = (b"PK\x03\x04", b"\x80")  # what torch.save writes, now and formerly


def too_large(size: int, limit: int = MAX_BYTES) -> str:
    """What is said of a checkpoint of `size` bytes, above the limit."""
    return (
        f"{CHECKPOINT} has {size / 2**20:.0f} MiB, and {limit // 2**20} may be handed in: hand in a smaller model, "
        "or save it with half=True, in 16 bits a weight."
    )


def read_checkpoint(data: bytes, limit: int = MAX_BYTES) -> dict[str, Tensor]:
    """The tensors of a checkpoint's bytes, by name. Neither code nor a size that the file claims is trusted.

    Raises:
        CourseError: with what is wrong, one sentence that begins with the file's name.
    """
    if len(data) > limit:
        raise CourseError(too_large(len(data), limit))
    try:
        tensors = read_tensors(io.BytesIO(data).read, len(data), metadata=True)
    except (WireError, EOFError) as error:
        if data.startswith(_PICKLES):
            raise CourseError(
                f"{CHECKPOINT} holds a pickle (as torch.save writes) under another name, which is not opened: save the "
                "model with save_results."
            ) from None
        raise CourseError(f"{CHECKPOINT} is damaged or no safetensors file ({error}): save it again.") from None
    if not 0 < len(tensors) <= MAX_TENSORS:
        raise CourseError(f"{CHECKPOINT} holds {len(tensors)} tensors; a model has 1 to {MAX_TENSORS}.")
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor.float()).all()]
    if broken:
        raise CourseError(
            f"{CHECKPOINT} holds NaN or infinity in {len(broken)} of {len(tensors)} tensors ({broken[0][:80]!r}): the "
            "training failed, or 16 bits were too few."
        )
    return tensors


def read_checkpoint_file(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint in a file of one's own.

    Raises:
        CourseError: as `read_checkpoint`, or if it cannot be read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CourseError(too_large(path.stat().st_size))
        return read_checkpoint(path.read_bytes())
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}): run save_results first.") from None


def learned_numbers(tensors: dict[str, Tensor]) -> int:
    """How many parameters a checkpoint holds: all its numbers but the statistics of norm layers.

    What only has the name of a statistic counts: whoever hands in a model chooses names.
    """
    return sum(tensor.numel() for name, tensor in tensors.items() if not _is_statistic(name, tensors))


def _is_statistic(name: str, tensors: dict[str, Tensor]) -> bool:
    layer, _, last = name.rpartition(".")
    if last == COUNT:
        return tensors[name].numel() == 1
    weight = tensors.get(f"{layer}.weight" if layer else "weight")
    return last in STATISTICS and weight is not None and weight.shape == tensors[name].shape


def digest_of(data: bytes) -> str:
    """A name for exactly these bytes."""
    return sha256(data).hexdigest()
