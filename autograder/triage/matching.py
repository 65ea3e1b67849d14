"""Which cell of a student's notebook is which released cell: by its marks, its id, its content, its position.

Metadata is lost in Colab, by jupytext or by hand, and it is copied with a cell: it is a first guess that content may
overrule, never the last word.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from nbformat import NotebookNode

from autograder.triage.cells import StudentCell, defined_names, squeezed

ALIKE = 0.6
_TOKENS = 300  # of a cell are compared
_COMPARISONS = 200  # at most in one notebook: each takes a few milliseconds


@dataclass(frozen=True)
class ReleasedCell:
    """A cell as released, with what it is compared by.

    `role` is "locked" (checks), "stub", "answer", "experiment" or "given".
    """

    node: NotebookNode
    role: str
    name: str
    squeezed: str
    defined: frozenset[str]

    @property
    def grade_id(self) -> str | None:
        """nbgrader's name of the cell, if it has one."""
        return self.node.metadata.get("nbgrader", {}).get("grade_id")


def released_cells(notebook: NotebookNode) -> list[ReleasedCell]:
    """The cells of a released notebook."""
    return [_released_cell(node, number) for number, node in enumerate(notebook.cells, start=1)]


def _released_cell(node: NotebookNode, number: int) -> ReleasedCell:
    marks = node.metadata.get("nbgrader", {})
    if marks.get("solution"):
        role = "answer" if marks.get("grade") else "stub"
    elif marks.get("grade") or marks.get("locked"):
        role = "locked"
    else:
        role = "experiment" if "experiment" in node.metadata.get("tags", []) else "given"
    name = marks.get("grade_id") or f"released cell {number}"
    return ReleasedCell(node, role, name, squeezed(node.source), frozenset(defined_names(node.source)))


@dataclass
class Matching:
    """`of` leads from a released cell's index to the student's; `copies` to further cells that claim to be it."""

    cells: Sequence[StudentCell]
    released: Sequence[ReleasedCell]
    of: dict[int, int] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    copies: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    squeezed: list[str] = field(default_factory=list)

    def pair(self, r: int, k: int) -> None:
        """Released cell `r` is the student's cell `k`."""
        if r in self.of:
            del self.taken[self.of[r]]
        self.of[r], self.taken[k] = k, r

    def same(self, r: int, k: int) -> bool:
        """Whether the student's cell has the released text, white space aside."""
        return self.squeezed[k] == self.released[r].squeezed

    def waiting(self, *roles: str) -> list[int]:
        """Released cells of these roles that are not found yet."""
        return [r for r, cell in enumerate(self.released) if r not in self.of and cell.role in roles]

    def free(self) -> list[int]:
        """The student's cells that are no released one so far."""
        claimed = {k for copies in self.copies.values() for k in copies}
        return [k for k in range(len(self.cells)) if k not in self.taken and k not in claimed]

    def gap(self, r: int) -> range:
        """The student's cells between those that match the nearest released cells before and after `r`."""
        before = next((self.of[p] for p in range(r - 1, -1, -1) if p in self.of), -1)
        after = next((self.of[n] for n in range(r + 1, len(self.released)) if n in self.of), len(self.cells))
        return range(before + 1, after)


def match_cells(cells: Sequence[StudentCell], released: Sequence[ReleasedCell]) -> Matching:
    """Find the released cells among a student's."""
    matching = Matching(cells, released, squeezed=[squeezed(cell.source) for cell in cells])
    _by_marks(matching)
    _by_id(matching)
    _by_names(matching)
    _by_text(matching)
    _by_likeness(matching)
    _answers_by_position(matching)
    _prefer_work_to_stub(matching)
    return matching


def _by_marks(m: Matching) -> None:
    claims = defaultdict(list)
    for k, cell in enumerate(m.cells):
        if cell.grade_id is not None:
            claims[cell.grade_id].append(k)
    for r, cell in enumerate(m.released):
        if cell.grade_id and cell.grade_id in claims:
            claiming = claims[cell.grade_id]
            m.pair(r, _best_claim(m, r, claiming))
            m.copies[r] += [k for k in claiming if k != m.of[r]]


