"""The reference with pieces replaced: what a misconception makes of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from autograder.sources import Source, SourceCell, read_sources, runnable_cells
from segkit.student import Cell


@dataclass(frozen=True)
class Edit:
    """In the stub `cell`, the text `old` becomes `new`."""

    cell: str
    old: str
    new: str


@dataclass(frozen=True)
class Code:
    """A definition that takes the place of the reference's: it stands in a cell after all others of its notebook."""

    notebook: str
    text: str


Change = Edit | Code


def edits(cell: str, *texts: str) -> tuple[Edit, ...]:
    """Edits of one stub: old text, new text, perhaps another old and new text, and so on."""
    return tuple(Edit(cell, old, new) for old, new in zip(texts[::2], texts[1::2], strict=True))


@cache
def sources(assignment: str) -> dict[str, Source]:
    """The sources of an assignment by notebook name."""
    return {source.name: source for source in read_sources(assignment)}


def cells_with(assignment: str, changes: Iterable[Change] = ()) -> dict[str, list[Cell]]:
    """The cells of the reference with some changes, by notebook name.

    Raises:
        LookupError: if the reference does not hold what an edit replaces.
    """
    left = list(changes)
    cells = {name: _changed(source, left) for name, source in sources(assignment).items()}
    if left:
        raise LookupError(f"The reference has no cell for {left[0]}.")
    return cells


def _changed(source: Source, left: list[Change]) -> list[Cell]:
    """The cells of one notebook; the changes that concern it are taken from `left`."""
    changed = [_edited(cell, left) for cell in source.cells]
    for change in [change for change in left if isinstance(change, Code) and change.notebook == source.name]:
        left.remove(change)
        changed.append(SourceCell("code", change.text, "given", None, 0.0, None))
    return runnable_cells(replace(source, cells=changed))


def _edited(cell: SourceCell, left: list[Change]) -> SourceCell:
    for edit in [edit for edit in left if isinstance(edit, Edit) and (cell.role, cell.id) == ("stub", edit.cell)]:
        if edit.old not in cell.source:
            raise LookupError(f"{edit.cell} of the reference does not contain `{edit.old}`.")
        cell = replace(cell, source=cell.source.replace(edit.old, edit.new))
        left.remove(edit)
    return cell
