"""Entries of the competition among what was handed in: each comes to `entries/`, once, with the time of its hand-in."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from street_entries import code_entry, picture_entry, write_hidden, write_zip
from test_collect import (
    GRADESCOPE,
    ROSTER,
    everything,
    found,
    group_zip,
    notebook,
    receipt,
    submitted_zip,
    take,
    zipped,
)

from autograder.__main__ import main
from autograder.collect import entries as entries_module
from autograder.collect import handed as handed_module
from autograder.competition.reading import MAX_ZIP, is_entry, read_entry
from autograder.competition.scoring import score_entries
from autograder.paths import ROOT
from segkit.competition.entries import MAX_CHECKPOINT


@pytest.fixture
def course(tmp_path) -> Path:
    """A course's folder, in which ada and grace are known."""
    root = tmp_path / "course"
    root.mkdir()
    (root / "nbgrader_config.py").touch()
    (root / "roster.csv").write_text(ROSTER)
    return root


CODE, PICTURES = zipped(code_entry()), zipped(picture_entry())


def entered(course: Path, student: str = "ada") -> list[Path]:
    """A student's entries, in the order in which `compete` counts them."""
    return sorted((course / "entries" / student).glob("*"), key=lambda path: path.stat().st_mtime_ns)


def contents(course: Path, student: str = "ada") -> set[str]:
    """What these entries are."""
    return {read_entry(path).content for path in entered(course, student)}


def content(course: Path, data: bytes) -> str:
    """What an entry is that was not placed."""
    path = course.parent / "original.zip"
    path.write_bytes(data)
    return read_entry(path).content


