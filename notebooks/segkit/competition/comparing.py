"""All models of the zoo trained with one small budget, and what each of them made of it."""

import argparse
import csv
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from segkit.competition.counting import count_by_torch
from segkit.competition.describing import defined_in, own_segformer
from segkit.competition.front import show_front
from segkit.competition.kitti import locate_kitti
from segkit.competition.streets import StreetSets, street_sets
from segkit.competition.training import Budget, processor_seconds, require_no_lone_image, train_entry
from segkit.competition.zoo import MODELS, build_model, configuration
from segkit.errors import CourseError
from segkit.training.settings import require
from segkit.transfer.runs import Run, Table, read_run

KITTI_SIZE = (375, 1242)  # the commonest of its pictures


@dataclass(frozen=True)
class Compared:
    """A model of the zoo, what it costs, and what it reached.

    multiply_adds, multiply_adds_kitti: of one image, at the size it was trained with and at 375 x 1242.
    mean_iou: on the whole validation split, after the last epoch.
    seconds: of the processor, for all training steps.
    """

    name: str
    parameters: int
    multiply_adds: int
    multiply_adds_kitti: int
    mean_iou: float
    seconds: float


def compare_models(
    data: StreetSets,
    names: Iterable[str] | None = None,
    *,
    budget: Budget,
    folder="runs",
    pretrained: bool = False,
    segformer: Callable[..., nn.Module] | None = None,
    **options,
) -> list[Compared]:
    """Train models one after the other with the same pictures and budget, and score the weights of the last epoch.

    The same call again goes on where it was interrupted. A model that is done is read back; what going on would need
    (three times its weights) is then no longer kept.

    Args:
        data: what `street_sets` gives.
        names: of the zoo; None: all.
        budget: of each of them.
        folder: of the runs, one for each model.
        pretrained: ImageNet's weights from the hub for every encoder that has some.
        segformer: your own class, for the models that it can be.
        options: of `train_entry`: accelerator, progress, ...

    Raises:
        CourseError: if a setting is wrong, there is no such model, or a run in `folder` is another one.
    """
    chosen = [*MODELS] if names is None else list(dict.fromkeys(names))
    for name in chosen:
        require_no_lone_image(name, len(data.train), budget.batch_size)
    rows = []
    for number, name in enumerate(chosen, start=1):
        print(f"[{number}/{len(chosen)}] {name}", flush=True)
        own = segformer if configuration(name).segformer_size else None
        build = partial(build_model, name, data.num_classes, segformer=own)
        run = _trained(name, build, own, data, budget, Path(folder), pretrained, options)
        rows.append(_compared(run, build, data.train.size))
        print(f"{name}: mean IoU {rows[-1].mean_iou:.3f} after {rows[-1].seconds:.0f} processor seconds", flush=True)
    return rows


def _trained(name: str, build, own, data: StreetSets, budget: Budget, folder: Path, pretrained: bool, options) -> Run:
    weights = pretrained and configuration(name).encoder is not None
    known = {"model": f"{name}, your own" if own else name, "weights": "ImageNet" if weights else "none"}
    last = folder / name / "checkpoints" / "last.ckpt"
    done = _done(folder / name, budget)
    if done is None:
        model = partial(build, pretrained=weights)
        done = train_entry(name, model, data, budget=budget, folder=folder, facts=known, **options)
        last.unlink(missing_ok=True)
        return done
    _require_same(done, known | data.facts | asdict(budget))
    return done


def _require_same(run: Run, now: dict) -> None:
    before = run.facts | run.facts["recipe"]
    changed = [fact for fact, value in now.items() if before.get(fact) != value]
    require(
        not changed,
        f"{run.folder} holds a run with "
        + ", ".join(f"{fact} = {before.get(fact)} (now {now[fact]})" for fact in changed)
        + ": give another --folder.",
    )


def _done(folder: Path, budget: Budget) -> Run | None:
    """The run in a folder, if it has had all its epochs."""
    with suppress(CourseError):
        run = read_run(folder)
        if run.history.epochs and run.history.epochs[-1] >= run.facts["recipe"]["epochs"] >= budget.epochs:
            return run
    return None


def _compared(run: Run, build: Callable[[], nn.Module], size: tuple[int, int]) -> Compared:
    empty = build().to("meta")
    counts = (count_by_torch(empty, sides) for sides in (size, KITTI_SIZE))
    parameters = run.facts["trained parameters"] + run.facts["frozen parameters"]
    return Compared(run.name, parameters, *counts, run.history.val_mean_iou[-1], processor_seconds(run))


