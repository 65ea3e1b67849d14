"""A class that was made up: right answers in many styles, misconceptions, parts left out, in every mixture.

Like a real class, no two submissions have the same text, and some students are better than others.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.completion import complete
from autograder.grading.examination import notebook_of
from autograder.misconceptions import misconceptions_of
from autograder.misconceptions.variants import Code, Edit
from autograder.paths import ROOT
from autograder.sources import read_sources
from segkit.checking.public import tasks_of

sys.path.append(str(ROOT / "tests"))
from right_answers import RIGHT_ANSWERS

ASSIGNMENT = "segformer"


def hand_in_class(submitted: Path, released: Path, count: int, seed: int = 0) -> None:
    """Write the submissions of `count` students into `submitted/`; a student's is the same in a larger class."""
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in sorted(released.glob("*.ipynb"))}
    for number in range(count):
        folder = submitted / f"student{number:05d}" / ASSIGNMENT
        folder.mkdir(parents=True)
        for name, notebook in submission(notebooks, random.Random(f"{seed}/{number}"), f"student {number}"):
            nbformat.write(notebook, folder / f"{name}.ipynb")


def submission(
    released: dict[str, NotebookNode], chance: random.Random, signature: str
) -> Iterator[tuple[str, NotebookNode]]:
    """One student's notebooks."""
    weakness = chance.choice([0.0, 0.1, 0.2, 0.5])  # how many of the questions go wrong
    for source in read_sources(ASSIGNMENT):
        notebook = nbformat.from_dict(released[source.name])
        unwritten = {cell.id: cell.source for cell in notebook.cells}
        complete(notebook, source)
        for task in [task for task in tasks_of(ASSIGNMENT) if notebook_of(ASSIGNMENT, task) == source.name]:
            cells = _stubs(notebook, source, task)
            drawn = chance.random()
            if drawn < weakness / 4:
                for cell in cells:
                    cell.source = unwritten[cell.id]
            elif drawn < weakness:
                _mistake(cells, chance.choice(misconceptions_of(ASSIGNMENT, task)).changes)
            elif styles := [code for (one, _), code in RIGHT_ANSWERS.items() if one == task]:
                cells[-1].source += "\n\n\n" + chance.choice(styles).text if chance.random() < 0.5 else ""
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
                cell.source += f"\n# {signature}"
        yield source.name, notebook


def _stubs(notebook: NotebookNode, source, task: str) -> list[NotebookNode]:
    """The stub cells before a task's check, after that of the task before."""
    found: list[NotebookNode] = []
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution") and cell.cell_type == "code":
            found.append(cell)
        elif about.get("grade_id") == task:
            return found
        elif about.get("grade") and cell.cell_type == "code":
            found = []
    raise LookupError(f"{source.name} has no check of {task}.")


def _mistake(cells: list[NotebookNode], changes: tuple) -> None:
    for change in changes:
        if isinstance(change, Code):
            cells[-1].source += "\n\n\n" + change.text
        elif isinstance(change, Edit):
            for cell in cells:
                if cell.metadata.nbgrader.grade_id.removesuffix("-stub") == change.cell:
                    cell.source = cell.source.replace(change.old, change.new)
