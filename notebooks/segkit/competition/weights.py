"""ImageNet's weights for encoders of the libraries: from the hub or a file; every failure told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from segkit.errors import CourseError
from segkit.pretrained.files import read_tensors


def tensors_of(path) -> dict[str, Tensor]:
    """The tensors of a file of weights, by name.

    Raises:
        CourseError: if there is no such file, or it cannot be read as weights.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise CourseError(f"There is no file {path}: give the path of a file of weights, or pretrained=True.")
    return read_tensors(path)


def require_loaded(encoder: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Refuse an encoder that kept numbers of its own: timm leaves what a file lacks as it was.

    Raises:
        ValueError: if a matrix or filter of the encoder is none of the file's, whatever they are called there.
    """
    given: dict[torch.Size, list[Tensor]] = {}
    for tensor in tensors.values():
        given.setdefault(tensor.shape, []).append(tensor)
    for name, parameter in encoder.named_parameters():
        if parameter.dim() > 1 and not any(torch.equal(parameter, one) for one in given.get(parameter.shape, ())):
            raise ValueError(f"it lacks {name}")


@contextmanager
def weights_explained(encoder: str, source) -> Iterator[None]:
    """Turn what the libraries raise, as they fetch weights or load them, into one sentence.

    Args:
        encoder: its name in segmentation-models-pytorch.
        source: True for the hub, or the path of a file.

    Raises:
        CourseError: in place of any error of the hub, its client, the system or `load_state_dict`.
    """
    if source is False:
        yield
        return
    try:
        yield
    except CourseError:
        raise
    except Exception as error:  # the hub's own errors, its HTTP client's and the system's have no common parent
        name = encoder.removeprefix("tu-")
        if source is True:
            raise CourseError(
                f"The weights of {name} could not be fetched from the Hugging Face hub ({_reason(error)}): check the "
                "network and try again, or give the path of a file of them as pretrained."
            ) from error
        raise CourseError(
            f"{source} holds no weights of {name} as its library calls them ({_reason(error)}): give another file."
        ) from error


def _reason(error: BaseException) -> str:
    """The first line of the innermost error, shortened."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    words = lines[1] if lines[0].startswith("Error(s) in loading state_dict") and len(lines) > 1 else lines[0]
    return words[:120].rstrip(".: ")
