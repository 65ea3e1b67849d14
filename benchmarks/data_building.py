"""Building the four-class data: how fast, how equal to the assignment's way, in how much memory, how near the limit.

`benchmarks/data.py` runs it. Every measurement is a process of its own that runs this file with one piece of work, and
they are all run alike: the same number of threads, the files read once before, no other work beside.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from shutil import copyfile, rmtree

import numpy as np
import psutil
from memory import peak_memory
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from segkit.errors import CourseError
from segkit.subset.classes import KINDS, SPLITS
from segkit.subset.manifest import read_manifest
from segkit.subset.reading import PlaneFiles

WORKERS = 2
ROUNDS = 3
TRAINING_PER_VALIDATION = 10  # ADE20K has 20,210 to 2,000
WAYS = ("original", "kinder", "kindest")  # tests/original_way.py; not imported here, for its weight in memory
# How far images may be from those of the original way, in levels of 255: ours are decoded at a reduced scale.
TOLERANCE = {"mean": 2.0, "worst_image": 4.0, "99th_percentile": 20}
_ENDINGS = {"images": ".jpg", "annotations": ".png"}
_MIB = 2**20
_MEMORY = ("before", "peak", "early", "late")
_SAMPLE_SECONDS = 0.02


class Missed(Exception):
    """What was measured is not what it must be; the sentence says what."""


# --- the pairs ------------------------------------------------------------------------------------------------------


def originals_of(data: Path) -> list[dict[str, Path]]:
    """Kind -> file of every ADE20K original in a folder of both splits; of every pair if there is no original.

    Raises:
        CourseError: if the folder holds no pairs.
    """
    root = data / "ADEChallengeData2016" if (data / "ADEChallengeData2016").is_dir() else data
    files = sorted(path for split in SPLITS for path in (root / "images" / split).glob("*.jpg"))
    pairs = [
        {"images": path, "annotations": root / "annotations" / path.parent.name / f"{path.stem}.png"} for path in files
    ]
    originals = [pair for pair in pairs if pair["images"].name.startswith("ADE_")]
    if not pairs:
        raise CourseError(f"{data} holds no images/training/*.jpg: give the ADEChallengeData2016 folder, unpacked.")
    return originals or pairs


def replicate(originals: list[dict[str, Path]], out: Path, pairs: int) -> Path:
    """A folder in the ADE20K layout with so many pairs: the originals in turn, as links under new names."""
    of_validation = max(1, pairs // (TRAINING_PER_VALIDATION + 1))
    for split, short, count in zip(SPLITS, ("train", "val"), (pairs - of_validation, of_validation), strict=True):
        for kind in KINDS:
            (out / kind / split).mkdir(parents=True)
        for number, original in enumerate(islice(cycle(originals), count), start=1):
            for kind in KINDS:
                _link(original[kind], out / kind / split / f"ADE_{short}_{number:08d}{_ENDINGS[kind]}")
    return out


def _link(file: Path, link: Path) -> None:
    try:
        os.link(file.resolve(), link)
    except OSError:  # another file system, or one without links
        copyfile(file, link)


# --- one piece of work, in a process of its own ---------------------------------------------------------------------


def build(source: str, out: str, workers: int) -> dict:
    """Ours."""
    from segkit.subset import build_subset

    with _measured() as figures:
        manifest = build_subset(source, out, workers=workers, progress=False)
    return figures | {"kept": sum(manifest["splits"][split]["kept"] for split in SPLITS)}


def make(source: str, way: str, out: str | None) -> dict:
    """The assignment's way or a kinder one; what it made is written to `out` when the time has been taken."""
    from original_way import WAYS, make_split

    with _measured() as figures:
        made = {split: make_split(Path(source), split, WAYS[way]) for split in SPLITS}
    for split in SPLITS if out else ():
        (Path(out) / split).mkdir(parents=True)
        (Path(out) / split / "names.json").write_text(json.dumps(made[split].names))
        np.save(Path(out) / split / "images.npy", made[split].images)
        np.save(Path(out) / split / "targets.npy", made[split].targets)
    return figures


def decode(source: str, decoder: str, scale: str, workers: int) -> dict:
    """Nothing but reading and decoding every photograph."""
    function = DECODERS[decoder, scale]()
    files = sorted(Path(source).glob("images/*/*.jpg"))
    function(files[0].read_bytes())

    def decode_file(file: Path) -> None:
        function(file.read_bytes())

    with ThreadPoolExecutor(workers) as pool, _measured() as figures:
        for _ in pool.map(decode_file, files):
            pass
    return figures


def _pillow(smallest: int | None):
    import io

    from PIL import Image

    def decoded(data: bytes):
        picture = Image.open(io.BytesIO(data))
        if smallest:
            picture.draft("RGB", (smallest, smallest))
        picture.load()

    return decoded


def _torchvision():
    import torch
    from torchvision.io import decode_jpeg

    return lambda data: decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8))


def _simplejpeg(smallest: int):
    from simplejpeg import decode_jpeg

    return lambda data: decode_jpeg(data, min_height=smallest, min_width=smallest)


