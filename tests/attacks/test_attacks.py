"""Attackers and honest students in one class, by the real `nbgrader autograde`: as we are and as an ordinary user.

What every attack tries and must come to is in `forgeries`, `breakouts`, `exhaustion` and `broken_files`.
"""

import os

import checks
import pytest
from honest import HONEST
from running import ATTACKS, Ran, remove, run_class, table

_points: dict[str, dict] = {}


@pytest.fixture(
    scope="module",
    params=[
        "as we are",
        pytest.param(
            "as an ordinary user", marks=pytest.mark.skipif(os.geteuid() != 0, reason="we are an ordinary user")
        ),
    ],
)
def ran(request: pytest.FixtureRequest) -> Ran:
    """The class after grading."""
    graded = run_class(as_user=request.param == "as an ordinary user")
    _points[request.param] = graded.points()
    yield graded
    remove(graded)


def test_there_are_enough_of_them_with_names_of_their_own():
    names = [student.name for student in (*ATTACKS, *HONEST)]
    assert len(ATTACKS) >= 40 and len(set(names)) == len(names)
    assert all(attack.tries and attack.outcome for attack in ATTACKS)


def test_the_table(ran: Ran, capsys: pytest.CaptureFixture):
    with capsys.disabled():
        print("", table(ran), "", checks.counts(ran), sep="\n")
    assert "gained points: 0;" in checks.counts(ran)


@pytest.mark.parametrize(
    "check",
    [
        checks.completed,
        checks.honest_marks,
        checks.attackers_marks,
        checks.said,
        checks.plain_points,
        checks.untouched,
        checks.secrets_kept,
        checks.left,
        checks.quiet,
        checks.pages,
    ],
    ids=lambda check: check.__name__,
)
def test_what_must_hold(ran: Ran, check):
    assert check(ran) == []


def test_root_and_an_ordinary_user_give_the_same_marks(ran: Ran):
    """Runs after both, as the fixture's last use of each."""
    first, *others = _points.values()
    assert all(points == first for points in others)
