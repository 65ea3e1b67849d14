"""CSV files of other systems: some cells are put into them, and all others stay as they are, byte for byte."""

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from segkit.errors import CourseError

BYTE_ORDER_MARK = "\ufeff"
DELIMITERS = ",;\t"  # a semicolon where the decimal point is a comma
FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")


def inert(text: str) -> str:
    """Text that somebody else chose, as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


@dataclass
class _Row:
    """Its cells as they stand in the file, quotes included, and what ends the line."""

    cells: list[str]
    end: str


class Sheet:
    """A table with a header. Rows are numbered from 0, the header is not one of them.

    Args:
        path: the file that it comes from, for errors.
        text: what stands in the file.
        delimiter: what stands between two cells.

    Raises:
        CourseError: if it cannot be read as CSV.
    """

    def __init__(self, path: Path, text: str, delimiter: str) -> None:
        self.path, self._delimiter = path, delimiter
        self._mark = BYTE_ORDER_MARK * text.startswith(BYTE_ORDER_MARK)
        header, *self._rows = _split(path, text.removeprefix(BYTE_ORDER_MARK), delimiter)
        self._header = header
        self.columns = [_value(cell).strip() for cell in header.cells]

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> int | None:
        """The number of the column with that name; None if there is none."""
        return self.columns.index(name) if name in self.columns else None

    def get(self, row: int, column: int | str | None) -> str:
        """What a cell says, without the spaces around it; nothing, if the row or the table is too short for it."""
        number = self.column(column) if isinstance(column, str) else column
        cells = self._rows[row].cells
        return _value(cells[number]).strip() if number is not None and number < len(cells) else ""

    def put(self, row: int, column: int, text: str) -> None:
        """Replace a cell."""
        self._put(self._rows[row], column, text)

    def add_column(self, name: str) -> int:
        """One more column, at the end and with empty cells; its number."""
        number = len(self.columns)
        self.columns.append(name)
        self._put(self._header, number, name)
        for row in self._rows:
            if any(row.cells):
                self._put(row, number, "")
        return number

    def _put(self, row: _Row, column: int, text: str) -> None:
        row.cells += [""] * (column + 1 - len(row.cells))
        special = any(letter in text for letter in f'{self._delimiter}"\r\n')
        row.cells[column] = '"{}"'.format(text.replace('"', '""')) if special else text

    @property
    def text(self) -> str:
        """What to write into a file."""
        lines = (self._delimiter.join(row.cells) + row.end for row in (self._header, *self._rows))
        return self._mark + "".join(lines)


def read_sheet(path: Path, needed: Collection[str], what: str) -> Sheet:
    """The table in a file, whichever character stands between its cells.

    Args:
        needed: columns without which it is none.
        what: what it should be, and how one gets it, for the error.

    Raises:
        CourseError: if it cannot be read, or is something else.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise CourseError(f"{path} is not in UTF-8, as {what}: do not save it with a spreadsheet program.") from None
    first = text.removeprefix(BYTE_ORDER_MARK).splitlines()[:1]
    for delimiter in DELIMITERS:
        columns = {cell.strip() for cell in next(csv.reader(first, delimiter=delimiter), [])}
        if set(needed) <= columns:
            return Sheet(path, text, delimiter)
    raise CourseError(f"{path} lacks columns {', '.join(needed)}: it has to be {what}, in English.")


def invented(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of our own, for systems that expect a byte order mark."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([header, *rows])
    return BYTE_ORDER_MARK + file.getvalue()


def _split(path: Path, text: str, delimiter: str) -> list[_Row]:
    """The rows. What csv reads of them is what stands there, or they cannot be filled without changing others."""
    between = re.escape(delimiter)
    cell = re.compile(rf'("(?:[^"]|"")*"|[^{between}\r\n]*)({between}|\r\n|\n|\r|\Z)')
    rows, cells, position = [], [], 0
    while position < len(text) or cells:
        found = cell.match(text, position)
        if found is None:
            break
        cells.append(found[1])
        position = found.end()
        if found[2] != delimiter:
            rows.append(_Row(cells, found[2]))
            cells = []
    try:
        read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CourseError(f"{path} cannot be read as CSV ({error}).") from None
    if [row or [""] for row in read] != [[_value(cell) for cell in row.cells] for row in rows]:
        raise CourseError(f"{path} cannot be read as CSV: its quotes do not belong together.")
    return rows


def _value(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell
