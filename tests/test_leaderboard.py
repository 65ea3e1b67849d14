"""The leaderboard: who stands where and under which name, and a page on which nothing of a student's is active."""

import csv
import io
import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from autograder.__main__ import main
from autograder.grading.verdicts import Evaluation
from autograder.groups.file import Groups
from autograder.leaderboard.entries import Entry, display_names, read_entries
from autograder.leaderboard.page import HEIGHT, LETTER, TEMPLATE, WIDTH, as_page, scatter, short
from autograder.leaderboard.table import as_csv
from segkit.errors import CourseError

SECRET = b"a secret"
NASTY = "</title></text><script>alert(1)</script>"

WIDEST = 8.0  # pixels of a letter, in a wide font


def evaluation(mean_iou: float, *, name=None, parameters=3_715_172, operations=1_748_828_160) -> Evaluation:
    classes = {"background": 0.8, "plant": mean_iou, "person/animal": 0.1, "vehicle": None}
    return Evaluation(mean_iou, classes, 231, parameters, operations, (256, 256), 12.5, name)


CLASS = {
    "ada.lovelace": evaluation(0.45, name="Countess"),
    "bo": evaluation(0.41),
    "cy": evaluation(0.45, name=NASTY, parameters=27_300_000, operations=0),
    "di": evaluation(0.30, name="=1+1"),
    "reference": evaluation(0.43),
}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course in which these models were evaluated, with verdicts of others beside them."""
    monkeypatch.setenv("COURSE_SECRET", SECRET.decode())
    for student, found in CLASS.items():
        write(tmp_path, student, {"evaluation": asdict(found)})
    write(tmp_path, "eve", {"evaluation": None})
    write(tmp_path, "flo", {"evaluation": {"mean_iou": 0.9}})
    (tmp_path / "verdicts/segformer/eve/01_data.json").write_text("broken")
    return tmp_path


def write(root, student, record):
    folder = root / "verdicts" / "segformer" / student
    folder.mkdir(parents=True)
    (folder / "04_results.json").write_text(json.dumps(record))


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.texts, self.rows = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.rows += tag == "tr"

    def handle_data(self, data):
        self.texts.append(data)


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_best_come_first_equals_share_a_rank_and_the_baseline_has_none(course):
    entries = read_entries(course, "segformer", SECRET, baseline="reference")
    assert [(entry.student, entry.rank) for entry in entries] == [
        ("cy", 1), ("ada.lovelace", 1), ("reference", None), ("bo", 3), ("di", 4),
    ]  # fmt: skip
    assert entries[2].name == "Baseline"
    with pytest.raises(CourseError, match="handed in as 'zoe'"):
        read_entries(course, "segformer", SECRET, baseline="zoe")


def test_without_an_evaluated_model_there_is_a_sentence(tmp_path):
    with pytest.raises(CourseError, match="grade with --results-data"):
        read_entries(tmp_path, "segformer", SECRET)


def test_made_up_names_stay_the_same_and_tell_nothing():
    names = display_names({"bo": None, "cy": None}, SECRET, "segformer")
    again = display_names({"cy": None, "bo": None, "di": "Di"}, SECRET, "segformer")
    assert {student: again[student] for student in names} == names
    assert names["bo"] != names["cy"] and re.fullmatch(r"Team [0-9A-F]{6}", names["bo"])
    assert display_names({"bo": None}, b"another", "segformer")["bo"] != names["bo"]
    assert display_names({"bo": None}, SECRET, "intro")["bo"] != names["bo"]


def test_nobody_can_take_a_name_that_is_somebody_elses():
    made_up = display_names({"bo": None}, SECRET, "segformer")["bo"]
    chosen = {"bo": None, "cy": made_up, "di": "Ada", "eve": "ADA", "flo": "Baseline", "gus": "Gus"}
    names = display_names(chosen, SECRET, "segformer")
    assert len({name.casefold() for name in names.values()}) == len(chosen)
    assert names["cy"].startswith(f"{made_up} (") and names["eve"].startswith("ADA (") and names["gus"] == "Gus"
    assert names["flo"] != "Baseline"
    names = display_names(chosen | {"hal": names["eve"]}, SECRET, "segformer")
    assert len({name.casefold() for name in names.values()}) == len(chosen) + 1, "nor what somebody else is shown as"


def test_the_csv_has_all_numbers_and_no_formula_and_ids_only_when_asked(course):
    entries = read_entries(course, "segformer", SECRET)
    text = as_csv(entries)
    assert "ada.lovelace" not in text and list(rows(text)[0])[:3] == ["rank", "name", "mean IoU"]
    by_name = {row["name"]: row for row in rows(text)}
    assert by_name["Countess"]["parameters"] == "3715172" and by_name["Countess"]["vehicle"] == ""
    assert "'=1+1" in by_name and NASTY in by_name
    with_ids = rows(as_csv(entries, Groups({"bo": ("kim", "lin")})))
    assert [row["student"] for row in with_ids] == [entry.student for entry in entries]
    assert {row["student"]: row["members"] for row in with_ids if row["members"]} == {"bo": "kim lin"}


def test_nothing_on_the_page_is_active_or_asks_for_anything(course):
    text = as_page(read_entries(course, "segformer", SECRET), "Leaderboard of segformer")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "url(" not in text and "http:" not in text and "https:" not in text
    assert NASTY in page.texts, "shown as it was typed"
    assert not [student for student in ("ada.lovelace", "reference") if student in text]
    assert page.rows == 1 + len(CLASS) and page.tags.count("svg") == 2


def test_a_model_without_multiply_adds_is_in_one_plot_only(course):
    text = as_page(read_entries(course, "segformer", SECRET), "x")
    assert text.count("<circle") == 2 * len(CLASS) - 1


def test_marks_lie_inside_their_plot_higher_is_better_and_labels_do_not_cover_each_other():
    scores = {f"s{n}": evaluation(0.2 + n / 100, name=f"N {n}", parameters=10**6 * (1 + n % 3)) for n in range(20)}
    entries = [Entry(student, found.name, found, 1) for student, found in scores.items()]
    plot = scatter("t", "a", entries, lambda entry: entry.evaluation.parameters)
    assert len(plot.points) == 20 and len(plot.x_ticks) >= 2 and len(plot.y_ticks) >= 3
    assert all(0 < point.x < WIDTH and 0 < point.y < HEIGHT for point in plot.points)
    assert sorted(plot.points, key=lambda point: -point.y) == plot.points
    labelled = [point for point in plot.points if point.label]
    pairs = [(a, b) for a in labelled for b in labelled if a is not b and (a.x, a.before) == (b.x, b.before)]
    close = [(a, b) for a, b in pairs if abs(a.y - b.y) < 15]
    assert labelled and not close


@pytest.mark.parametrize("times", [2, 150, 160, 1_000, 10**6])
def test_numbers_of_the_axis_do_not_touch_and_are_not_cut(times):
    scores = [evaluation(0.3, name="small", parameters=10**6), evaluation(0.4, name="large", parameters=10**6 * times)]
    entries = [Entry(found.name, found.name, found, 1) for found in scores]
    ticks = scatter("t", "a", entries, lambda entry: entry.evaluation.parameters).x_ticks
    assert len(ticks) >= 2 and all(b.at - a.at > LETTER * (len(a.text) + len(b.text)) / 2 for a, b in pairwise(ticks))
    assert ticks[-1].at + WIDEST * len(ticks[-1].text) / 2 <= WIDTH


def test_one_model_alone_has_a_page_too():
    text = as_page([Entry("bo", "Bo", evaluation(0.0), 1)], "x")
    assert "nan" not in text and text.count("<circle") == 2


def test_numbers_are_short():
    assert [short(n) for n in (0, 999, 3_715_172, 1_748_828_160)] == ["0", "999", "3.72 M", "1.75 G"]


def test_contrast_is_enough_for_everybody_in_both_colour_schemes():
    """WCAG 2.2, 1.4.3 (text: 4.5) and 1.4.11 (marks: 3)."""
    schemes = re.findall(r":root \{(.*?)\}", TEMPLATE.read_text(), re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for text in ("ink", "soft", "base"):
            assert min(contrast(colours[text], colours[ground]) for ground in ("page", "band")) >= 4.5
        assert contrast(colours["mark"], colours["page"]) >= 3


def contrast(one: str, other: str) -> float:
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(factor * part for factor, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_command_writes_both_files(course, monkeypatch, capsys):
    monkeypatch.chdir(course)
    assert main(["leaderboard"]) == 0
    assert capsys.readouterr().out.split() == ["leaderboard/index.html", "leaderboard/leaderboard.csv"]
    assert "ada.lovelace" not in (course / "leaderboard/index.html").read_text()
    assert main(["leaderboard", "--names", "--with-ids", "--baseline", "reference", "--out", "mine"]) == 0
    assert "ada.lovelace" in (course / "mine/index.html").read_text()
    assert rows((course / "mine/leaderboard.csv").read_text())[0]["student"] == "ada.lovelace"
    assert main(["leaderboard", "--out", "verdicts/segformer/bo/04_results.json"]) == 2
    assert "could not be written" in capsys.readouterr().err
