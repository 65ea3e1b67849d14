"""The tensors in a file: safetensors, or what torch.save wrote, read without running anything that it holds."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from segkit.errors import CourseError

LARGEST = 2 * 2**30  # bytes; the largest published file, B5 with a decoder, has 339 MB
_NESTED = ("state_dict", "model", "module")  # where training scripts put the tensors beside other things


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU.

    Args:
        path: a `.safetensors` file, or any other that `torch.save` wrote: a dictionary of tensors, perhaps under
            "state_dict".

    Raises:
        CourseError: if it is too large, damaged, or holds something else.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise CourseError(f"{path} has {size / 2**30:.1f} GiB; the largest published encoder has a third of one.")
    tensors = _from_safetensors(path) if path.suffix == ".safetensors" else _from_torch(path)
    if not tensors or not all(isinstance(name, str) for name in tensors):
        raise CourseError(f"{path} holds no tensors with names: choose a file of weights.")
    strange = [
        name for name, value in tensors.items() if not isinstance(value, Tensor) or value.layout != torch.strided
    ]
    if strange:
        raise CourseError(f"{path} holds {strange[0][:80]!r}, which is no tensor: choose a file of weights alone.")
    return tensors


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _from_torch(path: Path) -> dict:
    try:
        # weights_only: a pickle may otherwise run any code
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle fails in all manner of ways
        raise _damaged(path, error) from error
    while isinstance(found, dict):
        inner = next((found[key] for key in _NESTED if isinstance(found.get(key), dict)), None)
        if inner is None:
            return found
        found = inner
    raise CourseError(f"{path} holds {type(found).__name__} and not tensors by name: choose a file of weights.")


def _damaged(path: Path, error: Exception) -> CourseError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:100].rstrip(".")
    return CourseError(
        f"{path} cannot be read as weights ({reason}): it is damaged, incomplete or something else; fetch it again."
    )
