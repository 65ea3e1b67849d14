"""Frames between a test and a worker: a header, JSON, and raw tensors in safetensors' format. Never pickle.

Header: 4 bytes `SGK1`, then the lengths of the JSON part and of the tensor part, 4 bytes each, big-endian. Lengths are
checked against limits before memory is taken; safetensors checks dtypes and shapes against the bytes that arrived.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

HEADER = struct.Struct(">4sII")
MAGIC = b"SGK1"
MAX_JSON = 4 * 2**20
MAX_TENSORS = 512 * 2**20

Read = Callable[[int], bytes]


class WireError(Exception):
    """What arrived is not a frame."""


def pack(message: dict, tensors: dict[str, torch.Tensor]) -> bytes:
    """One frame.

    Raises:
        WireError: if a part is larger than its limit.
    """
    text = json.dumps(message, allow_nan=False).encode()
    raw = save({key: tensor.contiguous() for key, tensor in tensors.items()}) if tensors else b""
    if len(text) > MAX_JSON or len(raw) > MAX_TENSORS:
        raise WireError(f"an answer of {(len(text) + len(raw)) / 2**20:.0f} MiB is larger than an answer may be")
    return HEADER.pack(MAGIC, len(text), len(raw)) + text + raw


def unpack(read: Read) -> tuple[dict, dict[str, torch.Tensor]]:
    """The next frame; `read(count)` gives exactly that many bytes.

    Raises:
        WireError: if the header, the JSON or the tensors are not as `pack` writes them.
        EOFError: from `read`, if the other side is gone.
    """
    magic, json_length, tensor_length = HEADER.unpack(read(HEADER.size))
    if magic != MAGIC or json_length > MAX_JSON or tensor_length > MAX_TENSORS:
        raise WireError("a frame with a wrong header arrived")
    try:
        message = json.loads(read(json_length), parse_constant=_refuse)
        tensors = load(read(tensor_length)) if tensor_length else {}
    except (ValueError, RecursionError, SafetensorError) as error:
        raise WireError(f"a frame could not be read ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise WireError("a frame holds no message")
    return message, tensors


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
