"""Cells that were split in two are one cell again; an answer that was continued below is one answer."""

import ast
import re
import warnings
from collections.abc import Sequence

from autograder.triage.cells import StudentCell
from autograder.triage.matching import Matching, each
from autograder.triage.sentences import Sentences

_FURTHER = 3  # cells after one that may be parts of it
_MAX_PARSED = 100_000
_ANSWERS_TOGETHER = 200_000
_IPYTHON = re.compile(r"^([ \t]*)(?:%{1,2}\w.*|[!?].*)$", re.MULTILINE)


def join_split_cells(matching: Matching, said: Sentences) -> set[int]:
    """Put split cells together, in place; the student's cells that became part of another one."""
    absorbed: set[int] = set()
    each(matching, "answer", lambda r, k: _join_answer(matching, r, k, absorbed, said))
    for role in ("stub", "given"):
        each(matching, role, lambda r, k: _join_code(matching, r, k, absorbed, said))
    return absorbed


def _join_answer(m: Matching, r: int, k: int, absorbed: set[int], said: Sentences) -> None:
    """Copies with other texts and what was written directly below (or above an untouched answer) belong to it."""
    if m.released[r].node.cell_type != "markdown":
        return
    known = {cell.squeezed for cell in m.released}
    free = {j for j in m.free() if m.cells[j].cell_type == "markdown" and m.squeezed[j] not in known}
    parts = {k} | {j for j in m.copies[r] if not m.same(r, j) and m.squeezed[j] != m.squeezed[k]}
    below = k + 1
    while below in free:
        parts.add(below)
        below += 1
    if m.same(r, k) and len(parts) == 1 and k - 1 in free:
        parts.add(k - 1)
    texts = [m.cells[j] for j in sorted(parts) if not m.same(r, j)]
    together = "\n\n".join(cell.source for cell in texts)
    if len(parts) == 1 or len(together) > _ANSWERS_TOGETHER:
        return
    names = [name for cell in texts for name in cell.attachments]
    if len(set(names)) < len(names):
        return  # two pictures of one name: the cells stay as they are, one below the other
    m.cells[k].source = together
    m.cells[k].attachments = {name: bundle for cell in texts for name, bundle in cell.attachments.items()}
    absorbed |= parts - {k}
    said.add("joined", m.released[r].name)


def _join_code(m: Matching, r: int, k: int, absorbed: set[int], said: Sentences) -> None:
    if m.released[r].node.cell_type != "code" or k in absorbed:
        return
    loose = {j for j in [*m.free(), *m.copies[r]] if m.cells[j].cell_type == "code" and j not in absorbed}
    below = k + 1
    while below in loose and below - k <= _FURTHER:
        below += 1
    runs = [range(k, end) for end in range(k + 2, below + 1)] + ([range(k - 1, k + 1)] if k - 1 in loose else [])
    for run in runs:
        if _is_one_cell([m.cells[j] for j in run]):
            m.cells[k].source = "\n".join(m.cells[j].source for j in run)
            absorbed |= set(run) - {k}
            said.add("joined", m.released[r].name)
            return


def _is_one_cell(parts: Sequence[StudentCell]) -> bool:
    """Whether not all parts are valid Python by themselves, but together they are."""
    return not all(_is_python(part.source) for part in parts) and _is_python("\n".join(part.source for part in parts))


def _is_python(source: str) -> bool:
    if len(source) > _MAX_PARSED:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in a student's strings
        try:
            ast.parse(_IPYTHON.sub(r"\1pass", source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
