"""Notebooks as parsed JSON: their cells, and whether these are still as they were released."""

import json
from collections.abc import Mapping
from hashlib import sha256

START = "start"  # the id of the cell that fetches the course: the course's own, but for the choice of Drive
_STARTS = "from segkit.online import start"
_NO_DRIVE, _DRIVE = "DRIVE = False", "DRIVE = True"


def parse_notebook(data: bytes) -> dict | None:
    """A notebook file's content; None if it is no notebook."""
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    return notebook if isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells) else None


def written(notebook: dict) -> bytes:
    """The file of a notebook, laid out as Jupyter does it."""
    cells = [cell | {"source": source_of(cell).splitlines(keepends=True)} for cell in notebook["cells"]]
    text = json.dumps(notebook | {"cells": cells}, indent=1, ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "replace") + b"\n"


def source_of(cell: dict) -> str:
    """What stands in a cell."""
    source = cell.get("source", "")
    return "".join(line for line in (source if isinstance(source, list) else [source]) if isinstance(line, str))


def metadata_of(cell: dict, part: str | None = None) -> dict:
    """The metadata of a cell or notebook, or one part of it; {} if there are none."""
    found = cell.get("metadata")
    found = found.get(part) if part and isinstance(found, dict) else found
    return found if isinstance(found, dict) else {}


def stamp_of(notebook: dict) -> str | None:
    """What tells one release of a notebook from another, and stays in the student's; None if it was lost."""
    found = metadata_of(notebook, "course").get("built")
    return found if isinstance(found, str) else None


def id_of(cell: dict) -> str | None:
    """A cell's id, which Colab writes into the metadata."""
    found = cell.get("id") or metadata_of(cell).get("id")
    return found if isinstance(found, str) else None


def is_start(cell: dict) -> bool:
    """Whether it is the cell that fetches the course, also if it has lost its id."""
    source = source_of(cell)
    return id_of(cell) == START or (_STARTS in source and (_DRIVE in source or _NO_DRIVE in source))


def cell_digest(cell: dict) -> str:
    """Tells whether two cells hold the same text."""
    text = source_of(cell).replace("\r\n", "\n").rstrip()
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def cell_digests(notebook: dict) -> dict[str, str]:
    """id -> digest of each cell of a released notebook, in order."""
    return {id_of(cell) or str(number): cell_digest(cell) for number, cell in enumerate(notebook["cells"])}


def has_work(notebook: dict, released: Mapping[str, str]) -> bool:
    """Whether a cell holds text that was not released (`cell_digests`); having run it is no work."""
    known = set(released.values())
    own = (cell for cell in notebook["cells"] if source_of(cell).strip() and not is_start(cell))
    return any(cell_digest(cell) not in known for cell in own)


def wants_drive(notebook: dict) -> bool | None:
    """Whether its start cell says that Drive is to be used; None if it has no such cell."""
    starts = [source_of(cell) for cell in notebook["cells"] if is_start(cell)]
    return _DRIVE in starts[0] if starts else None


def with_drive(notebook: dict, drive: bool) -> dict:
    """The notebook whose start cell says whether to use Drive."""
    old, new = (_NO_DRIVE, _DRIVE) if drive else (_DRIVE, _NO_DRIVE)
    cells = [
        cell | {"source": source_of(cell).replace(old, new, 1)} if is_start(cell) else cell
        for cell in notebook["cells"]
    ]
    return notebook | {"cells": cells}