def beside(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The same files in a folder."""
    return {f"{folder}{name}": data for name, data in files.items()}


LOOSE = {"handin.json": receipt("ada", "2026-11-27T00:00:00Z", {}), "01_data.ipynb": notebook()}
HANDED_IN = {
    "Canvas": {"lovelaceada_12345_777_entry.zip": CODE, "lovelaceada_12345_778_01_data.ipynb": notebook()},
    "Moodle": beside("Ada Lovelace_9001_assignsubmission_file/", {"entry.zip": CODE, "ada.zip": submitted_zip()}),
    "Moodle, without folders": {"Ada Lovelace_9001_assignsubmission_file_entry.zip": CODE},
    "Gradescope": {
        "submission_metadata.yml": GRADESCOPE.encode(),
        **beside("submission_101/", {"entry.zip": CODE, **LOOSE}),
    },
    "Gradescope, which has unpacked it": {
        "submission_metadata.yml": GRADESCOPE.encode(),
        **beside("submission_101/", code_entry() | LOOSE),
    },
}


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("how", HANDED_IN)
def test_an_entry_is_placed_beside_the_submission_that_it_came_with(course, how, unpacked):
    files = HANDED_IN[how]
    summary = take(course, files, unpacked=unpacked)
    assert not summary.unplaced and "Put into entries/: 1" in str(summary)
    assert contents(course) == {content(course, CODE)}
    with_notebook = any(data != CODE and ("ipynb" in name or name.endswith(".zip")) for name, data in files.items())
    assert ("ada/segformer/01_data.ipynb" in found(course)) == with_notebook
    assert not {path.name for path in course.glob("submitted/*/*/*")} & set(code_entry())
    if not how.startswith("Gradescope, which"):
        assert entered(course)[0].read_bytes() == CODE  # the file itself, which nobody has unpacked
    before = everything(course)
    summary = take(course, files, unpacked=unpacked)
    assert everything(course) == before and "Already in entries/: 1" in str(summary) and not summary.entries


def test_one_zip_may_be_the_entry_or_hold_it_beside_the_submission(course):
    take(course, CODE, name="ada.zip")
    take(course, CODE, name="hoppergrace_12346_9_entry.zip")
    take(course, {"entry.zip": PICTURES, "competition.zip": submitted_zip("ada")}, name="all.zip")
    take(course, beside("grace/", picture_entry()), unpacked=True)
    both = {content(course, CODE), content(course, PICTURES)}
    assert contents(course, "ada") == both == contents(course, "grace")


def test_every_attempt_is_kept_in_the_order_of_the_hand_ins(course):
    times = {day: f"2026-11-{day}T12:00:00Z" for day in (21, 23, 22)}
    entries = {day: zipped(code_entry(seed=day)) for day in times}
    files = {
        f"{day}/Ada Lovelace_9001_assignsubmission_file/{name}": data
        for day, time in times.items()
        for name, data in {"entry.zip": entries[day], "a.zip": submitted_zip(time=time, text=f"x = {day}")}.items()
    }
    summary = take(course, files)
    paths = entered(course)
    assert [path.read_bytes() for path in paths] == [entries[day] for day in sorted(entries)]
    assert [path.name[:16] for path in paths] == [f"202611{day}T120000Z" for day in sorted(times)]
    assert [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in paths] == [
        datetime(2026, 11, day, 12, tzinfo=UTC) for day in sorted(times)
    ]
    assert len(summary.entries) == 3 and found(course)["ada/segformer/01_data.ipynb"] == notebook("x = 23")


def test_the_platforms_time_counts_more_than_the_receipts_and_compete_takes_what_was_placed(course):
    metadata = {"submission_metadata.yml": GRADESCOPE.encode()}
    take(course, metadata | beside("submission_101/", picture_entry() | LOOSE))
    assert [path.name[:16] for path in entered(course)] == ["20261128T211054Z"]
    hidden = write_hidden(course.parent / "hidden")
    (result,) = score_entries(course / "entries", hidden, course.parent / "kept")
    assert (result.team, result.number) == ("ada", 1) and result.score


def test_an_entry_of_which_nothing_says_when_it_was_handed_in_counts_as_of_now(course):
    summary = take(course, {"lovelaceada_12345_777_entry.zip": CODE})
    (path,) = entered(course)
    assert path.name.startswith("undated-") and any("an entry was handed in" in remark for remark in summary.remarks)
    assert abs(datetime.fromtimestamp(path.stat().st_mtime, UTC) - datetime.now(UTC)) < timedelta(hours=1)


def test_an_entry_in_a_members_name_stays_the_members(course):
    (course / "groups.csv").write_text("group,student\ntigers,ada\ntigers,grace\n")
    take(course, {"all.zip": zipped({"entry.zip": CODE, "a.zip": group_zip("ada", ["ada", "grace"])})}, unpacked=True)
    assert contents(course) == {content(course, CODE)} and "tigers/segformer/01_data.ipynb" in found(course)


def test_without_a_roster_nobody_enters_in_the_name_of_another_account(course):
    (course / "roster.csv").unlink()
    stolen = submitted_zip("ada", text="stolen")
    files = {"lovelaceada_1_7_a.zip": submitted_zip("ada"), "eve_2_8_a.zip": stolen, "eve_2_9_entry.zip": CODE}
    summary = take(course, files)
    assert not (course / "entries").exists() and len(summary.unplaced) == 3


def test_members_may_upload_the_same_submission_and_one_of_them_the_entry(course):
    (course / "roster.csv").unlink()
    both = group_zip("ada", ["ada", "grace"])
    files = {"ada_1_7_a.zip": both, "ada_1_8_entry.zip": CODE, "grace_2_9_a.zip": both}
    summary = take(course, files)
    assert not summary.unplaced and contents(course) == {content(course, CODE)}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (code_entry() | {"essay.txt": b""}, None),  # only the entry is taken of it
        ({"entry.json": b"{}"}, "not exactly the files of an entry"),
        (code_entry() | picture_entry(), "not exactly the files of an entry"),
        ({"deeper/entry.zip": CODE}, "a zip in another one, which is not opened"),
        ({"in/entry.json": b"{}", "in/pictures/a\nb.png": b""}, "not exactly the files of an entry"),
        ({"pictures/a.png": b""}, "no notebook and no entry"),
    ],
)
def test_what_is_no_entry_is_said(course, files, words):
    summary = take(course, {"lovelaceada_12345_777_x.zip": zipped(files)})
    assert bool(words) == bool(summary.unplaced) != (course / "entries").exists()
    assert not words or words in summary.unplaced[0]


def test_nobody_enters_for_somebody_else_or_from_nowhere(course):
    files = {"hoppergrace_12346_1_a.zip": submitted_zip("ada"), "hoppergrace_12346_2_entry.zip": CODE}
    summary = take(course, files | {"x_5_3_entry.zip": CODE})
    assert not (course / "entries").exists() and len(summary.unplaced) == 3
    assert take(course, CODE, name="entry.zip").unplaced


@pytest.mark.parametrize(
    ("names", "is_one"),
    [
        (["entry.json", "model.safetensors"], True),
        (["entry.json", "model.safetensors", "code.json"], True),
        (["entry.json", "pictures/a.png", "pictures/b.png"], True),
        (["entry.json"], False),
        (["model.safetensors"], False),
        (["entry.json", "code.json"], False),
        (["entry.json", "model.safetensors", "model.safetensors"], False),
        (["entry.json", "model.safetensors", "pictures/a.png"], False),
        (["entry.json", "model.safetensors", "01_data.ipynb"], False),
        (["entry.json", "pictures/deeper/a.png"], False),
        (["entry.json", "pictures/../a.png"], False),
        (["entry/entry.json", "entry/model.safetensors"], False),
    ],
)
def test_an_entry_is_known_by_the_names_of_its_members(names, is_one):
    assert is_entry(names) is is_one


def test_the_largest_entry_can_be_collected_and_a_bomb_cannot(course, monkeypatch):
    assert entries_module.MAX_ZIP == handed_module.MAX_ZIP == MAX_ZIP > MAX_CHECKPOINT
    for module in (entries_module, handed_module):
        monkeypatch.setattr(module, "MAX_ZIP", 2**16)
    bomb = picture_entry() | {"pictures/000000_10.png": bytes(2**17)}
    (sentence,) = take(course, {"lovelaceada_12345_777_x.zip": zipped(beside("unpacked/", bomb))}).unplaced
    assert "pictures/000000_10.png is larger than" in sentence
    (sentence,) = take(course, {"lovelaceada_12345_777_x.zip": os.urandom(2**17)}).unplaced
    assert "is larger than 0.0625 MiB" in sentence and not (course / "entries").exists()


def test_a_link_in_entries_is_not_followed(course):
    elsewhere = course.parent / "elsewhere"
    elsewhere.mkdir()
    (course / "entries").mkdir()
    (course / "entries/ada").symlink_to(elsewhere)
    summary = take(course, {"ada.zip": CODE}, unpacked=True)
    assert not list(elsewhere.iterdir()) and "is a link or a file" in summary.unplaced[0]


def test_deleting_a_student_as_the_manual_says_removes_the_entries(course):
    take(course, {"ada.zip": CODE, "grace.zip": PICTURES}, unpacked=True)
    (line,) = [line for line in (ROOT / "docs/instructors.md").read_text().splitlines() if "rm -rf {sub" in line]
    subprocess.run(["bash", "-c", line.strip()], cwd=course, check=True)
    assert [path.name for path in (course / "entries").iterdir()] == ["grace"] and entered(course, "grace")


def test_the_command_says_how_many_entries_it_placed(course, monkeypatch, capsys):
    monkeypatch.chdir(course)
    write_zip(course.parent / "downloads/ada.zip", code_entry())
    write_zip(course.parent / "downloads/grace.zip", picture_entry())
    assert main(["collect", "../downloads"]) == 0 and "Put into entries/: 2" in capsys.readouterr().out
    assert main(["collect", "../downloads"]) == 0 and "Already in entries/: 2" in capsys.readouterr().out