def _best_claim(m: Matching, r: int, claiming: Sequence[int]) -> int:
    """Of several copies: a check as released, a stub last worked on, an answer first written."""
    role = m.released[r].role
    if role == "locked":
        return min(claiming, key=lambda k: (not m.same(r, k), bool(defined_names(m.cells[k].source)), k))
    edited = [k for k in claiming if not m.same(r, k)]
    if role == "stub":
        defining = [k for k in edited if m.released[r].defined & defined_names(m.cells[k].source)]
        return (defining or edited or list(claiming))[-1]
    return (edited or list(claiming))[0]


def _by_id(m: Matching) -> None:
    places = defaultdict(list)
    for k in m.free():
        if m.cells[k].id:
            places[m.cells[k].id].append(k)
    for r in m.waiting("locked", "stub", "answer", "experiment", "given"):
        cell = m.released[r]
        # A given text that was overwritten with code is code of the student's own.
        fits = [
            k
            for k in places.get(cell.node.id, [])
            if m.same(r, k) or cell.role in ("stub", "answer") or m.cells[k].cell_type == cell.node.cell_type
        ]
        if fits:
            m.pair(r, min(fits, key=lambda k: not m.same(r, k)))


def _by_names(m: Matching) -> None:
    free = {k: defined_names(m.cells[k].source) for k in m.free()}
    for r in m.waiting("stub"):
        wanted = m.released[r].defined
        found = [k for k, names in free.items() if k not in m.taken and names & wanted]
        if found:
            m.pair(r, max(found, key=lambda k: (len(free[k] & wanted), not m.same(r, k), k)))


def _by_text(m: Matching) -> None:
    places = defaultdict(list)
    for k in m.free():
        places[m.squeezed[k]].append(k)
    for r in m.waiting("locked", "stub", "experiment", "given"):
        same = [k for k in places.get(m.released[r].squeezed, []) if k not in m.taken]
        if same:
            near = m.gap(r)
            m.pair(r, min(same, key=lambda k: (k not in near, k)))


def _by_likeness(m: Matching) -> None:
    tokens: dict[str, list[str]] = {}

    def split(source: str) -> list[str]:
        if source not in tokens:
            tokens[source] = re.findall(r"\w+|[^\w\s]", source[: 20 * _TOKENS])[:_TOKENS]
        return tokens[source]

    compared = 0
    free = set(m.free())
    for r in m.waiting("locked", "stub", "experiment", "given"):
        node = m.released[r].node
        likest, best = ALIKE, None
        for k in m.gap(r):
            if k in free and m.cells[k].cell_type == node.cell_type and compared < _COMPARISONS:
                compared += 1
                like = SequenceMatcher(None, split(node.source), split(m.cells[k].source), autojunk=False).ratio()
                likest, best = (like, k) if like >= likest else (likest, best)
        if best is not None:
            m.pair(r, best)
            free.discard(best)


def _answers_by_position(m: Matching) -> None:
    """An answer stands between the texts that stood around it, and is no code."""
    known = {cell.squeezed for cell in m.released if cell.role != "answer"}
    free = set(m.free())
    for r in m.waiting("answer"):
        between = [k for k in m.gap(r) if k in free and m.squeezed[k] and m.squeezed[k] not in known]
        texts = [k for k in between if m.cells[k].cell_type != "code"] or (between if len(between) == 1 else [])
        if texts:
            best = min(texts, key=lambda k: (m.same(r, k), k))
            m.pair(r, best)
            free.discard(best)


def _prefer_work_to_stub(m: Matching) -> None:
    """Work in a cell before an untouched stub would be undone by it: then the student's cell is the task's."""
    free = [k for k in m.free() if m.cells[k].cell_type == "code"]
    for r, k in sorted(m.of.items()):
        cell = m.released[r]
        if cell.role == "stub" and cell.defined and m.same(r, k):
            defining = [j for j in free if j < k and cell.defined <= defined_names(m.cells[j].source)]
            before = [j for j in defining if not m.same(r, j)]
            if before:
                m.pair(r, before[-1])
                m.copies[r].append(k)
                free.remove(before[-1])


def each(matching: Matching, role: str, do: Callable[[int, int], None]) -> None:
    """Call `do(r, k)` for each found cell of a role, in the release's order."""
    for r, cell in enumerate(matching.released):
        if cell.role == role and r in matching.of:
            do(r, matching.of[r])
