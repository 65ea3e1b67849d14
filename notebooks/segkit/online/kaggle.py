"""What only Kaggle has: inputs, which are data sets and files that were added to a notebook."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from segkit.releases.bundle import Description
from segkit.releases.notebooks import has_work, parse_notebook

INPUT = Path("/kaggle/input")
_DEPTH = 5  # folders below it that are looked into
_MANIFEST = "manifest.json"  # of a four-class set (segkit.subset needs more than Python)
_DATA = ("ADEChallengeData2016", "ADEChallengeData2016.zip", "course-data.zip")


def take_inputs(folder: Path, released: Description, inputs: Path | None = None) -> list[str]:
    """Take the student's earlier notebooks from the inputs, and let `DATA` name data that lie there.

    Args:
        folder: of the assignment's notebooks.

    Returns:
        A sentence for each thing that was found.
    """
    inputs = inputs or INPUT
    words = []
    for target in sorted(folder.glob("*.ipynb")):
        cells = released.cells.get(f"{folder.name}/{target.name}", {})
        found = [path for path in _below(inputs, target.name) if _is_worked_on(path, cells)]
        if found and not _is_worked_on(target, cells):
            shutil.copyfile(found[-1], target)
            words.append(f"{target.name} is yours, from {found[-1]}.")
    if "DATA" not in os.environ and (data := _data(inputs)):
        os.environ["DATA"] = str(data)
        words.append(f"The data are taken from {data}.")
    return words


def _is_worked_on(path: Path, released: dict) -> bool:
    notebook = parse_notebook(path.read_bytes()) if path.is_file() else None
    return notebook is not None and has_work(notebook, released)


def _data(inputs: Path) -> Path | None:
    for name in _DATA:
        if found := _below(inputs, name):
            return found[0]
    built = [path.parent for path in _below(inputs, _MANIFEST) if (path.parent / "training").is_dir()]
    return built[0] if built else None


def _below(folder: Path, name: str) -> list[Path]:
    """Files and folders of a name, sorted; photographs by the thousand are not searched for more folders."""

    def search() -> Iterator[Path]:
        for place, folders, files in os.walk(folder):
            if name in folders or name in files:
                yield Path(place, name)
            if len(Path(place).relative_to(folder).parts) >= _DEPTH:
                folders.clear()

    return sorted(search())
