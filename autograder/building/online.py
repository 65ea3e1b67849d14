"""What a student notebook has for Colab and Kaggle: badges, and a first cell that fetches the course.

Both come from `[online]` in `notebooks/course.toml`: a notebook that lies by itself has no such file beside it.
"""

import re
from urllib.parse import quote

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from segkit.course import CourseSettings
from segkit.errors import CourseError
from segkit.releases.bundle import FOLDER
from segkit.releases.notebooks import START

BADGES = {
    "Open in Colab": (
        "https://colab.research.google.com/assets/colab-badge.svg",
        "https://colab.research.google.com/github/{}",
    ),
    "Open in Kaggle": (
        "https://kaggle.com/static/images/open-in-kaggle.svg",
        "https://kaggle.com/kernels/welcome?src=https://github.com/{}",
    ),
}
_ON_GITHUB = re.compile(r"[\w.-]+/[\w.-]+/blob/[\w./-]+", re.ASCII)
_ADDRESS = re.compile(r"https?://[\w.-]+(:\d+)?/[^\s\"'\\{}]+", re.ASCII)

# Standard library only; Colab shows the lines with @ as a form and hides the rest.
START_CELL = """\
# @title Get the course: run this first
# @markdown It is for Colab, for Kaggle, and for a notebook that lies by itself; elsewhere it does nothing.
# @markdown In Colab, tick the box to keep your notebooks, data and checkpoints in your Google Drive.
DRIVE = False  # @param {{type: "boolean"}}

import sys, tempfile, urllib.request
from pathlib import Path

class CourseError(Exception):
    def _render_traceback_(self):  # a sentence instead of a traceback
        return [f"CourseError: {{self}}"]

if "google.colab" in sys.modules or not Path("../segkit").is_dir():
    address = "{address}"
    bundle = Path(tempfile.mkdtemp(), "segformer-course.zip")
    try:
        bundle.write_bytes(urllib.request.urlopen(address, timeout=60).read())
        sys.path.insert(0, f"{{bundle}}/{folder}")
        from segkit.online import start
    except Exception as error:
        reason = "what is there is not the course's zip file" if isinstance(error, ImportError) else error
        raise CourseError(
            f"The course could not be fetched from {{address}} ({{reason}}). Is there a network? In Kaggle, turn on "
            "Settings > Internet. If it stays so, tell your instructor."
        ) from None
    start("{notebook}", bundle, drive=DRIVE)"""


def put_online(notebook: NotebookNode, name: str, settings: CourseSettings) -> None:
    """Put badges and the start cell into a student notebook, in place; nothing where the settings are empty.

    Args:
        name: `"segformer/01_data"`.

    Raises:
        CourseError: if a setting is not what it should be.
    """
    _check(settings)
    if settings.online_notebooks:
        first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
        first.source += f"\n\n{badges(f'{settings.online_notebooks}/{name}.ipynb')}"
    if settings.online_bundle:
        place = next(number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        source = START_CELL.format(address=settings.online_bundle, folder=FOLDER, notebook=name)
        metadata = {"tags": ["experiment"], "cellView": "form"}
        notebook.cells.insert(place, new_code_cell(source, id=START, metadata=metadata))


def badges(path: str) -> str:
    """The badges of a notebook on GitHub, in Markdown; `path` is "owner/name/blob/branch/folder/name.ipynb"."""
    return " ".join(f"[![{text}]({image})]({link.format(quote(path))})" for text, (image, link) in BADGES.items())


def _check(settings: CourseSettings) -> None:
    notebooks, bundle = settings.online_notebooks, settings.online_bundle
    if notebooks and not _ON_GITHUB.fullmatch(notebooks):
        raise CourseError(f'course.toml sets online.notebooks = "{notebooks}": name "owner/name/blob/branch/folder".')
    if bundle and not _ADDRESS.fullmatch(bundle):
        raise CourseError(
            f'course.toml sets online.bundle = "{bundle}": it is an address, "https://.../segformer-course.zip".'
        )
    if notebooks and not bundle:
        raise CourseError(
            "course.toml sets online.notebooks, but no online.bundle: a notebook that is opened in Colab is alone, "
            "and must be told from where to fetch the course."
        )
