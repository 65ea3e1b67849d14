"""What only Colab has: Drive, and a page that shows a notebook which is no file."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from segkit.assignments import NOTEBOOKS
from segkit.errors import CourseError
from segkit.online.places import COLAB, place
from segkit.releases.bundle import FOLDER, read_description
from segkit.releases.notebooks import has_work, is_start, parse_notebook, source_of, written

_SECONDS = 30  # that the page may take to answer
_NAMED = re.compile(r'\bstart\(\s*"\w+/(\w+)"')  # in the start cell, which names its notebook


def mount_drive(base: Path) -> Path:
    """Mount Google Drive, which asks for permission; the folder "My Drive".

    Raises:
        CourseError: if it is not allowed, or fails.
    """
    from google.colab import drive

    try:
        drive.mount(str(base / "drive"))
    except Exception as error:  # Colab raises several kinds, none of them documented
        raise CourseError(
            f"Google Drive was not mounted ({error}): run this cell again and allow it, or take the tick from DRIVE: "
            "then nothing is kept when the session ends."
        ) from None
    return base / "drive" / "MyDrive"


def open_notebook() -> tuple[str, dict] | None:
    """The notebook on the page that asks, as it is shown: ("02_modules", its content). None outside of Colab.

    None as well if the page does not answer or shows no notebook of the course.
    """
    if place() != COLAB:
        return None
    answer = None
    with suppress(Exception):  # an inner part of Colab: whatever becomes of it, files are what is left
        from google.colab import _message

        answer = _message.blocking_request("get_ipynb", request="", timeout_sec=_SECONDS)
    found = answer.get("ipynb") if isinstance(answer, dict) else None
    notebook = (
        parse_notebook(written(found)) if isinstance(found, dict) and isinstance(found.get("cells"), list) else None
    )
    for cell in notebook["cells"] if notebook else []:
        named = _NAMED.search(source_of(cell))
        if named and is_start(cell):
            return named[1], notebook
    return None


def keep_notebook(folder=".") -> None:
    """Write the notebook that is open here into the folder of your notebooks: for one that was opened from elsewhere.

    Raises:
        CourseError: outside of Colab, or if a notebook of that name is there with other work in it.
    """
    found = open_notebook()
    if found is None:
        raise CourseError(
            "The open notebook cannot be read here: save it with the menu File, then move it to the others."
        )
    name, notebook = found
    target = Path(folder).resolve() / f"{name}.ipynb"
    if target.is_file() and _has_other_work(target, notebook):
        raise CourseError(f"{target} has other work in it: rename it or move it away, then call this again.")
    target.write_bytes(written(notebook))
    print(f"{target} holds what is open here: open it from Drive and go on there.")


def _has_other_work(path: Path, notebook: dict) -> bool:
    there = parse_notebook(path.read_bytes())  # None: what that is, nobody knows
    return there is None or (has_work(there, released_cells(path)) and not same_work(there, notebook))


def released_cells(path: Path) -> Mapping[str, str]:
    """The cells of a notebook of the course as they were released (`cell_digests`); {} if that is not known."""
    about = read_description(path.parent.parent)
    return about.cells.get(f"{path.parent.name}/{path.name}", {}) if about else {}


def same_work(one: dict, other: dict) -> bool:
    """Whether two notebooks hold the same texts in the same order."""
    return [source_of(cell).rstrip() for cell in one["cells"]] == [source_of(cell).rstrip() for cell in other["cells"]]


def offer_download(path: Path) -> None:
    """Have the browser download a file; outside of Colab there is no need."""
    if place() == COLAB:
        with suppress(Exception):  # a browser may forbid it; where the file is was said
            from google.colab import files

            files.download(str(path.resolve()))


def strays(home: Path, folder: Path) -> list[str]:
    """Notebooks of the course where Colab's "Save a copy in Drive" puts them: a sentence, if there are any."""
    names = [name for names in NOTEBOOKS.values() for name in names]
    copies = sorted(path.name for path in (home.parent / "Colab Notebooks").glob("*.ipynb"))
    found = [copy for copy in copies if any(name in copy for name in names)]
    if not found:
        return []
    return [
        f"My Drive > Colab Notebooks holds {', '.join(found)}: if that is your work, move it to {FOLDER} > "
        f"{folder.name} and give it its name back, in place of the one there."
    ]
