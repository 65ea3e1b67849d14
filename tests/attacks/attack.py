"""What an attack is, and the notebook that most of them start from: all of the reference, with one task attacked."""

import copy
import json
import os
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.completion import complete
from autograder.paths import NOTEBOOKS
from autograder.sources import AUTOMATIC, Source, read_sources

ASSIGNMENT, NOTEBOOK = "intro", "01_warmup"
TASKS = ("image_to_patches", "normalize_channels", "pixel_linear")
Points = tuple[float, ...]  # of each task in TASKS
FULL: Points = tuple(source.points(AUTOMATIC)[task] for source in read_sources(ASSIGNMENT) for task in TASKS)
PATCHES, NORMALIZED, PIXELS = FULL
NO_NORMALIZE: Points = (PATCHES, 0.0, PIXELS)
ONE_TEST_LOST: Points = (PATCHES, round(NORMALIZED * 5 / 6, 2), PIXELS)  # one of 0.5 of 3 shares
NOTHING: Points = (0.0, 0.0, 0.0)
WRONG_NORMALIZE = "def normalize_channels(images, eps=1e-5):\n    return images * 1.0\n"
_RIGHT_LINES = """\
    mean = images.mean(dim=(0, 2, 3), keepdim=True)
    variance = images.var(dim=(0, 2, 3), correction=0, keepdim=True)
    return (images - mean) / torch.sqrt(variance + eps)
"""


@dataclass(frozen=True)
class Place:
    """What an attacker is told about the grader's machine, as `@NAME@` in sources: a real one would have to guess it.

    Args:
        token: stands in every secret of this run and in the name of every file that an attack tries to leave behind.
        names: what `@COURSE@`, `@HOME@`, `@PORT@` ... stand for.
    """

    token: str
    names: Mapping[str, str]

    def fill(self, text: str) -> str:
        """`text` with the names put in."""
        for name, value in {**self.names, "MARK": f"mark-{self.token}"}.items():
            text = text.replace(f"@{name}@", value)
        return text

    def left_behind(self, root: Path) -> set[Path]:
        """What attacks have left below `root`, or where else a process may write."""
        places = (Path("/tmp"), Path("/dev/shm"), Path.home(), root)
        walked = (found for place in places for found in os.walk(place))  # which bears what others remove meanwhile
        names = (Path(top, name) for top, folders, files in walked for name in (*folders, *files))
        return {path for path in names if f"mark-{self.token}" in path.name}


@dataclass
class Hand:
    """What an attack fills: `folder` is its `submitted/<student>/intro`, which exists and is empty."""

    folder: Path
    place: Place
    notebook: NotebookNode = field(default_factory=lambda: honest_notebook())

    def save(self, content: NotebookNode | dict | str | bytes | None = None, name: str = f"{NOTEBOOK}.ipynb") -> None:
        """Write a notebook, text or bytes into the folder; by default the notebook as it is now."""
        content = self.notebook if content is None else content
        if isinstance(content, dict):
            content = json.dumps(content)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def cell(self, grade_id: str) -> NotebookNode:
        """The cell that nbgrader knows by that id."""
        return next(cell for cell in self.notebook.cells if _grade_id(cell) == grade_id)

    def position(self, grade_id: str) -> int:
        """Its place among the cells."""
        return self.notebook.cells.index(self.cell(grade_id))


@dataclass(frozen=True)
class Attack:
    """A hostile or broken submission, and what must come of it.

    Args:
        name: also the student's id.
        tries: what it is after, for the table.
        write: puts the files into a `Hand`.
        outcome: what is documented to happen, in a few words.
        earned: what its code is worth, by task: nobody may get more.
        expected: what it gets; less than it earned if it harms itself.
        says: words that must stand in its verdict or in the record of the run.
        property_points: points of properties that it gets by a lie about values that are right; see `lies`.
    """

    name: str
    tries: str
    write: Callable[[Hand], None]
    outcome: str
    earned: Points = FULL
    expected: Points | None = None
    says: tuple[str, ...] = ()
    property_points: float = 0.0

    @property
    def gets(self) -> Points:
        """What the gradebook must hold."""
        return self.earned if self.expected is None else self.expected

    @property
    def at_most(self) -> float:
        """The sum above which it has gained points that it did not earn."""
        return sum(self.earned) + self.property_points


@cache
def source() -> Source:
    """The notebook's source, with the reference."""
    return next(source for source in read_sources(ASSIGNMENT) if source.name == NOTEBOOK)


@cache
def _released() -> NotebookNode:
    return nbformat.read(NOTEBOOKS / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)


@cache
def _honest() -> NotebookNode:
    notebook = copy.deepcopy(_released())
    complete(notebook, source())
    return notebook


def released_notebook() -> NotebookNode:
    """The notebook as students get it."""
    return copy.deepcopy(_released())


def honest_notebook() -> NotebookNode:
    """The notebook with every task and the written answer done as in the reference."""
    return copy.deepcopy(_honest())


def coding(*, cell: str = "", **stubs: str) -> Callable[[Hand], None]:
    """Hand in the honest notebook with these sources in the place of stubs, and with one more `cell` at its end.

    Of a notebook only imports, definitions and assignments are executed: a cell calls with `_ = attack()`.
    """

    def write(hand: Hand) -> None:
        for name, text in stubs.items():
            hand.cell(f"{name}-stub").source = hand.place.fill(textwrap.dedent(text))
        if cell:
            hand.notebook.cells.append(new_code_cell(hand.place.fill(textwrap.dedent(cell)), id="attack"))
        hand.save()

    return write


def normalize(first: str, *, when: str = "True") -> str:
    """A right `normalize_channels` that does something else first, where `when` holds."""
    body = textwrap.indent(textwrap.dedent(first).strip("\n"), " " * 8)
    return f"def normalize_channels(images, eps=1e-5):\n    if {when}:\n{body}\n{_RIGHT_LINES}"


IN_ONE_TEST = "eps != 1e-5"  # only one of the hidden tests asks for another eps: an attack there costs no other test


def reporting(attempt: str) -> str:
    """A `normalize_channels` that raises what `attempt` put into the list `found`: a thief has no other way out."""
    body = textwrap.indent(textwrap.dedent(attempt).strip("\n"), " " * 4)
    return (
        "def normalize_channels(images, eps=1e-5):\n    found = []\n"
        f"{body}\n    raise ValueError(f'found {{len(found)}}: {{found}}')\n"
    )


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")
