"""The board of the competition: who stands where, what chance explains, and a page on which nothing is active."""

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from street_entries import picture_entry, write_hidden, write_labelled, write_zip

from autograder.__main__ import main
from autograder.competition.board import as_page, write_board
from autograder.competition.competing import results_table
from autograder.competition.score import Score
from autograder.competition.scoring import Attempt
from autograder.competition.standings import standings
from autograder.evaluation.counting import mean_of, per_class
from autograder.grading.verdicts import Evaluation
from autograder.reference import load_reference
from segkit.competition.chance import Difference, compare, mean_ious
from segkit.errors import CourseError
from segkit.transfer.classes import CITYSCAPES_CLASSES

SECRET = b"a secret"
NASTY = "</title></text><script>alert(1)</script>"


def confusions(images: int = 12, right: float = 0.7, seed: int = 0, columns: int = 19) -> torch.Tensor:
    """Of every image some 100 pixels of six classes, that share of them right."""
    random = np.random.RandomState(seed)
    found = torch.zeros(images, 19, columns, dtype=torch.int64)
    for image in range(images):
        for label in range(6):
            share = np.clip(random.normal(right, 0.1), 0, 1)
            found[image, label, label] = int(100 * share)
            found[image, label, (label + 1) % 6] = 100 - int(100 * share)
    return found


def attempt(
    team: str, mean_iou: float, cost: int, order: int = 0, *, claimed=False, number=1, name=None, seed=0
) -> Attempt:
    found = confusions(right=mean_iou, seed=seed)
    ious = dict(zip(CITYSCAPES_CLASSES, per_class(found.sum(0)), strict=True))
    evaluation = Evaluation(mean_iou, ious, len(found), 10**6, cost, (96, 320), 2.5)
    score = Score(evaluation, found, claimed)
    return Attempt(team, f"{number}.zip", number, order, made=2, name=name, score=score)


# --- who stands where -----------------------------------------------------------------------------------------------


def test_the_best_attempt_stands_and_all_are_counted():
    results = [attempt("ada", 0.5, 10, 0), attempt("ada", 0.6, 20, 1, number=2), attempt("bo", 0.55, 5, 2)]
    board = standings([*results, Attempt("ada", "9.zip", said="damaged")], SECRET)
    assert [(own.student, own.rank, own.file, own.attempts) for own in board] == [
        ("ada", 1, "2.zip", 2), ("bo", 2, "1.zip", 2),
    ]  # fmt: skip
    with pytest.raises(CourseError, match="No entry has a score yet"):
        standings([Attempt("ada", "9.zip", said="damaged")], SECRET)


def test_ties_in_the_digits_shown_go_to_the_cheaper_then_to_the_earlier_and_claims_come_last():
    results = [
        attempt("late", 0.60001, 10, 3),
        attempt("early", 0.60002, 10, 1),
        attempt("dear", 0.60004, 11, 0),
        attempt("claims", 0.6, 9, 2, claimed=True),
        attempt("claims less", 0.6, 1, 5, claimed=True),
        attempt("better", 0.6001, 99, 4),
    ]
    board = standings(results, SECRET)
    assert [own.student for own in board] == ["better", "early", "late", "dear", "claims", "claims less"]
    assert [own.student for own in board if own.on_front] == ["better", "early", "late"], "equals share the front"


def test_the_front_is_that_of_the_students_task(monkeypatch):
    """Another way to find it than the notebook's, on random entries with many ties."""
    monkeypatch.setattr("autograder.competition.standings.compare", lambda first, second: None)  # takes its time
    pareto_front = load_reference("competition")["04_competition"].pareto_front
    random = np.random.RandomState(0)
    for _ in range(30):
        costs, scores = random.randint(1, 8, 12), random.randint(30, 38, 12) / 100
        results = [attempt(f"t{n}", scores[n], int(costs[n]), n) for n in range(12)]
        on_front = {own.student for own in standings(results, SECRET) if own.on_front}
        mask = pareto_front(torch.from_numpy(costs), torch.from_numpy(scores))
        assert on_front == {f"t{n}" for n in range(12) if mask[n]}


# --- chance ---------------------------------------------------------------------------------------------------------


