"""Predicted maps as KITTI takes them: 8-bit grey PNG files of Cityscapes' label ids, one for each testing picture."""

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segkit.errors import CourseError
from segkit.subset.limits import DAMAGE
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_IDS, CITYSCAPES_LABELS

_HEADER = struct.Struct(">8sI4sIIBB")  # signature, length and type of the first chunk, width, height, bits, colours
_SIGNATURE, _GREY = b"\x89PNG\r\n\x1a\n", 0
OTHER = len(CITYSCAPES_CLASSES)  # what is predicted where no class of the 19 is


def largest_file(size: tuple[int, int]) -> int:
    """Bytes that the file of a map (height, width) may have: what it takes without any compression, and some more."""
    return 2 * size[0] * size[1] + 2**16


def read_prediction(data: bytes, size: tuple[int, int], name: str) -> Tensor:
    """The train ids 0..18 of a predicted map, uint8 (height, width); OTHER where another of Cityscapes' labels stands.

    Format, size and kind are read from the file's first bytes, before anything is decoded; what the file says of them
    once more, which Pillow believes, has to be the same.

    Args:
        data: the file's bytes.
        size: (height, width) that it must have.
        name: for what is said of it.

    Raises:
        CourseError: if it is no 8-bit grey PNG of that size, is damaged, or holds ids that Cityscapes has not.
    """
    rows, columns = size
    if len(data) > largest_file(size):
        raise CourseError(f"{name} has {len(data):,} bytes, and {largest_file(size):,} are enough for its picture.")
    fields = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
    if fields[0] != _SIGNATURE or fields[2] != b"IHDR":
        raise CourseError(f"{name} is no PNG file.")
    if fields[5:] != (8, _GREY):
        raise CourseError(
            f"{name} is not 8-bit grey, but has {fields[5]} bits and colour type {fields[6]}: save label ids."
        )
    if (fields[4], fields[3]) != size:
        raise CourseError(f"{name} has {fields[3]} x {fields[4]} pixels; its picture has {columns} x {rows}.")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if (image.height, image.width) != size or image.mode != "L":
                raise CourseError(f"{name} is not what its first bytes say: save it again.")
            ids = torch.from_numpy(np.array(image))
    except DAMAGE:
        raise CourseError(f"{name} is damaged: save it again.") from None
    return _train_ids(ids, name)


def as_png(train_ids: Tensor) -> bytes:
    """The file of a predicted map of train ids 0..18, (H, W).

    Raises:
        CourseError: if it is no such map.
    """
    if train_ids.ndim != 2 or train_ids.is_floating_point() or not train_ids.numel():
        raise CourseError(
            f"A prediction is a map (H, W) of whole numbers, not {tuple(train_ids.shape)} of {train_ids.dtype}."
        )
    if not 0 <= int(train_ids.min()) <= int(train_ids.max()) < OTHER:
        raise CourseError(
            f"A prediction holds train ids from 0 to {OTHER - 1}, not {int(train_ids.min())} to {int(train_ids.max())}."
        )
    ids = torch.tensor(CITYSCAPES_IDS, dtype=torch.uint8)[train_ids.cpu().long()]
    file = io.BytesIO()
    Image.fromarray(ids.numpy()).save(file, "PNG")
    return file.getvalue()


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture's file, which is not decoded.

    Raises:
        CourseError: if it is none.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except DAMAGE:
        raise CourseError(f"{path} is no picture that can be read.") from None


def require_names(found: Mapping[str, object] | set[str], expected: set[str]) -> None:
    """Require a prediction for each picture and nothing else.

    Raises:
        CourseError: with the first name that is missing or too many.
    """
    missing, more = sorted(expected - set(found)), sorted(set(found) - expected)
    if missing or more:
        wrong = f"{missing[0]} is missing" if missing else f"{more[0]} belongs to no testing picture"
        raise CourseError(f"There must be one prediction for each of the {len(expected)} testing pictures: {wrong}.")


def _train_ids(ids: Tensor, name: str) -> Tensor:
    table = torch.full((256,), 255, dtype=torch.uint8)
    table[list(CITYSCAPES_LABELS)] = OTHER
    table[list(CITYSCAPES_IDS)] = torch.arange(OTHER, dtype=torch.uint8)
    mapped = table[ids.long()]
    if (mapped == 255).any():
        wrong = int(ids[mapped == 255][0])
        raise CourseError(
            f"{name} holds {wrong}, which is no label id of Cityscapes: 0 to {max(CITYSCAPES_LABELS)} are."
        )
    return mapped
