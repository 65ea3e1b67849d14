"""Runs read back from their logs and compared: a table whose figures nobody has typed."""

import html
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segkit.errors import CourseError
from segkit.training.history import History, read_history
from segkit.training.settings import require

FACTS = "run.json"
COMPARED = ("data", "num_classes", "training images", "validation images", "split", "metric", "seed")


@dataclass(frozen=True)
class Run:
    """A run: what it was trained with, and its curves.

    Attributes:
        facts: what `train_run` wrote to run.json: recipe, data, split, metric, seed, versions.
        history: the curves, see `segkit.training.History`.
    """

    name: str
    folder: Path
    facts: dict
    history: History

    @property
    def best_epoch(self) -> int:
        """The epoch with the highest validation mean IoU, counted from 1."""
        return self.history.best_epoch

    @property
    def best_mean_iou(self) -> float:
        """The highest validation mean IoU."""
        return self.history.best_mean_iou

    @property
    def learning_rate(self) -> float:
        """The learning rate of the first epoch."""
        return self.facts["recipe"]["learning_rate"]

    def __repr__(self) -> str:
        return f"{self.name}: best mean IoU {self.best_mean_iou:.3f} in epoch {self.best_epoch}"


def read_run(folder) -> Run:
    """The run in a folder.

    Raises:
        CourseError: if there is none.
    """
    folder = Path(folder)
    facts = read_facts(folder)
    return Run(facts["name"], folder, facts, read_history(folder))


def read_facts(folder: Path) -> dict:
    """What `train_run` wrote about the run in a folder.

    Raises:
        CourseError: if it is not there or damaged.
    """
    file = Path(folder) / FACTS
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        return facts if {"name", "recipe", "begun", *COMPARED} <= facts.keys() else {}["incomplete"]
    except FileNotFoundError:
        raise CourseError(f"There is no run in {folder}: train_run(...) makes one.") from None
    except (OSError, ValueError, AttributeError, KeyError):
        raise CourseError(f"{file} is damaged: delete the folder {folder}, and train this run again.") from None


def read_runs(folder="runs", *, data: str | None = None, names: Iterable[str] | None = None) -> dict[str, Run]:
    """The runs in a folder by name, in the order in which they were begun.

    Args:
        data: only runs on data of this name, such as "pets".
        names: only these, in this order.

    Raises:
        CourseError: if there are none, one that is named is missing, or they cannot be compared (`require_comparable`).
    """
    folder = Path(folder)
    if names is not None:
        runs = [read_run(folder / name) for name in names]
    else:
        found = [file.parent for file in sorted(folder.glob(f"*/{FACTS}")) if _has_curves(file.parent)]
        runs = sorted(map(read_run, found), key=lambda run: run.facts["begun"])
    runs = [run for run in runs if data is None or run.facts["data"] == data]
    require(bool(runs), f"There are no runs{f' on {data}' if data else ''} in {folder}: train_run(...) makes them.")
    require_comparable(runs)
    return {run.name: run for run in runs}


def require_comparable(runs: Iterable[Run]):
    """Refuse runs whose figures say nothing about each other.

    Raises:
        CourseError: if two of them differ in data, split, metric or seed.
    """
    first, *others = runs
    for other in others:
        for fact in COMPARED:
            mine, theirs = first.facts[fact], other.facts[fact]
            require(
                mine == theirs,
                f"The runs {first.name} and {other.name} cannot be compared: {fact} is {mine} in one and {theirs} in "
                "the other. Train one of them again, or ask for those that belong together with data=... or names=...",
            )


@dataclass(frozen=True)
class Table:
    """A table that prints as text and shows as HTML in a notebook."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [self.columns, tuple("-" * width for width in widths), *self.rows]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def runs_table(runs) -> Table:
    """A row per run, the best one marked: every figure comes from the run's logs.

    Args:
        runs: what `read_runs` gives, or a list of runs.

    Raises:
        CourseError: if they cannot be compared.
    """
    runs = list(runs.values() if isinstance(runs, dict) else runs)
    require_comparable(runs)
    best = max((run.best_mean_iou for run in runs if not math.isnan(run.best_mean_iou)), default=math.nan)
    columns = ("run", "mean IoU", "epoch", "of", "learning rate", "trained", "frozen", "")
    rows = [
        (
            run.name,
            f"{run.best_mean_iou:.3f}",
            str(run.best_epoch),
            str(max(run.history.epochs, default=0)),
            f"{run.learning_rate:g}",
            f"{run.facts['trained parameters']:,}",
            f"{run.facts['frozen parameters']:,}",
            "best" if run.best_mean_iou == best else "",
        )
        for run in runs
    ]
    return Table(columns, tuple(rows))


def _has_curves(folder: Path) -> bool:
    """Whether a run has been validated at least once: one that is being trained elsewhere may not have been."""
    return bool(list(folder.glob("csv/version_*/metrics.csv"))) and bool(read_history(folder).epochs)
