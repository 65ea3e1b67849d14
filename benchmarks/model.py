"""The reference measured against transformers' SegFormer, with the same weights and the same logits.

`python benchmarks/model.py [--device cuda] [--data DATA] [--rounds 5] [--quick]`

The reference comes plain, as students read it, and fast (`fast_segformer.py`). All designs take turns, so that a slow
minute of the machine meets each of them; times are medians. Memory is measured in a process of its own for each.
Prints tables and a last line of JSON; ends with status 1 if logits differ. On a GPU it also measures training in bf16,
with and without torch.compile, and the share of time that training waits for data.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import torch
import transformers
from model_measuring import AGREE, Case, largest_difference, seconds_of
from model_training import training_rows, waiting_row
from tables import print_table

from segkit.errors import CourseError


def main() -> int:
    options = parse_arguments()
    try:
        figures, agree = measure(options)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    machine = {"device": device_name(options.device), "threads": torch.get_num_threads(), "cores": os.cpu_count()}
    print(json.dumps(_rounded(figures) | machine | versions))
    return 0 if agree else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="where models compute: cpu, cuda or mps")
    parser.add_argument("--data", type=Path, help="a built four-class set for the time spent waiting (drawn scenes)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--quick", action="store_true", help="tiny images: to see that it works")
    parser.add_argument("--training", action="store_true", help="training in bf16 on a CPU as well (always on a GPU)")
    return parser.parse_args()


def cases(quick: bool) -> list[Case]:
    """What is measured: forward and training step, and forward of larger images and of a larger model."""
    if quick:
        return [Case("B0", "forward", 4, 64), Case("B0", "training step", 2, 64)]
    return [
        Case("B0", "forward", 4, 256),
        Case("B0", "training step", 4, 256),
        Case("B0", "forward", 4, 512),
        Case("B2", "forward", 1, 256),
    ]


def measure(options: argparse.Namespace) -> tuple[dict, bool]:
    """All figures, whose tables are printed as soon as they are known; and whether all logits agree."""
    print(f"{device_name(options.device)}, {torch.get_num_threads()} threads; {options.rounds} rounds, medians")
    figures, agree = {}, True
    for case in cases(options.quick):
        apart = largest_difference(case, options.device)
        agree = agree and apart <= AGREE
        rows = seconds_of(case, options.device, options.rounds)
        print_table(f"{case}; logits differ by at most {apart:.1e} of their spread", rows)
        figures[str(case)] = {"difference": apart, "designs": rows}
    if options.device.startswith("cuda") or options.training:
        figures["training"] = training_rows(options.device, options.quick, options.rounds)
        print_table("Training in bf16", figures["training"])
        figures["waiting"] = waiting_row(options.device, options.data, options.quick)
        print_table("Training and its data", [figures["waiting"]])
    return figures, agree


def _rounded(value):
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{device} ({platform.machine()})"


if __name__ == "__main__":
    sys.exit(main())