def test_the_mean_iou_of_a_draw_is_that_of_its_pictures():
    found = confusions(columns=20)
    found[:, 5] = 0  # a class that is nowhere true, and predicted in some pictures
    times = torch.tensor([[1.0] * 12, [3.0, 0, 2] + [0] * 9, [0.0] * 12])
    picked = torch.cat([found[:1]] * 3 + [found[2:3]] * 2)
    expected = [mean_of(per_class(found.sum(0))), mean_of(per_class(picked.sum(0))), 0.0]
    assert mean_ious(times.double(), found).tolist() == pytest.approx(expected)


def test_the_bootstrap_is_the_one_by_hand():
    """Draw by draw, with indices instead of counts: the same interval but for the noise of 2000 draws."""
    first, second = confusions(right=0.7), confusions(right=0.68, seed=1)
    own = compare(first, second)
    random, differences = np.random.RandomState(5), []
    for _ in range(2000):
        chosen = random.randint(0, 12, 12)
        one, other = (mean_of(per_class(found[chosen].sum(0))) for found in (first, second))
        differences.append(one - other)
    assert [own.low, own.high] == pytest.approx(np.quantile(differences, [0.025, 0.975]), abs=0.004)
    assert own.ahead == pytest.approx(mean_of(per_class(first.sum(0))) - mean_of(per_class(second.sum(0))))
    assert own == compare(first, second), "the same draws every time"


def test_a_difference_in_every_picture_is_no_chance_and_the_same_entry_is():
    first = confusions()
    worse = first.clone()
    worse[:, 0, 0] -= 10
    worse[:, 0, 3] += 10
    assert not compare(first, worse).by_chance and compare(first, worse).low > 0
    same = compare(first, first)
    assert same.by_chance and same.ahead == same.low == same.high == 0


# --- page and table -------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.texts.append(data.strip())


RESULTS = [
    attempt("ada.lovelace", 0.55, 15_300_000_000, 0, name=NASTY),
    attempt("bo", 0.61, 50_300_000_000, 1, name="Pixels", seed=1),
    attempt("cy", 0.50, 90_000_000_000, 2, name="=1+1", seed=2),
    attempt("di", 0.70, 1_000_000_000, 3, name="Claims", claimed=True, seed=3),
    attempt("eve", 0.40, 0, 4, name="Silent", claimed=True, seed=4),
]


def test_the_page_shows_front_claims_ties_and_chance_and_nothing_is_active():
    text = as_page(standings(RESULTS, SECRET))
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "url(" not in text and "http:" not in text and "https:" not in text
    assert NASTY in page.texts and "ada.lovelace" not in text
    assert text.count("<circle cx") == 3 and text.count('<circle class="claimed"') == 1, "without a cost in no plot"
    assert "not stated" in page.texts and "1 G claimed" in page.texts
    (path,) = re.findall(r'<path d="M ([^"]+)"/>', text)
    assert path.count(" V ") == 1, "two entries on the front: one step up"
    (label,) = [value for name, value in page.attributes if name == "aria-label"]
    assert f"from the cheapest on: {NASTY} 0.5500 at 15.3 G multiply-adds, Pixels 0.6100 at 50.3 G" in label
    sentences = [words for words in page.texts if " ahead of " in words]
    assert len(sentences) == 4 and re.match(r"Claims is 0\.\d{4} ahead of Pixels \(-?0\.\d{4} to ", sentences[0])
    assert page.texts.count("road") == 1 and page.tags.count("table") == 2


def test_no_number_is_minus_nothing():
    first, second = standings([attempt("ada", 0.6, 10), attempt("bo", 0.5, 5, 1)], SECRET)
    board = [replace(first, ahead=Difference(1e-6, -2e-6, 3e-6)), second]
    assert "is 0.0000 ahead of" in as_page(board) and "(0.0000 to 0.0000)" in as_page(board)


def test_a_model_that_multiplies_nothing_is_on_the_front_and_in_no_plot():
    """A constant answer costs 0, which has no place on a logarithmic axis: the others still have a page."""
    board = standings([attempt("constant", 0.3, 0), attempt("ada", 0.5, 10**9, 1)], SECRET)
    assert all(own.on_front for own in board)
    text = as_page(board)
    (path,) = re.findall(r'<path d="M ([^"]+)"/>', text)
    assert text.count("<circle cx") == 1 and " V " not in path and "at 0 multiply-adds" in text


