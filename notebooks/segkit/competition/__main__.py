"""The competition's command line.

    python -m segkit.competition models --size 375 1242
    python -m segkit.competition data --out data
    python -m segkit.competition encoder --out encoder.safetensors
    python -m segkit.competition ladder --encoder encoder.safetensors
    python -m segkit.competition compare --size 96 128 --epochs 10 --folder runs
    python -m segkit.competition film FRAMES --run runs/segformer_b0 --out film.mp4

Exit status: 0; 2 if it could not be done.
"""

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from segkit.competition import comparing, filming, ladder_commands
from segkit.competition.describing import describe_models, models_table, own_segformer
from segkit.competition.kitti import SPLITS, KittiPairs, locate_kitti
from segkit.competition.zoo import MODELS
from segkit.errors import CourseError


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 2
    return 0


def _models(options: argparse.Namespace) -> None:
    """The table, and all of it as a last line of JSON."""
    described = describe_models(
        tuple(options.size), options.models, device=options.device, rounds=options.rounds,
        segformer=own_segformer(options.own) if options.own else None,
    )  # fmt: skip
    print(models_table(described))
    machine = {"device": options.device, "threads": torch.get_num_threads(), "machine": platform.machine()}
    rows = {one.name: asdict(one) for one in described}
    print(json.dumps({"size": options.size, "models": rows, "torch": torch.__version__} | machine))


def _data(options: argparse.Namespace) -> None:
    root = locate_kitti(options.out)
    print(", ".join(f"{len(KittiPairs(root, split))} {split}" for split in SPLITS))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m segkit.competition", description="Models and data of the competition."
    )
    commands = parser.add_subparsers(required=True)
    models = commands.add_parser("models", help="parameters, multiply-adds and seconds of every model")
    models.add_argument("--size", nargs=2, type=_side, default=[375, 1242], metavar=("HEIGHT", "WIDTH"))
    models.add_argument("--models", nargs="+", choices=MODELS, metavar="NAME", help=f"of {', '.join(MODELS)} (all)")
    models.add_argument("--device", default="cpu", help="where models compute: cpu, cuda or mps")
    models.add_argument("--rounds", type=_side, default=3, help="how often each is timed (3)")
    models.add_argument("--own", type=Path, help="your 03_model.ipynb, whose SegFormer takes the library's place")
    models.set_defaults(run=_models)
    data = commands.add_parser("data", help="KITTI's semantics: your copy, a download, or a stand-in")
    data.add_argument("--out", type=Path, default=Path("data"), help="folder to keep them in (data)")
    data.set_defaults(run=_data)
    ladder_commands.add_commands(commands)
    comparing.add_command(commands)
    filming.add_command(commands)
    return parser


def _side(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
