"""Feeding a model: how many images a second the loader gives, against files of pictures and webdataset.

`python benchmarks/data_loading.py --data BUILT [--raw ADEChallengeData2016] [--device cuda] [--seconds 10]`

`BUILT` is a folder that `build_subset` wrote, with at least 32 training images. Every design gives the same images
with the same augmentation in batches of 16 on the device; the numbers of images and of passes are the same for all, one
pass before is not timed, and the designs take turns, so that a slow minute of the machine meets all of them. A pass
includes the start of its worker processes, as an epoch does. Prints a table, then one line of JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
import webdataset
from PIL import Image
from tables import print_table
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm import tqdm

from segkit.augmentation import Augmentation
from segkit.data import FourClassADE20K
from segkit.errors import CourseError
from segkit.loader import Loader

BATCH_SIZE = 16
WORKERS = (0, 2)
ROUNDS = 3
SHARDS = 4
FEWEST = 2 * BATCH_SIZE
JPEG_QUALITY = 95


def loading_table(built_root, raw_root, device="cpu", *, seconds_per_design: float = 10) -> tuple[list[dict], dict]:
    """Images per second of every design, with and without augmentation.

    Args:
        built_root: a built four-class data set.
        raw_root: the folder of ADE20K that it was built from; None leaves out what reads its files.
        device: where the batches are wanted.
        seconds_per_design: about how long a pass of the slowest design may take; decides the number of images.

    Returns:
        The rows of a table, and the same figures as a dictionary.
    """
    data = FourClassADE20K(built_root)
    if len(data) < FEWEST:
        raise CourseError(f"{built_root} has {len(data)} training images, too few to measure: {FEWEST} are needed.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = _full_size_files(raw_root, data.names) if raw_root else None
        small = _write_small_files(data, Path(folder))
        shards = _write_shards(data, Path(folder))
        images = _number_of_images(files or small, seconds_per_design, len(data))
        print(f"Loading {images} images, {ROUNDS} rounds", file=sys.stderr)
        loading = _loading_designs(data, files, small, shards, images, torch.device(device))
        reading = _reading_designs(data, files, small, shards, images)
        rates = {name: images / seconds for name, seconds in _medians(loading | reading).items()}
    return [_row(name, rates) for name in rates], {"images": images} | _figures(rates)


def _figures(rates: dict) -> dict:
    """work -> design and workers -> images a second"""
    figures = {}
    for (work, design, workers), rate in rates.items():
        figures.setdefault(work, {})[f"{design}, {workers} workers"] = round(rate, 1)
    return figures


def _row(name: tuple, rates: dict) -> dict:
    kind, design, workers = name
    slowest = min(rate for (other, *_), rate in rates.items() if other == kind)
    return {
        "work": kind,
        "design": design,
        "workers": workers,
        "images/s": rates[name],
        "ms/image": 1000 / rates[name],
        "times the slowest": rates[name] / slowest,
    }


# --- the designs ----------------------------------------------------------------------------------------------------


def _loading_designs(data, files, small, shards, images: int, device: torch.device) -> dict:
    """(work, design, workers) -> function that makes one pass over augmented batches on the device."""
    augmentation = Augmentation()
    first = Subset(data, range(images))
    first.planes = data.planes  # a Subset of the first images has their positions
    designs = {}
    for workers in WORKERS:
        options = {"batch_size": BATCH_SIZE, "num_workers": workers}
        plain = options | {"pin_memory": device.type == "cuda"}
        if files:
            loader = DataLoader(_Pictures(files[:images], augmentation), shuffle=True, **plain)
            designs["load", "JPEG and PNG, full size", workers] = partial(_pass, loader, images, device)
        loader = DataLoader(_Pictures(small[:images], augmentation), shuffle=True, **plain)
        designs["load", "JPEG and PNG, small", workers] = partial(_pass, loader, images, device)
        loader = DataLoader(_shard_items(shards, images, workers, _Augment(augmentation)), **plain)
        designs["load", "webdataset, not shuffled", workers] = partial(_pass, loader, images, device)
        for place in ("workers", "device"):
            loader = Loader(first, augmentation=augmentation, device=device, augment_on=place, **options)
            designs["load", f"segkit, augmented by {place}", workers] = partial(_pass, loader, images, device)
    return designs


def _reading_designs(data, files, small, shards, images: int) -> dict:
    """The same for reading alone, in one process: uint8 arrays (4, H, W) that may be written to."""
    order = np.random.default_rng(0).permutation(images)
    designs = {
        "JPEG and PNG, small": lambda: [_decode(*small[i]) for i in order],
        "webdataset, not shuffled": lambda: list(_shard_items(shards, images, 0, _planes_in)),
        "memory map": lambda: [np.array(data.planes(i)) for i in order],
    }
    if files:
        designs = {"JPEG and PNG, full size": lambda: [_decode(*files[i]) for i in order]} | designs
    return {("read", name, 0): read for name, read in designs.items()}


class _Pictures(Dataset):
    """Pairs of picture files, decoded by Pillow and augmented: the usual way."""

    def __init__(self, files: list[tuple[Path, Path]], augmentation: Augmentation):
        self.files = files
        self.augment = _Augment(augmentation)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int):
        return self.augment(_decode(*self.files[index]), index)


class _Augment:
    """Planes (4, H, W) -> augmented (image, target); as an object, it can be sent to any worker process."""

    def __init__(self, augmentation: Augmentation):
        self.augmentation = augmentation
        self.seed = 0

    def __call__(self, planes: np.ndarray, seed: int | None = None):
        self.seed += 1
        item = torch.from_numpy(planes)
        return self.augmentation(item[:3], item[3], self.seed if seed is None else seed)


def _decode(photograph: Path, mask: Path) -> np.ndarray:
    """Labels stay as they are in the file: mapping them to four classes would only slow this design further."""
    with Image.open(photograph) as picture, Image.open(mask) as labels:
        pixels = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
        return np.concatenate([pixels, np.asarray(labels)[None]])


def _planes_in(sample: dict) -> np.ndarray:
    side = int((len(sample["planes"]) // 4) ** 0.5)
    return np.frombuffer(bytearray(sample["planes"]), np.uint8).reshape(4, side, side)


def _shard_items(shards: list[str], images: int, workers: int, then):
    items = webdataset.WebDataset(shards, shardshuffle=False).map(_planes_in)
    items = items if then is _planes_in else items.map(then)
    return items.slice(images // max(1, workers))  # of every worker, which has shards of its own


# --- the same images in other forms ---------------------------------------------------------------------------------


def _full_size_files(raw_root, names: list[str]) -> list[tuple[Path, Path]]:
    root = Path(raw_root)
    root = root if (root / "images").is_dir() else root / "ADEChallengeData2016"
    images, masks = root / "images" / "training", root / "annotations" / "training"
    return [(images / f"{name}.jpg", masks / f"{name}.png") for name in names]


def _write_small_files(data: FourClassADE20K, folder: Path) -> list[tuple[Path, Path]]:
    files = []
    for index in tqdm(range(len(data)), "writing small pictures", leave=False):
        planes = data.planes(index)
        files.append((folder / f"{index}.jpg", folder / f"{index}.png"))
        Image.fromarray(planes[:3].transpose(1, 2, 0).copy()).save(files[-1][0], quality=JPEG_QUALITY)
        Image.fromarray(planes[3].copy()).save(files[-1][1])
    return files


def _write_shards(data: FourClassADE20K, folder: Path) -> list[str]:
    """Tar files of whole arrays, one image after the other in turn, so that all shards are equally long."""
    paths = [folder / f"{shard}.tar" for shard in range(SHARDS)]
    for shard, path in enumerate(paths):
        with path.open("wb") as file, webdataset.TarWriter(file) as tar:
            for index in range(shard, len(data), SHARDS):
                tar.write({"__key__": f"{index:08}", "planes": data.planes(index).tobytes()})
    return [path.as_posix() for path in paths]


# --- the clock ------------------------------------------------------------------------------------------------------


def _number_of_images(slowest: list, seconds: float, available: int) -> int:
    """As many as the slowest design gives in that time, in whole batches for two workers."""
    trial = _Pictures(slowest[:FEWEST], Augmentation())
    started = time.perf_counter()
    for index in range(FEWEST):
        trial[index]
    rate = FEWEST / (time.perf_counter() - started)
    return max(FEWEST, min(available, int(rate * seconds)) // FEWEST * FEWEST)


def _medians(designs: dict) -> dict:
    """Seconds that one pass takes, for each design."""
    times = {name: [] for name in designs}
    with tqdm(total=(1 + ROUNDS) * len(designs), desc="passes", leave=False) as bar, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(1 + ROUNDS):
            for name, work in designs.items():
                started = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - started)
                bar.update()
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}  # the first filled the page cache


def _pass(batches, expected: int, device: torch.device) -> None:
    seen = 0
    for images, targets in batches:
        images.to(device, non_blocking=True), targets.to(device, non_blocking=True)
        seen += len(images)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    if seen != expected:
        raise AssertionError(f"a design gave {seen} images instead of {expected}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="a folder that build_subset wrote")
    parser.add_argument("--raw", type=Path, help="ADEChallengeData2016, unpacked, that it was built from")
    parser.add_argument("--device", default="cpu", help="where batches are wanted: cpu, cuda or mps")
    parser.add_argument("--seconds", type=float, default=10, help="of one pass of the slowest design (10)")
    arguments = parser.parse_args()
    try:
        rows, figures = loading_table(
            arguments.data, arguments.raw, arguments.device, seconds_per_design=arguments.seconds
        )
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    print_table(f"Loading, batches on {arguments.device}", rows)
    print(json.dumps(figures | {"torch": torch.__version__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
