"""Hostile entries of the competition beside honest ones; what each of them got is printed."""

import csv
import io
import re
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from attack import Place
from checks import active
from competition_entries import ATTACKS, HONEST_CODE, HONEST_PICTURES, EntryAttack
from street_entries import code_entry, picture_entry, write_hidden, write_zip

from autograder.competition.board import write_board
from autograder.competition.score import Conditions
from autograder.competition.scoring import Attempt, score_entries
from autograder.competition.standings import standings
from autograder.sandbox import Limits
from autograder.sandbox.limits import MIB
from autograder.sandbox.warm import WarmBubblewrap
from segkit.competition.entries import read_cells


@dataclass(frozen=True)
class Ran:
    """What came of everybody, by team."""

    root: Path
    place: Place
    results: dict[str, Attempt]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Everybody enters once, the honest ones first."""
    root = tmp_path_factory.mktemp("competition")
    hidden = write_hidden(tmp_path_factory.mktemp("set-aside"))
    names = {"HIDDEN": str(hidden), "ENTRIES": str(root / "entries"), "KEPT": str(root / "kept")}
    place = Place(secrets.token_hex(8), names)
    write_zip(root / "entries" / HONEST_CODE / "1.zip", code_entry())
    write_zip(root / "entries" / HONEST_PICTURES / "1.zip", picture_entry())
    for attack in ATTACKS:
        attack.write(root / "entries" / attack.name / "1.zip", place)
    with WarmBubblewrap() as sandbox:
        conditions = Conditions(seconds=60.0, limits=Limits(memory=1500 * MIB), sandbox=sandbox)
        found = score_entries(root / "entries", hidden, root / "kept", conditions=conditions)
    yield Ran(root, place, {one.team: one for one in found})


def test_the_table(ran: Ran, capsys: pytest.CaptureFixture):
    with capsys.disabled():
        print()
        for attack in ATTACKS:
            print(f"{attack.name:<18} {attack.tries}\n{'':<19}{attack.outcome}")
    assert len(ran.results) == len(ATTACKS) + 2


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_nobody_gains_and_what_came_of_it_is_said(ran: Ran, attack: EntryAttack):
    result, honest = ran.results[attack.name], ran.results[attack.like]
    if attack.says:
        assert result.score is None and attack.says in result.said
    else:
        assert result.score.evaluation.mean_iou == honest.score.evaluation.mean_iou
        assert torch.equal(result.score.confusions, honest.score.confusions)
        assert result.score.claimed == honest.score.claimed
        if not result.score.claimed:
            assert result.score.evaluation.multiply_adds == honest.score.evaluation.multiply_adds
        assert "came first" in result.said and result.order > honest.order


def test_only_what_met_a_picture_used_up_an_attempt(ran: Ran):
    counted = {attack.name for attack in ATTACKS if ran.results[attack.name].number}
    assert counted == {attack.name for attack in ATTACKS if not attack.says} | {"raises"}


def test_the_attack_on_labels_would_have_found_them_outside_of_the_sandbox(ran: Ran):
    """So that its failure is the sandbox's doing."""
    with zipfile.ZipFile(ran.root / "entries/reads_labels/1.zip") as archive:
        (cell,) = read_cells(archive.read("code.json"))["04_competition"]
    names = {"__name__": "attack"}
    exec(re.sub(r', "/tmp".*?\]', "]", cell.source), names)
    with pytest.raises(ValueError, match="labels within reach"):
        names["Competitor"]()(torch.zeros(1, 3, 64, 64))


def test_nothing_was_executed_or_left_behind(ran: Ran):
    (ran.root / ran.place.fill("@MARK@")).touch()  # so that one is there to be found
    assert ran.place.left_behind(ran.root) == {ran.root / ran.place.fill("@MARK@")}


def test_the_board_puts_nobody_above_the_honest_and_shows_names_as_they_were_typed(ran: Ran):
    board = standings(list(ran.results.values()), b"secret")
    # A copy has the honest one's score and stands behind it; a claimed cost is never on the front.
    by_team = {own.student: own for own in board}
    for attack in ATTACKS:
        if not attack.says:
            assert by_team[attack.name].rank > by_team[attack.like].rank
    assert {own.student for own in board if own.on_front} <= {a.name for a in ATTACKS if a.like == HONEST_CODE} | {
        HONEST_CODE
    }
    page, table = write_board(list(ran.results.values()), ran.root / "board", secret=b"secret")
    text = page.read_text()
    assert active(text, ran.place.token) == [] and "&lt;script&gt;" in text and HONEST_CODE not in text
    assert len(list(csv.DictReader(io.StringIO(table.read_text())))) == len(board)
