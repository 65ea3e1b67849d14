"""`make demo-competition`, in small: its entries, what the forged one gains, and the class that it grades."""

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_streets import write_streets

from autograder import demo_competition
from autograder.competition.board import write_board
from autograder.competition.reading import read_entry
from autograder.competition.scoring import score_entries
from autograder.competition.set_aside import set_aside
from autograder.completion import complete_assignment
from autograder.demo import run_demo
from segkit.competition.entries import CODE, PICTURES, ZOO
from segkit.errors import CourseError
from segkit.student import provide_sources

QUIET = {"progress": False, "accelerator": "cpu"}
BUDGET = replace(demo_competition.BUDGET, epochs=1, batch_size=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Entries of one model of the zoo, of own code, of pictures, and the forged one; and what was set aside."""
    out = tmp_path_factory.mktemp("demo")
    provide_sources({})  # the notebooks are read from their files, whatever another test has provided
    set_aside(write_streets(out / "kitti"), out / "students", out / "hidden", 2, b"secret")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_competition, "ZOO", {demo_competition.PREDICTOR: "segformer_b0"})
        demo_competition.make_entries(out / "students", out / "entries", out / "work", BUDGET, **QUIET)
    return out


def scored(made: Path, folder: Path, *teams: str):
    """What comes of the entries of these teams alone."""
    for team in teams:
        shutil.copytree(made / "entries" / team, folder / "entries" / team)
    return score_entries(folder / "entries", made / "hidden", folder / "scores")


def test_entries_of_three_kinds_are_readable_and_the_forged_one_is_refused(made):
    kinds = {demo_competition.PREDICTOR: ZOO, demo_competition.OWN: CODE, demo_competition.PICTURES: PICTURES}
    for team, kind in kinds.items():
        entry = read_entry(made / "entries" / team / "entry.zip")
        assert entry.about.kind == kind
        assert entry.about.settings.name == demo_competition.NAMES[team]
    with zipfile.ZipFile(made / "entries" / demo_competition.FORGER / "entry.zip") as archive:
        assert b'"mean_iou": 1.0' in archive.read("metrics.json")
    with pytest.raises(CourseError, match=r"metrics\.json"):
        read_entry(made / "entries" / demo_competition.FORGER / "entry.zip")


def test_the_forged_entry_gains_nothing_and_a_claimed_cost_does_not_lead_the_front(made, tmp_path):
    results = scored(made, tmp_path, demo_competition.PICTURES, demo_competition.FORGER)
    scores = {result.team: result.score for result in results}
    assert scores[demo_competition.FORGER] is None
    assert 0 < scores[demo_competition.PICTURES].evaluation.mean_iou < 1
    assert demo_competition._verdict(results) == "The forged entry of mallory gained nothing."
    page, table = write_board(results, tmp_path / "board", secret=b"secret")
    rows = table.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2 and "Eve" in rows[1] and "claimed,no" in rows[1]
    assert demo_competition.board_of(table).rows[0][:2] == ("1", "Eve")
    assert "mallory" not in page.read_text(encoding="utf-8")


def test_the_verdict_is_honest(made, tmp_path):
    results = scored(made, tmp_path, demo_competition.PICTURES)
    forged = replace(results[0], team=demo_competition.FORGER)
    assert demo_competition._verdict([forged]) == "The forged entry of mallory gained a score."


def test_a_demo_empties_no_folder_but_its_own(tmp_path, monkeypatch, capsys):
    def asked(folder: Path) -> int:
        monkeypatch.setattr("sys.argv", ["demo", "--out", str(folder)])
        return run_demo("autograder.demo", "", tmp_path / "demo", lambda data, out: (out / "course").mkdir() or 0)

    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    assert asked(tmp_path / "thesis") == asked(tmp_path / "thesis" / "chapter") == 2
    assert "holds what no demo has made" in capsys.readouterr().err
    assert (tmp_path / "thesis" / "chapter").read_text() == "years of work"
    assert asked(tmp_path / "new") == asked(tmp_path / "new") == 0, "what an earlier demo made gives way"


@pytest.mark.parametrize("student", demo_competition.CLASSMATES)
def test_the_class_makes_the_mistakes_that_it_is_named_after(tmp_path: Path, student: str) -> None:
    mistakes = demo_competition.CLASSMATES[student]
    complete_assignment("competition", tmp_path, mistakes)
    for mistake in mistakes:
        text = (tmp_path / f"{mistake.notebook}.ipynb").read_text(encoding="utf-8")
        assert mistake.wrong.strip() in text
