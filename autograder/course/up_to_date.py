"""Whether a graded submission would be graded alike today: the files handed in, and all that a verdict depends on."""

import json
import os
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from pathlib import Path

from autograder.files import write_whole
from autograder.grading.verdicts import Basis

DONE = "graded.json"
MAX_FILES = 5000


def state_of(student: Path, basis: Basis, released: Path) -> str:
    """Changes with any file that stands in `submitted/<student>`, with the released notebooks, and with `basis`."""
    handed_in = sorted(islice(_files(student), MAX_FILES))
    notebooks = [(path.name, sha256(path.read_bytes()).hexdigest()) for path in sorted(released.glob("*.ipynb"))]
    return sha256(json.dumps([handed_in, notebooks, asdict(basis)], sort_keys=True).encode()).hexdigest()


def is_up_to_date(folder: Path, state: str) -> bool:
    """Whether the verdicts in `folder` are whole and were found in that state."""
    try:
        return json.loads((folder / DONE).read_text(encoding="utf-8"))["state"] == state
    except (OSError, ValueError, KeyError, TypeError):
        return False


def mark_done(folder: Path, state: str) -> None:
    """Say that all verdicts in `folder` are written, and stand in the gradebook."""
    write_whole(folder / DONE, json.dumps({"state": state}) + "\n")


def mark_begun(folder: Path) -> None:
    """Say that they no longer are: what is begun and not done is begun again by the next run."""
    (folder / DONE).unlink(missing_ok=True)


def _files(folder: Path):
    for place, _, names in os.walk(folder):  # links are not followed
        for name in names:
            path = os.path.join(place, name)
            try:
                about = os.lstat(path)
            except OSError:
                continue
            yield os.fsencode(os.path.relpath(path, folder)).hex(), about.st_size, about.st_mtime_ns
