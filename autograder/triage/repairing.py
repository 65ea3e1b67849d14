"""The notebook that is graded: the student's work in the released cells, each with the marks it was released with."""

import copy
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from autograder.triage.cells import StudentCell, defined_names
from autograder.triage.display import Cleaner
from autograder.triage.joining import join_split_cells
from autograder.triage.matching import Matching, ReleasedCell, match_cells, released_cells
from autograder.triage.reading import HandedNotebook
from autograder.triage.sentences import Sentences, printable

_IMPORT = re.compile(r"^(?:import|from)\s.+$", re.MULTILINE)


def repair(handed: HandedNotebook, released: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """A student's notebook as it can be graded, and a sentence for each kind of thing that was repaired.

    Returns:
        A notebook of format 4.5 whose graded cells are the released ones, each there once (tasks' cells that are gone
        stay gone), with unique ids; its metadata is the released notebook's.
    """
    cells, said = handed.cells, handed.said
    matching = match_cells(cells, released_cells(released))
    absorbed = join_split_cells(matching, said)
    builder = _Builder(matching, said)
    for k in range(len(cells)):
        if k not in absorbed:
            builder.add(k)
    builder.restore_missing()
    _say_missing_code(matching, said)
    _say_order(matching, said)
    notebook = new_notebook(cells=builder.cells, metadata=copy.deepcopy(released.metadata))
    notebook.nbformat_minor = 5
    return notebook, said()


class _Builder:
    """Builds the list of cells."""

    def __init__(self, matching: Matching, said: Sentences) -> None:
        self.m, self.said, self.clean = matching, said, Cleaner(said)
        self.cells: list[NotebookNode] = []
        self.at: dict[int, NotebookNode] = {}  # released index -> cell
        self.ids = {cell.node.id for cell in matching.released}
        self.doubled = Counter(cell.id for cell in matching.cells)
        self.copy_of = {k: r for r, copies in matching.copies.items() for k in copies}
        self.known = {cell.squeezed: cell for cell in matching.released}
        self.stubs = defaultdict(list)  # text of an untouched stub -> its released index
        for r, cell in enumerate(matching.released):
            if cell.role == "stub":
                self.stubs[cell.squeezed].append(r)

    def add(self, k: int) -> None:
        """Add a student's cell."""
        if k in self.m.taken:
            self._add_released(self.m.taken[k], k, self.m.cells[k])
        else:
            self._add_own(k, self.m.cells[k])

    def _add_released(self, r: int, k: int, cell: StudentCell) -> None:
        released = self.m.released[r]
        node = released.node
        self._compare(released, cell)
        source = cell.source
        # Among white space, code can differ in what it does.
        if self.m.same(r, k) if released.role in ("locked", "answer") else source.strip() == node.source.strip():
            source = node.source
        elif released.role == "locked":
            self.said.add("locked", released.name)
            if cell.cell_type == node.cell_type == "code" and defined_names(source):
                self.said.add("moved out", released.name)
                self._append("code", source, self._id(None), {}, [], None)
            source = node.source
        outputs = [] if released.role == "locked" else cell.outputs
        count = None if released.role == "locked" else cell.execution_count
        metadata = cell.view | copy.deepcopy(dict(node.metadata))
        changed = source != node.source
        place = released.name if released.grade_id else cell.place
        self._append(
            node.cell_type, source, node.id, metadata, outputs, count, cell.attachments, place=place, changed=changed
        )
        self.at[r] = self.cells[-1]

    def _compare(self, released: ReleasedCell, cell: StudentCell) -> None:
        """Say what of a released cell's nature was changed."""
        node = released.node
        marks = node.metadata.get("nbgrader")
        if marks is not None and not cell.marks:
            self.said.add("marks lost", released.name)
        elif (marks or cell.marks) and _lasting(marks or {}) != _lasting(cell.marks):
            self.said.add("marks changed", released.name if marks else cell.place)
        place = released.name if marks else cell.place
        executed = {"experiment", "check"}
        if executed & set(node.metadata.get("tags", [])) != executed & set(cell.tags):
            self.said.add("tags", place)
        if cell.cell_type != node.cell_type:
            self.said.add("type", place)

    def _add_own(self, k: int, cell: StudentCell) -> None:
        """Add a cell that is no released one: it keeps its text, and no claim to be graded."""
        tags = [tag for tag in dict.fromkeys(cell.tags) if tag != "check"]
        twin = self.known.get(self.m.squeezed[k])
        if twin is not None and twin.role == "locked":
            tags.append("check")
        if k in self.copy_of:
            self.said.add("copies", self.m.released[self.copy_of[k]].name)
        elif cell.marks:
            self.said.add("marks invented", cell.place)
        if cell.cell_type == "code" and self._comes_after_work(k):
            tags = list(dict.fromkeys([*tags, "experiment"]))
        metadata = cell.view | ({"tags": tags} if tags else {})
        self._append(
            cell.cell_type, cell.source, self._id(cell), metadata, cell.outputs, cell.execution_count, cell.attachments,
            place=cell.place, changed=twin is None or twin.node.source != cell.source,
        )  # fmt: skip

    def _comes_after_work(self, k: int) -> bool:
        """Whether this is a stub as released, and would undo the work on it that stands above."""
        for r in self.stubs.get(self.m.squeezed[k], []):
            if r in self.m.of and self.m.of[r] < k and not self.m.same(r, self.m.of[r]):
                self.said.add("idle copies", self.m.released[r].name)
                return True
        return False

    def _append(
        self,
        cell_type: str,
        source: str,
        cell_id: str,
        metadata: dict[str, Any],
        outputs: list,
        count: int | None,
        attachments: dict[str, Any] | None = None,
        *,
        place: str = "",
        changed: bool = True,
    ) -> None:
        cell = NotebookNode(id=cell_id, cell_type=cell_type, metadata=NotebookNode(), source=source)
        cell.metadata.update(metadata)
        if cell_type == "code":
            cell.outputs, cell.execution_count = self.clean.outputs(outputs, place), count
        elif cell_type == "markdown":
            pictures = self.clean.attachments(attachments or {}, place)
            if pictures:
                cell.attachments = pictures
            if changed:
                cell.source = self.clean.markdown(source, place, pictures)
        else:
            cell.source = self.clean.raw(source)
        self.cells.append(cell)

    def _id(self, cell: StudentCell | None) -> str:
        """The cell's own id if no other has it, else a new one."""
        wanted = cell.id if cell else None
        if wanted in self.ids and self.doubled[wanted] > 1:
            self.said.add("same id", cell.place)
        number = len(self.cells)
        while wanted is None or wanted in self.ids:
            number += 1
            wanted = f"own-{number}"
        self.ids.add(wanted)
        return wanted

    def restore_missing(self) -> None:
        """Put back graded cells that are gone, each after the released cell that stood before it."""
        for r, released in enumerate(self.m.released):
            if r in self.at:
                continue
            if released.role == "stub":
                self.said.add("stubs", released.name)
            elif released.role in ("locked", "answer"):
                self.said.add("checks" if released.role == "locked" else "answers", released.name)
                before = next((self.at[p] for p in range(r - 1, -1, -1) if p in self.at), None)
                index = next((i + 1 for i, cell in enumerate(self.cells) if cell is before), 0)
                self.at[r] = copy.deepcopy(released.node)
                self.cells.insert(index, self.at[r])


def _say_missing_code(m: Matching, said: Sentences) -> None:
    """Given code that is gone, unless its names and imports stand in another cell."""
    sources = [cell.source for cell in m.cells if cell.cell_type == "code"]
    for r in m.waiting("given"):
        released = m.released[r]
        if released.node.cell_type != "code":
            continue
        lines = {line for source in sources for line in _IMPORT.findall(source)}
        names = {name for source in sources for name in defined_names(source)}
        if not (released.defined <= names and set(_IMPORT.findall(released.node.source)) <= lines):
            said.add("given", _name(released))


def _say_order(m: Matching, said: Sentences) -> None:
    """Code that is executed and was moved before code that it stood behind."""
    executed = [r for _, r in sorted((k, r) for r, k in m.of.items()) if _is_executed(m.released[r])]
    for earlier, later in pairwise(executed):
        if later < earlier:
            said.add("order", f"{_name(m.released[earlier])} before {_name(m.released[later])}")


def _is_executed(cell: ReleasedCell) -> bool:
    return cell.node.cell_type == "code" and cell.role in ("stub", "given")


def _name(cell: ReleasedCell) -> str:
    """How sentences name a released cell: by its grade id, or by its first line."""
    return cell.name if cell.grade_id else f"`{printable(cell.node.source.strip().partition(chr(10))[0])}`"


def _lasting(marks: Mapping[str, Any]) -> dict[str, Any]:
    """nbgrader's metadata without what another release changes by itself: no student is to be blamed for that."""
    return {key: value for key, value in marks.items() if key not in ("points", "checksum")}
