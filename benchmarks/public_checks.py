"""How long a student waits for `check(...)`: `python benchmarks/public_checks.py`.

Each task's public checks run on the reference, in one process and after the first import, as in a notebook. Prints a
table in milliseconds, then one line of JSON. The claim it stands behind: a check answers within a second.
"""

import json
import statistics
import time

import torch

from autograder.reference import load_reference_notebook
from autograder.sources import CHECKS, read_sources
from segkit.checking.notebook import run_task

RUNS = 7


def seconds(task: str, names: dict) -> float:
    """One run of a task's public checks, as `check(task)` does it."""
    started = time.perf_counter()
    run_task(task, names)
    return time.perf_counter() - started


def main() -> None:
    medians = {}
    for source in read_sources("segformer"):
        names = vars(load_reference_notebook("segformer", source.name))
        for task in source.points(*CHECKS):
            medians[task] = statistics.median(seconds(task, names) for _ in range(RUNS)) * 1000
    print(f"{'task':<18}median of {RUNS}, ms")
    for task, median in medians.items():
        print(f"{task:<18}{median:>10.1f}")
    summary = {"slowest_ms": max(medians.values()), "median_ms": statistics.median(medians.values())}
    print(json.dumps({name: round(value, 1) for name, value in summary.items()} | {"torch": torch.__version__}))


if __name__ == "__main__":
    main()