DECODERS = {
    ("Pillow", "full"): partial(_pillow, None),
    ("Pillow", "reduced"): partial(_pillow, 256),
    ("torchvision", "full"): _torchvision,
    ("simplejpeg", "full"): partial(_simplejpeg, 0),
    ("simplejpeg", "reduced"): partial(_simplejpeg, 256),
}
_MODULES = {"Pillow": "PIL", "torchvision": "torchvision", "simplejpeg": "simplejpeg"}


@contextmanager
def _measured():
    """Fills a dictionary: `seconds`, those of all cores (`cpu`), and resident MiB: `before`, `peak`, `early`, `late`.

    These are the most in all and of a part of the time: early and late are the second and the last quarter of the time.
    """
    process = psutil.Process()
    figures, samples, finished = {"before": process.memory_info().rss / _MIB}, [], threading.Event()

    def sample() -> None:
        while not finished.wait(_SAMPLE_SECONDS):
            samples.append(process.memory_info().rss / _MIB)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    started, computed = time.perf_counter(), time.process_time()
    yield figures
    figures["seconds"] = time.perf_counter() - started
    figures["cpu"] = time.process_time() - computed
    finished.set()
    sampler.join()
    quarter = max(1, len(samples) // 4)
    figures["peak"] = peak_memory()
    figures["early"] = max(samples[quarter : 2 * quarter], default=figures["peak"])
    figures["late"] = max(samples[-quarter:], default=figures["peak"])


WORK = {"build": build, "make": make, "decode": decode}


def measure(work: str, **arguments) -> dict:
    """Figures of one piece of work done by a fresh process.

    Raises:
        Missed: if it failed.
    """
    asked = json.dumps({"work": work, **arguments}, default=str)
    threads = {"OMP_NUM_THREADS": str(WORKERS), "OMP_WAIT_POLICY": "PASSIVE"}
    run = subprocess.run([sys.executable, __file__, asked], capture_output=True, text=True, env=os.environ | threads)
    if run.returncode:
        raise Missed(f"The measurement {asked} failed: {run.stderr.strip()[-1000:]}")
    return json.loads(run.stdout.splitlines()[-1])


# --- what is measured -----------------------------------------------------------------------------------------------


class Building:
    """Measurements of building, on copies of the originals below `folder`.

    Attributes:
        raw: the largest set, in the ADE20K layout.
        built: what was built of it.
    """

    def __init__(self, originals: list[dict[str, Path]], folder: Path, pairs: int):
        self._pairs = pairs
        self._sizes = sorted({max(TRAINING_PER_VALIDATION + 1, pairs // part) for part in (8, 4, 2, 1)})
        self._raws = {size: replicate(originals, folder / f"{size}-pairs", size) for size in self._sizes}
        self._made, self._scratch = folder / "made", folder / "scratch"
        self.raw, self.built = self._raws[pairs], folder / "built"
        self._workers = [count for count in (1, 2, 4, 8, 16, 32, 64) if count <= max(WORKERS, os.cpu_count() or 1)]
        self._decoders = [key for key in DECODERS if importlib.util.find_spec(_MODULES[key[0]])]
        measurements = 2 * len(WAYS) + ROUNDS * (len(self._sizes) * len(self._workers) + len(self._decoders))
        self._bar = tqdm(total=measurements, desc="building", unit="measurement")

    def run(self) -> tuple[dict[str, list[dict]], dict[str, float]]:
        """(title -> rows of a table, figures by name).

        Raises:
            Missed: if what we build is not what the assignment's way makes.
        """
        for file in self.raw.glob("*/*/*"):
            file.read_bytes()  # from here on the files are in the system's cache
        with self._bar:
            speed, figures = self._speed()
            equality = _compare(self.built, self._made)
            growth = self._growth()
            limit = self._limit(figures["ours_seconds"])
        tables = {
            f"{self._pairs} pairs, ours with {WORKERS} workers": speed,
            "Ours against the assignment's way, levels of 255": [equality],
            f"Growth, median of {ROUNDS}; resident MiB before, and the most: in all, second and last quarter": growth,
            f"The limit: every photograph read and decoded by {WORKERS} threads, nothing else": limit,
        }
        figures |= equality | _growth_figures(growth) | _limit_figures(limit, figures["ours_seconds"])
        return tables, figures

    def _measure(self, work: str, **arguments) -> dict:
        measured = measure(work, **arguments)
        self._bar.update()
        return measured

    def _build(self, size: int, out: Path, workers: int) -> dict:
        rmtree(out, ignore_errors=True)
        return self._measure("build", source=self._raws[size], out=out, workers=workers)

    def _speed(self) -> tuple[list[dict], dict[str, float]]:
        ours, ways = [], {}
        for name in WAYS:
            ours.append(self._build(self._pairs, self.built, WORKERS)["seconds"])
            out = self._made if name == "original" else None
            ways[name] = self._measure("make", source=self.raw, way=name, out=out)["seconds"]
        seconds = {"ours": statistics.median(ours)} | ways
        rows = [
            {"way": way, "seconds": taken, "pairs/s": self._pairs / taken, "ours is faster": taken / seconds["ours"]}
            for way, taken in seconds.items()
        ]
        figures = {"pairs": self._pairs} | {f"{way}_seconds": taken for way, taken in seconds.items()}
        return rows, figures | {f"faster_than_{way}": taken / seconds["ours"] for way, taken in ways.items()}

    def _growth(self) -> list[dict]:
        asked = [(size, workers) for size in self._sizes for workers in self._workers]
        runs = {case: [] for case in asked}
        for _ in range(ROUNDS):
            for size, workers in asked:
                runs[size, workers].append(self._build(size, self._scratch, workers))
        return [_growth_row(size, workers, measured) for (size, workers), measured in runs.items()]

    def _limit(self, ours: float) -> list[dict]:
        runs = {key: [] for key in self._decoders}
        for _ in range(ROUNDS):
            for decoder, scale in self._decoders:
                arguments = {"source": self.raw, "decoder": decoder, "scale": scale, "workers": WORKERS}
                runs[decoder, scale].append(self._measure("decode", **arguments)["seconds"])
        medians = {key: statistics.median(seconds) for key, seconds in runs.items()}
        return [
            {
                "decoder": decoder,
                "scale": scale,
                "seconds": seconds,
                "images/s": self._pairs / seconds,
                "ours takes": ours / seconds,
            }
            for (decoder, scale), seconds in medians.items()
        ]


def _growth_row(size: int, workers: int, measured: list[dict]) -> dict:
    median = {name: statistics.median(run[name] for run in measured) for name in ("seconds", "cpu", *_MEMORY)}
    seconds, cpu = median.pop("seconds"), median.pop("cpu")
    return {
        "pairs": size,
        "workers": workers,
        "seconds": seconds,
        "pairs/s": size / seconds,
        "ms/pair": seconds / size * 1000,
        "cores busy": cpu / seconds,
        **{f"{name} MiB": value for name, value in median.items()},
    }


def _growth_figures(rows: list[dict]) -> dict[str, float]:
    """The largest set against the smallest, for the usual number of workers and for one."""
    of = {(row["pairs"], row["workers"]): row for row in rows}
    sizes = [row["pairs"] for row in rows]
    small, large = of[min(sizes), WORKERS], of[max(sizes), WORKERS]
    return {
        "ms_per_pair_large_to_small_1_worker": of[max(sizes), 1]["ms/pair"] / of[min(sizes), 1]["ms/pair"],
        "ms_per_pair_large_to_small": large["ms/pair"] / small["ms/pair"],
        "faster_than_1_worker": of[max(sizes), 1]["seconds"] / large["seconds"],
        "before_mib": large["before MiB"],
        "peak_mib_small": small["peak MiB"],
        "peak_mib_large": large["peak MiB"],
        "memory_late_to_early": large["late MiB"] / large["early MiB"],
    }


def _limit_figures(rows: list[dict], ours: float) -> dict[str, float]:
    figures = {}
    for scale in ("full", "reduced"):
        fastest = min(row["seconds"] for row in rows if row["scale"] == scale)
        figures |= {f"decoding_{scale}_seconds": fastest, f"ours_to_decoding_{scale}": ours / fastest}
    return figures


def _compare(built: Path, made: Path) -> dict[str, float]:
    """How far ours is from what the original way made.

    Raises:
        Missed: if pairs or masks differ at all, or images by more than the tolerance.
    """
    different, of_each, levels = 0, [], np.zeros(256, np.int64)
    manifest = read_manifest(built)
    for split in SPLITS:
        ours, names = PlaneFiles(built, manifest, split), json.loads((made / split / "names.json").read_text())
        _require(ours.names == names, f"{split}: {len(names)} pairs stay, but ours are {len(ours.names)} or others.")
        images, targets = (np.load(made / split / f"{what}.npy", mmap_mode="r") for what in ("images", "targets"))
        step = images.shape[-1] // targets.shape[-1]
        for planes, image, target in zip(ours, images, targets, strict=True):
            different += bool((planes[3, ::step, ::step] != target).any())
            differences = np.abs(planes[:3].astype(np.int16) - image)
            of_each.append(differences.mean())
            levels += np.bincount(differences.ravel(), minlength=256)
    _require(not different, f"{different} of {len(of_each)} masks are not those of the assignment's way.")
    found = {
        "kept": len(of_each),
        "masks_that_differ": different,
        "mean": float(np.mean(of_each)),
        "worst_image": float(max(of_each)),
        "99th_percentile": int(np.searchsorted(levels.cumsum(), 0.99 * levels.sum())),
        "largest": int(levels.nonzero()[0].max()),
    }
    for name, tolerance in TOLERANCE.items():
        sentence = f"Images differ by {found[name]:.2f} levels of 255 ({name}), more than the {tolerance} allowed."
        _require(found[name] <= tolerance, sentence)
    return found


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise Missed(sentence)


if __name__ == "__main__":
    ASKED = json.loads(sys.argv[1])
    print(json.dumps(WORK[ASKED.pop("work")](**ASKED)))
