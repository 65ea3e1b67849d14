"""Training in bf16: images a second with and without torch.compile, and how long training waits for data."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from model_measuring import DESIGNS, FAST, THEIRS, Case, images_of, models, synchronize, taking_turns
from torch import Tensor, nn
from torch.nn import functional as F

from segkit.augmentation import Augmentation
from segkit.data import FourClassADE20K
from segkit.loader import Loader
from segkit.sample import make_sample
from segkit.subset import build_subset

BATCHES = (16, 64, 256)


class Step:
    """A training step in bf16 mixed precision, the same for every design."""

    def __init__(self, model: nn.Module, device: str) -> None:
        self.model, self.device = model.train(), device
        fused = device.startswith("cuda")
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-6, fused=fused or None)

    def __call__(self, images: Tensor, target: Tensor) -> None:
        self.optimizer.zero_grad()
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            loss = F.cross_entropy(self.model(images), target)
        loss.backward()
        self.optimizer.step()


def training_rows(device: str, quick: bool, rounds: int) -> list[dict]:
    """Images a second of every design, batch size and way of running, beside transformers' with the same settings."""
    batches, side, ways = ((2,), 64, ("eager",)) if quick else (BATCHES, 256, ("eager", "compiled"))
    rows = []
    for batch in batches:
        for way in ways:
            seconds = _seconds_of_steps(Case("B0", "training step", batch, side), device, way, rounds)
            rows += [
                {
                    "batch": batch,
                    "how": way,
                    "design": design,
                    "images a second": batch / seconds[design],
                    "times as fast": seconds[THEIRS] / seconds[design],
                }
                for design in DESIGNS
            ]
    return rows


def _seconds_of_steps(case: Case, device: str, way: str, rounds: int) -> dict[str, float]:
    works = {}
    for design, model in models(case.variant).items():
        images, side = images_of(case, design, device), case.side // 4
        target = torch.arange(case.batch * side * side, device=device).view(-1, side, side) % 4
        model = model.to(device)
        step = Step(torch.compile(model) if way == "compiled" else model, device)
        works[design] = lambda step=step, images=images, target=target: step(images, target)
    taken = taking_turns(works, rounds, device)
    return {design: statistics.median(times) for design, times in taken.items()}


def waiting_row(device: str, data: Path | None, quick: bool) -> dict:
    """The share of an epoch's time in which training of the fast reference waits for its next batch.

    The loader augments; the first epoch is not timed. Without `data` the drawn scenes are built.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        built = data or _drawn(Path(folder))
        size = 64 if quick else 256
        augmentation = Augmentation(image_size=(size, size), target_size=(size // 4, size // 4))
        loader = Loader(FourClassADE20K(built), 2 if quick else 16, augmentation=augmentation, device=device)
        step = Step(models("B0")[FAST].to(device), device)
        for epoch in (0, 1):
            loader.set_epoch(epoch)
            waited, total, images = _epoch(loader, step, device)
    return {
        "design": FAST,
        "data": "given" if data else "drawn scenes",
        "images a second": images / total,
        "waiting for data, %": 100 * waited / total,
    }


def _epoch(loader: Loader, step: Step, device: str) -> tuple[float, float, int]:
    """Seconds spent waiting, seconds in all, and images of one epoch.

    A GPU works while the next batch is fetched, so that waiting is what is left of fetching when it has finished.
    """
    waited, images = 0.0, 0
    begun = asked = time.perf_counter()
    for batch, target in loader:
        waited += time.perf_counter() - asked
        step(batch.contiguous(memory_format=torch.channels_last), target)
        synchronize(device)
        images += len(batch)
        asked = time.perf_counter()
    return waited, time.perf_counter() - begun, images


def _drawn(folder: Path) -> Path:
    build_subset(make_sample(folder / "sample"), folder / "four_class")
    return folder / "four_class"
