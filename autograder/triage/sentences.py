"""The sentences in which triage says what it did, and the one way to put foreign text into them."""

from collections.abc import Iterable

_AT_MOST = 6  # places named in one sentence

# In the order in which they are said. A kind without braces stands alone; the others end in a list of cells.
_KINDS = {
    "encoding": "The file was not saved as UTF-8; characters other than plain ASCII may have been lost.",
    "null bytes": "The file had null characters in it, which were taken out.",
    "trailing": "Text after the notebook's end was left out.",
    "cut off": "The file is damaged or breaks off; cells that could be read before it does: {}. All others are lost.",
    "repeated keys": "The file gives some of its entries twice; the last ones count.",
    "odd numbers": "Numbers that no notebook can hold (NaN, Infinity, hundreds of digits) were left out.",
    "old format": "The notebook was saved in an old format and was converted: {}.",
    "odd format": "The file names no notebook format or an unknown one and was read as format 4: {}.",
    "kernel": "The notebook was set to a language other than Python; the released kernel was put back: {}.",
    "no cells": "Things in the list of cells that are no cells were left out: {}.",
    "damaged": "Damaged parts of cells were left out: {}.",
    "odd text": "Characters that no text can hold were replaced: {}.",
    "unknown type": "Cells of an unknown type are kept as plain text: {}.",
    "too long": "Cells with more than four million characters were left out: {}.",
    "blank lines": "Runs of hundreds of empty lines were shortened: {}.",
    "same id": "Cells whose technical id was doubled or impossible got a new one: {}.",
    "marks lost": "The grading marks (nbgrader's metadata) of cells were missing and were put back: {}.",
    "marks changed": "The grading marks (nbgrader's metadata) of cells were changed and were put back: {}.",
    "marks invented": "Cells that the release does not know as graded lost their grading marks: {}.",
    "tags": "The tags of cells, which say what is executed, were changed and were put back: {}.",
    "type": "Cells had been given another type (code, text) and got theirs back: {}.",
    "copies": "Cells stood there more than once; the one you worked in counts: {}.",
    "idle copies": "An untouched copy of a task after your own work on it is not executed: {}.",
    "joined": "Parts of one cell that had been split were joined: {}.",
    "locked": "Locked cells were edited and got their released text back: {}.",
    "moved out": "Code that you wrote in a locked cell was moved to a cell of its own: {}.",
    "checks": "Missing check cells were put back: {}.",
    "answers": "Missing answer cells were put back and count as not answered: {}.",
    "stubs": "Cells of tasks are missing: {}. What your other cells define still counts.",
    "given": "Given code is missing: {}.",
    "order": "Code cells stand in another order than released and are executed in yours: {}.",
    "outputs cut": "Very long outputs were cut: {}.",
    "outputs unsafe": "Scripts and other active content in outputs were taken out: {}.",
    "outputs lost": "Outputs that a page cannot show were left out: {}.",
    "text long": "Very long texts are shown as they were typed: {}.",
    "text unsafe": "Texts with HTML that could be active, or that a page cannot render, are shown as plain text: {}.",
    "pictures": "Pictures in texts that were not saved with the notebook, or are broken, cannot be shown: {}.",
}


def printable(text: str, limit: int = 80) -> str:
    """`text` on one line of printable characters: control characters and broken Unicode are shown as escapes."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."


def listing(places: Iterable[str], at_most: int = _AT_MOST) -> str:
    """`a, b, c and 4 more`, each place once."""
    unique = list(dict.fromkeys(places))
    more = f" and {len(unique) - at_most} more" if len(unique) > at_most else ""
    return ", ".join(unique[:at_most]) + more


class Sentences:
    """Collects what was done and where, and says it in one sentence per kind."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, kind: str, place: str = "") -> None:
        """Remember that `kind`, a key of the table above, happened at `place` (`"cell 7"`, a task's name)."""
        self._places.setdefault(kind, []).append(place)

    def __call__(self) -> list[str]:
        return [text.format(listing(self._places[kind])) for kind, text in _KINDS.items() if kind in self._places]
