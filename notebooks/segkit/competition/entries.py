"""An entry of the competition: one zip file of one of three kinds, and what stands in it.

entry.json            what it is, and how its model is built and asked
model.safetensors     weights, of the kinds "code" and "zoo"
code.json             cells of the notebooks that define the model, of the kind "code"
pictures/NAME.png     predicted Cityscapes label ids, of the kind "pictures"
"""

import json
from dataclasses import dataclass
from typing import Any

from segkit.errors import CourseError
from segkit.evaluation.settings import ResultsSettings, checked_settings
from segkit.student import Cell

FORMAT = 1
CODE, ZOO, PICTURES = "code", "zoo", "pictures"
KINDS = (CODE, ZOO, PICTURES)
ABOUT, CELLS, FOLDER = "entry.json", "code.json", "pictures/"
CLASS = "Competitor"  # the model of the kind "code"
SIDES = (32, 2048)  # shortest and longest side of an input, in pixels
MAX_CHECKPOINT = 384 * 2**20  # bytes: the largest model of the zoo has 323 MiB
MAX_CELLS = 4 * 2**20  # bytes of code.json
MAX_ABOUT = 64 * 2**10  # bytes of entry.json
MAX_CLAIM = 10**15  # multiply-adds


@dataclass(frozen=True)
class About:
    """What `entry.json` says.

    Args:
        kind: one of KINDS.
        settings: how the model is built and asked, and the name for the board, which alone counts for "pictures".
        model: for "zoo", the name of the configuration; for "code", the notebook that defines the class.
        claimed: for "pictures", the multiply-adds for an image that the entrant states; None: not stated.
    """

    kind: str
    settings: ResultsSettings
    model: str | None = None
    claimed: int | None = None

    def as_json(self) -> bytes:
        """The file."""
        record = {"format": FORMAT, "kind": self.kind, "model": self.model, **vars(self.settings)}
        record |= {"claimed_multiply_adds": self.claimed}
        return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def checked_about(record: Any) -> About:
    """What an entry says of itself, if a grader accepts it; what else stands there is left alone.

    Raises:
        CourseError: with what is wrong, one sentence that begins with the file's name.
    """
    if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("kind") not in KINDS:
        raise CourseError(f"{ABOUT} describes no entry: make it anew with one of the functions enter_...")
    kind, model = record["kind"], record.get("model")
    arguments = record.get("arguments", {}) if kind == CODE else {}  # those of the zoo are the grader's
    size = SIDES if kind == PICTURES else record.get("image_size")
    settings = checked_settings(arguments, size, record.get("name"), file=ABOUT, sides=SIDES)
    if kind != PICTURES and not (isinstance(model, str) and 0 < len(model) <= 80):
        raise CourseError(f'{ABOUT}: "model" must name {"a model of the zoo" if kind == ZOO else "a notebook"}.')
    claimed = record.get("claimed_multiply_adds") if kind == PICTURES else None
    if claimed is not None and not (type(claimed) is int and 0 < claimed <= MAX_CLAIM):
        raise CourseError(f'{ABOUT}: "claimed_multiply_adds" must be a whole number from 1 to {MAX_CLAIM:,}, or null.')
    return About(kind, settings, model if kind != PICTURES else None, claimed)


def read_about(text: bytes) -> About:
    """`checked_about` of a file's bytes."""
    return checked_about(_parsed(text, ABOUT, MAX_ABOUT))


def cells_as_json(cells: dict[str, list[Cell]]) -> bytes:
    """The file of the notebooks' cells, by notebook."""
    return json.dumps(
        {name: [[cell.number, cell.source] for cell in of_one] for name, of_one in cells.items()}
    ).encode()


def read_cells(text: bytes) -> dict[str, list[Cell]]:
    """The cells in a file's bytes.

    Raises:
        CourseError: if it is none.
    """
    found = _parsed(text, CELLS, MAX_CELLS)
    try:
        if not all(type(number) is int and type(source) is str for own in found.values() for number, source in own):
            raise TypeError
        return {name: [Cell(number, source) for number, source in own] for name, own in found.items()}
    except (AttributeError, TypeError, ValueError):
        raise CourseError(f"{CELLS} holds no cells of notebooks: make the entry anew with enter_code.") from None


def _parsed(text: bytes, file: str, limit: int) -> Any:
    if len(text) > limit:
        raise CourseError(f"{file} is larger than {limit // 2**10} KiB: make the entry anew.")
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CourseError(f"{file} is damaged or no JSON: make the entry anew.") from None
