"""Values as a tree of JSON plus a flat dictionary of tensors: all that may pass between a test and a student's code.

A tree is `None`, a bool, an int, a finite float, a string, or one of
`{"tensor": key}`, `{"float": "nan"}`, `{"list": [...]}`, `{"tuple": [...]}`, `{"dict": {...}}`,
`{"object": id}` (something built earlier), `{"make": kind, "fields": tree}` (something to build),
`{"unknown": type name}` (an answer that is none of these).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy
import torch

MAX_DEPTH = 8
MAX_ITEMS = 10_000
# What the wire carries: no complex, quantised or four-bit numbers.
SENDABLE = {
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32,
    torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64,
}  # fmt: skip


@dataclass(frozen=True)
class Handle:
    """Something that lives where the student's code runs, named by `id`."""

    id: str


class Make:
    """A description of something to build where the student's code runs: see `segkit.checking.objects`."""

    def __init__(self, kind: str, **fields: Any) -> None:
        self.kind, self.fields = kind, fields


@dataclass(frozen=True)
class Unknown:
    """An answer of a type that no test asks for; `type_name` is said in the message."""

    type_name: str


def encode(value: Any, tensors: dict[str, torch.Tensor], depth: int = 0) -> Any:
    """Turn `value` into a tree; its tensors are added to `tensors`, detached, dense and on the CPU."""
    if depth > MAX_DEPTH:
        return {"unknown": "a structure nested too deeply"}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, torch.Tensor):
        return _encode_tensor(value, tensors)
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        try:
            return _encode_tensor(torch.from_numpy(numpy.array(value)), tensors)
        except (TypeError, ValueError):  # strings, objects, dates, foreign byte orders
            return {"unknown": f"numpy array of {value.dtype}"}
    if isinstance(value, (list, tuple)) and len(value) <= MAX_ITEMS:
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [encode(item, tensors, depth + 1) for item in value]}
    if isinstance(value, dict) and len(value) <= MAX_ITEMS:
        return {"dict": {str(key): encode(item, tensors, depth + 1) for key, item in value.items()}}
    if isinstance(value, Handle):
        return {"object": value.id}
    if isinstance(value, Make):
        return {"make": value.kind, "fields": encode(value.fields, tensors, depth + 1)}
    return {"unknown": type(value).__name__}


def _encode_tensor(value: torch.Tensor, tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    if value.dtype not in SENDABLE or value.is_nested or value.is_meta:
        kind = "nested tensor" if value.is_nested else "tensor without data" if value.is_meta else "tensor"
        return {"unknown": f"{kind} of {value.dtype}"}
    plain = value.detach()
    plain = plain.as_subclass(torch.Tensor) if plain.layout == torch.strided else plain.to_dense()
    key = str(len(tensors))
    # A copy, always: safetensors refuses tensors that share memory, and a later in-place edit must not change it.
    tensors[key] = plain.to("cpu").clone(memory_format=torch.contiguous_format)
    return {"tensor": key}


def decode(tree: Any, tensors: dict[str, torch.Tensor], build=None, depth: int = 0) -> Any:
    """The value of a tree. `build(kind, fields)` makes objects; without it the tree may hold values only.

    Raises:
        ValueError: if the tree is not one that `encode` writes.
    """
    if depth > 2 * MAX_DEPTH:
        raise ValueError("the message is nested too deeply")
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if not isinstance(tree, dict):
        raise ValueError(f"a message holds a bare {type(tree).__name__}")

    def inner(item: Any) -> Any:
        return decode(item, tensors, build, depth + 1)

    match tree:
        case {"tensor": str(key)} if key in tensors:
            return tensors[key]
        case {"float": "nan" | "inf" | "-inf" as text}:
            return float(text)
        case {"list": list(items)}:
            return [inner(item) for item in items]
        case {"tuple": list(items)}:
            return tuple(inner(item) for item in items)
        case {"dict": dict(items)}:
            return {key: inner(item) for key, item in items.items()}
        case {"unknown": str(name)}:
            return Unknown(name[:80])
        case {"object": str(id)} if build:
            return build("object", {"id": id})
        case {"make": str(kind), "fields": fields} if build:
            return build(kind, inner(fields))
    raise ValueError("a message holds something that is not a value")
