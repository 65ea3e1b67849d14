"""What was measured, kept by content: the same model on the same images is measured once."""

import json
from hashlib import sha256
from pathlib import Path

from autograder.files import write_whole


class KeptRecords:
    """Records by name, each of which holds for what it depends on alone.

    Args:
        folder: where they are kept; None keeps none.
        depends_on: all that a record depends on but what its name says.
        fresh: look at nothing that is kept, but keep what is new.
    """

    def __init__(self, folder: Path | None, *depends_on: object, fresh: bool = False) -> None:
        self._folder, self._key, self._fresh = folder, digest(*depends_on), fresh

    def read(self, name: str) -> dict | None:
        """The record of that name, if one is kept."""
        if self._folder is None or self._fresh:
            return None
        try:
            record = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def write(self, name: str, record: dict) -> None:
        """Keep a record, whole or not at all."""
        if self._folder is not None:
            write_whole(self._path(name), json.dumps(record) + "\n")

    def _path(self, name: str) -> Path:
        return self._folder / "evaluations" / f"{digest(self._key, name)}.json"


def digest(*parts: object) -> str:
    """A name for what these parts, which JSON can write, say."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
