"""The reference solution: what stands between the markers of `solutions/`, loaded by the students' own loader."""

from functools import cache
from pathlib import Path
from types import ModuleType

from autograder.paths import SOLUTIONS
from autograder.sources import read_sources, runnable_cells
from segkit.checking.candidate import Candidate
from segkit.checking.workbench import Workbench
from segkit.errors import CourseError
from segkit.student import Cell, load_cells, provide_sources


def reference_cells(assignment: str, solutions: Path = SOLUTIONS) -> dict[str, list[Cell]]:
    """The cells of every notebook of the reference, by notebook name."""
    return {source.name: runnable_cells(source) for source in read_sources(assignment, solutions)}


def load_reference(assignment: str = "segformer", solutions: Path = SOLUTIONS) -> dict[str, ModuleType]:
    """The reference's notebooks as modules, by notebook name: `load_reference()["02_modules"].MixFFN`.

    Raises:
        CourseError: if a statement of the reference fails.
    """
    return {
        name: load_reference_notebook(assignment, name, solutions) for name in reference_cells(assignment, solutions)
    }


def load_reference_notebook(assignment: str, notebook: str, solutions: Path = SOLUTIONS) -> ModuleType:
    """One notebook of the reference as a module.

    Raises:
        CourseError: if one of its statements fails.
    """
    cells = reference_cells(assignment, solutions)
    provide_sources(cells)
    loaded = load_cells(notebook, cells[notebook])
    if loaded.problems:
        raise CourseError(f"The reference cannot be loaded: {loaded.problems[0]}.")
    return loaded.module


@cache
def reference_candidate(assignment: str, notebook: str) -> Candidate:
    """A notebook of the reference as a candidate in this process: where right answers come from. Loaded once."""
    return Candidate(Workbench(load_reference_notebook(assignment, notebook)).perform, assignment)
