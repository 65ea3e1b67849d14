"""Attacks with an entry of the competition: on the score, on the labels, on the grader's machine, on the board.

Nothing that an entry claims is believed, and what cannot be used is refused before it meets a picture or a label.
"""

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from attack import Place
from PIL import Image
from safetensors.torch import load, save
from street_entries import (
    CODE,
    SIZE,
    about,
    checkpoint,
    code_entry,
    labels,
    picture_entry,
    png,
    without_cars,
    write_zip,
)

CLAIMED = {"mean_iou": 1.0, "multiply_adds": 1, "claimed_multiply_adds": 1, "parameters": 1, "per_class": {}}
FIRST = "pictures/000000_10.png"
HONEST_CODE, HONEST_PICTURES = "honest_code", "honest_pictures"
REFUSED = "refused before it meets a picture: said, no attempt"
MEASURED = "scored as the honest one: the same mean IoU and cost"


@dataclass(frozen=True)
class EntryAttack:
    """A hostile or broken entry.

    Args:
        tries: what it is after.
        write: writes the file that is handed in.
        says: words that must stand in what is said of it; "" if it is scored.
        like: the honest entry that it is scored like.
    """

    name: str
    tries: str
    write: Callable[[Path, Place], object]
    says: str = ""
    like: str = HONEST_CODE

    @property
    def outcome(self) -> str:
        """What is documented to happen."""
        return REFUSED if self.says else MEASURED


def _zip(files: dict[str, bytes]) -> Callable[[Path, Place], object]:
    return lambda path, place: write_zip(path, files)


def _picture(data: bytes) -> Callable[[Path, Place], object]:
    return _zip({**picture_entry(), FIRST: data})


def _image(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _header(width: int, height: int, colours: int = 0) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0))


