"""The photographs of `DATA`, and drawn scenes, laid out as the two data sets."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from segkit.folders import finished_folder
from segkit.progress import open_bar
from segkit.sample import paint
from segkit.subset import open_source
from segkit.subset.limits import DAMAGE
from segkit.subset.pairs import Dropped, pairs_of, read_pair
from segkit.subset.sources import Source
from segkit.transfer.layouts import Picture, as_jpeg

_COUNTS = "pictures.json"
Write = Callable[[Path, Iterator[Picture], Iterator[Picture]], dict[str, int]]


def adapt_photographs(source, out, write: Write) -> dict[str, int]:
    """Lay out the photographs of ADE20K, or of a folder like it, in another layout.

    Args:
        source: folder, zip file or parquet files, as `segkit.data.locate_data` takes them.
        out: folder to make.
        write: `write_pets` or `write_cityscapes`; gets the training photographs and those of validation.

    Returns:
        The number of pictures of each split. Pairs that cannot be read are left out.

    Raises:
        CourseError: if `source` is not in ADE20K's layout, or `out` is taken or cannot be written.
    """
    opened = open_source(source)
    try:
        with finished_folder(out) as partial:
            return _counted(partial, write(partial, _pictures(opened, "training"), _pictures(opened, "validation")))
    finally:
        opened.close()


def _pictures(source: Source, split: str) -> Iterator[Picture]:
    pairs = pairs_of(source, split)
    with open_bar(len(pairs), unit="picture", description=f"{split} photographs") as bar:
        for name, files in pairs.items():
            bar.update()
            try:
                jpeg, png = read_pair(source, split, name, files, [])
                with Image.open(io.BytesIO(jpeg)) as photograph, Image.open(io.BytesIO(png)) as annotation:
                    if annotation.mode == "L" and photograph.size == annotation.size:
                        yield Picture(name, jpeg, np.array(annotation))
            except (Dropped, *DAMAGE):
                continue


def draw_scenes(out, write: Write, scenes: Sequence, counts: tuple[int, int], seed: int = 0) -> dict[str, int]:
    """Draw scenes and lay them out as one of the data sets; the same arguments give the same pictures.

    Args:
        out: folder to make.
        write: as for `adapt_photographs`.
        scenes: functions of `segkit.drawn.scenes`, which take turns.
        counts: how many scenes are drawn for each split.
        seed: any integer; another seed is another data set.

    Raises:
        CourseError: if `out` is taken or cannot be written.
    """
    with finished_folder(out) as partial:
        drawn = (_drawn(scenes, count, f"{seed}/{split}") for split, count in enumerate(counts))
        return _counted(partial, write(partial, *drawn))


def read_counts(folder: Path) -> dict[str, int]:
    """How many pictures of each split a folder has that one of these functions made."""
    return json.loads((folder / _COUNTS).read_text(encoding="utf-8"))


def _counted(folder: Path, counts: dict[str, int]) -> dict[str, int]:
    (folder / _COUNTS).write_text(json.dumps(counts) + "\n", encoding="utf-8")
    return counts


def _drawn(scenes: Sequence, count: int, seed: str) -> Iterator[Picture]:
    with open_bar(count, unit="scene", description="drawing") as bar:
        for number in range(count):
            draw = Random(f"{seed}/{number}")
            size = draw.randint(96, 128), draw.randint(112, 160)
            photograph, annotation = paint(scenes[number % len(scenes)], size, draw)
            bar.update()
            yield Picture(f"drawn_{number:04d}", as_jpeg(photograph), np.asarray(annotation))
