"""The way back: a built subset as plain pictures, for people who want to look."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor
from tqdm import tqdm

from segkit.folders import finished_folder
from segkit.subset.classes import IGNORE
from segkit.subset.manifest import read_manifest
from segkit.subset.reading import PhotographFiles, PlaneFiles


def export_subset(folder, out, *, progress: bool = True) -> int:
    """Write a built subset as pictures: `images/SPLIT/NAME.jpg` or `.png`, and `labels/SPLIT/NAME.png`.

    Photographs that the subset keeps come out byte for byte, with labels of their size; the other images as PNG at the
    size that training reads. Label files hold 0..3 and 255 as numbers and show them in the colours of the notebooks.

    Args:
        folder: a built subset.
        out: folder to write; it appears when everything is done.

    Returns:
        The number of images.

    Raises:
        CourseError: if there is no subset at `folder`, a file of it cannot be read, or `out` is taken or cannot be
            written.
    """
    folder, manifest = Path(folder).expanduser(), read_manifest(folder)
    total = sum(record["kept"] for record in manifest["splits"].values())
    palette = _palette()
    with finished_folder(out) as partial, tqdm(total=total, unit="image", delay=1, disable=not progress) as bar:
        for split in manifest["splits"]:
            for kind in ("images", "labels"):
                (partial / kind / split).mkdir(parents=True)
            for file, image, labels in _pictures(folder, manifest, split):
                (partial / "images" / split / file).write_bytes(image)
                picture = Image.fromarray(labels, "L")
                picture.putpalette(palette)
                picture.save(partial / "labels" / split / f"{Path(file).stem}.png")
                bar.update()
    return total


def _pictures(folder: Path, manifest: dict, split: str) -> Iterator[tuple[str, bytes, np.ndarray]]:
    """(file name, its bytes, labels uint8 (H, W)) of every image of a split."""
    if split in manifest["photographs"]:
        photographs = PhotographFiles(folder, manifest, split)
        for index, name in enumerate(photographs.names):
            jpeg, png = photographs[index]
            yield f"{name}.jpg", jpeg, np.asarray(Image.open(io.BytesIO(png)))
        return
    planes = PlaneFiles(folder, manifest, split)
    for index, name in enumerate(planes.names):
        picture = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(planes[index][:3].transpose(1, 2, 0))).save(picture, "PNG")
        yield f"{name}.png", picture.getvalue(), np.ascontiguousarray(planes[index][3])


def _palette() -> list[int]:
    from segkit.canvas import IGNORE_COLOR, PALETTE  # only here: building needs no plots

    colors = np.zeros((256, 3), np.uint8)
    colors[: len(PALETTE)] = [ImageColor.getrgb(color) for color in PALETTE]
    colors[IGNORE] = ImageColor.getrgb(IGNORE_COLOR)
    return colors.ravel().tolist()
