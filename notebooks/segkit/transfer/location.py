"""Where the two data sets come from: your own copy, a download, the photographs of `DATA`, or drawn scenes."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torchvision.datasets import OxfordIIITPet

from segkit.data import raw_data
from segkit.download import download
from segkit.drawn.scenes import PET_SCENES, STREET_SCENES
from segkit.errors import CourseError
from segkit.folders import finished_folder
from segkit.subset import open_source
from segkit.subset.manifest import MANIFEST
from segkit.transfer.layouts import write_cityscapes, write_pets
from segkit.transfer.photographs import SIDES, Sides, Write, adapt_photographs, draw_scenes, read_counts

_VERSION = 1  # of what is adapted and drawn: another one makes folders of its own
_FEWEST = 8  # pictures of a split


@dataclass(frozen=True)
class DataSet:
    """What it is called, what its folder must hold, and how other pictures are laid out in its place.

    setting: the environment variable that names a copy. drawn: scenes of the two splits; sides: the shortest and
    longest height, and width, of a scene.
    """

    name: str
    setting: str
    parts: tuple[str, ...]
    write: Write
    scenes: tuple[Callable, ...]
    short: str
    help: str = "transfer/README.md"
    drawn: tuple[int, int] = (96, 32)
    sides: Sides = SIDES


_PETS = DataSet("Oxford-IIIT Pet", "PETS", ("oxford-iiit-pet",), write_pets, PET_SCENES, "pets")
_CITYSCAPES = DataSet(
    "Cityscapes", "CITYSCAPES", ("leftImg8bit", "gtFine"), write_cityscapes, STREET_SCENES, "cityscapes"
)


def locate_pets(folder="data") -> Path:
    """The folder for `torchvision.datasets.OxfordIIITPet`: that of your copy, of its download, or of a stand-in.

    The environment variable `PETS` names the folder in which `oxford-iiit-pet` lies, or is `download`. If it is not set
    and `DATA` names ADE20K, its photographs of animals take the place of pets; else drawn ones do. A printed line says
    which. transfer/README.md has the details.

    Args:
        folder: where a download or a stand-in is kept, in the current directory.

    Raises:
        CourseError: if `PETS` or `DATA` names nothing usable, or the download fails.
    """
    if os.environ.get("PETS") == "download":
        return announce(_PETS, _download_pets(Path(folder)), "downloaded")
    return locate(_PETS, Path(folder))


def locate_cityscapes(folder="data") -> Path:
    """The folder for `torchvision.datasets.Cityscapes`: that of your copy, or of a stand-in.

    The environment variable `CITYSCAPES` names the folder in which `leftImg8bit` and `gtFine` lie, unpacked or as the
    zip files that you get once you have registered. If it is not set and `DATA` names ADE20K, its photographs of
    streets take their place; else drawn ones do. A printed line says which. transfer/README.md has the details.

    Args:
        folder: where a stand-in is kept, in the current directory.

    Raises:
        CourseError: if `CITYSCAPES` or `DATA` names nothing usable.
    """
    return locate(_CITYSCAPES, Path(folder))


def locate(wanted: DataSet, folder: Path) -> Path:
    """The folder of a data set: that of your copy, or of a stand-in; a printed line says which."""
    if given := os.environ.get(wanted.setting):
        return announce(wanted, _own_copy(wanted, Path(given).expanduser()), "your copy")
    if os.environ.get("DATA") and (adapted := adapted_photographs(wanted, folder)):
        return announce(wanted, adapted, "photographs of DATA in its layout")
    return announce(wanted, drawn_scenes(wanted, folder), "drawn scenes in its layout")


def _own_copy(wanted: DataSet, given: Path) -> Path:
    """The folder that holds all parts, which may be called by the name of the only one of them."""
    for root in (given, given.parent):
        missing = [part for part in wanted.parts if not (root / part).is_dir() and not list(root.glob(f"{part}*.zip"))]
        if not missing and (root == given or given.name in wanted.parts):
            return root
    parts = " and ".join(wanted.parts)
    raise CourseError(
        f"The environment variable {wanted.setting} names {given}, in which {parts} of {wanted.name} cannot be found: "
        f"set it to the folder that holds them, or unset it to work with a stand-in ({wanted.help})."
    )


def adapted_photographs(wanted: DataSet, folder: Path) -> Path | None:
    """The photographs of `DATA` in the layout that is wanted; None if too few of them show what it is about."""
    if (Path(os.environ["DATA"]).expanduser() / MANIFEST).is_file():
        print(f"DATA has four classes already, of which nothing like {wanted.name} can be made.")
        return None
    source = raw_data(folder)
    opened = open_source(source)
    identity = opened.identity()[:8]
    opened.close()
    label = re.sub(r"[^A-Za-z0-9_-]+", "-", source.stem)
    out = folder / f"{label}-{identity}-{wanted.short}-{_VERSION}"
    make_once(out, lambda: adapt_photographs(source, out, wanted.write))
    counts = read_counts(out)
    if min(counts.values()) >= _FEWEST:
        return out
    few = " and ".join(f"{count} ({split})" for split, count in counts.items())
    print(f"Of the photographs of DATA only {few} can take the place of {wanted.name}: too few.")
    return None


def drawn_scenes(wanted: DataSet, folder: Path) -> Path:
    out = folder / f"drawn-{wanted.short}-{_VERSION}"
    make_once(out, lambda: draw_scenes(out, wanted.write, wanted.scenes, wanted.drawn, sides=wanted.sides))
    return out


def _download_pets(folder: Path) -> Path:
    """What torchvision downloads, there whole or not at all; an interrupted download (800 MB) goes on."""
    out = folder / "pets-downloaded"
    if not out.is_dir():
        archives = [
            download(address, folder / "downloads" / address.rsplit("/", 1)[-1], checksum=f"md5:{md5}")
            for address, md5 in OxfordIIITPet._RESOURCES
        ]
        print(f"Unpacking {len(archives)} archives into {out} ...")
        make_once(out, lambda: _unpack_pets(archives, out))
        shutil.rmtree(folder / "downloads", ignore_errors=True)
    return out


def _unpack_pets(archives: list[Path], out: Path) -> None:
    with finished_folder(out) as partial:
        inside = partial / "oxford-iiit-pet"
        inside.mkdir()
        copies = [Path(shutil.copy2(archive, inside)) for archive in archives]
        OxfordIIITPet(partial, download=True)  # finds the archives, checks and unpacks them
        for copy in copies:
            copy.unlink()


def make_once(out: Path, make: Callable[[], object]) -> None:
    """Call `make` unless `out` is there; another process that was faster is as good."""
    try:
        if not out.is_dir():
            make()
    except CourseError:
        if not out.is_dir():
            raise


def announce(found: DataSet, root: Path, what: str) -> Path:
    print(f"{found.name}: {what}, in {root}")
    return root
