"""Builds the four-class subset: in parts, by several threads, and from where it was interrupted.

What `build_subset` writes:

    OUT/training/00000.npy ...     planes uint8 (n, 4, size, size): red, green, blue, label; to be mapped into memory
    OUT/validation/00000.npy ...   the same
    OUT/validation/00000.zip ...   the photographs as they were, and labels of their size (images/*.jpg, labels/*.png)
    OUT/manifest.json              what was found, kept and dropped, which files there are, and how they were made
"""

import errno
import json
import shutil
import threading
import warnings
from collections import defaultdict
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features
from tqdm import tqdm

from segkit.errors import CourseError
from segkit.folders import Workplace, require_free, resumable_folder
from segkit.machine import usable_cpus
from segkit.subset.classes import CLASS_NAMES, IGNORE, SPLITS, TARGET_SIZE, UNLABELLED, label_table
from segkit.subset.limits import DAMAGE
from segkit.subset.manifest import MANIFEST_FORMAT, is_replaceable, read_manifest, write_manifest
from segkit.subset.pairs import Files, digest_of, pairs_of
from segkit.subset.parts import PART_SIZE, Part, Work, build_part
from segkit.subset.pictures import ToLabels
from segkit.subset.sources import Source, open_source

SIZE, LARGEST_SIZE = 256, 512  # the shorter side of most of ADE20K's photographs has 512 pixels
# md5 of a published archive -> training images that the keep rule leaves of it
KNOWN_ARCHIVES = {"7328b3957e407ddae1d3cbf487f149ef": 11_068}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UnusableSource(CourseError):
    """What was built of a source so far is of no use."""


