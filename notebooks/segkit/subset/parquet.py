"""ADE20K as dataset hubs publish it: parquet files whose columns `image` and `annotation` hold encoded pictures.

Every row is one pair. A column is a struct {bytes, path} or plain binary; other columns are not looked at. The split
comes from a file's name (`train-00000-of-00004.parquet`) or else from a folder's (`train/0000.parquet`).
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from segkit.errors import CourseError
from segkit.subset.classes import SPLITS
from segkit.subset.limits import require_size

_COLUMNS = {"images": "image", "annotations": "annotation"}
_ENDINGS = {"images": ".jpg", "annotations": ".png"}
_SPLIT_OF_WORD = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
LARGEST_GROUP = 2**29  # bytes of one column; hubs publish row groups of some megabytes
# What pyarrow raises on damaged files, or on what it cannot decode.
_DAMAGE = (OSError, ValueError, NotImplementedError, IndexError, KeyError)


class _Table(NamedTuple):
    """One parquet file and what its footer tells."""

    path: Path
    place: str  # within the source, with / on every system
    size: int  # bytes
    split: str
    footer: object  # pyarrow.parquet.FileMetaData
    pictures: dict[str, str]  # kind -> column of the encoded pictures
    paths: list[str]  # columns of the pictures' paths, the images' first


class _Row(NamedTuple):
    """Where a pair is: the number of the table, of the row group in it, and of the row in that."""

    table: int
    group: int
    row: int


class ParquetSource:
    """A parquet file or a folder of them, read as if it were a folder in the ADE20K layout.

    Files are called what the pictures' paths say, with their position before it if the rows are in another order than
    the names (`00000012_street.jpg`); without paths, or with the same one for all, `row_00000012.jpg`. Pictures are
    read one row group at a time: every thread that reads holds the images of one and the annotations of one.

    Args:
        path: a .parquet file, or a folder with such files at any depth.

    Raises:
        CourseError: if pyarrow is not installed, a file is damaged or lacks a column, or a split has no rows.
    """

    kind = "parquet"
    origin = None

    def __init__(self, path):
        self._path = Path(path).expanduser()
        self.name = self._path.name
        self._pyarrow = _import_pyarrow()
        self._tables = self._open_tables()
        self._listed = {(kind, split): [] for kind in _COLUMNS for split in SPLITS}
        for split in SPLITS:
            self._list_rows(split)
            if not any(self._listed[kind, split] for kind in _COLUMNS):
                raise CourseError(
                    f"{self._path} has no rows for {split}: give a folder with parquet files of both splits, called "
                    "for example train-00000-of-00004.parquet and validation-00000-of-00001.parquet."
                )
        self._row_of = {(*place, name): row for place, listed in self._listed.items() for name, row in listed}
        self._held = threading.local()

    def files(self, kind: str, split: str) -> list[str]:
        """Names of the files of `kind` (images, annotations) in `split`, sorted; a path may occur in several rows."""
        return sorted(name for name, _ in self._listed[kind, split])

    def read(self, kind: str, split: str, name: str) -> bytes:
        """The content of one file; several threads may read at once.

        Raises:
            OSError: if its row group cannot be read.
        """
        table, group, row = self._row_of[kind, split, name]
        picture = self._row_group(kind, table, group)[row].as_py()
        if isinstance(picture, dict):
            picture = picture["bytes"]
        require_size(len(picture or b""))
        return picture or b""

    def identity(self) -> str:
        """SHA-256 (hex) of names, sizes and times of change of the files, and of rows and bytes of their row groups.

        Raises:
            CourseError: if they cannot be read any more.
        """
        lines = []
        for table in self._open_tables():
            groups = [table.footer.row_group(group) for group in range(table.footer.num_row_groups)]
            sizes = " ".join(f"{group.num_rows}:{group.total_byte_size}" for group in groups)
            lines.append(f"{table.place}\t{table.size}\t{table.path.stat().st_mtime_ns}\t{sizes}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def md5(self, stopped: Callable[[], bool] = bool) -> None:
        """None: parquet files are not what the authors publish."""

    def close(self) -> None:
        """Let go of the row groups that are held; no file stays open between two reads."""
        self._held = threading.local()

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_pyarrow": None, "_held": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state | {"_pyarrow": _import_pyarrow(), "_held": threading.local()})

    def _open_tables(self) -> list[_Table]:
        return [self._open(file, split) for file, split in _files_with_split(self._path)]

    def _open(self, file: Path, split: str) -> _Table:
        try:
            size = file.stat().st_size
            with self._pyarrow.parquet.ParquetFile(file) as opened:
                footer, schema = opened.metadata, opened.schema_arrow
            pictures = {kind: _picture_column(schema, column, file) for kind, column in _COLUMNS.items()}
            for column in pictures.values():
                _require_small_groups(footer, column, file)
            paths = [path for column in _COLUMNS.values() if (path := _path_column(schema, column))]
        except _DAMAGE as error:
            raise CourseError(
                f"{file} cannot be read as a parquet file ({_in_a_line(error)}): download it again."
            ) from error
        place = file.name if file == self._path else file.relative_to(self._path).as_posix()
        return _Table(file, place, size, split, footer, pictures, paths)

    def _list_rows(self, split: str) -> None:
        rows = [row for number, table in enumerate(self._tables) if table.split == split for row in self._rows(number)]
        stems = [stem for _, stem, _ in rows]
        if len(set(stems)) == 1 < len(stems):
            stems = [""] * len(stems)  # a path that all rows share tells nothing
        elif stems != sorted(stems) and len(set(stems)) == len(stems) and len({row[:2] for row, _, _ in rows}) > 1:
            # Pairs are read in the order of their names; if that is the rows', each row group is read once.
            stems = [f"{number:08d}_{stem}" for number, stem in enumerate(stems)]
        for number, ((row, _, kinds), stem) in enumerate(zip(rows, stems, strict=True)):
            # A row of two nulls is listed as well: whoever reads it finds nothing there and can say so.
            for kind in kinds or _COLUMNS:
                self._listed[kind, split].append((f"{stem or f'row_{number:08d}'}{_ENDINGS[kind]}", row))

    def _rows(self, number: int) -> Iterator[tuple[_Row, str, list[str]]]:
        """(row, stem of its path or "", the kinds that are not null) of every row of a table."""
        table = self._tables[number]
        for group in range(table.footer.num_row_groups):
            try:
                stems = self._stems(table, group)
                nulls = {kind: self._nulls(table, group, kind) for kind in _COLUMNS}
            except _DAMAGE as error:
                raise CourseError(f"{table.path} is damaged ({_in_a_line(error)}): download it again.") from error
            for row, stem in enumerate(stems):
                yield _Row(number, group, row), stem, [kind for kind in _COLUMNS if row not in nulls[kind]]

    def _stems(self, table: _Table, group: int) -> list[str]:
        """For every row of a group the stem of its image's path, or else of its annotation's, or else ""."""
        stems = [""] * table.footer.row_group(group).num_rows
        for column in table.paths:
            pictures = self._read_column(table, group, column).to_pylist()
            # Windows' rules know both kinds of slashes, and a path may come from any system.
            paths = (PureWindowsPath((picture or {}).get("path") or "") for picture in pictures)
            stems = [stem or path.stem for stem, path in zip(stems, paths, strict=True)]
        return stems

    def _nulls(self, table: _Table, group: int, kind: str) -> set[int]:
        """The rows of a group that hold no picture of `kind`."""
        column = table.pictures[kind]
        if _null_count(table.footer, group, column) == 0:
            return set()
        pictures = self._read_column(table, group, column)
        if column != _COLUMNS[kind]:
            pictures = self._pyarrow.compute.struct_field(pictures, "bytes")
        return {row for row, null in enumerate(pictures.is_null().to_pylist()) if null}

    def _row_group(self, kind: str, table: int, group: int):
        """The pictures of one row group, those that this thread read last or new ones."""
        held = self._held.__dict__
        if kind not in held or held[kind][0] != (table, group):
            held.pop(kind, None)  # before the next one is read, so that there are never two
            column = self._tables[table].pictures[kind]
            held[kind] = (table, group), self._read_column(self._tables[table], group, column)
        return held[kind][1]

    def _read_column(self, table: _Table, group: int, column: str):
        """One column of one row group, a pyarrow.ChunkedArray."""
        try:
            with self._pyarrow.parquet.ParquetFile(
                table.path, metadata=table.footer, page_checksum_verification=True
            ) as opened:
                return opened.read_row_group(group, columns=[column], use_threads=False).column(0)
        except _DAMAGE as error:
            raise OSError(f"row group {group} of {table.place}: {_in_a_line(error)}") from error


def is_parquet(path) -> bool:
    """Whether `path` is a .parquet file, or a folder that holds such files and no images/ folder."""
    path = Path(path).expanduser()
    if path.is_file():
        return _is_parquet_file(path)
    if (path / "images").is_dir() or (path / "ADEChallengeData2016" / "images").is_dir():
        return False
    return path.is_dir() and any(map(_is_parquet_file, path.rglob("*")))


def _is_parquet_file(path: Path) -> bool:
    return path.suffix.lower() == ".parquet" and not path.name.startswith(".") and path.is_file()


def _files_with_split(path: Path) -> list[tuple[Path, str]]:
    """The parquet files of the two splits, in the order of their places."""
    files = [path] if path.is_file() else sorted(filter(_is_parquet_file, path.rglob("*")))
    if not files:
        raise CourseError(f"There is no parquet file at {path}: give a .parquet file or a folder of them.")
    with_split = [(file, _split_of(file.relative_to(path.parent if file == path else path))) for file in files]
    if not any(split for _, split in with_split):
        raise CourseError(
            f"The name of no parquet file at {path} says which split it holds: call them for example "
            "train-00000-of-00004.parquet and validation-00000-of-00001.parquet."
        )
    return [(file, split) for file, split in with_split if split in SPLITS]


def _split_of(place: Path) -> str | None:
    """The first word that names a split, in the file's name and then in those of its folders from the inside out."""
    for part in reversed(place.parts):
        for word in re.findall("[a-z]+", part.lower()):
            if word in _SPLIT_OF_WORD:
                return _SPLIT_OF_WORD[word]
    return None