def comparison_table(rows: Iterable[Compared], size: tuple[int, int]) -> Table:
    """Parameters in millions, multiply-adds in billions at both sizes, mean IoU, processor seconds; the best marked."""
    rows = list(rows)
    best = max((row.mean_iou for row in rows), default=0.0)
    kitti = f"G at {KITTI_SIZE[0]} x {KITTI_SIZE[1]}"
    columns = ("model", "M parameters", f"G at {size[0]} x {size[1]}", kitti, "mean IoU", "training CPU s", "")
    cells = (
        (
            row.name,
            f"{row.parameters / 1e6:.2f}",
            f"{row.multiply_adds / 1e9:.2f}",
            f"{row.multiply_adds_kitti / 1e9:.2f}",
            f"{row.mean_iou:.3f}",
            f"{row.seconds:.0f}",
            "best" if row.mean_iou == best else "",
        )
        for row in rows
    )
    return Table(columns, tuple(cells))


def show_comparison(rows: Iterable[Compared], pareto_front: Callable[[Tensor, Tensor], Tensor] | None = None) -> Figure:
    """Mean IoU over multiply-adds at 375 x 1242, a point for each model.

    Args:
        pareto_front: yours, which says what is on the front: costs (N,), scores (N,) -> bool (N,); None draws none.
    """
    points = {row.name: (row.multiply_adds_kitti, row.mean_iou) for row in rows}
    front = None
    if pareto_front is not None:
        costs, scores = (torch.tensor(values) for values in zip(*points.values(), strict=True))
        front = pareto_front(costs, scores)
    return show_front(points, front, cost=f"multiply-adds per image of {KITTI_SIZE[0]} x {KITTI_SIZE[1]}")


def write_rows(rows: Iterable[Compared], file: Path) -> None:
    """All figures with all their digits, as comma-separated values."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, fieldnames=list(Compared.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(map(asdict, rows))


def add_command(commands) -> None:
    """`compare`, for `python -m segkit.competition`."""
    compare = commands.add_parser("compare", help="train models with the same small budget, one after the other")
    compare.add_argument("--models", nargs="+", choices=MODELS, metavar="NAME", help=f"of {', '.join(MODELS)} (all)")
    compare.add_argument("--size", nargs=2, type=int, default=[96, 128], metavar=("HEIGHT", "WIDTH"))
    compare.add_argument("--images", type=int, help="pictures to train on, evenly spread (all)")
    compare.add_argument("--epochs", type=int, default=10, help="times that each is shown (10)")
    compare.add_argument("--batch", type=int, default=8, help="images per step (8)")
    compare.add_argument("--learning-rate", type=float, default=6e-4, help="highest learning rate (6e-4)")
    compare.add_argument("--seed", type=int, default=0)
    compare.add_argument("--pretrained", action="store_true", help="ImageNet's weights for encoders that have some")
    compare.add_argument("--own", type=Path, help="your 03_model.ipynb, whose SegFormer takes the library's place")
    compare.add_argument("--data", type=Path, default=Path("data"), help="folder that the pictures are kept in (data)")
    compare.add_argument("--folder", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    compare.add_argument("--front", type=Path, help="your 04_competition.ipynb, whose pareto_front the figure shows")
    compare.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    require(min(options.size) >= 32, f"--size {options.size[0]} {options.size[1]}: each side needs 32 pixels.")
    require(options.images is None or options.images > 0, f"--images {options.images} must be at least 1.")
    budget = Budget(
        learning_rate=options.learning_rate, batch_size=options.batch, epochs=options.epochs, seed=options.seed
    )  # fmt: skip
    own = own_segformer(options.own) if options.own else None
    front = defined_in(options.front, "pareto_front", "04_competition.ipynb") if options.front else None
    data = street_sets(locate_kitti(options.data), tuple(options.size), images=options.images)
    settings = {"budget": budget, "folder": options.folder, "pretrained": options.pretrained, "segformer": own}
    rows = compare_models(data, options.models, **settings)
    print(comparison_table(rows, tuple(options.size)))
    write_rows(rows, options.folder / "comparison.csv")
    figure = show_comparison(rows, front)
    figure.savefig(options.folder / "comparison.png", dpi=120)
    print(f"{options.folder / 'comparison.png'}: {figure.alt}")
