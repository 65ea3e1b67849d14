"""What is read of a source and what is not, and what damaged data raise."""

import errno
import struct
import zipfile
import zlib

from PIL import Image, UnidentifiedImageError

LARGEST_FILE = 64 * 2**20  # bytes; the largest photograph of ADE20K has 2
LARGEST_PICTURE = 50_000_000  # pixels; the largest of ADE20K has 4.5 million
# What Pillow, zipfile and pyarrow raise on damaged data; anything else is a fault of ours and must not look like one.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)
# Of this machine and this moment: the same file can be read later, or elsewhere.
_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)


def require_size(size: int) -> None:
    """Raise ValueError if a file of so many bytes is not read."""
    if size > LARGEST_FILE:
        raise ValueError(f"it has {size / 2**20:,.0f} MiB, more than the {LARGEST_FILE // 2**20} MiB that are read")


def is_passing(error: Exception) -> bool:
    """Whether it says something about this machine and nothing about the data."""
    return isinstance(error, OSError) and error.errno in _PASSING


def in_words(error: Exception) -> str:
    """What it says, without paths or addresses: the same on every machine."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no image file"
    return getattr(error, "strerror", None) or str(error)


def is_wanted(name: str) -> bool:
    """Whether a file is not just what file managers leave behind (.DS_Store, ._photo.jpg, Thumbs.db)."""
    base = name.rsplit("/", 1)[-1]
    return (not base.startswith(".") or base.startswith("..")) and base != "Thumbs.db"