def _picture_column(schema, column: str, file: Path) -> str:
    """What pyarrow calls the encoded pictures in `column`: column.bytes of a struct, or the column itself."""
    if column not in schema.names:
        raise CourseError(
            f"{file} has no column {column}: its columns are {', '.join(schema.names)}, and image and annotation are "
            "needed."
        )
    kind = schema.field(column).type
    if _is_binary(kind):
        return column
    if _field_type(kind, "bytes", _is_binary):
        return f"{column}.bytes"
    raise CourseError(
        f"The column {column} of {file} holds {_in_a_line(kind)}: the bytes of picture files are needed, as binary or "
        "as a struct with the field bytes."
    )


def _path_column(schema, column: str) -> str | None:
    return f"{column}.path" if _field_type(schema.field(column).type, "path", _is_text) else None


def _field_type(kind, name: str, accepted) -> bool:
    """Whether the type `kind` is a struct with a field `name` of an accepted type."""
    fields = {field.name: field.type for field in kind} if _import_pyarrow().types.is_struct(kind) else {}
    return name in fields and accepted(fields[name])


def _is_binary(kind) -> bool:
    types = _import_pyarrow().types
    return types.is_binary(kind) or types.is_large_binary(kind)


def _is_text(kind) -> bool:
    types = _import_pyarrow().types
    return types.is_string(kind) or types.is_large_string(kind)


