"""What a ladder has measured: every step's gain, what it cost, and how much of it may be chance."""

import json
import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from segkit.errors import CourseError
from segkit.transfer.runs import Table

ERRORS = 2  # a gain counts as more than chance if it is larger than so many standard errors


@dataclass(frozen=True)
class Measured:
    """One training of a rung: mean IoU on the validation pictures, and processor seconds.

    Attributes:
        training_seconds: of all training steps; of a rung that is only tested, those of the rung below.
        testing_seconds: of one picture.
    """

    mean_iou: float
    training_seconds: float
    testing_seconds: float


@dataclass(frozen=True)
class Step:
    """A rung: what was measured with every seed."""

    name: str
    title: str
    trained: bool
    measured: dict[int, Measured]

    @property
    def mean_ious(self) -> list[float]:
        """Of all seeds, in their order."""
        return [one.mean_iou for _, one in sorted(self.measured.items())]

    @property
    def mean_iou(self) -> float:
        """Averaged over the seeds."""
        return statistics.fmean(self.mean_ious)

    @property
    def deviation(self) -> float:
        """The standard deviation over seeds; NaN of a single one."""
        return statistics.stdev(self.mean_ious) if len(self.measured) > 1 else math.nan

    @property
    def training_seconds(self) -> float:
        """Averaged over the seeds."""
        return statistics.fmean(one.training_seconds for one in self.measured.values())

    @property
    def testing_seconds(self) -> float:
        """Of one picture, averaged over the seeds."""
        return statistics.fmean(one.testing_seconds for one in self.measured.values())


@dataclass(frozen=True)
class Gain:
    """What a step has bought over an earlier one, with the seeds that both were trained with.

    Attributes:
        error: standard error of the gain by the chance between trainings; NaN if it is not known.
    """

    value: float
    seeds: int
    error: float

    @property
    def is_more_than_chance(self) -> bool | None:
        """Whether it is larger than twice its error; None if nobody knows that."""
        return None if math.isnan(self.error) else abs(self.value) > ERRORS * self.error

    def __str__(self) -> str:
        return f"{self.value:+.3f}"


@dataclass(frozen=True)
class Ladder:
    """Steps from the lowest rung to the highest."""

    steps: tuple[Step, ...]

    @property
    def spread(self) -> float:
        """The standard deviation of mean IoU between trainings that differ in nothing but the seed.

        Pooled over all rungs with two seeds at least, as single rungs have too few; NaN if there is none.
        """
        squares = [(len(step.measured) - 1, step.deviation**2) for step in self.steps if len(step.measured) > 1]
        freedom = sum(count for count, _ in squares)
        return math.sqrt(sum(count * square for count, square in squares) / freedom) if freedom else math.nan

    @property
    def paired_spread(self) -> float:
        """The standard deviation of a step's gain between seeds, pooled over all steps with two seeds in common.

        Neighbouring rungs of one seed have the same first weights and order of pictures, so that their difference
        varies less than each of them. NaN if no step has two seeds in common.
        """
        squares, freedom = 0.0, 0
        for before, step in self._neighbours():
            differences = list(_differences(step, before).values())
            if len(differences) > 1:
                squares += (len(differences) - 1) * statistics.variance(differences)
                freedom += len(differences) - 1
        return math.sqrt(squares / freedom) if freedom else math.nan

    def _neighbours(self) -> Iterator[tuple[Step, Step]]:
        return zip(self.steps, self.steps[1:], strict=False)

    def gain(self, step: Step, before: Step) -> Gain:
        """What `step` has bought over `before`.

        Its standard error is `paired_spread` over the root of the seeds, if the two are neighbours and that is known;
        or else that of the difference of two independent means, which weights that are tested twice do not have.

        Raises:
            CourseError: if they have no seed in common.
        """
        differences = _differences(step, before)
        if not differences:
            raise CourseError(f"{step.title} and {before.title} have no seed in common: climb the ladder to its end.")
        neighbours, count = (before, step) in self._neighbours(), len(differences)
        if neighbours and not math.isnan(self.paired_spread):
            error = self.paired_spread / math.sqrt(count)
        else:
            error = math.nan if neighbours and not step.trained else self.spread * math.sqrt(2 / count)
        return Gain(statistics.fmean(differences.values()), count, error)

    def gains(self) -> list[Gain | None]:
        """Of every step over the one before; None of the first."""
        return [None, *(self.gain(step, before) for before, step in self._neighbours())]

    def as_json(self) -> dict:
        """What `read_ladder` reads back."""
        return {"steps": [asdict(step) for step in self.steps]}


