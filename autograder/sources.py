"""The one source of each notebook: `solutions/<assignment>/NN_name.py` in jupytext's percent format.

A cell's role stands on its `# %%` line: `role="stub" id="MixFFN" task="2.3"`, `role="check" id="mix_ffn" points=6`,
`role="bonus" id="fast_decoder" points=3`, `role="evaluated" id="trained_model" points=5 model="03_model.SegFormer"`,
`role="experiment"`, `[markdown] role="answer" id="q1" points=2.5`; a cell without a role is given.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from autograder.paths import SOLUTIONS
from segkit.errors import CourseError
from segkit.student import Cell

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
ROLES = {"given", "stub", "check", "bonus", "evaluated", "experiment", "answer"}
AUTOMATIC, BONUS, EVALUATED, BY_HAND = "check", "bonus", "evaluated", "answer"
CHECKS = (AUTOMATIC, BONUS)  # the cells that hidden tests give points to
BONUSES = (BONUS, EVALUATED)  # the cells whose points come on top of the assignment's
MACHINE_GRADED = (*CHECKS, EVALUATED)


@dataclass(frozen=True)
class SourceCell:
    """A cell of a source file, with its role; `model` names notebook and class of a trained model to evaluate."""

    cell_type: str
    source: str
    role: str
    id: str | None
    points: float
    task: str | None
    model: str | None = None


@dataclass(frozen=True)
class Source:
    """A notebook's source: its name (`"02_modules"`) and its cells."""

    name: str
    path: Path
    cells: list[SourceCell] = field(repr=False)

    def points(self, *roles: str) -> dict[str, float]:
        """Points by id of the cells of those roles."""
        return {cell.id: cell.points for cell in self.cells if cell.role in roles and cell.id}


def assignments(solutions: Path = SOLUTIONS) -> list[str]:
    """The names of all assignments: the folders that hold sources."""
    return sorted({path.parent.name for path in solutions.glob("*/[0-9]*.py")})


def read_sources(assignment: str, solutions: Path = SOLUTIONS) -> list[Source]:
    """The sources of an assignment, in the order of their names.

    Raises:
        CourseError: if there is no such assignment, or a cell's role is not one of ROLES.
    """
    paths = sorted((solutions / assignment).glob("[0-9]*.py"))
    if not paths:
        raise CourseError(
            f"There is no assignment {assignment!r}: {solutions} has no folder of that name with sources."
        )
    return [read_source(path) for path in paths]


def read_source(path: Path) -> Source:
    """The source in one file: parsed once, and again when the file has changed."""
    about = path.stat()
    return _parsed(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=256)
def _parsed(path: Path, changed: int, size: int) -> Source:
    notebook = jupytext.read(path, fmt="py:percent")
    return Source(path.stem, path, [_source_cell(cell, path) for cell in notebook.cells])


def _source_cell(cell: NotebookNode, path: Path) -> SourceCell:
    role = cell.metadata.get("role", "given")
    if role not in ROLES:
        raise CourseError(f"{path.name} has a cell of role {role!r}: the roles are {', '.join(sorted(ROLES))}.")
    if role in {"stub", *MACHINE_GRADED, BY_HAND} and "id" not in cell.metadata:
        raise CourseError(f"{path.name} has a cell of role {role!r} without an id: give it one, unique in the course.")
    if role == EVALUATED and str(cell.metadata.get("model")).count(".") != 1:
        raise CourseError(f'{path.name} has a cell of role {role!r} without a model="NOTEBOOK.CLASS" to build.')
    return SourceCell(
        cell_type=cell.cell_type,
        source=cell.source,
        role=role,
        id=cell.metadata.get("id"),
        points=float(cell.metadata.get("points", 0)),
        task=str(cell.metadata["task"]) if "task" in cell.metadata else None,
        model=cell.metadata.get("model"),
    )


def runnable_cells(source: Source) -> list[Cell]:
    """The code cells that define the notebook's names: what `segkit.student.code_cells` keeps of the built notebook."""
    return [
        Cell(number, cell.source)
        for number, cell in enumerate(source.cells, start=1)
        if cell.cell_type == "code" and cell.role in {"given", "stub"}
    ]


def solution_regions(text: str) -> list[list[str]]:
    """The lines of each solution region of a cell.

    Raises:
        CourseError: if a region is opened twice or never closed.
    """
    regions, inside = [], False
    for line in text.splitlines():
        marker = line.strip()
        if marker in (BEGIN, END):
            if inside == (marker == BEGIN):
                raise CourseError(f"A solution region is not closed, or opened twice, near {line.strip()!r}.")
            inside = not inside
            if inside:
                regions.append([])
        elif inside:
            regions[-1].append(line)
    if inside:
        raise CourseError(f"A solution region that begins in {text.splitlines()[0]!r} is not closed.")
    return regions


def visible_lines(text: str) -> list[str]:
    """The lines of a cell outside its solution regions, markers left out."""
    visible, inside = [], False
    for line in text.splitlines():
        if re.fullmatch(f"{BEGIN}|{END}", line.strip()):
            inside = line.strip() == BEGIN
        elif not inside:
            visible.append(line)
    return visible
