"""Where published weights lie: in a file or folder of this machine, or on the Hugging Face hub."""

import errno
import re
from pathlib import Path
from typing import NamedTuple

from segkit.errors import CourseError

FILES = ("model.safetensors", "pytorch_model.bin")  # what transformers writes, the preferred one first
_ENDINGS = (".safetensors", ".bin", ".pth", ".pt")


class Source(NamedTuple):
    """A file of weights, what it is called in a sentence, and where it came from."""

    path: Path
    name: str
    address: str


def find_weights(source) -> Source:
    """The file that `source` means, fetched from the hub if need be.

    Args:
        source: the path of a file or of a folder, or the name of a repository such as "nvidia/mit-b0". What exists
            here is taken from here.

    Raises:
        CourseError: if there is no such file, or it cannot be fetched.
    """
    path = Path(str(source)).expanduser()
    if path.is_dir():
        path = _file_of(path)
    if path.is_file():
        return Source(path, str(path), str(path))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(source)) or path.suffix in _ENDINGS:
        raise CourseError(
            f'There is no file or folder {source}: give its path, or the name of a repository such as "nvidia/mit-b0".'
        )
    return _fetch(str(source))


def _file_of(folder: Path) -> Path:
    """The file of weights in a folder: one of transformers' names, or the only one with a known ending."""
    known = [folder / name for name in FILES if (folder / name).is_file()]
    found = known or sorted(file for file in folder.iterdir() if file.suffix in _ENDINGS)
    if not known and len(found) != 1:
        raise CourseError(
            f"{folder} holds {'no file' if not found else 'several files'} of weights: give the path of one that ends "
            f"in {', '.join(_ENDINGS)}."
        )
    return found[0]


def _fetch(repository: str) -> Source:
    """The file from the hub's cache on this machine, else from the hub, which shows a bar.

    A connection that is cut is taken up again where it broke off; a call that ends without the file starts over.

    Raises:
        CourseError: in one sentence, with what to do.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import RemoteEntryNotFoundError

    address = f"https://huggingface.co/{repository}"
    for name in FILES:
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Source(Path(cached), repository, address)
    for name in FILES:
        try:
            return Source(Path(hf_hub_download(repository, name)), repository, address)
        except RemoteEntryNotFoundError:
            continue
        except Exception as error:  # the hub's own errors, its HTTP client's and the system's have no common parent
            raise CourseError(_sentence(repository, name, error)) from error
    raise CourseError(f"{repository} has no {' and no '.join(FILES)}: choose another, for example nvidia/mit-b0.")


def _sentence(repository: str, name: str, error: Exception) -> str:
    """Why a file was not to be had, and what to do."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    by_hand = (
        f"download {name} by hand from https://huggingface.co/{repository}/tree/main and give its path to "
        "load_pretrained"
    )
    if isinstance(error, GatedRepoError):
        return f"{repository} is only for those who accepted its terms on the hub: do so and log in, or {by_hand}."
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no public {repository} on the hub: the encoders are called nvidia/mit-b0 to nvidia/mit-b5."
    answered = next((one for one in (error, error.__cause__) if isinstance(one, HfHubHTTPError)), None)
    if answered:
        return f"The hub answers {answered.response.status_code} for {repository}: try again later, or {by_hand}."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk is full, so {repository} cannot be fetched: make room and run this again."
    cause = error.__cause__ or error
    reason = (str(cause).splitlines() or [type(cause).__name__])[0][:120].rstrip(".")
    return f"{repository} could not be fetched from the hub ({reason}): check the network and try again, or {by_hand}."
