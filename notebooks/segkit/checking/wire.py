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
        WireError: if a part is larger than its limit, or a tensor is of a kind that safetensors does not know.
    """
    text = json.dumps(message, allow_nan=False).encode()
    try:
        # Copies: safetensors refuses tensors that share memory.
        copies = {key: tensor.clone(memory_format=torch.contiguous_format) for key, tensor in tensors.items()}
        raw = save(copies) if tensors else b""
    except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise WireError(f"a tensor cannot be sent ({type(error).__name__}: {error})") from None
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
    text, raw = read(json_length), read(tensor_length)
    try:
        message = json.loads(text, parse_constant=_refuse)
        tensors = load(raw) if raw else {}
    except Exception as error:  # whatever hostile bytes make json and safetensors raise: KeyError, RuntimeError, ...
        raise WireError(f"a frame could not be read ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise WireError("a frame holds no message")
    return message, tensors


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
