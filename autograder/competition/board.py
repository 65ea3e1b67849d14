"""The board as a page and as CSV: mean IoU against multiply-adds with the Pareto front, and what chance explains."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from autograder.competition.scoring import Attempt
from autograder.competition.standings import Standing, standings
from autograder.files import write_whole
from autograder.groups.file import Groups
from autograder.leaderboard.page import Plot, render, scatter, short
from autograder.leaderboard.table import as_csv, plain_text
from autograder.leaderboard.writing import PAGE, TABLE
from autograder.triage.sentences import printable
from segkit.competition.chance import CONFIDENCE, DRAWS
from segkit.errors import CourseError

TEMPLATE = Path(__file__).with_name("board.html.jinja")
TITLE = "Competition: the board"
_COLUMNS = {
    "cost": lambda own: "claimed" if own.claimed else "counted",
    "on the front": lambda own: "yes" if own.on_front else "no",
    "attempts": lambda own: own.attempts,
    "ahead of the next": lambda own: round(own.ahead.ahead, 4) if own.ahead else "",
    "at least": lambda own: round(own.ahead.low, 4) if own.ahead else "",
    "at most": lambda own: round(own.ahead.high, 4) if own.ahead else "",
}


def write_board(
    results: Sequence[Attempt],
    out: Path,
    *,
    secret: bytes,
    names: bool = False,
    with_ids: bool = False,
    groups: Groups | None = None,
) -> list[Path]:
    """Write the board as a page without script and as CSV into the folder `out`; the files written.

    Args:
        results: what `score_entries` gave.
        secret: the course's; made-up names come from it.
        names: show the teams' folders in place of the names that they chose. Not for the public.
        with_ids: columns with the teams, their members, and the file that stands for each, in the CSV.
        groups: for these members.

    Raises:
        CourseError: if no entry has a score, or `out` cannot be written.
    """
    board = standings(results, secret, ids=names)
    columns = _COLUMNS | ({"file": lambda own: plain_text(printable(own.file))} if with_ids else {})
    files = {
        PAGE: as_page(board),
        TABLE: as_csv(board, (groups or Groups()) if with_ids else None, columns),
    }
    try:
        for name, text in files.items():
            write_whole(out / name, text)
    except OSError as error:
        raise CourseError(f"The board could not be written to {out} ({error.strerror}).") from None
    return [out / name for name in files]


def as_page(board: Sequence[Standing], title: str = TITLE) -> str:
    """The page of a board."""
    front = [own for own in board if own.on_front]
    plot = scatter(
        "Mean IoU against multiply-adds", "multiply-adds per picture", board, lambda own: own.evaluation.multiply_adds,
        front,
    )  # fmt: skip
    return render(
        TEMPLATE,
        entries=board,
        title=title,
        plots=[replace(plot, words=_in_words(plot, front))],
        neighbours=[_compared(one, other) for one, other in pairwise(board)],
        draws=DRAWS,
        confidence=CONFIDENCE,
    )


def _in_words(plot: Plot, front: Sequence[Standing]) -> str:
    by_cost = sorted(front, key=lambda own: own.evaluation.multiply_adds)
    steps = ", ".join(f"{own.name} {own.evaluation.mean_iou:.4f} at {_cost(own)}" for own in by_cost)
    return f"{len(plot.points)} entries; on the Pareto front, from the cheapest on: {steps or 'nobody'}"


def _cost(own: Standing) -> str:
    return f"{short(own.evaluation.multiply_adds)} multiply-adds"


def _compared(one: Standing, other: Standing) -> str:
    """What may be said of two neighbours."""
    own = one.ahead
    ahead, low, high = (f"{round(number, 4) + 0.0:.4f}" for number in (own.ahead, own.low, own.high))  # no -0.0000
    verdict = (
        "less than the choice of pictures explains" if own.by_chance else "more than the choice of pictures explains"
    )
    return f"{one.name} is {ahead} ahead of {other.name} ({low} to {high}): {verdict}."
