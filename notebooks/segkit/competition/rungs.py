"""The rungs of the ladder, and how it is climbed: sizes, epochs, seeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segkit.competition.training import Budget
from segkit.training.settings import check_whole, require

LEAST = 48  # of both sides: three quarters of less, which multi-scale testing shows, are too small for a SegFormer


@dataclass(frozen=True)
class Rung:
    """A trick on top of all those before it. `trained`: whether it takes another training, or another way to test."""

    name: str
    title: str
    trained: bool = True


RUNGS = (
    Rung("scratch", "from scratch"),
    Rung("transfer", "trained encoder"),
    Rung("augmentation", "augmentation"),
    Rung("poly_restarts", "poly with restarts"),
    Rung("class_balanced", "class-balanced loss"),
    Rung("ohem", "OHEM"),
    Rung("multi_scale", "multi-scale testing", trained=False),
    Rung("auxiliary", "auxiliary head"),
)


@dataclass(frozen=True)
class Plan:
    """How a ladder is climbed.

    Args:
        size: (height, width) of the pictures, for training and testing.
        budget: of every training; its seed plays no part.
        seeds: trainings of the first and of the last rung.
        between: trainings of every other rung.
        encoder: a file of weights for the encoder, True for ImageNet's from the hub; None leaves that rung out.
        rungs: names of `RUNGS`, in their order; None for all.

    Raises:
        CourseError: if a setting is wrong.
    """

    size: tuple[int, int]
    budget: Budget
    seeds: int = 3
    between: int = 1
    encoder: Path | bool | None = None
    rungs: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("seeds", "between"):
            check_whole(name, getattr(self, name))
        require(min(self.size) >= LEAST, f"size={self.size}: each side needs {LEAST} pixels.")
        unknown = set(self.rungs or ()) - {rung.name for rung in RUNGS}
        require(
            not unknown,
            f"There is no rung {', '.join(sorted(unknown))}: choose from {', '.join(rung.name for rung in RUNGS)}.",
        )

    @cached_property
    def ladder(self) -> tuple[Rung, ...]:
        """The rungs that are climbed; the lowest is always among them."""
        return tuple(
            rung
            for number, rung in enumerate(RUNGS)
            if (self.rungs is None or rung.name in self.rungs or number == 0)
            and (rung.name != "transfer" or self.encoder is not None)
        )

    def seeds_of(self, rung: Rung) -> range:
        """The seeds that a rung is trained with."""
        return range(self.seeds if rung in (self.ladder[0], self.ladder[-1]) else self.between)

    def recipe(self, rung: Rung) -> tuple[str, ...]:
        """The names of a rung and of all below it."""
        return tuple(one.name for one in self.ladder[: self.ladder.index(rung) + 1])

    def runs(self) -> Iterator[tuple[Rung, int]]:
        """Every rung with every seed, seed by seed, so that an unfinished ladder has all rungs as soon as can be."""
        for seed in range(max(self.seeds, self.between)):
            yield from ((rung, seed) for rung in self.ladder if seed in self.seeds_of(rung))
