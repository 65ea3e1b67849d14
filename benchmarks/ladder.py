"""The competition's ladder, climbed with the reference's tricks: what each of them buys on photographs from a car.

`python benchmarks/ladder.py --data ADEChallengeData2016 [--size 64 96] [--epochs 10] [--seeds 3] [--between 1]`

Trains an encoder on the photographs that were not taken from a car, and then SegFormer B0 with one trick after another,
as `python -m segkit.competition ladder` does for students, whose notebooks are filled in here. What is done is kept in
`--out`: the same command again goes on where it was. The last line is JSON: settings, and every training's result.

`python benchmarks/ladder.py --recorded` prints what is recorded in the repository, and trains nothing.
"""

import argparse
import json
import os
import platform
import sys
from contextlib import chdir
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import torch

from autograder.completion import complete_assignment
from segkit.competition.encoder import train_encoder
from segkit.competition.kitti import SPLITS, KittiPairs, locate_kitti
from segkit.competition.ladder import climb
from segkit.competition.ladder_figures import show_ladder
from segkit.competition.rungs import Plan
from segkit.competition.steps import Ladder, in_words, ladder_from, ladder_table
from segkit.competition.training import Budget
from segkit.competition.tricks import StudentTricks
from segkit.data import locate_data
from segkit.errors import CourseError

RECORDED = Path(__file__).parent / "recorded" / "ladder.json"


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        kept = json.loads(RECORDED.read_text(encoding="utf-8")) if options.recorded else measured(options)
    except CourseError as error:
        print(f"ladder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ladder: interrupted; the same command goes on where it was.", file=sys.stderr)
        return 130
    if options.record:
        RECORDED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    ladder = ladder_from(kept)
    if options.picture:
        show_ladder(ladder).savefig(options.picture, dpi=110)
    print(f"\n{ladder_table(ladder)}\n\n{in_words(ladder)}\n\n" + "\n".join(markdown(ladder)))
    print(json.dumps(kept))
    return 0


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="photographs in ADE20K's layout, some of them called camvid_...")
    parser.add_argument("--out", type=Path, default=Path("logs/ladder"), help="folder of the runs (logs/ladder)")
    parser.add_argument("--size", nargs=2, type=int, default=[64, 96], metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--epochs", type=int, default=10, help="of every training (10)")
    parser.add_argument("--encoder-epochs", type=int, default=15, help="of the encoder's training (15)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of the first and of the last rung (3)")
    parser.add_argument("--between", type=int, default=1, help="trainings of every other rung (1)")
    parser.add_argument("--rungs", nargs="+", metavar="NAME", help="only these (all)")
    parser.add_argument("--picture", type=Path, help="write the figure to this PNG")
    parser.add_argument("--record", action="store_true", help=f"keep the results in the repository's {RECORDED.name}")
    parser.add_argument("--recorded", action="store_true", help="train nothing, print what is recorded")
    options = parser.parse_args(arguments)
    if not options.data and not options.recorded:
        parser.error("--data is needed: the folder ADEChallengeData2016")
    return options


def measured(options: argparse.Namespace) -> dict:
    """The ladder, as `ladder_from` takes it, and all that it was measured with."""
    os.environ["DATA"] = str(options.data.resolve())
    out, size = options.out.resolve(), tuple(options.size)
    budget = Budget(epochs=options.epochs)
    complete_assignment("competition", out / "student")
    encoder = None
    if not options.rungs or "transfer" in options.rungs:
        encoder = train_encoder(
            locate_data(out / "data", unlabelled="ignore"), out / "encoder.safetensors", size=size,
            budget=replace(budget, epochs=options.encoder_epochs), folder=out / "encoder_runs",
        )  # fmt: skip
    rungs = tuple(options.rungs) if options.rungs else None
    plan = Plan(size, budget, options.seeds, options.between, encoder, rungs)
    root = locate_kitti(out / "data")
    with chdir(out / "student"):  # where notebooks are looked for
        *_, ladder = climb(root, plan, StudentTricks(), out / "ladder")
    return ladder.as_json() | {
        "date": str(date.today()),
        "size": list(size),
        "budget": asdict(budget),
        "encoder epochs": options.encoder_epochs if encoder else None,
        "pictures": {split: len(KittiPairs(root, split)) for split in SPLITS},
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }


def markdown(ladder: Ladder) -> list[str]:
    """The lines of the table as docs/competition.md has it."""
    table = ladder_table(ladder)
    return [f"| {' | '.join(row)} |" for row in (table.columns, ["---"] * len(table.columns), *table.rows)]


if __name__ == "__main__":
    sys.exit(main())
