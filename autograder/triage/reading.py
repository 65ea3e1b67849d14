"""From a file's bytes to its cells, whatever the bytes are."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import nbformat

from autograder.triage.cells import StudentCell, read_cells
from autograder.triage.finding import UnreadableError
from autograder.triage.sentences import Sentences, printable

MAX_CELLS = 5_000
MAX_VALUES = 5_000_000  # lists, objects and commas: a small file can hold very many of them
_DIGITS = 15
_MAGIC = [
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x7fELF", "a program"),
]
_CONTENT = re.compile(rb"[^\s\x00\xef\xbb\xbf]")  # beyond white space and a byte order mark
_HTML = re.compile(r"\s*(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_PYTHON = re.compile(r"^(#!.*python|# %%|import \w|from [\w.]+ import |def \w+\(|class \w+[:(])", re.MULTILINE)
_CONFLICT = re.compile(r"^(<{7}|>{7})( |$)", re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_KEY = re.compile(r'[\s,]*("(?:[^"\\]|\\.){0,200}")\s*:\s*')
_GAP = re.compile(r"[\s,]*")
_LANGUAGE_KEYS = ("kernelspec", "language_info")
_FOREIGN = re.compile(
    r"(bash|sh|r|ir|julia|octave|matlab|scala|java|javascript|node|deno|sos|c\+\+)([-_ \d.].*)?", re.IGNORECASE
)
_HINT = "Save it again from Jupyter and hand it in again"


@dataclass
class HandedNotebook:
    """The cells of a notebook as handed in, the assignment that its metadata names, and what was done to read it."""

    cells: list[StudentCell]
    assignment: str | None = None
    said: Sentences = field(default_factory=Sentences)


def read_notebook(data: bytes, label: str) -> HandedNotebook:
    """The notebook in a file's bytes.

    Args:
        label: the file's name in sentences, printable.

    Raises:
        UnreadableError: if not one cell can be read.
    """
    said = Sentences()
    text = _decode(data, label, said)
    if _too_many_values(text):
        raise UnreadableError(f"{label} holds far more values than a notebook: clear its outputs and hand it in again.")
    document = _parse(text, label, said)
    found, metadata = _cells(document, label, said)
    if len(found) > MAX_CELLS:
        raise UnreadableError(f"{label} has more than {MAX_CELLS:,} cells: it cannot be the released notebook.")
    cells = read_cells(found, said)
    if not any(cell.source.strip() for cell in cells):
        raise UnreadableError(f"{label} has no cell with any text in it. {_HINT}.")
    _check_language(metadata, said)
    return HandedNotebook(cells, _assignment(metadata), said)


def _decode(data: bytes, label: str, said: Sentences) -> str:
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise UnreadableError(f"{label} is no notebook but looks like {what}. Hand in the notebook itself.")
    if not _CONTENT.search(data):
        raise UnreadableError(f"{label} is empty. {_HINT}.")
    encoding = json.detect_encoding(data)  # knows UTF-8, UTF-16 and UTF-32, with a byte order mark or without
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        said.add("encoding")
        text = data.decode(encoding, "replace")
        foreign = sum(map(len, re.findall(r"[^\x00-\x7f]+", text)))
        if encoding.startswith("utf-8") and 2 * text.count("\ufffd") > foreign:
            text = data.decode("latin-1")
    if "\0" in text:
        said.add("null bytes")
        text = text.replace("\0", "")
    return text.lstrip("\ufeff")


def _too_many_values(text: str) -> bool:
    def values(text: str) -> int:
        return text.count(",") + text.count("[") + text.count("{")

    return values(text) > MAX_VALUES and values(_STRING.sub("", text)) > MAX_VALUES


def _parse(text: str, label: str, said: Sentences) -> dict:
    decoder = _decoder(said)
    start = len(text) - len(text.lstrip())
    try:
        document, end = decoder.raw_decode(text, start)
    except RecursionError:
        raise UnreadableError(f"{label} is nested far more deeply than a notebook. {_HINT}.") from None
    except ValueError:
        document, end = _salvage(text, start, decoder, label, said), len(text)
    if text[end:].strip():
        said.add("trailing")
    if not isinstance(document, dict):
        raise UnreadableError(f"{label} is no notebook: it holds something else in JSON. {_HINT}.")
    return document


def _decoder(said: Sentences) -> json.JSONDecoder:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            said.add("repeated keys")
        return found

    def no_number(_: str) -> None:
        said.add("odd numbers")

    def whole(digits: str) -> int | None:
        return int(digits) if len(digits) <= _DIGITS else no_number(digits)

    return json.JSONDecoder(strict=False, object_pairs_hook=unique, parse_constant=no_number, parse_int=whole)


def _salvage(text: str, start: int, decoder: json.JSONDecoder, label: str, said: Sentences) -> dict:
    """What can be read of a notebook whose JSON breaks off: the complete cells before that place.

    Raises:
        UnreadableError: if there is not one, with what the text looks like.
    """
    if _CONFLICT.search(text):
        raise UnreadableError(
            f"{label} holds the marks of a git merge conflict (<<<<<<<): resolve it, open the notebook in "
            "Jupyter and hand it in again."
        )
    cells = _complete_cells(text, start, decoder)
    if cells:
        said.add("cut off", str(len(cells)))
        return {"cells": cells, "nbformat": 4}
    beginning = text[start : start + 4096]
    if _HTML.match(beginning):
        raise UnreadableError(f"{label} is no notebook but looks like a web page. Hand in the .ipynb file itself.")
    if not beginning.startswith("{") and _PYTHON.search(beginning):
        raise UnreadableError(f"{label} is no notebook but looks like a Python script. Hand in the .ipynb file itself.")
    shown = printable(beginning, 30)
    raise UnreadableError(f"{label} is damaged: not one cell could be read (it begins with {shown}). {_HINT}.")


def _complete_cells(text: str, start: int, decoder: json.JSONDecoder) -> list[dict]:
    """The cells of a damaged notebook of format 4, as far as they are whole."""
    cells: list[dict] = []
    position = start + 1
    try:
        while text.startswith("{", start) and (key := _KEY.match(text, position)):
            position = key.end()
            if key[1] == '"cells"' and text.startswith("[", position):
                position += 1
                while len(cells) <= MAX_CELLS:
                    cell, position = decoder.raw_decode(text, _GAP.match(text, position).end())
                    cells.append(cell)
            _, position = decoder.raw_decode(text, position)
    except (ValueError, RecursionError):
        pass  # here it breaks off
    return [cell for cell in cells if isinstance(cell, dict)]


def _cells(document: dict, label: str, said: Sentences) -> tuple[Sequence[Any], dict]:
    """The list of cells and the metadata, of whatever format."""
    if "cells" not in document and isinstance(document.get("worksheets"), list):
        document = _upgrade(document, said)
    elif document.get("nbformat") != 4 and "cells" in document:
        named = document.get("nbformat")
        said.add("odd format", printable(str(named), 20) if isinstance(named, int | str) else "none")
    cells, metadata = document.get("cells"), document.get("metadata")
    if not isinstance(cells, list):
        raise UnreadableError(f"{label} is JSON, but no notebook: it has no list of cells. {_HINT}.")
    return cells, metadata if isinstance(metadata, dict) else {}


def _upgrade(document: dict, said: Sentences) -> dict:
    """A notebook of format 2 or 3 as one of format 4."""
    version = document.get("nbformat")
    said.add("old format", str(version) if version in (2, 3) else "3")
    sheets = [sheet for sheet in document["worksheets"] if isinstance(sheet, dict)]
    cells = [cell for sheet in sheets for cell in islice(_list(sheet.get("cells")), MAX_CELLS + 1)]
    try:
        known = document | {"nbformat": version if version in (2, 3) else 3, "nbformat_minor": 0}
        upgraded = nbformat.convert(nbformat.versions[known["nbformat"]].to_notebook_json(known), 4)
        for cell in upgraded.cells:
            del cell["id"]  # a random one
        return upgraded
    except Exception:  # its converter expects a valid notebook and raises whatever it meets; the sources can be had
        return {"cells": cells, "metadata": document.get("metadata")}


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _check_language(metadata: dict, said: Sentences) -> None:
    kernel, language = (metadata.get(key) if isinstance(metadata.get(key), dict) else {} for key in _LANGUAGE_KEYS)
    for named in (kernel.get("language"), language.get("name"), kernel.get("name")):
        if isinstance(named, str) and _FOREIGN.fullmatch(named):
            said.add("kernel", printable(named, 30))
            return


def _assignment(metadata: dict) -> str | None:
    course = metadata.get("course")
    assignment = course.get("assignment") if isinstance(course, dict) else None
    return assignment if isinstance(assignment, str) else None
