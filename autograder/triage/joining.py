"""Cells that were split in two are one cell again; an answer that was continued below is one answer."""

import ast
import re
import warnings

from autograder.triage.cells import squeezed
from autograder.triage.matching import Matching, each
from autograder.triage.sentences import Sentences

_FURTHER = 3  # cells after one, or before it, that may be parts of it
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
    m.cells[k].attachments = {name: bundle for cell in texts for name, bundle in cell.attachments.items()}
    _absorb(m, r, k, together, parts, absorbed, said)


def _join_code(m: Matching, r: int, k: int, absorbed: set[int], said: Sentences) -> None:
    if m.released[r].node.cell_type != "code" or k in absorbed:
        return
    loose = {j for j in [*m.free(), *m.copies[r]] if m.cells[j].cell_type == "code" and j not in absorbed}
    # To be one cell, the parts must be valid Python together and not each by itself.
    run, end = range(k, k + 1), k + 1
    while end in loose and end - k <= _FURTHER:
        needed = not (_is_python(m.cells[end].source) and _is_python(_together(m, range(k, end))))
        end += 1
        if needed and _is_python(_together(m, range(k, end))):
            run = range(k, end)
    start = k - 1
    while len(run) == 1 and start in loose and k - start <= _FURTHER and not _is_python(m.cells[k].source):
        if _is_python(_together(m, range(start, k + 1))):  # the marks stayed with the last part
            run = range(start, k + 1)
        start -= 1
    if len(run) > 1:
        _absorb(m, r, k, _together(m, run), set(run), absorbed, said)


def _together(m: Matching, run: range) -> str:
    return "\n".join(m.cells[j].source for j in run)


def _absorb(m: Matching, r: int, k: int, source: str, parts: set[int], absorbed: set[int], said: Sentences) -> None:
    """Cell `k` now has the source of all parts."""
    m.cells[k].source, m.squeezed[k] = source, squeezed(source)
    absorbed |= parts - {k}
    said.add("joined", m.released[r].name)


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
