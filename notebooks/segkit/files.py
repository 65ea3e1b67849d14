"""A file that is there whole or not at all; needs nothing but Python."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path, *, shared: bool = False) -> Iterator[Path]:
    """Give a path beside `path` to write to; what the block wrote there becomes `path` when it has ended well.

    Whoever reads `path` sees the old file or the new one, never a part. If the block fails or is interrupted, what it
    wrote is removed and the old file is as it was. A file that has to outlive a power failure as well needs `os.fsync`
    in the block.

    Args:
        path: the file to write; its folder is made if it is missing.
        shared: whether several processes may write it at the same time, each into a part of its own; the last to end
            wins. Without it the part has one name, so that what a killed process has left is written over by the next.

    Raises:
        OSError: if it cannot be written (no permission, disk full).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f".{secrets.token_hex(4)}" if shared else ""
    part = path.with_name(f".{path.name}{own}.part")
    try:
        yield part
        os.replace(part, path)
    except BaseException:  # Ctrl-C as well
        with suppress(OSError):
            part.unlink()
        raise
