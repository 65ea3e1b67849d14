"""Frames between a test and a worker: a header, JSON, and raw tensors in safetensors' format. Never pickle.

Header: 4 bytes `SGK2`, the number of the question that is asked or answered, and the lengths of the JSON part and of
the tensor part, 4 bytes each, big-endian. Lengths, dtypes, shapes and offsets are checked before the memory that they
speak of is taken: whoever sends may lie.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

HEADER = struct.Struct(">4sIII")
TABLE_LENGTH = struct.Struct("<Q")  # safetensors' own beginning: how long its table of tensors is
MAGIC = b"SGK2"
MAX_JSON = 16 * 2**20  # of a request, which carries notebooks
MAX_REPLY_JSON = 2**20  # of an answer in words and numbers
MAX_TENSORS = 128 * 2**20
MAX_TABLE = 2**20
MAX_DIMENSIONS = 16
BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8,
    "F16": 2, "BF16": 2, "F32": 4, "F64": 8,
}  # fmt: skip

Read = Callable[[int], bytes]


class WireError(Exception):
    """What arrived is not a frame."""


def pack(message: dict, tensors: dict[str, torch.Tensor], number: int = 0, *, max_json: int = MAX_JSON) -> bytes:
    """One frame.

    Args:
        number: of the question, counted from 1; 0 belongs to the worker's greeting.
        max_json: bytes that the JSON part may have.

    Raises:
        WireError: if a part is larger than its limit, or a tensor is of a kind that safetensors does not know.
    """
    text = json.dumps(message, allow_nan=False).encode()
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if len(text) > max_json or size > MAX_TENSORS:
        raise WireError(f"a frame of {(len(text) + size) / 2**20:.0f} MiB is larger than a frame may be")
    try:
        # Copies: safetensors refuses tensors that share memory.
        copies = {key: tensor.clone(memory_format=torch.contiguous_format) for key, tensor in tensors.items()}
        raw = save(copies) if tensors else b""
    except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise WireError(f"a tensor cannot be sent ({type(error).__name__}: {error})") from None
    return HEADER.pack(MAGIC, number, len(text), len(raw)) + text + raw


def unpack(
    read: Read, number: int | None = None, *, max_json: int = MAX_JSON
) -> tuple[dict, dict[str, torch.Tensor], int]:
    """The next frame: its message, its tensors and its number; `read(count)` gives exactly that many bytes.

    Args:
        number: the number that it must have; None takes any.
        max_json: bytes that the JSON part may have; parsed, they take up to forty times as much memory.

    Raises:
        WireError: if the header, the JSON or the tensors are not as `pack` writes them, or the number is another.
        EOFError: from `read`, if the other side is gone.
    """
    magic, found, json_length, tensor_length = HEADER.unpack(read(HEADER.size))
    if magic != MAGIC:
        raise WireError("a frame with a wrong header arrived")
    if json_length > max_json or tensor_length > MAX_TENSORS + MAX_TABLE:
        raise WireError(f"a frame of {(json_length + tensor_length) / 2**20:.0f} MiB is larger than a frame may be")
    if number is not None and found != number:
        raise WireError("an answer arrived that belongs to no question")
    message = _parse(read(json_length))
    if not isinstance(message, dict):
        raise WireError("a frame holds no message")
    return message, read_tensors(read, tensor_length) if tensor_length else {}, found


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a frame could not be read ({type(error).__name__})") from None


def writable(message: dict) -> dict:
    """The message with a "?" for every lone surrogate: JSON may carry them, a file of text cannot.

    Raises:
        WireError: if it is nested so deeply that it cannot be written.
    """
    try:
        return json.loads(json.dumps(message, ensure_ascii=False).encode(errors="replace"))
    except RecursionError:
        raise WireError("a frame is nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):  # 1e999
        raise ValueError(text)
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def read_tensors(read: Read, length: int, *, metadata: bool = False) -> dict[str, torch.Tensor]:
    """Tensors in safetensors' format, `length` bytes of it; the table is checked before memory is taken.

    Args:
        metadata: the table may hold safetensors' own `__metadata__`, as files do; what it says is not looked at.

    Raises:
        WireError: if they are not as safetensors writes them.
        EOFError: from `read`.
    """
    if length < TABLE_LENGTH.size:
        raise WireError("its tensors have no table")
    beginning = read(TABLE_LENGTH.size)
    (table_length,) = TABLE_LENGTH.unpack(beginning)
    size = length - TABLE_LENGTH.size - table_length
    if table_length > MAX_TABLE or size < 0:
        raise WireError("its table of tensors is larger than it may be")
    table = read(table_length)
    _check_table(_parse(table), size, metadata)
    try:
        return load(beginning + table + read(size))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise WireError(f"its tensors could not be read ({type(error).__name__})") from None


def _check_table(table: Any, size: int, metadata: bool) -> None:
    """Require that the tensors of safetensors' table fill exactly `size` bytes, one after the other."""
    if not isinstance(table, dict):
        raise WireError("its table of tensors is none")
    entries = [entry for name, entry in table.items() if not (metadata and name == "__metadata__")]
    try:
        places = sorted((*_offsets(entry), _bytes_of(entry)) for entry in entries)
    except (KeyError, TypeError, ValueError):
        raise WireError("its table of tensors is broken") from None
    end = 0
    for begin, until, count in places:
        if begin != end or until - begin != count:
            raise WireError("a tensor's bytes do not match its shape")
        end = until
    if end != size:
        raise WireError("its tensors do not match their bytes")


def _offsets(entry: dict) -> tuple[int, int]:
    begin, end = entry["data_offsets"]
    return _whole(begin), _whole(end)


def _bytes_of(entry: dict) -> int:
    shape = [_whole(length) for length in entry["shape"]]
    if len(shape) > MAX_DIMENSIONS or any(length > MAX_TENSORS for length in shape):
        raise ValueError(shape)
    return math.prod(shape) * BYTES[entry["dtype"]]


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value
