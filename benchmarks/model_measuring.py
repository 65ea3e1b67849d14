"""Time and memory of one forward or training step of three SegFormers with the same weights."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

import torch
from fast_segformer import made_fast
from memory import MIB, forget_peak, peak_memory
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.transformers_model import same_model_twice

THEIRS, PLAIN, FAST = DESIGNS = ("transformers", "reference, plain", "reference, fast")
AGREE = 1e-4  # of the spread of transformers' logits: float32, sums in another order


@dataclass(frozen=True)
class Case:
    """One measurement: `what` is "forward" (evaluation) or "training step" (forward, loss, backward, AdamW)."""

    variant: str
    what: str
    batch: int
    side: int

    def __str__(self) -> str:
        return f"{self.variant}, {self.what}, {self.batch} x 3 x {self.side} x {self.side}"


class Logits(nn.Module):
    """transformers' model as a function of images to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images).logits


@cache
def models(variant: str) -> dict[str, nn.Module]:
    """The three designs by name, with the same weights, without dropout."""
    ours, theirs = same_model_twice(variant, 4, rates=0.0)
    return {THEIRS: Logits(theirs), PLAIN: ours, FAST: made_fast(ours)}


def images_of(case: Case, design: str, device: str) -> Tensor:
    """The same images for all, laid out in memory as the design wants them."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(case.batch, 3, case.side, case.side, generator=generator).to(device)
    return images.contiguous(memory_format=torch.channels_last) if design == FAST else images


def largest_difference(case: Case, device: str) -> float:
    """The largest difference between transformers' logits and the reference's, in units of the former's spread.

    In training mode for a training step, where BatchNorm takes its statistics from the batch.
    """
    found, built = {}, models(case.variant)
    with torch.no_grad():
        for design, model in built.items():
            kept = {name: value.clone() for name, value in model.state_dict().items()}
            model.to(device).train(case.what != "forward")
            found[design] = model(images_of(case, design, device)).float().cpu()
            model.load_state_dict(kept)  # a forward in training mode moves BatchNorm's statistics
    spread = found[THEIRS].std()
    return max(float((found[design] - found[THEIRS]).abs().max() / spread) for design in (PLAIN, FAST))


def work_of(case: Case, design: str, device: str) -> Callable[[], None]:
    """One forward, or one training step, to be called again and again."""
    model, images = models(case.variant)[design].to(device), images_of(case, design, device)
    if case.what == "forward":
        model.eval()
        return torch.inference_mode()(lambda: model(images))
    return training_step_of(model.train(), images)


def training_step_of(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """Forward, cross-entropy, backward and a step of AdamW on targets of a quarter of the images' side."""
    side = images.shape[-1] // 4
    target = torch.arange(images.shape[0] * side * side, device=images.device).view(-1, side, side) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(images), target).backward()
        optimizer.step()

    return step


def seconds_of(case: Case, device: str, rounds: int) -> list[dict]:
    """A row per design: median milliseconds, how many times as fast as transformers, and peak memory."""
    works = {design: work_of(case, design, device) for design in DESIGNS}
    taken = taking_turns(works, rounds, device)
    medians = {design: statistics.median(times) for design, times in taken.items()}
    return [
        {
            "design": design,
            "milliseconds": 1000 * medians[design],
            "times as fast": medians[THEIRS] / medians[design],
            "peak MiB": memory_in_a_process(case, design, device),
        }
        for design in DESIGNS
    ]


def taking_turns(works: dict[str, Callable[[], None]], rounds: int, device: str) -> dict[str, list[float]]:
    """Seconds of each work in each round, after one call that is not timed."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            synchronize(device)
            before = time.perf_counter()
            work()
            synchronize(device)
            if number:
                taken[name].append(time.perf_counter() - before)
    return taken


def synchronize(device: str) -> None:
    """Wait until a GPU has done what it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def memory_in_a_process(case: Case, design: str, device: str) -> float:
    """Peak memory in MiB of a design in a new process, which has done nothing else."""
    asked = json.dumps({**asdict(case), "design": design, "device": device, "threads": torch.get_num_threads()})
    call = [sys.executable, __file__, asked]
    return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout.split()[-1])


def memory_of(design: str, device: str, threads: int, **case) -> float:
    """Peak memory in MiB of two calls: on a GPU what PyTorch allocated, else what this process grew by."""
    torch.set_num_threads(threads)
    work = work_of(Case(**case), design, device)
    for other in set(DESIGNS) - {design}:
        models(case["variant"]).pop(other)
    forget_peak()  # of building the models
    before = peak_memory()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    work()
    work()
    return torch.cuda.max_memory_allocated(device) / MIB if device.startswith("cuda") else peak_memory() - before


if __name__ == "__main__":
    print(memory_of(**json.loads(sys.argv[1])))
