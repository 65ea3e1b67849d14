"""Pictures and masks made small, once: decoding takes most of the time of a short epoch at 64 x 64."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from segkit.errors import CourseError
from segkit.folders import Workplace, resumable_folder
from segkit.progress import open_bar
from segkit.subset.classes import sample_nearest
from segkit.subset.limits import DAMAGE, in_words

SIZE = (64, 64)
_VERSION = 1
THREADS = 2
_BLOCK = 32  # pictures between two notes of how far it is
_DONE, _CONTENT = "done", "content.json"

Files = Sequence[tuple[Path, Path]]
Read = Callable[[int], tuple[Image.Image, Image.Image]]


class SmallPictures:
    """Pictures uint8 (3, 64, 64) and masks uint8 (64, 64), mapped into memory; missing ones are made first.

    Pictures are resized bilinearly with antialiasing, masks sampled at row floor(i H / 64), column floor(j W / 64).
    What is interrupted goes on in the next call. Changed files are other arrays.

    Args:
        folder: where caches lie; the arrays get a folder in it.
        label: begins the name of that folder.
        files: picture and mask of every pair, by which the cache is known.
        read: index -> picture and mask, decoded.

    Raises:
        CourseError: if a file cannot be read, or the cache cannot be written.
    """

    def __init__(self, folder, label: str, files: Files, read: Read) -> None:
        identity = _identity(files)
        self.folder = Path(folder) / f"{label}-64-{identity[:8]}"
        if not self.folder.is_dir():
            with resumable_folder(self.folder, identity) as place:
                _make(place, files, read)
        self.sha256: str = json.loads((self.folder / _CONTENT).read_text(encoding="utf-8"))["sha256"]
        self._arrays: list[np.ndarray] | None = None

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self._arrays is None:
            self._arrays = [np.load(self.folder / f"{kind}.npy", mmap_mode="r") for kind in ("images", "masks")]
        images, masks = self._arrays
        return images[index].copy(), masks[index].copy()  # what a transform does in place must not reach the file

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_arrays": None}  # another process opens the files itself


def _identity(files: Files) -> str:
    """A digest of places, sizes and times of change of all files."""
    digest = hashlib.sha256(f"{_VERSION}\n".encode())
    for file in (file for pair in files for file in pair):
        try:
            status = file.stat()
        except OSError as error:
            raise CourseError(f"{file} cannot be read ({in_words(error)}): is the data set complete?") from error
        digest.update(f"{file.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _make(place: Workplace, files: Files, read: Read) -> None:
    images = _array(place, "images", (len(files), 3, *SIZE))
    masks = _array(place, "masks", (len(files), *SIZE))
    noted = place.notes / _DONE
    done = int(noted.read_text()) if noted.is_file() else 0
    with (
        ThreadPoolExecutor(THREADS) as pool,
        open_bar(len(files), done, unit="picture", description="making small") as bar,
    ):
        for start in range(done, len(files), _BLOCK):
            block = range(start, min(start + _BLOCK, len(files)))
            for index, (image, mask) in zip(
                block, pool.map(lambda index: _small(files, read, index), block), strict=True
            ):
                images[index], masks[index] = image, mask
            images.flush()
            masks.flush()
            noted.write_text(str(block.stop))
            bar.update(len(block))
    digest = hashlib.sha256(images)
    digest.update(masks)
    (place.content / _CONTENT).write_text(json.dumps({"sha256": digest.hexdigest()}) + "\n", encoding="utf-8")


def _array(place: Workplace, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    path = place.content / f"{kind}.npy"
    return open_memmap(path, mode="r+") if path.is_file() else open_memmap(path, "w+", np.uint8, shape)


def _small(files: Files, read: Read, index: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        picture, mask = read(index)
        labels = np.asarray(mask)
        if labels.dtype != np.uint8 or labels.ndim != 2 or picture.size != mask.size:
            raise ValueError("a mask must be 8-bit grey and of its picture's size")
        resized = picture.resize(SIZE[::-1], Image.Resampling.BILINEAR)
    except DAMAGE as error:
        names = " and ".join(map(str, files[index]))
        raise CourseError(f"{names} cannot be used ({in_words(error)}): get them again, or remove them.") from error
    return np.asarray(resized).transpose(2, 0, 1), sample_nearest(labels, SIZE)
