"""Attackers and honest students in one class, by the real `nbgrader autograde`: as we are and as an ordinary user.

What every attack tries and must come to is in `forgeries`, `breakouts`, `exhaustion` and `broken_files`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import checks
import pytest
from honest import HONEST
from running import ATTACKS, Ran, remove, run_classes, table

pytestmark = pytest.mark.timeout(3000)  # the first test waits for both classes
CLASSES = {"as we are": False, "as an ordinary user": True}


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Ran]]:
    """The class after grading: as we are and, if we are root, at the same time as an ordinary user."""
    names = [name for name, as_user in CLASSES.items() if not as_user or os.geteuid() == 0]
    runs = run_classes(users=[CLASSES[name] for name in names])
    yield dict(zip(names, runs, strict=True))
    for ran in runs:
        remove(ran)


@pytest.fixture(params=CLASSES)
def ran(request: pytest.FixtureRequest, runs: dict[str, Ran]) -> Ran:
    """One of them."""
    if request.param not in runs:
        pytest.skip("we are an ordinary user already")
    return runs[request.param]


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


def test_root_and_an_ordinary_user_give_the_same_marks(runs: dict[str, Ran]):
    first, *others = [ran.points() for ran in runs.values()]
    assert all(points == first for points in others)


def test_without_the_sandbox_the_checks_notice():
    """A harmless attack, to show that they can."""
    [attack] = [attack for attack in ATTACKS if attack.name == "own_scratch"]
    [ran] = run_classes(unsafe=True, attacks=(attack,), honest=())
    left = [Path(found) for found in ran.left_behind]
    for path in left:
        path.unlink()
    remove(ran)
    assert {path.parent for path in left} == {Path("/tmp"), Path("/dev/shm")}
    assert len(checks.left(ran)) == len(left)