def _differences(step: Step, before: Step) -> dict[int, float]:
    """What a step adds to mean IoU with every seed that both have."""
    seeds = sorted(step.measured.keys() & before.measured.keys())
    return {seed: step.measured[seed].mean_iou - before.measured[seed].mean_iou for seed in seeds}


def ladder_from(kept: dict) -> Ladder:
    """The ladder of what `Ladder.as_json` gives.

    Raises:
        KeyError, TypeError, ValueError: if it is something else.
    """
    return Ladder(
        tuple(
            Step(
                step["name"], step["title"], step["trained"],
                {int(seed): Measured(**one) for seed, one in step["measured"].items()},
            )
            for step in kept["steps"]
        )
    )  # fmt: skip


def read_ladder(folder="runs/ladder") -> Ladder:
    """The ladder in a folder, as far as it has been climbed.

    Raises:
        CourseError: if there is none.
    """
    file = Path(folder) / "ladder.json"
    try:
        return ladder_from(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CourseError(f"There is no ladder in {folder}: climb one first.") from error


def ladder_table(ladder: Ladder) -> Table:
    """A row per step: mean IoU with its deviation over seeds, gain, what chance alone gives, and what it cost."""
    columns = ("step", "seeds", "mean IoU", "gain", "chance", "training s", "testing s/picture")
    rows = [
        (
            f"+ {step.title}" if gain else step.title,
            str(len(step.measured)),
            f"{step.mean_iou:.3f}" + ("" if math.isnan(step.deviation) else f" ± {step.deviation:.3f}"),
            str(gain or ""),
            _chance(gain),
            f"{step.training_seconds:.0f}" if step.trained else "none more",
            f"{step.testing_seconds:.3f}",
        )
        for step, gain in zip(ladder.steps, ladder.gains(), strict=True)
    ]
    return Table(columns, tuple(rows))


def _chance(gain: Gain | None) -> str:
    if gain is None:
        return ""
    return "unknown" if math.isnan(gain.error) else f"± {ERRORS * gain.error:.3f}"


def in_words(ladder: Ladder) -> str:
    """What the table says of chance, in sentences."""
    if math.isnan(ladder.spread):
        return "No step was trained with two seeds, so nobody knows how much of a gain is chance."
    kinds: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for step, gain in zip(ladder.steps, ladder.gains(), strict=True):
        if gain is not None:
            kinds[gain.is_more_than_chance].append(f"{step.title} ({gain})")
    sentences = [
        f"Trainings that differ in nothing but the seed differ by {ladder.spread:.3f} (standard deviation)"
        + ("." if math.isnan(ladder.paired_spread) else f", a step's gain by {ladder.paired_spread:.3f}."),
        f"Larger than {ERRORS} standard errors: {_listed(kinds[True])}.",
        f"Within them, where chance alone may be at work: {_listed(kinds[False])}.",
    ]
    if kinds[None]:
        sentences.append(f"Tested with one seed, so that nobody knows: {_listed(kinds[None])}.")
    if len(ladder.steps) > 2:
        whole = ladder.gain(ladder.steps[-1], ladder.steps[0])
        sentences.append(
            f"All steps together: {whole} ± {ERRORS * whole.error:.3f} ({whole.seeds} seed{'s' * (whole.seeds > 1)})."
        )
    return "\n".join(sentences)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
