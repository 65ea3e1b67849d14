"""Small folders in the ADE20K layout, for tests to damage."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SPLITS = ("training", "validation")
TREE, PERSON, CAR = 5, 13, 21


def photograph(width=40, height=30, mode="RGB", seed=0, **options) -> bytes:
    """A JPEG of soft random colours."""
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels).resize((width, height)).convert(mode)
    return _encoded(picture, "JPEG", **options)


def annotation(ids=None, width=40, height=30) -> bytes:
    """An 8-bit PNG of class ids: those given, or a wall whose left half is a tree."""
    if ids is None:
        ids = np.ones((height, width), np.uint8)
        ids[:, : width // 2] = TREE
    return _encoded(Image.fromarray(np.asarray(ids, dtype=np.uint8)), "PNG")


def _encoded(picture: Image.Image, file_format: str, **options) -> bytes:
    data = io.BytesIO()
    picture.save(data, file_format, **options)
    return data.getvalue()


def rotated_by_exif(data: bytes, orientation=6) -> bytes:
    """The JPEG with a tag that tells viewers to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _encoded(Image.open(io.BytesIO(data)), "JPEG", exif=exif)


def write(root: Path, kind: str, name: str, data: bytes, split="training") -> Path:
    """Put one file into the layout."""
    path = root / kind / split / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_pair(root: Path, name: str, image: bytes | None = None, png: bytes | None = None, split="training") -> None:
    """Put one image and its annotation into the layout."""
    write(root, "images", f"{name}.jpg", image or photograph(), split)
    write(root, "annotations", f"{name}.png", png or annotation(), split)


def write_folder(root: Path) -> Path:
    """Two good pairs per split."""
    for split in SPLITS:
        for name in ("first", "second"):
            write_pair(root, name, split=split)
    return root


def zipped(root: Path, path: Path, prefix="") -> Path:
    """The folder as a zip file, its entries below `prefix`."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(root).as_posix())
    return path
