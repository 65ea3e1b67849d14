"""A student's work in the corrected notebook: whose text stands in which cell.

Three texts are compared: the cell as it was released before, as the student has it, and as it is released now. What the
student did not change follows the course; what the course did not change stays the student's. Where both did, the
answer to a task stays the student's; of any other cell both stand there, the course's below, whose definitions win.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from segkit.releases.notebooks import (
    START,
    cell_digest,
    cell_digests,
    id_of,
    is_start,
    metadata_of,
    source_of,
)

_DEFINED = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
CHANGED = "-changed"  # ends the id of a cell that shows how a task reads now


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
        for key, cell in self.cells.items():
            cells += [cell, *self.below.get(key, [])]
        metadata = metadata_of(self.student) | metadata_of(self.release)
        self.merged.notebook = self.release | {"metadata": metadata, "cells": _with_ids(cells)}
        return self.merged

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
        replaced = any(id_of(cell) == id_of(note) for below in self.below.values() for note in below)
        if not source_of(cell).strip() or (replaced and str(id_of(cell)).endswith(CHANGED)):
            return []
        self.merged.work = True
        return [cell]

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
        same = source_of(cell).rstrip() == source_of(result).rstrip()
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
        words = f"**The course has changed this task since you wrote your answer.** It reads now:\n\n{text}\n\n"
        note = {"cell_type": "markdown", "id": f"{key}{CHANGED}", "metadata": {}}
        note["source"] = f"{words}Your answer above is as you left it. Delete this cell when you have read it."
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
        return [cell | {"metadata": metadata}]


def matched(cells: list[dict], before: Mapping[str, str], released: Mapping[str, dict]) -> list[str | None]:
    """Which released cell each of the student's is, by its key; None is a cell of the student's own.

    Ids and names are lost in some editors, so text, what a cell defines, and for written answers the place say it, too.
    """
    found: list[str | None] = [None] * len(cells)
    marks = {key: metadata_of(cell, "nbgrader") for key, cell in released.items()}
    names = {about["grade_id"]: key for key, about in marks.items() if about.get("grade_id")}
    texts = {digest: key for key, digest in before.items()} | {cell_digest(cell): key for key, cell in released.items()}
    stubs = {
        name: key
        for key, cell in released.items()
        if marks[key].get("solution") and cell.get("cell_type") == "code"
        for name in _DEFINED.findall(source_of(cell))
    }

    def pair(key_of: Callable[[dict], str | None]) -> None:
        # From the end: of several definitions the last one counts.
        for place in reversed(range(len(cells))):
            key = key_of(cells[place]) if found[place] is None else None
            if key is not None and key not in found:
                found[place] = key

    pair(lambda cell: START if is_start(cell) and START in {*before, *released} else None)
    pair(lambda cell: id_of(cell) if id_of(cell) in before or id_of(cell) in released else None)
    pair(lambda cell: names.get(metadata_of(cell, "nbgrader").get("grade_id") or ""))
    pair(lambda cell: texts.get(cell_digest(cell)))
    pair(lambda cell: next((stubs[name] for name in _DEFINED.findall(source_of(cell)) if name in stubs), None))
    answers = [key for key in released if marks[key].get("solution") and released[key].get("cell_type") == "markdown"]
    for key in answers:
        if key not in found and (place := _place_of_answer(key, list(released), cells, found)) is not None:
            found[place] = key
    return found


def _place_of_answer(key: str, order: list[str], cells: list[dict], found: list[str | None]) -> int | None:
    """The first text of the student's own between the released cells around an answer."""
    number = order.index(key)
    above = max((found.index(k) for k in order[:number] if k in found), default=-1)
    below = min((found.index(k) for k in order[number + 1 :] if k in found), default=len(cells))
    own = (place for place in range(above + 1, below) if found[place] is None)
    return next((place for place in own if cells[place].get("cell_type") == "markdown"), None)


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