def test_who_wins_a_tie_a_hairs_breadth_behind_is_not_ahead_by_minus_nothing(tmp_path):
    board = standings([attempt("ada", 0.5, 10), attempt("bo", 0.5, 20, 1)], SECRET)
    text = as_page([replace(board[0], ahead=Difference(-0.00003, -0.00004, 0.00001)), board[1]])
    assert " is 0.0000 ahead of " in text and "(0.0000 to 0.0000)" in text


def test_the_table_has_numbers_names_without_formulas_and_teams_only_when_asked(tmp_path):
    def rows(**options) -> list[dict]:
        _, table = write_board(RESULTS, tmp_path, secret=SECRET, **options)
        return list(csv.DictReader(io.StringIO(table.read_text())))

    plain = rows()
    assert [row["rank"] for row in plain] == ["1", "2", "3", "4", "5"] and "student" not in plain[0]
    assert {row["name"]: row["on the front"] for row in plain}[NASTY] == "yes"
    assert "'=1+1" in {row["name"] for row in plain} and plain[0]["cost"] == "claimed"
    assert all(float(row["at least"]) <= float(row["at most"]) for row in plain[:-1]) and plain[-1]["at least"] == ""
    assert rows(with_ids=True)[1] | {"student": "bo", "file": "1.zip"} == rows(with_ids=True)[1]
    _, table = write_board([attempt(" =1+1", 0.5, 10)], tmp_path, secret=SECRET, with_ids=True)
    assert "' =1+1" in table.read_text()
    with pytest.raises(CourseError, match="could not be written"):
        write_board(RESULTS, tmp_path / "leaderboard.csv" / "x", secret=SECRET)


def test_nothing_that_an_entry_says_is_a_line_of_its_own_or_cannot_be_printed(tmp_path):
    """Half a surrogate pair cannot be written as UTF-8, and whoever prints a line break could forge a result."""
    forged = "x\nbo                   1.zip    attempt 1   mean IoU 0.9999\x1b[2J \ud800"
    text = results_table([Attempt("ada", "\udcff\n.zip", said=forged), attempt("bo", 0.5, 10)])
    text.encode()
    assert len(text.splitlines()) == 3 and "\x1b" not in text and "x\\nbo" in text
    results = [replace(attempt("bo", 0.5, 10), file="\udcff.zip")]
    _, table = write_board(results, tmp_path, secret=SECRET, with_ids=True)
    assert "\\udcff.zip" in table.read_text()


def test_the_commands_set_aside_score_and_write(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_SECRET", "x")
    write_hidden(tmp_path / "hidden")
    write_zip(tmp_path / "entries/ada/1.zip", picture_entry(name="Pixels"))
    (tmp_path / "entries/bo").mkdir()
    (tmp_path / "entries/bo/1.zip").write_bytes(b"nothing")
    assert main(["compete", "--data", "hidden", "--unsafe-no-sandbox"]) == 1
    said = capsys.readouterr().out
    assert re.search(r"ada +1\.zip +attempt 1 +mean IoU 0\.\d{4}, pictures alone", said)
    assert "no zip file, or a damaged one" in said and "board/index.html" in said
    assert "Pixels" in Path("board/index.html").read_text()
    assert (tmp_path / "verdicts/competition/.entries/attempts.json").exists()
    assert main(["compete", "--data", "nowhere", "--unsafe-no-sandbox"]) == 2
    assert "set-aside" in capsys.readouterr().err
    assert main(["set-aside", "hidden", "--students", "s", "--hidden", "h"]) == 2
    assert "has 0 labelled pictures" in capsys.readouterr().err
    assert main(["set-aside", "nowhere", "--students", "s", "--hidden", "h"]) == 2
    assert "There is no folder nowhere" in capsys.readouterr().err
    write_labelled(tmp_path / "kitti", 60)
    assert main(["set-aside", "kitti", "--students", "data/streets", "--hidden", "aside", "--pictures", "4"]) == 0
    assert "56 labelled pictures and 4 to predict" in capsys.readouterr().out
