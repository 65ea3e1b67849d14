"""Student notebooks filled in from the reference, right or with a mistake: for the demo's class and for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.paths import NOTEBOOKS
from autograder.sources import BEGIN, BY_HAND, END, Source, read_sources
from segkit.errors import CourseError


@dataclass(frozen=True)
class Mistake:
    """A small edit of the reference: in the stub `cell` of `notebook`, `right` becomes `wrong`."""

    name: str
    notebook: str
    cell: str
    right: str
    wrong: str

    def apply(self, text: str) -> str:
        """The cell's text with the mistake.

        Raises:
            CourseError: if the reference no longer holds what the mistake replaces.
        """
        if self.right not in text:
            raise CourseError(f"The mistake {self.name!r} replaces `{self.right}`, which {self.cell} does not contain.")
        return text.replace(self.right, self.wrong)


def complete_assignment(
    assignment: str, folder: Path, mistakes: Sequence[Mistake] = (), *, released: Path | None = None
) -> list[Path]:
    """Write the student notebooks of an assignment, filled in with the reference and `mistakes`, into `folder`.

    Args:
        released: where the student notebooks stand, by default in `notebooks/`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in read_sources(assignment):
        notebook = nbformat.read((released or NOTEBOOKS / assignment) / f"{source.name}.ipynb", as_version=4)
        complete(notebook, source, [mistake for mistake in mistakes if mistake.notebook == source.name])
        written.append(folder / f"{source.name}.ipynb")
        nbformat.write(notebook, written[-1])
    return written


def complete(notebook: NotebookNode, source: Source, mistakes: Sequence[Mistake] = ()) -> None:
    """Fill in a student notebook's stubs and written answers, as a student would: in place, markers left out.

    Raises:
        CourseError: if a mistake's cell, or the text that it replaces, is not in the reference.
    """
    solutions = {cell.id: cell.source for cell in source.cells if cell.role in ("stub", BY_HAND)}
    lost = [mistake for mistake in mistakes if mistake.cell not in solutions]
    if lost:
        raise CourseError(f"The mistake {lost[0].name!r} belongs into {lost[0].cell}, which {source.name} lacks.")
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            stub = name.removesuffix("-stub")
            text = solutions[stub]
            for mistake in mistakes:
                text = mistake.apply(text) if mistake.cell == stub else text
            cell.source = "\n".join(line for line in text.splitlines() if line.strip() not in (BEGIN, END))