def _handmade(width: int, height: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG that says it is 8-bit grey of that size."""
    header = _header(width, height)
    compressed = _chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + compressed + _chunk(b"IEND", b"")


def _rows() -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in without_cars(labels(0)))


def _model(data: bytes) -> Callable[[Path, Place], object]:
    return _zip({**code_entry(), "model.safetensors": data})


def _not_finite() -> bytes:
    return save(load(checkpoint()) | {"classify.bias": torch.full((19,), torch.nan)})


def _drawn(kind: str) -> bytes:
    return _image(Image.fromarray(labels(0)).convert(kind))


class _Executes:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


def _pickled(path: Path, place: Place) -> None:
    data = pickle.dumps(_Executes(place.fill("touch /tmp/@MARK@")))
    write_zip(path, {**code_entry(), "model.safetensors": data})


def _code(body: str) -> Callable[[Path, Place], object]:
    """The honest code, with `body` at the beginning of forward."""
    code = CODE.replace("        return self", f"{body}\n        return self")
    return lambda path, place: write_zip(path, code_entry(code=place.fill(code), name="<script>@MARK@"))


def _link(target: str) -> Callable[[Path, Place], object]:
    def write(path: Path, place: Place) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(place.fill(target))

    return write


def _linked_member(path: Path, place: Place) -> None:
    write_zip(path, picture_entry())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in picture_entry().items():
            info = zipfile.ZipInfo(name)
            if name == FIRST:
                info.external_attr, data = (
                    0o120777 << 16,
                    place.fill("@HIDDEN@/testing/semantic/000000_10.png").encode(),
                )
            archive.writestr(info, data)


def _lying_about_size(path: Path, place: Place) -> None:
    """A member whose table says 200 bytes, and which unpacks to 64 MiB."""
    write_zip(path, {**picture_entry(), FIRST: bytes(64 * 2**20)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 64 * 2**20), struct.pack("<I", 200)))


def _two_of_a_name(path: Path, place: Place) -> None:
    write_zip(path, picture_entry())
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")  # zipfile's own, about the name
        archive.writestr(zipfile.ZipInfo(FIRST), png(labels(0)))


def _pipe(path: Path, place: Place) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


_LOOKS_FOR_LABELS = """
        import glob, os
        places = ["@HIDDEN@", "@ENTRIES@", "@KEPT@", "/tmp", "/proc/1/root/tmp"]
        found = [path for place in places for path in glob.glob(place + "/**/*", recursive=True)]
        found = [path for path in found if path.endswith((".png", ".zip", "attempts.json"))]
        if found or any(os.path.exists(place) for place in places[:3]):
            raise ValueError(f"labels within reach: {found[:5]}")"""

ATTACKS = (
    EntryAttack(
        "forged_metrics",
        "a metrics file and a board in the zip",
        _zip({**code_entry(), "metrics.json": json.dumps(CLAIMED).encode(), "board/index.html": b"me"}),
        "which belongs to no entry",
    ),
    EntryAttack(
        "forged_claims",
        "a mean IoU of 1 and one multiply-add among the settings",
        _zip(code_entry(**CLAIMED)),
    ),
    EntryAttack(
        "reads_labels",
        "code that looks for labels, entries and scores",
        _code(_LOOKS_FOR_LABELS),
    ),
    EntryAttack(
        "raises",
        "code that says what it sees",
        _code("        assert not images.any(), images.mean()"),
        "AssertionError",
    ),
    EntryAttack(
        "wraps_a_library",
        "code that takes a model of a library for its own",
        _zip(code_entry(code="import segmentation_models_pytorch\n" + CODE.replace("nn.Module", "x.Module"))),
        "Competitor is not defined",
    ),
    EntryAttack(
        "wrong_shapes",
        "weights of another model",
        _model(save({"a": torch.ones(2)})),
        "belongs to another model",
    ),
    EntryAttack(
        "not_finite",
        "weights of NaN",
        _model(_not_finite()),
        "NaN or infinity",
    ),
    EntryAttack(
        "pickle",
        "a pickle that runs a command, called model.safetensors",
        _pickled,
        "holds a pickle",
    ),
    EntryAttack(
        "header_bomb",
        "a table of tensors that claims 2**60 bytes",
        _model(struct.pack("<Q", 2**60) + b"{}"),
        "larger than it may be",
    ),
    EntryAttack(
        "zoo_of_a_path",
        "a model of the zoo that is a path",
        _zip({"entry.json": about("zoo", model="../../etc/passwd"), "model.safetensors": checkpoint()}),
        "There is no model",
    ),
    EntryAttack(
        "settings_bomb",
        "settings nested without end",
        _zip({**code_entry(), "entry.json": b"[" * 60_000}),
        "damaged or no JSON",
    ),
    EntryAttack(
        "cells_of_something",
        "code that is no text",
        _zip({**code_entry(), "code.json": b'{"04_competition": [[1, {}]]}'}),
        "holds no cells",
    ),
    EntryAttack(
        "jpeg",
        "a JPEG called PNG",
        _picture(_image(Image.fromarray(labels(0)), "JPEG")),
        "is no PNG file",
    ),
    EntryAttack(
        "giant",
        "a PNG of 3.6 billion pixels",
        _picture(_handmade(60_000, 60_000, b"")),
        "60000 x 60000 pixels",
    ),
    EntryAttack(
        "paletted",
        "a palette whose colours mean other classes",
        _picture(_drawn("P")),
        "is not 8-bit grey",
    ),
    EntryAttack(
        "16_bit",
        "16 bits a pixel",
        _picture(_image(Image.fromarray(labels(0).astype(np.uint16)))),
        "has 16 bits",
    ),
    EntryAttack(
        "colours",
        "colours instead of ids",
        _picture(_drawn("RGB")),
        "is not 8-bit grey",
    ),
    EntryAttack(
        "ids_out_of_range",
        "an id that is no label",
        _picture(png(np.full(SIZE, 200, np.uint8))),
        "holds 200, which is no label",
    ),
    EntryAttack(
        "other_size",
        "a map of another size",
        _picture(png(np.full((4, 4), 7, np.uint8))),
        "has 4 x 4 pixels",
    ),
    EntryAttack("cut_off", "half a PNG", _picture(png(labels(0))[:60]), "is damaged"),
    EntryAttack(
        "rows_bomb",
        "rows that unpack to 32 MiB behind those of the picture",
        _picture(_handmade(SIZE[1], SIZE[0], _rows() + bytes(32 * 2**20))),
        like=HONEST_PICTURES,
    ),
    EntryAttack(
        "text_bomb",
        "a text beside the picture that unpacks to 64 MiB",
        _picture(_handmade(SIZE[1], SIZE[0], _rows(), _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(64 * 2**20), 9)))),
        "is damaged",
    ),
    EntryAttack(
        "second_header",
        "a second header that claims 324 MiB of colours",
        _picture(_handmade(SIZE[1], SIZE[0], _rows(), _header(9000, 9000, colours=6))),
        "not what its first bytes say",
    ),
    EntryAttack(
        "missing_picture",
        "no map for a picture that went badly",
        _zip({name: data for name, data in picture_entry().items() if name != FIRST}),
        "000000_10.png is missing",
    ),
    EntryAttack(
        "one_too_many",
        "a map more",
        _zip({**picture_entry(), "pictures/000009_10.png": png(labels(0))}),
        "belongs to no testing picture",
    ),
    EntryAttack(
        "label_names",
        "the names of hidden labels",
        _zip({**picture_entry(), "testing/semantic/000000_10.png": png(labels(0))}),
        "which belongs to no entry",
    ),
    EntryAttack(
        "path_traversal",
        "a name that leads out of the folder",
        _zip({**picture_entry(), "pictures/../../@MARK@.png": png(labels(0))}),
        "which belongs to no entry",
    ),
    EntryAttack("linked_member", "a link to a label in the zip", _linked_member, "is no PNG file"),
    EntryAttack(
        "linked_labels",
        "a link to the hidden labels in place of a zip",
        _link("@HIDDEN@"),
        "no zip file",
    ),
    EntryAttack(
        "linked_entry",
        "a link to another team's entry",
        _link("@ENTRIES@/honest_code/1.zip"),
        "no zip file",
    ),
    EntryAttack("pipe", "a pipe that never says anything", _pipe, "no ordinary file"),
    EntryAttack(
        "zip_bomb",
        "64 MiB of zeros",
        _zip({**picture_entry(), FIRST: bytes(2**26)}),
        "is larger than it may be",
    ),
    EntryAttack(
        "lying_about_size",
        "a table that says less than what unpacks",
        _lying_about_size,
        "damaged",
    ),
    EntryAttack(
        "two_of_a_name",
        "two maps of one name",
        _two_of_a_name,
        "two files of the same name",
    ),
    EntryAttack(
        "claimed_cost",
        "a cost of one multiply-add",
        _zip(picture_entry(claimed_multiply_adds=1)),
        like=HONEST_PICTURES,
    ),
    EntryAttack(
        "no_cost",
        "a cost below nothing",
        _zip(picture_entry(claimed_multiply_adds=-5)),
        "must be a whole number from 1",
    ),
)
