"""A student's work in the corrected notebook: whose text stands in which cell.

Three texts are compared: the cell as it was released before, as the student has it, and as it is released now. What the
student did not change follows the course; what the course did not change stays the student's. Where both did, the
answer to a task stays the student's; of any other cell both stand there, the course's below, whose definitions win.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from segkit.releases.matching import defined_names, matched
from segkit.releases.notebooks import START, cell_digest, cell_digests, id_of, metadata_of, source_of

CHANGED = "-changed"  # ends the id of a cell that shows how a task reads now
_NOTE = "**The course has changed this task since you wrote your answer.** It reads now:\n\n"
_NOTE_ENDS = "Your answer above is as you left it. Delete this cell when you have read it."


@dataclass
class Merged:
    """The corrected notebook with the student's work.

    work: whether there is anything of the student's in it. look: one sentence for each place where both changed a cell.
    """

    notebook: dict
    work: bool = False
    look: list[str] = field(default_factory=list)


def merge(student: dict, before: Mapping[str, str], release: dict) -> Merged:
    """Put the student's work into the release's notebook.

    Args:
        student: the notebook as the student has it.
        before: `cell_digests` of the notebook as it was released before; {} if that is not known.
        release: the notebook as it is released now, its start cell as it is to be.
    """
    return _Merge(student, before, release).result()


class _Merge:
    def __init__(self, student: dict, before: Mapping[str, str], release: dict):
        self.student, self.before = student, before
        self.release = release
        self.now = cell_digests(release)
        self.cells = dict(zip(self.now, self.release["cells"], strict=True))
        self.below: dict[str | None, list[dict]] = {None: []}  # what stands below a released cell, or before all
        self.merged = Merged({})

    def result(self) -> Merged:
        place = None
        keys = matched(self.student["cells"], self.before, self.cells)
        for cell, key in zip(self.student["cells"], keys, strict=True):
            self.below.setdefault(place, []).extend(self._own(cell, key))
            place = key if key in self.cells else place
        cells = list(self.below[None])
        for key in self._order(keys):
            cells += [*([] if self._stays_deleted(key, keys) else [self.cells[key]]), *self.below.get(key, [])]
        metadata = metadata_of(self.student) | metadata_of(self.release)
        self.merged.notebook = self.release | {"metadata": metadata, "cells": _with_ids(cells)}
        return self.merged

    def _order(self, keys: list[str | None]) -> list[str]:
        """The release's order; the student's if cells were moved, for the last definition counts."""
        theirs = [key for key in keys if key in self.cells]
        known = [key for key in self.before or self.cells if key in theirs]
        if [key for key in theirs if key in known] == known:
            return list(self.cells)
        above = None
        for key in self.cells:
            if key not in theirs:
                theirs.insert(theirs.index(above) + 1 if above else 0, key)
            above = key
        return theirs

    def _stays_deleted(self, key: str, keys: list[str | None]) -> bool:
        """Whether the student has deleted a released cell that need not come back.

        That is one that the course left as it was and grading does not ask for, or a stub whose names stand in another
        cell of the student's: below it, the stub would undo them.
        """
        if key in keys or key == START or key not in (self.before or self.cells):
            return False
        marks, names = metadata_of(self.cells[key], "nbgrader"), set(defined_names(self.cells[key]))
        if not marks:
            return self.now[key] == self.before.get(key)
        written = {name for cell in self.student["cells"] for name in defined_names(cell)}
        return bool(marks.get("solution") and names and names <= written)

    def _own(self, cell: dict, key: str | None) -> list[dict]:
        """The student's cells that a cell becomes; what belongs into a released one is put there."""
        if key is None:
            return self._written_by_student(cell)
        edited = key != START and cell_digest(cell) != self.before.get(key, self.now.get(key))
        if key not in self.cells:
            return self._apart(cell) if edited else []
        if not edited or self._may_stay(key):
            self._put(cell, key, edited)
            return []
        return self._apart(cell) if cell_digest(cell) != self.now[key] else []

    def _written_by_student(self, cell: dict) -> list[dict]:
        text = source_of(cell).strip()
        replaced = any(id_of(cell) == id_of(note) for below in self.below.values() for note in below)
        if not text or (replaced and text.startswith(_NOTE) and text.endswith(_NOTE_ENDS)):
            return []
        self.merged.work = True
        return [_without_id(cell) if id_of(cell) in self.cells else cell]

    def _may_stay(self, key: str) -> bool:
        """Whether the student's text of a released cell stands in place of the course's."""
        marks = metadata_of(self.cells[key], "nbgrader")
        return bool(marks.get("solution")) or (not marks.get("locked") and self.now[key] == self.before.get(key))

    def _put(self, cell: dict, key: str, edited: bool) -> None:
        """Into a released cell: the student's text if it was edited, and the outputs of the text that stands there."""
        released = self.cells[key]
        result = released | {"metadata": metadata_of(cell) | metadata_of(released)}
        if edited:
            self.merged.work = True
            result["source"] = source_of(cell)
            if self.now[key] != self.before.get(key, self.now[key]):
                self._show_change(key, released)
        same = cell_digest(cell) == cell_digest(result)
        if cell.get("cell_type") == released.get("cell_type") == "code" and same and cell.get("outputs"):
            self.merged.work = True
            result |= {"outputs": cell["outputs"], "execution_count": cell.get("execution_count")}
        if cell.get("attachments") and released.get("cell_type") == "markdown":
            result["attachments"] = cell["attachments"]
        self.cells[key] = result

    def _show_change(self, key: str, released: dict) -> None:
        """Below an answer of the student's: how its task reads now."""
        text = source_of(released)
        text = f"```python\n{text}\n```" if released.get("cell_type") == "code" else text
        note = {"cell_type": "markdown", "id": f"{key}{CHANGED}", "metadata": {}}
        note["source"] = f"{_NOTE}{text}\n\n{_NOTE_ENDS}"
        self.below.setdefault(key, []).insert(0, note)
        name = metadata_of(released, "course").get("task") or key
        self.merged.look.append(f"task {name} was changed, your answer was not: the new text stands below it")

    def _apart(self, cell: dict) -> list[dict]:
        """A cell of the course that the student had edited, as one of the student's own."""
        self.merged.work = True
        first = next((line for line in source_of(cell).splitlines() if line.strip()), "")[:60]
        self.merged.look.append(f"you and the course both changed the cell `{first}`: the course's stands below yours")
        metadata = {name: value for name, value in metadata_of(cell).items() if name not in ("nbgrader", "course")}
        if isinstance(metadata.get("tags"), list):
            metadata["tags"] = [tag for tag in metadata["tags"] if tag != "check"]
        return [_without_id(cell | {"metadata": metadata})]


def _without_id(cell: dict) -> dict:
    """A cell of the student's whose id is the course's: the next correction must not take it for that one."""
    metadata = {name: value for name, value in metadata_of(cell).items() if name != "id"}
    return {name: value for name, value in cell.items() if name != "id"} | {"metadata": metadata}


def _with_ids(cells: list[dict]) -> list[dict]:
    """The cells, each with an id that no other has, as notebooks of version 4.5 want it."""
    taken: set[str] = set()
    result = []
    for cell in cells:
        wanted = re.sub(r"[^\w-]", "-", id_of(cell) or cell_digest(cell), flags=re.ASCII)[:56]
        unique, number = wanted, 1
        while unique in taken:
            number += 1
            unique = f"{wanted}-{number}"
        taken.add(unique)
        result.append(cell | {"id": unique})
    return result
