"""ADE20K as its authors publish it: a folder or a zip file, read alike.

Both hold `images/` (JPEG) and `annotations/` (PNG of class ids), each with `training/` and `validation/`, and stand
either at the top or inside one folder, as `ADEChallengeData2016/` does in the published archive.
"""

import os
import zipfile
from pathlib import Path

from segkit.errors import CourseError

SPLITS = ("training", "validation")
KINDS = ("images", "annotations")

# Position = class id in the annotations; the published objectInfo150.txt lists synonyms as well.
_NAMES = """
unlabelled, wall, building, sky, floor, tree, ceiling, road, bed, window, grass, cabinet, sidewalk, person, earth,
door, table, mountain, plant, curtain, chair, car, water, painting, sofa, shelf, house, sea, mirror, rug, field,
armchair, seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, pedestal, box, column, signboard,
chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs, runway,
display case, pool table, pillow, screen door, staircase, river, bridge, bookcase, blind, coffee table, toilet,
flower, book, hill, bench, countertop, stove, palm tree, kitchen island, computer, swivel chair, boat, bar,
arcade machine, hut, bus, towel, light, truck, tower, chandelier, awning, streetlight, booth, television, airplane,
dirt track, clothes, pole, land, banister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain,
conveyor belt, canopy, washing machine, toy, swimming pool, stool, barrel, basket, waterfall, tent, bag, motorbike,
cradle, oven, ball, food, step, storage tank, brand name, microwave, flowerpot, animal, bicycle, lake, dishwasher,
projection screen, blanket, sculpture, exhaust hood, wall lamp, vase, traffic light, tray, bin, fan, pier,
CRT screen, plate, monitor, notice board, shower, radiator, drinking glass, clock, flag
"""
ADE20K_NAMES = tuple(name.strip() for name in _NAMES.split(","))


class FolderSource:
    """A folder in the ADE20K layout."""

    def __init__(self, root: Path):
        self.name = root.name
        self._root = root if (root / "images").is_dir() else root / "ADEChallengeData2016"

    def files(self, kind: str, split: str) -> list[str]:
        """Names of the files of `kind` (images, annotations) in `split`, sorted; [] if there is no such folder."""
        try:
            with os.scandir(self._root / kind / split) as entries:
                return sorted(entry.name for entry in entries if entry.is_file() and _wanted(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, kind: str, split: str, name: str) -> bytes:
        """The content of one file."""
        return (self._root / kind / split / name).read_bytes()

    def close(self) -> None:
        """Nothing is held open."""


class ZipSource:
    """A zip file in the ADE20K layout, read without unpacking it."""

    def __init__(self, path: Path):
        self.name = path.name
        self._path = path
        self._archive = None
        self._owner = None
        self._entries = {(kind, split): [] for kind in KINDS for split in SPLITS}
        for entry in self._opened().infolist():
            place = _place_in_archive(entry.filename)
            if place in self._entries and not entry.is_dir():
                self._entries[place].append(entry.filename)
        self._entry_of = {(*place, _base(entry)): entry for place in self._entries for entry in self._entries[place]}

    def files(self, kind: str, split: str) -> list[str]:
        """Names of the files of `kind` (images, annotations) in `split`, sorted; a name may occur twice in a zip."""
        return sorted(filter(_wanted, map(_base, self._entries[kind, split])))

    def read(self, kind: str, split: str, name: str) -> bytes:
        """The content of one file."""
        return self._opened().read(self._entry_of[kind, split, name])

    def close(self) -> None:
        """Close the file; reading again opens it again."""
        if self._archive is not None:
            self._archive.close()
            self._archive = None

    def _opened(self) -> zipfile.ZipFile:
        # A forked worker shares its parent's position in the file, so that both would read nonsense: one handle each.
        if self._archive is None or self._owner != os.getpid():
            self._archive = zipfile.ZipFile(self._path)
            self._owner = os.getpid()
        return self._archive

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_archive": None}


def open_source(path) -> FolderSource | ZipSource:
    """Open an ADE20K folder or zip file; `close()` it when done.

    Raises:
        CourseError: if there is nothing at `path`, or it is not in the ADE20K layout.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        source = FolderSource(path)
    elif path.is_file():
        try:
            source = ZipSource(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise CourseError(f"{path} is neither a folder nor a zip file that can be read ({error}).") from error
    else:
        raise CourseError(f"There is no {path}: give the ADEChallengeData2016 folder or its zip file.")
    missing = [f"{kind}/{split}" for kind in KINDS for split in SPLITS if not source.files(kind, split)]
    if missing:
        source.close()
        raise CourseError(
            f"{path} is not in the ADE20K layout: it has no files in {', '.join(missing)}; give the "
            "ADEChallengeData2016 folder or its zip file."
        )
    return source


def _wanted(name: str) -> bool:
    # What file managers leave behind (.DS_Store, ._photo.jpg, Thumbs.db) is not part of anybody's data.
    return not name.startswith(".") and name != "Thumbs.db"


def _base(entry: str) -> str:
    return entry.rsplit("/", 1)[-1]


def _place_in_archive(entry: str) -> tuple[str, str] | None:
    """(kind, split) of an entry KIND/SPLIT/NAME or FOLDER/KIND/SPLIT/NAME, None for any other."""
    parts = entry.split("/")
    if len(parts) in (3, 4) and parts[0] != "__MACOSX":
        return parts[-3], parts[-2]
    return None