def _require_small_groups(footer, column: str, file: Path) -> None:
    for group in range(footer.num_row_groups):
        size = _chunk(footer, group, column).total_uncompressed_size
        if size > LARGEST_GROUP:
            raise CourseError(
                f"Row group {group} of {file} has {size / 2**30:.1f} GiB of {column}, and at most "
                f"{LARGEST_GROUP / 2**30:.1f} are read into memory at once: write the file again with smaller ones."
            )


def _null_count(footer, group: int, column: str) -> int | None:
    """How many values of a column are null in a row group, None if its statistics do not tell."""
    statistics = _chunk(footer, group, column).statistics
    return statistics.null_count if statistics is not None and statistics.has_null_count else None


def _chunk(footer, group: int, column: str):
    """What the footer says about a column in a row group."""
    columns = [footer.schema.column(index).path for index in range(footer.num_columns)]
    return footer.row_group(group).column(columns.index(column))


def _in_a_line(said) -> str:
    return " ".join(str(said).split()).rstrip(".")


def _import_pyarrow():
    # Imported when the first parquet file is opened: nobody else needs pyarrow.
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise CourseError(
            "Reading parquet files needs pyarrow: pip install pyarrow, or give the ADEChallengeData2016 folder or its "
            "zip file."
        ) from None
    return pyarrow
