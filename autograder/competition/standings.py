"""Who stands where: the best attempt of each team, ties settled, the Pareto front, and what chance explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from autograder.competition.scoring import Attempt
from autograder.leaderboard.entries import Entry, display_names
from segkit.competition.chance import Difference, compare
from segkit.errors import CourseError

DIGITS = 4  # of mean IoU, as shown: what is equal in these is a tie


@dataclass(frozen=True)
class Standing(Entry):
    """A team on the board. `student` is the team.

    Args:
        file: that its best attempt came in.
        attempts: how many it has made.
        on_front: no other one whose cost was counted costs no more, scores no less, and is better in one of the two.
        ahead: of the next one on the board; None for the last.
    """

    file: str = ""
    attempts: int = 0
    on_front: bool = False
    ahead: Difference | None = None


def standings(results: Sequence[Attempt], secret: bytes, *, ids: bool = False) -> list[Standing]:
    """The board, the best first.

    A team's best attempt by mean IoU stands for it. Where two teams have the same mean IoU to DIGITS digits, the one
    that needs fewer multiply-adds comes first, as far as they were counted, and then whoever was earlier. Claimed costs
    stand behind counted ones and settle nothing: a copy of pictures could claim less than they do.

    Args:
        results: what `score_entries` gave.
        secret: the course's; made-up names come from it.
        ids: show teams by their folders and not by the names that they chose. Not for the public.

    Raises:
        CourseError: if no entry has a score.
    """
    best = sorted(_best(results).values(), key=_place)
    if not best:
        raise CourseError("No entry has a score yet, so there is no board: see above what is wrong with each.")
    names = display_names({one.team: one.team if ids else one.name for one in best}, secret, "competition")
    front = _front(best)
    ahead = [compare(one.score.confusions, next_.score.confusions) for one, next_ in pairwise(best)]
    return [
        Standing(
            one.team, names[one.team], one.score.evaluation, rank, one.score.claimed, one.file, one.made,
            one.team in front, difference,
        )
        for rank, (one, difference) in enumerate(zip(best, [*ahead, None], strict=True), start=1)
    ]  # fmt: skip


def _best(results: Sequence[Attempt]) -> dict[str, Attempt]:
    """By team the attempt that would stand first on a board of its own."""
    best: dict[str, Attempt] = {}
    for result in results:
        if result.score and (result.team not in best or _place(result) < _place(best[result.team])):
            best[result.team] = result
    return best


def _place(result: Attempt) -> tuple:
    own, claimed = result.score.evaluation, result.score.claimed
    return -round(own.mean_iou, DIGITS), claimed, 0 if claimed else own.multiply_adds, result.order


def _front(best: Sequence[Attempt]) -> set[str]:
    """The teams on the Pareto front, by costs that were counted: from the cheapest on, whoever is the best so far."""
    counted = [one for one in best if not one.score.claimed]
    by_cost = sorted(counted, key=lambda one: (one.score.evaluation.multiply_adds, -one.score.evaluation.mean_iou))
    front: list[Attempt] = []
    for one in by_cost:
        if not front or _cost_and_score(one) == _cost_and_score(front[-1]) or _ahead(one, front[-1]):
            front.append(one)
    return {one.team for one in front}


def _cost_and_score(one: Attempt) -> tuple[int, float]:
    return one.score.evaluation.multiply_adds, round(one.score.evaluation.mean_iou, DIGITS)


def _ahead(one: Attempt, other: Attempt) -> bool:
    return _cost_and_score(one)[1] > _cost_and_score(other)[1]
