"""What each part of a training recipe is worth: from the assignment's original recipe to ours, one change at a time.

`python benchmarks/recipe.py --data FOUR_CLASS [--passes 30] [--jobs 2] [--rows original drop_path]`

Trains the reference, B0 with random weights, in every line of the table for the same number of image passes, and
measures the last weights: mean IoU of the validation set at 256 pixels against 64x64 targets, unlabelled pixels
ignored. A run is kept in `--out`: the same command again trains what is missing, and goes on with what was interrupted.

`python benchmarks/recipe.py --recorded` prints the table of the runs that are recorded in the repository.
"""

import argparse
import hashlib
import json
import platform
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import date
from pathlib import Path

import torch
from recipe_rows import Row, ladder
from tables import print_table
from tqdm import tqdm

from segkit.data import read_manifest
from segkit.errors import CourseError
from segkit.machine import usable_cpus

HERE = Path(__file__).parent
RECORDED = HERE / "recorded" / "recipe.json"


def main() -> int:
    arguments = parse_arguments()
    try:
        if arguments.recorded:
            runs = json.loads(RECORDED.read_text(encoding="utf-8"))
            print_ladders(runs)
            print("\n".join(["", *(markdown(line) for table in tables(runs).values() for line in table)]))
            return 0
        runs = train_all(arguments)
    except CourseError as error:
        print(f"recipe: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("recipe: interrupted; the same command goes on where it was.", file=sys.stderr)
        return 130
    if arguments.record:
        record(runs)
    print_ladders(runs)
    print(json.dumps(runs))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a four-class set, built with --unlabelled ignore")
    parser.add_argument("--out", type=Path, default=Path("logs/recipe"), help="folder of the runs (logs/recipe)")
    parser.add_argument("--passes", type=int, default=30, help="how often every image is seen (30)")
    parser.add_argument("--rows", nargs="+", metavar="KEY", help="only these lines of the table")
    parser.add_argument("--precision", default="bf16-mixed", help='"32", "bf16-mixed" or "16-mixed" (bf16-mixed)')
    parser.add_argument("--accelerator", default="cpu", help="cpu, cuda or mps (cpu)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time (1)")
    parser.add_argument("--record", action="store_true", help=f"add the results to {RECORDED.name} of the repository")
    parser.add_argument("--recorded", action="store_true", help="train nothing, print what is recorded")
    arguments = parser.parse_args()
    if not arguments.data and not arguments.recorded:
        parser.error("--data is needed: the folder that data_scripts/build_ade20k_subset.py wrote")
    return arguments


def train_all(arguments: argparse.Namespace) -> list[dict]:
    """The results of all runs that are asked for, in the order of the table."""
    rows = ladder()
    known = [row.key for row in rows]
    unknown = [key for key in arguments.rows or [] if key not in known]
    if unknown:
        raise CourseError(f"There is no line {unknown[0]!r} in the table: its lines are {', '.join(known)}.")
    data = read_manifest(arguments.data)
    if data["unlabelled"] != "ignore":
        raise CourseError(
            f"{arguments.data} counts unlabelled pixels as background: build it with --unlabelled ignore."
        )
    wanted = [row for row in rows if not arguments.rows or row.key in arguments.rows]
    runs = [described(row, seed, arguments, data) for row in wanted for seed in range(row.seeds)]
    with ThreadPoolExecutor(arguments.jobs) as pool, tqdm(total=len(runs), unit="run", desc="training") as bar:
        waiting = {pool.submit(trained, run, arguments): run for run in runs}
        try:
            for finished in as_completed(waiting):
                run = waiting[finished]
                run |= finished.result()
                bar.set_postfix_str(f"{run['row']}, seed {run['seed']}: {run['mean_iou']:.3f}")
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return runs


def described(row: Row, seed: int, arguments: argparse.Namespace, data: dict) -> dict:
    """What a run is, without its result."""
    return {
        "row": row.key,
        "change": row.change,
        "recipe": asdict(row.recipe),
        "seed": seed,
        "passes": arguments.passes,
        "precision": arguments.precision,
        "images": [data["splits"][split]["kept"] for split in ("training", "validation")],
        "data_sha256": data["sha256"],
    }


def trained(run: dict, arguments: argparse.Namespace) -> dict:
    """The result of a run: the one that is kept, or a new one from a process of its own.

    Raises:
        CourseError: if the process ends without a result.
    """
    basis = {key: run[key] for key in ("recipe", "seed", "passes", "precision", "data_sha256")}
    digest = hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()[:12]
    folder = arguments.out / f"{run['row']}-{run['seed']}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "result.json"
    if not kept.is_file():
        asked = {key: run[key] for key in ("recipe", "seed", "passes", "precision")}
        asked |= {"data": str(arguments.data), "out": str(folder), "accelerator": arguments.accelerator}
        asked |= {"threads": max(1, usable_cpus() // arguments.jobs)}
        call = [sys.executable, HERE / "recipe_run.py", json.dumps(asked)]
        with (folder / "output.txt").open("a") as output:
            ended = subprocess.run(call, stdout=output, stderr=subprocess.STDOUT, check=False)
        if ended.returncode:
            raise CourseError(f"The run {folder.name} ended without a result: see {folder / 'output.txt'}.")
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    return json.loads(kept.read_text()) | versions


def record(runs: list[dict]) -> None:
    """Put the results into the repository, in place of earlier ones of the same runs."""
    before = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.is_file() else []
    new = [run | {"date": str(date.today())} for run in runs]
    replaced = {_identity(run) for run in new}
    kept = [run for run in before if _identity(run) not in replaced]
    lines = ",\n".join(json.dumps(run) for run in sorted([*kept, *new], key=_order))
    RECORDED.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _identity(run: dict) -> tuple:
    return run["row"], run["seed"], run["passes"], run["data_sha256"]


def _order(run: dict) -> tuple:
    return run["passes"], [row.key for row in ladder()].index(run["row"]), run["seed"]


def print_ladders(runs: list[dict]) -> None:
    """A table for each number of passes."""
    for passes, table in tables(runs).items():
        print_table(f"{passes} passes", table)


def tables(runs: list[dict]) -> dict[int, list[dict]]:
    """The lines of each table, by number of passes."""
    return {
        passes: lines([run for run in runs if run["passes"] == passes])
        for passes in sorted({run["passes"] for run in runs})
    }


def markdown(line: dict) -> str:
    """A line of a table as docs/recipe.md has it."""
    return f"| {' | '.join(str(cell) for cell in line.values())} |"


def lines(runs: list[dict]) -> list[dict]:
    """The lines of a table: mean IoU, the gain against the line before, the IoU of each class."""
    table, before, left_out = [], None, 0
    for row in ladder():
        seeds = [run for run in runs if run["row"] == row.key]
        if not seeds:
            left_out += row.kept
            continue
        mean = statistics.mean(run["mean_iou"] for run in seeds)
        # Seed 0 against seed 0: a mean of three against one run would mix the change with chance.
        first = next((run["mean_iou"] for run in seeds if run["seed"] == 0), mean)
        table.append(
            {
                "recipe": row.change + (f", and the {left_out} steps before it" if before and left_out else ""),
                "mean IoU": f"{mean:.3f}",
                "gain": "" if before is None else f"{first - before:+.3f}",
                "of each seed": " ".join(f"{run['mean_iou']:.3f}" for run in seeds) if len(seeds) > 1 else "",
            }
            | {name: f"{statistics.mean(run['ious'][name] for run in seeds):.2f}" for name in seeds[0]["ious"]}
        )
        before, left_out = (first, 0) if row.kept else (before, left_out)
    return table


if __name__ == "__main__":
    sys.exit(main())
