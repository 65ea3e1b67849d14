"""A cell as a student handed it in, with every field of the type it should have.

Nothing is mended in place: what is known and well-formed is taken over, all else stays behind.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autograder.triage.sentences import Sentences

MAX_SOURCE = 4 * 2**20  # characters: Colab writes pictures into texts
_TYPES = {"code", "markdown", "raw"}
_VIEW = {"collapsed", "scrolled"}
_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_TAG = re.compile(r"[\w:.-]{1,64}", re.ASCII)
_NO_TEXT = re.compile("[\ud800-\udfff\x00]")  # lone surrogates cannot be saved; a null ends Python's source
_BLANK = re.compile(r"(?:[^\S\n]*+\n){100,}+")  # lines: pygments, which colours code on pages, is quadratic in them
_DEFINED = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass
class StudentCell:
    """A cell as handed in; `number` counts the file's cells from 1, `marks` is what stood under `nbgrader`."""

    number: int
    cell_type: str
    source: str
    id: str | None = None
    marks: dict | None = None
    tags: list[str] = field(default_factory=list)
    view: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, Any] = field(default_factory=dict)
    outputs: list = field(default_factory=list)  # as in the file: cleaned only where they are kept
    execution_count: int | None = None

    @property
    def grade_id(self) -> str | None:
        """The graded cell that this one says it is."""
        found = (self.marks or {}).get("grade_id")
        return found if isinstance(found, str) else None

    @property
    def place(self) -> str:
        """How sentences name it."""
        return f"cell {self.number}"


def read_cells(found: Iterable[Any], said: Sentences) -> list[StudentCell]:
    """The cells of a parsed notebook that can be used; what was left out is put into `said`."""
    cells = []
    for number, raw in enumerate(found, start=1):
        if isinstance(raw, dict):
            cell = _read_cell(raw, number, said)
            if len(cell.source) <= MAX_SOURCE:
                cells.append(cell)
            else:
                said.add("too long", cell.place)
        else:
            said.add("no cells", f"cell {number}")
    return cells


def _read_cell(raw: dict, number: int, said: Sentences) -> StudentCell:
    place = f"cell {number}"

    def checked(value: Any, kind: type, what: str) -> Any:
        """`value`, or an empty one if it is of another type, which is said unless there was none."""
        if isinstance(value, kind):
            return value
        if value is not None:
            said.add("damaged", f"the {what} of {place}")
        return kind()

    metadata = checked(raw.get("metadata"), dict, "metadata")
    count = raw.get("execution_count", raw.get("prompt_number"))
    cell = StudentCell(
        number,
        _cell_type(raw.get("cell_type"), place, said),
        _short_gaps(clean_text(_source(raw.get("source", raw.get("input")), place, said), place, said), place, said),
        tags=[tag for tag in checked(metadata.get("tags"), list, "tags") if _is_like(_TAG, tag)],
        view=_view(metadata),
        outputs=checked(raw.get("outputs"), list, "outputs"),
        attachments=checked(raw.get("attachments"), dict, "attachments"),
        execution_count=whole_number(count),
    )
    if "nbgrader" in metadata:
        cell.marks = checked(metadata["nbgrader"], dict, "grading marks")
    if "id" in raw:
        if _is_like(_ID, raw["id"]):
            cell.id = raw["id"]
        else:
            said.add("same id", place)
    return cell


def _is_like(pattern: re.Pattern, value: Any) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _cell_type(found: Any, place: str, said: Sentences) -> str:
    if isinstance(found, str) and found in _TYPES:
        return found
    if found in ("heading", "html"):  # of notebook format 3
        return "markdown"
    said.add("unknown type", place)
    return "raw"


def _source(found: Any, place: str, said: Sentences) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, list):
        lines = [line for line in found if isinstance(line, str)]
        if len(lines) < len(found):
            said.add("damaged", f"lines of {place}")
        return "".join(lines)
    if found is not None:
        said.add("damaged", f"the source of {place}")
    return ""


def _short_gaps(source: str, place: str, said: Sentences) -> str:
    if _BLANK.search(source):
        said.add("blank lines", place)
        return _BLANK.sub("\n" * 100, source)
    return source


def _view(metadata: dict) -> dict[str, Any]:
    """How the student's Jupyter shows the cell: harmless, and nothing else of its metadata is."""
    return {key: metadata[key] for key in _VIEW if isinstance(metadata.get(key), bool)}


def clean_text(text: str, place: str, said: Sentences) -> str:
    """`text` with plain line ends and without characters that cannot be written as UTF-8."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _NO_TEXT.search(text):
        said.add("odd text", place)
        text = _NO_TEXT.sub("\ufffd", text)
    return text


def whole_number(value: Any) -> int | None:
    """A count as notebooks have it; None for anything else."""
    return value if type(value) is int and 0 <= value < 2**31 else None


def squeezed(source: str) -> str:
    """A source without white space and with one kind of quotes: what a re-save or a formatter may change."""
    return "".join(source.split()).replace("'", '"')


def defined_names(source: str) -> set[str]:
    """The functions and classes that a source defines at its top level, also if it is not valid Python."""
    return set(_DEFINED.findall(source))
