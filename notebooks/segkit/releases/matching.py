"""Which released cell each cell of a student's notebook is."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from segkit.releases.notebooks import START, cell_digest, id_of, is_start, metadata_of, source_of

_DEFINED = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)


def defined_names(cell: dict) -> list[str]:
    """The functions and classes that a cell of code defines at its top level."""
    return _DEFINED.findall(source_of(cell)) if cell.get("cell_type") == "code" else []


def matched(cells: list[dict], before: Mapping[str, str], released: Mapping[str, dict]) -> list[str | None]:
    """Which released cell each of the student's is, by its key; None is a cell of the student's own.

    Ids and names are lost in some editors, so text, what a cell defines, and for written answers the place say it, too.
    """
    found: list[str | None] = [None] * len(cells)
    marks = {key: metadata_of(cell, "nbgrader") for key, cell in released.items()}
    names = {about["grade_id"]: key for key, about in marks.items() if about.get("grade_id")}
    stubs = {name: key for key, cell in released.items() if marks[key].get("solution") for name in defined_names(cell)}

    def pair(key_of: Callable[[dict], str | None]) -> None:
        # From the end: of several definitions the last one counts.
        for place in reversed(range(len(cells))):
            key = key_of(cells[place]) if found[place] is None else None
            if key is not None and key not in found:
                found[place] = key

    pair(lambda cell: id_of(cell) if id_of(cell) in before or id_of(cell) in released else None)
    pair(lambda cell: START if is_start(cell) and START in {*before, *released} else None)
    pair(lambda cell: names.get(metadata_of(cell, "nbgrader").get("grade_id") or ""))
    _pair_by_text(cells, found, [*before.items(), *((key, cell_digest(cell)) for key, cell in released.items())])
    pair(lambda cell: next((stubs[name] for name in defined_names(cell) if name in stubs), None))
    answers = [key for key in released if marks[key].get("solution") and released[key].get("cell_type") == "markdown"]
    for key in answers:
        if key not in found and (place := _place_of_answer(key, list(released), cells, found)) is not None:
            found[place] = key
    return found


def _pair_by_text(cells: list[dict], found: list[str | None], texts: list[tuple[str, str]]) -> None:
    """Pair cells with released ones of the same text (key, digest).

    Empty answers all read the same: if fewer are left than were released, nothing says here which these are.
    """
    keys: dict[str, list[str]] = defaultdict(list)
    for key, digest in dict.fromkeys(texts):
        keys[digest].append(key)
    digests = [cell_digest(cell) for cell in cells]
    for digest, named in keys.items():
        missing = [key for key in named if key not in found]
        places = [place for place, its in enumerate(digests) if its == digest and found[place] is None]
        if len(places) >= len(missing):
            for place, key in zip(reversed(places), reversed(missing), strict=False):
                found[place] = key


def _place_of_answer(key: str, order: list[str], cells: list[dict], found: list[str | None]) -> int | None:
    """The first text of the student's own between the released cells around an answer."""
    number = order.index(key)
    above = max((found.index(k) for k in order[:number] if k in found), default=-1)
    below = min((found.index(k) for k in order[number + 1 :] if k in found), default=len(cells))
    own = (place for place in range(above + 1, below) if found[place] is None)
    return next((place for place in own if cells[place].get("cell_type") == "markdown"), None)
