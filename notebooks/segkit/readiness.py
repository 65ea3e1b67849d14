"""What a student should know of a notebook before handing it in: cells not run, out of order, failed or left empty.

A file says which cells ran, and in which order. Whether a cell was edited afterwards only the session knows in which it
ran, so that is told of the notebook that asks, while its kernel lives.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

EMPTY_ANSWERS = ("", "*Your answer here.*")
_UNWRITTEN = re.compile(r"Task .+: your code goes here")
_HANDS_IN = re.compile(r"\bsubmit\s*\(")  # runs after the file was saved, so the file cannot say that it did
_MOST_NAMED = 6


def remarks(notebook: dict, session: Sequence[str] = ()) -> list[str]:
    """One sentence for each kind of thing in a notebook (parsed JSON) that its author may not have meant.

    Args:
        session: what ran in this kernel, by execution count; it may be another notebook's.
    """
    cells = [(number, cell) for number, cell in enumerate(_list(notebook.get("cells")), start=1) if _is_cell(cell)]
    code = [(number, cell) for number, cell in cells if cell["cell_type"] == "code" and _counts(cell)]
    found = [*_unwritten(code), *_unanswered(cells)]
    failed = [number for number, cell in code if _failed(cell)]
    if failed:
        found.append(f"{_named(failed)} ended with an error.")
    edited = _edited(code, session)
    if edited:
        found.append(f"{_named(edited)} {_was(edited)} edited after running: run all cells again.")
    return found + _order(code)


def _edited(code: list[tuple[int, dict]], session: Sequence[str]) -> list[int]:
    """The cells that no longer are what ran in this session; none if most differ, for then another notebook's did."""
    counts = ((number, cell, cell.get("execution_count")) for number, cell in code)
    ran = [(number, cell, session[n]) for number, cell, n in counts if isinstance(n, int) and 0 < n < len(session)]
    edited = [number for number, cell, source in ran if source.strip() != _source(cell).strip()]
    return edited if 2 * len(edited) < len(ran) else []


def _order(code: list[tuple[int, dict]]) -> list[str]:
    counts = {number: cell.get("execution_count") for number, cell in code}
    ran = [(number, count) for number, count in counts.items() if isinstance(count, int)]
    if counts and not ran:
        return ["No cell was run, or its outputs were cleared: run it from the top, and save it."]
    found = []
    idle = [number for number, count in counts.items() if not isinstance(count, int)]
    if idle:
        found.append(f"{_named(idle)} {_was(idle)} not run.")
    for (above, earlier), (below, later) in pairwise(ran):
        if later <= earlier:
            found.append(
                f"Cell {below} ran before cell {above}, which stands above it: restart the kernel, run all cells, and "
                "look whether everything still works."
            )
            break
    return found


def _unwritten(code: list[tuple[int, dict]]) -> Iterator[str]:
    for position, (number, cell) in enumerate(code):
        if _raises_stub(_source(cell)) and not _is_bonus(code[position + 1 :]):
            yield f"{_definition(_source(cell)) or 'A task'} in cell {number} is not written yet."


def _raises_stub(source: str) -> bool:
    """Whether a stub's own line still stands there, comments and strings not counted."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # a cell with magics is no stub; one with a mistake was said to have failed
    raised = [node.exc for node in nodes if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    texts = [call.args[0].value for call in raised if call.args and isinstance(call.args[0], ast.Constant)]
    return any(isinstance(text, str) and _UNWRITTEN.fullmatch(text) for text in texts)


def _definition(source: str) -> str | None:
    names = (getattr(statement, "name", None) for statement in ast.parse(source).body)
    return next((name for name in names if name), None)


def _is_bonus(below: list[tuple[int, dict]]) -> bool:
    """Whether the next cell with points gives a bonus, which nobody has to write."""
    checks = (cell for _, cell in below if _metadata(cell, "nbgrader").get("grade"))
    return "bonus" in _metadata(next(checks, {}), "course")


def _unanswered(cells: list[tuple[int, dict]]) -> Iterator[str]:
    for number, cell in cells:
        about = _metadata(cell, "nbgrader")
        if cell["cell_type"] == "markdown" and about.get("solution") and _source(cell).strip() in EMPTY_ANSWERS:
            yield f"The answer {about.get('grade_id', '')} in cell {number} is empty."


def _failed(cell: dict) -> bool:
    return any(
        isinstance(output, dict) and output.get("output_type") == "error" for output in _list(cell.get("outputs"))
    )


def _counts(cell: dict) -> bool:
    return bool(_source(cell).strip()) and not _HANDS_IN.search(_source(cell))


def _named(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _MOST_NAMED} more" if len(numbers) > _MOST_NAMED else ""
    return f"Cell{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:_MOST_NAMED]))}{more}"


def _was(numbers: list[int]) -> str:
    return "was" if len(numbers) == 1 else "were"


def _is_cell(cell: object) -> bool:
    return isinstance(cell, dict) and isinstance(cell.get("cell_type"), str)


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    return "".join(line for line in (source if isinstance(source, list) else [source]) if isinstance(line, str))


def _metadata(cell: dict, part: str) -> dict:
    metadata = cell.get("metadata")
    about = metadata.get(part) if isinstance(metadata, dict) else None
    return about if isinstance(about, dict) else {}


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