def build_subset(
    source,
    out,
    *,
    size: int = SIZE,
    photographs=("validation",),
    map_labels=None,
    unlabelled: str = "background",
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> dict:
    """Build the four-class subset of ADE20K.

    An image is kept if more than 1 % of the pixels of its 64x64 target are not background (ignored pixels do not count
    as such). A file that cannot be used is named in the manifest and the rest goes on. The same source and options give
    the same files, byte for byte, whatever the number of workers. What is finished when a build is interrupted is kept
    beside `out` (in `.NAME.partial`), and the same call goes on from there; with `map_labels` it begins anew.

    Args:
        source: folder, zip file or parquet files of ADE20K.
        out: folder to write. It appears when everything is done.
        size: side of the images in pixels, a multiple of 64.
        photographs: splits whose photographs are kept at their own size as well, byte for byte.
        map_labels: function from ids 0..150 (uint8 tensor (H, W)) to labels 0..3 (integer tensor (H, W)), for example
            a student's own; None uses `ADE20K_CLASSES`.
        unlabelled: what id 0 becomes: "background" (0) or "ignore" (255).
        workers: threads; None for one per core.
        overwrite: replace a subset that is already at `out`, damaged or not, if nothing else lies there.
        progress: show a bar if it takes more than a second.

    Returns:
        The manifest, see `read_manifest`.

    Raises:
        CourseError: if `source` holds no ADE20K, `out` is taken or cannot be written, a split keeps no image,
            `map_labels` returns something else than labels, or the published archive gives another number of images
            than it must.
    """
    require_buildable(
        out, size=size, photographs=photographs, unlabelled=unlabelled, workers=workers, overwrite=overwrite
    )
    to_labels = _table_mapper(unlabelled) if map_labels is None else _function_mapper(map_labels, unlabelled)
    with closing(open_source(source)) as raw:
        made, identity = _how(raw, size, photographs, unlabelled, map_labels), raw.identity()
        plan = None if map_labels else json.dumps([made, identity])  # a function cannot be compared with an earlier one
        with resumable_folder(out, plan, replaceable=is_replaceable if overwrite else None) as place:
            work = _Build(raw, place, size, to_labels, tuple(photographs))
            try:
                with _full_disk_explained(Path(out), place if plan else None):
                    splits, md5 = work.run(workers or usable_cpus(), progress)
                    write_manifest(place.content, made | {"source_md5": md5, "origin": raw.origin, "splits": splits})
                _require_same(raw, identity)
                _require_known_count(raw, md5, splits, map_labels)
            except UnusableSource:
                place.discard()  # going on with these parts would end here again
                raise
    return read_manifest(out)


def require_buildable(
    out, *, size: int, photographs, unlabelled: str, workers: int | None = None, overwrite: bool = False
) -> None:
    """Raise CourseError if `build_subset` would refuse these arguments, before anything is downloaded for it."""
    if unlabelled not in UNLABELLED:
        raise CourseError(f'unlabelled must be "background" or "ignore", not {unlabelled!r}.')
    if not 64 <= size <= LARGEST_SIZE or size % 64:
        raise CourseError(f"size must be a multiple of 64, the side of a target, up to {LARGEST_SIZE}, not {size}.")
    if isinstance(photographs, str) or not set(photographs) <= set(SPLITS):
        raise CourseError(f"photographs must be a list of splits ({', '.join(SPLITS)}), not {photographs!r}.")
    if workers is not None and workers < 1:
        raise CourseError(f"workers must be 1 or more, not {workers}.")
    require_free(Path(out).expanduser().resolve(), is_replaceable if overwrite else None)


def _how(raw: Source, size: int, photographs, unlabelled: str, map_labels) -> dict:
    """Everything that decides what a build writes."""
    return {
        "format": MANIFEST_FORMAT,
        "made_by": {
            "segkit.subset": MANIFEST_FORMAT,
            "pillow": PIL.__version__,
            "libjpeg-turbo": features.version("libjpeg_turbo"),
            "zlib": features.version("zlib"),
            "numpy": np.__version__,
        },
        "source": raw.name,
        "source_kind": raw.kind,
        "unlabelled": unlabelled,
        "mapping": "ADE20K_CLASSES" if map_labels is None else "map_labels",
        "keep_rule": "more than 1 % of the nearest-resized target is not background",
        "size": size,
        "images": "decoded at 1/8, 1/4 or 1/2 where that is no smaller than `size`, then resized bilinearly",
        "layout": "uint8 (images, 4, size, size): red, green, blue, label",
        "target_size": list(TARGET_SIZE),
        "class_names": list(CLASS_NAMES),
        "photographs": sorted(photographs),
        "part_size": PART_SIZE,
    }


class _Build:
    """All parts of all splits, by several threads."""

    def __init__(self, raw: Source, place: Workplace, size: int, to_labels: ToLabels, photographs: tuple[str, ...]):
        self.raw = raw
        self._stop = threading.Event()
        self._bar: tqdm = tqdm(disable=True)
        self._work = Work(
            raw, place.content, place.notes, size, to_labels, photographs, self._stop.is_set, lambda: self._bar.update()
        )

    def run(self, workers: int, progress: bool) -> tuple[dict, str | None]:
        """(record of each split, md5 of the source); what has been finished stays if it is interrupted."""
        pairs = {split: pairs_of(self.raw, split) for split in SPLITS}
        total = sum(map(len, pairs.values()))
        self._bar = tqdm(total=total, desc=self.raw.name, unit="image", delay=1, disable=not progress)
        one, several = ThreadPoolExecutor(1), ThreadPoolExecutor(workers)
        with self._bar, _no_warnings_of_large_pictures(), one, several:
            try:
                md5 = one.submit(self.raw.md5, self._stop.is_set)
                parts = {split: self._submit(several, split, pairs[split]) for split in SPLITS}
                _wait_for([md5, *parts["training"], *parts["validation"]])
                done = {split: [part.result() for part in parts[split]] for split in SPLITS}
                records = {split: _split_record(self.raw.name, len(pairs[split]), done[split]) for split in SPLITS}
                return records, md5.result()
            except BaseException:
                self._stop.set()
                several.shutdown(cancel_futures=True)
                raise

    def _submit(self, pool: ThreadPoolExecutor, split: str, pairs: dict[str, Files]) -> list[Future]:
        """One call of `build_part` for every so many pairs, in the order of their names; as many bytes at any size."""
        names, many = iter(pairs.items()), max(1, PART_SIZE * SIZE**2 // max(SIZE, self._work.size) ** 2)
        chunks = iter(lambda: dict(islice(names, many)), {})
        return [pool.submit(build_part, self._work, split, number, chunk) for number, chunk in enumerate(chunks)]


def _wait_for(futures: list[Future]) -> None:
    """Return when all are done, raise as soon as one fails."""
    while True:
        done, waiting = wait(
            futures, timeout=0.5, return_when=FIRST_EXCEPTION
        )  # Windows hears Ctrl-C between two waits
        for future in done:
            future.result()
        if not waiting:
            return


def _split_record(source: str, found: int, parts: list[Part]) -> dict:
    dropped, remarks = defaultdict(dict), defaultdict(list)
    for part in parts:
        for reason, name, detail in part.dropped:
            dropped[reason][_printable(name)] = _printable(detail)
        for remark, name in part.remarks:
            remarks[remark].append(name)
    kept = sum(len(part.names) for part in parts)
    if not kept:
        reasons = ", ".join(f"{len(names)} {reason} (as {next(iter(names))})" for reason, names in dropped.items())
        raise UnusableSource(f"Of the {found} images in {source}, {parts[0].split}, none can be kept: {reasons}.")
    pixels = np.sum([part.pixels for part in parts], axis=0)
    digests = [digest for part in parts for digest in part.digests]
    return {
        "found": found,
        "kept": kept,
        "dropped": dict(sorted(dropped.items())),
        "remarks": dict(sorted(remarks.items())),
        "class_shares": _shares(pixels),
        "class_shares_before": _shares(np.sum([part.pixels_before for part in parts], axis=0)),
        "ignored_share": float(1 - pixels.sum() / (kept * TARGET_SIZE[0] * TARGET_SIZE[1])),
        "sha256": digest_of(digests),
        "parts": [{"names": part.names, "sizes": part.sizes, "files": part.files} for part in parts if part.names],
    }


def _printable(name: str) -> str:
    """A name that need not be UTF-8, as it can be written to a manifest."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _shares(pixels: np.ndarray) -> list[float]:
    return (pixels / max(1, pixels.sum())).tolist()


@contextmanager
def _full_disk_explained(out: Path, place: Workplace | None):
    """`place` is where what is finished is kept, None if it is not."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(out.expanduser().resolve().parent).free / 2**20
        kept = f"; what is finished is kept in {place.content.parent}" if place else ""
        raise CourseError(
            f"There is no room for {out} ({free:,.0f} MiB are free; the whole of ADE20K takes 3,100): make room and "
            f"run the same again{kept}."
        ) from error


@contextmanager
def _no_warnings_of_large_pictures():
    with warnings.catch_warnings():
        # they are refused in words, see `LARGEST_PICTURE`
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _require_same(raw: Source, identity: str) -> None:
    try:
        same = raw.identity() == identity
    except (*DAMAGE, CourseError):
        same = False
    if not same:
        raise UnusableSource(f"{raw.name} changed while it was read: build again when nothing writes to it.")


def _require_known_count(raw: Source, md5: str | None, splits: dict, map_labels) -> None:
    expected = KNOWN_ARCHIVES.get(md5)
    kept = splits["training"]["kept"]
    if expected and map_labels is None and kept != expected:
        raise UnusableSource(
            f"{raw.name} is the published archive, of which {expected:,} training images must stay, but {kept:,} do: "
            "another version of Pillow may decode differently; please report this to the course with "
            f"Pillow's ({PIL.__version__}) and NumPy's ({np.__version__})."
        )


def _table_mapper(unlabelled: str) -> ToLabels:
    table = label_table(unlabelled)
    return lambda ids: table[ids]


def _function_mapper(map_labels, unlabelled: str) -> ToLabels:
    """`map_labels` on tensors as a function on arrays, with its answer checked."""
    import torch  # only here: building with the course's table needs no tensors

    def to_labels(ids: np.ndarray) -> np.ndarray:
        labels = map_labels(torch.from_numpy(ids.copy()))
        if not isinstance(labels, torch.Tensor) or labels.is_floating_point() or tuple(labels.shape) != ids.shape:
            raise CourseError(f"map_labels must return an integer tensor of shape {ids.shape}, as it was given.")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(CLASS_NAMES):
            raise CourseError(
                f"map_labels must return labels 0 to {len(CLASS_NAMES) - 1}, but returned {low} to {high}."
            )
        array = labels.numpy().astype(np.uint8)
        if unlabelled == "ignore":
            array[ids == 0] = IGNORE
        return array

    return to_labels
