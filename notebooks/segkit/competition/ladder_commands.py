"""The commands `encoder` and `ladder`."""

import argparse
from pathlib import Path

from segkit.competition.encoder import train_encoder
from segkit.competition.kitti import locate_kitti
from segkit.competition.ladder import MODEL, climb
from segkit.competition.ladder_figures import show_ladder
from segkit.competition.rungs import RUNGS, Plan
from segkit.competition.steps import in_words, ladder_table
from segkit.competition.streets import NUM_CLASSES
from segkit.competition.training import Budget
from segkit.competition.tricks import StudentTricks
from segkit.competition.zoo import build_model
from segkit.data import locate_data
from segkit.errors import CourseError
from segkit.training.settings import require


def add_commands(commands) -> None:
    """Register both with a parser's subparsers."""
    encoder = commands.add_parser("encoder", help="train an encoder on everyday photographs, for the ladder")
    encoder.add_argument("--data", type=Path, help="a four-class data set (what the first assignment trains on)")
    encoder.add_argument("--out", type=Path, default=Path("encoder.safetensors"), help="the file to write")
    _add_budget(encoder, epochs=20, folder="runs")
    encoder.set_defaults(run=_encoder)
    ladder = commands.add_parser("ladder", help="SegFormer B0 with one trick after another: what each of them buys")
    ladder.add_argument("--seeds", type=int, default=3, help="trainings of the first and of the last rung (3)")
    ladder.add_argument("--between", type=int, default=1, help="trainings of every other rung (1)")
    ladder.add_argument(
        "--encoder", default="imagenet", help="weights of a trained encoder: a file, imagenet (from the hub), or none"
    )
    ladder.add_argument("--rungs", nargs="+", metavar="NAME", help=f"of {', '.join(rung.name for rung in RUNGS)} (all)")
    ladder.add_argument("--data", type=Path, default=Path("data"), help="folder for the street scenes (data)")
    ladder.add_argument("--picture", type=Path, help="write the figure to this PNG as well")
    _add_budget(ladder, epochs=8, folder="runs/ladder")
    ladder.set_defaults(run=_ladder)


def _add_budget(parser: argparse.ArgumentParser, epochs: int, folder: str) -> None:
    parser.add_argument("--size", nargs=2, type=int, default=[96, 128], metavar=("HEIGHT", "WIDTH"), help="of pictures")
    parser.add_argument("--epochs", type=int, default=epochs, help=f"of every training ({epochs})")
    parser.add_argument("--batch", type=int, default=8, help="images per step (8)")
    parser.add_argument("--learning-rate", type=float, default=6e-4, help="highest learning rate (6e-4)")
    parser.add_argument("--folder", type=Path, default=Path(folder), help=f"where trainings are kept ({folder})")


def _size(options: argparse.Namespace) -> tuple[int, int]:
    height, width = options.size
    require(min(height, width) >= 32, f"--size {height} {width}: each side needs 32 pixels.")
    return height, width


def _budget(options: argparse.Namespace) -> Budget:
    return Budget(learning_rate=options.learning_rate, batch_size=options.batch, epochs=options.epochs)


def _encoder(options: argparse.Namespace) -> None:
    root = options.data or locate_data(unlabelled="ignore")
    out = train_encoder(root, options.out, size=_size(options), budget=_budget(options), folder=options.folder)
    print(f"Encoder of {MODEL}: {out}")


def _ladder(options: argparse.Namespace) -> None:
    plan = Plan(
        _size(options), _budget(options), options.seeds, options.between, _weights(options.encoder),
        tuple(options.rungs) if options.rungs else None,
    )  # fmt: skip
    root = locate_kitti(options.data)
    for ladder in climb(root, plan, StudentTricks(), options.folder):
        _draw(ladder, options.folder / "ladder.png")
    if options.picture:
        _draw(ladder, options.picture)
    print(f"\n{ladder_table(ladder)}\n\n{in_words(ladder)}\nThe figure: {options.folder / 'ladder.png'}")


def _draw(ladder, file: Path) -> None:
    try:
        show_ladder(ladder).savefig(file, dpi=110)
    except OSError as error:
        raise CourseError(f"The figure cannot be written to {file} ({error.strerror}).") from error


def _weights(named: str) -> Path | bool | None:
    """What the rung `transfer` begins with; without any that rung is left out, and a sentence says so."""
    if named == "none":
        return None
    if named != "imagenet":
        if not Path(named).is_file():
            raise CourseError(f"There is no file {named}: train an encoder first, with the command `encoder`.")
        return Path(named)
    try:
        build_model(MODEL, NUM_CLASSES, True)
    except CourseError as error:
        print(f"{error} The rung with a trained encoder is left out.")
        return None
    return True
