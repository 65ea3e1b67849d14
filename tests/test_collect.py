"""`python -m autograder collect`, on files laid out as learning platforms lay them out."""

import io
import json
import stat
import zipfile
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from traitlets.config import Config

from autograder.__main__ import main
from autograder.collect import Summary, collect, placing
from autograder.collect import entries as entries_module
from autograder.collect import handed as handed_module
from autograder.course.alone import alone
from autograder.course.late import SharePerDay
from autograder.course.settings import configure
from autograder.groups.file import read_groups
from segkit.errors import CourseError

ROSTER = """student,name,email,sid,canvas_id,moodle_id
ada,Ada Lovelace,ada@example.edu,3034,12345,9001
grace,Grace Hopper,grace@example.edu,3035,12346,
emil,"Müller, Emil Karl",,,,
"""


def notebook(text: str = "x = 1") -> bytes:
    """A notebook with one cell."""
    cells = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": 1}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def receipt(student: str, time: str, files: dict[str, bytes], **about) -> bytes:
    """A `handin.json`."""
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    words = {"format": 1, "assignment": "segformer", "student": student, "group": None, "members": [], "time": time}
    return json.dumps(words | about | {"files": digests}).encode()


def submitted_zip(student: str = "ada", time: str = "2026-11-29T22:00:00+01:00", text: str = "x = 1", **about) -> bytes:
    """A zip as `segkit.submit` writes it."""
    files = {"01_data.ipynb": notebook(text), "results/model.safetensors": b"w", "results/settings.json": b"{}"}
    return zipped({"handin.json": receipt(student, time, files, **about), **files})


def group_zip(student: str, members: list[str], **about) -> bytes:
    """The same, for a group."""
    return submitted_zip(student, group=about.pop("group", "tigers"), members=members, **about)


@pytest.fixture
def course(tmp_path) -> Path:
    """A course's folder."""
    root = tmp_path / "course"
    root.mkdir()
    (root / "nbgrader_config.py").touch()
    return root


def take(course: Path, files: dict[str, bytes] | bytes, *, name="download.zip", unpacked=False, **options) -> Summary:
    """Collect a download that holds these files, zipped or not."""
    source = course.parent / name
    if unpacked:
        source = course.parent / "unpacked"
        for path, data in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(data)
    else:
        source.write_bytes(files if isinstance(files, bytes) else zipped(files))
    return collect(course, [source], "segformer", **options)


def found(course: Path) -> dict[str, bytes]:
    """What stands below `submitted/`."""
    folder = course / "submitted"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def everything(course: Path) -> dict[str, bytes]:
    """What stands in the whole course."""
    return {str(path.relative_to(course)): path.read_bytes() for path in sorted(course.rglob("*")) if path.is_file()}


def when(course: Path, name: str) -> datetime | None:
    """The time of a submission as nbgrader reads it."""
    path = course / "submitted" / name / "segformer" / "timestamp.txt"
    return parse_utc(path.read_text().strip()) if path.exists() else None


def students(course: Path) -> set[str]:
    """Whose submissions there are."""
    return {path.split("/")[0] for path in found(course)}


def test_a_zip_of_submit_lies_where_nbgrader_looks_for_it(course):
    summary = take(course, submitted_zip())
    names = ("01_data.ipynb", "results/model.safetensors", "results/settings.json", "timestamp.txt")
    assert set(found(course)) == {f"ada/segformer/{name}" for name in names}
    assert found(course)["ada/segformer/01_data.ipynb"] == notebook()
    assert when(course, "ada") == datetime(2026, 11, 29, 21)
    assert len(summary.new) == 1 and not summary.unplaced and not summary.remarks
    assert {path.name for path in course.iterdir()} == {"nbgrader_config.py", "submitted", ".grading.lock"}


def test_a_folder_of_zips_and_the_assignment_that_their_receipts_name(course):
    warmup = zipped(
        {"handin.json": receipt("bo", "2026-11-29T10:00:00Z", {}, assignment="intro"), "01_warmup.ipynb": b"{}"}
    )
    take(course, {"a.zip": submitted_zip(), "deeper/b.zip": warmup}, unpacked=True)
    assert {"ada/segformer/01_data.ipynb", "bo/intro/01_warmup.ipynb"} <= set(found(course))


@pytest.mark.parametrize("how", ["a zip", "unpacked", "a zip in a folder"])
def test_canvas(course, how):
    (course / "roster.csv").write_text(ROSTER)
    files = {
        "lovelaceada_12345_777_segformer-ada.zip": submitted_zip("ada"),
        "hoppergrace_LATE_12346_778_01_data.ipynb": notebook("g = 1"),
        "hoppergrace_LATE_12346_779_02_modules-1.ipynb": notebook("g = 2"),
        "mülleremilkarl_12347_780_all.zip": zipped({"segformer/01_data.ipynb": notebook("e = 1")}),
        "turingalan_99_781_01_data.ipynb": notebook(),
        "anon_Ab3dE_782_segformer-ada.zip": submitted_zip("nobody"),
    }
    if how == "a zip in a folder":
        files = {"submissions.zip": zipped(files)}
    summary = take(course, files, unpacked=how != "a zip")
    assert students(course) == {"ada", "grace", "emil"}
    assert found(course)["grace/segformer/02_modules-1.ipynb"] == notebook("g = 2")
    assert found(course)["emil/segformer/01_data.ipynb"] == notebook("e = 1")
    assert any("Canvas marks it late; no time known" in remark for remark in summary.remarks)
    assert any("turingalan is not in roster.csv" in sentence for sentence in summary.unplaced)
    assert any("nobody, who is not in roster.csv" in sentence for sentence in summary.unplaced)


@pytest.mark.parametrize(
    "folder", ["{}_assignsubmission_file_/", "{}_assignsubmission_file/", "{}_assignsubmission_file_"]
)
def test_moodle(course, folder):
    (course / "roster.csv").write_text(ROSTER)
    summary = take(
        course,
        {
            folder.format("Somebody Else_9001") + "01_data.ipynb": notebook("not ada's number: a group's"),
            folder.format("Emil Karl Müller_9002") + "01_data.ipynb": notebook("e = 1"),
            folder.format("Emil Karl Müller_9002") + "02_modules.ipynb": notebook("e = 2"),
            folder.format("Hopper Grace_9003") + "segformer-grace.zip": submitted_zip("grace"),
            "Ada Lovelace_9001_assignsubmission_onlinetext_/onlinetext.html": b"Please see the attachment",
        },
    )
    assert students(course) == {"grace", "emil"} and when(course, "grace") == datetime(2026, 11, 29, 21)
    assert {"emil/segformer/01_data.ipynb", "emil/segformer/02_modules.ipynb"} <= set(found(course))
    assert len(summary.unplaced) == 2
    assert all(any(name in s for s in summary.unplaced) for name in ("Somebody Else", "Ada Lovelace"))


GRADESCOPE = """---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '3034'
    :email: ada@example.edu
  :created_at: 2026-11-28 21:10:54.104000000 Z
  :score: 0.0
  :status: processed
  :history: []
submission_102:
  :submitters:
  - :name: Grace H.
    :sid:
    :email: Grace@example.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-11-28 21:10:54.104000000 Z
submission_103:
  :submitters:
  - :name: Ada Lovelace
    :email: ada@example.edu
  - :name: Grace Hopper
    :email: grace@example.edu
"""


@pytest.mark.parametrize("root", ["assignment_42_export/", ""])
def test_gradescope(course, root):
    (course / "roster.csv").write_text(ROSTER)
    own = {"01_data.ipynb": notebook(), "handin.json": receipt("ada", "2026-11-27T00:00:00Z", {})}
    summary = take(
        course,
        {
            f"{root}submission_metadata.yml": GRADESCOPE.encode(),
            **{f"{root}submission_101/{name}": data for name, data in own.items()},
            f"{root}submission_102/mine/01_data.ipynb": notebook("g = 1"),
            f"{root}submission_103/01_data.ipynb": notebook("both"),
        },
    )
    assert students(course) == {"ada", "grace"}
    assert when(course, "ada") == datetime(2026, 11, 28, 21, 10, 54, 104000)  # Gradescope's word before the receipt's
    assert found(course)["grace/segformer/01_data.ipynb"] == notebook("g = 1")
    (sentence,) = summary.unplaced
    assert "submission_103" in sentence and "handed it in together" in sentence


def test_without_a_roster_a_platform_names_people_unless_two_accounts_are_one(course):
    summary = take(
        course,
        {
            "lovelaceada_1_7_01_data.ipynb": notebook(),
            "hoppergrace_2_8_a.zip": submitted_zip("grace"),
            "eve_3_9_a.zip": submitted_zip("grace", "2026-11-30T00:00:00Z", "stolen"),
        },
    )
    assert students(course) == {"lovelaceada"}
    assert len(summary.unplaced) == 2 and all(
        "several accounts of Canvas hand in as grace" in s for s in summary.unplaced
    )


def test_members_may_upload_the_same_zip_each(course):
    both = group_zip("ada", ["ada", "Grace"])
    (course / "submitted/grace").mkdir(parents=True)
    summary = take(course, {"lovelaceada_1_7_a.zip": both, "hoppergrace_2_8_a.zip": both})
    assert students(course) == {"tigers"} and not summary.unplaced
    assert read_groups(course).members == {"tigers": ("ada", "grace")}


def test_who_hands_in_as_somebody_else_is_not_placed(course):
    (course / "roster.csv").write_text(ROSTER)
    files = {"hoppergrace_12346_1_a.zip": submitted_zip("ada"), "hoppergrace_12346_2_a.zip": submitted_zip("emil")}
    summary = take(course, files | {"x_5_3_a.zip": submitted_zip("ada")})
    assert students(course) == set()
    for words in ("is 12345 and not 12346", "is 12345 and not 5", "its receipt says emil, and Canvas says grace"):
        assert any(words in sentence for sentence in summary.unplaced), words


def test_the_latest_counts_and_all_are_kept_if_wanted(course):
    zips = {f"{n}.zip": submitted_zip(time=f"2026-11-2{n}T12:00:00Z", text=f"x = {n}") for n in (1, 3, 2)}
    summary = take(course, zips, unpacked=True)
    assert found(course)["ada/segformer/01_data.ipynb"] == notebook("x = 3") and when(course, "ada").day == 23
    assert "the latest of 3" in summary.new[0]
    assert not (course / "collected").exists()
    take(course, zips, unpacked=True, keep_all=True)
    kept = sorted((course / "collected/segformer/ada").iterdir())
    assert [path.name[:8] for path in kept] == ["20261121", "20261122"]
    assert [(path / "01_data.ipynb").read_bytes() for path in kept] == [notebook("x = 1"), notebook("x = 2")]


@pytest.mark.parametrize("keep_all", [False, True])
def test_twice_is_once(course, keep_all):
    zips = {f"{n}.zip": submitted_zip(time=f"2026-11-2{n}T12:00:00Z", text=f"x = {n}") for n in (1, 2)}
    zips["g.zip"] = group_zip("bo", ["bo", "cy"])
    take(course, zips, unpacked=True, keep_all=keep_all)
    before = everything(course)
    summary = take(course, zips, unpacked=True, keep_all=keep_all)
    assert everything(course) == before and summary.unchanged == 2
    assert not (summary.new or summary.replaced or summary.left or summary.groups)


def test_what_gives_way_is_kept_and_what_is_newer_or_mended_stays(course):
    take(course, submitted_zip(time="2026-11-21T12:00:00Z", text="x = 1"))
    summary = take(course, submitted_zip(time="2026-11-23T12:00:00Z", text="x = 3"))
    (kept,) = (course / "collected/segformer/ada").iterdir()
    assert (kept / "01_data.ipynb").read_bytes() == notebook("x = 1")
    assert f"is in collected/segformer/ada/{kept.name}" in summary.replaced[0]
    summary = take(course, submitted_zip(time="2026-11-22T12:00:00Z", text="x = 2"))
    assert "not newer" in summary.left[0] and found(course)["ada/segformer/01_data.ipynb"] == notebook("x = 3")
    (course / "submitted/ada/segformer/01_data.ipynb").write_bytes(b"mended by hand")
    summary = take(course, submitted_zip(time="2026-11-23T12:00:00Z", text="x = 3"))
    assert summary.left and found(course)["ada/segformer/01_data.ipynb"] == b"mended by hand"


def test_interrupted_it_leaves_what_stood_there(course, monkeypatch):
    take(course, submitted_zip(time="2026-11-21T12:00:00Z", text="x = 1"))
    before = everything(course)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(placing, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        take(course, submitted_zip(time="2026-11-23T12:00:00Z", text="x = 3"))
    assert everything(course) == before


def test_attempts_of_which_nobody_knows_the_latest_are_not_placed(course):
    (course / "submitted/ada").mkdir(parents=True)
    zips = {
        "1/ada.zip": zipped({"01_data.ipynb": notebook("1")}),
        "2/ada.zip": zipped({"01_data.ipynb": notebook("2")}),
    }
    summary = take(course, zips, unpacked=True)
    assert not found(course) and len(summary.unplaced) == 2 and "none says when" in summary.unplaced[0]


def test_a_member_hands_in_for_the_group_and_the_latest_of_two_counts(course):
    (course / "groups.csv").write_text("group,student\ntigers,ada\ntigers,grace\n")
    zips = {
        "a.zip": submitted_zip("ada", "2026-11-21T12:00:00Z", "a"),
        "g.zip": submitted_zip("grace", "2026-11-22T12:00:00Z", "g"),
    }
    summary = take(course, zips, unpacked=True)
    assert students(course) == {"tigers"} and found(course)["tigers/segformer/01_data.ipynb"] == notebook("g")
    assert summary.groups == [
        "tigers: handed in by ada (2026-11-21 12:00 UTC), grace (2026-11-22 12:00 UTC); the latest counts."
    ]


def test_a_group_that_a_receipt_names_is_added_once_and_said(course):
    summary = take(
        course,
        {"a.zip": group_zip("ada", ["ada", "grace"]), "g.zip": group_zip("grace", ["grace", "ada"])},
        unpacked=True,
    )
    assert read_groups(course).members == {"tigers": ("ada", "grace")} and students(course) == {"tigers"}
    assert sum("tigers was added to groups.csv" in sentence for sentence in summary.groups) == 1


@pytest.mark.parametrize(
    ("receipts", "words"),
    [
        (
            {"a.zip": group_zip("ada", ["bo", "ada"]), "b.zip": submitted_zip("bo")},
            "names bo in tigers, who hands in alone",
        ),
        (
            {"a.zip": group_zip("ada", ["ada"], group="bo"), "b.zip": submitted_zip("bo")},
            "bo, which is the id of a student",
        ),
        ({"a.zip": group_zip("ada", ["ada"], group="owls")}, "where groups.csv does not list them"),
        ({"a.zip": group_zip("ada", ["ada", "cy"])}, "cy stands there more than once"),
    ],
)
def test_a_group_that_is_not_certain_is_not_formed(course, receipts, words):
    (course / "groups.csv").write_text("group,student\nowls,cy\n")
    summary = take(course, receipts, unpacked=True)
    assert any(words in sentence for sentence in summary.unplaced), summary
    assert "ada" not in students(course) and read_groups(course).members == {"owls": ("cy",)}


def test_the_file_of_groups_counts_more_than_a_receipt(course):
    (course / "groups.csv").write_text("group,student\nowls,ada\n")
    summary = take(course, group_zip("ada", ["ada", "grace"]))
    assert students(course) == {"owls"} and "has them in owls with ada, and that counts" in summary.groups[0]


FAKE = GRADESCOPE.replace("submission_101", "work").encode()


@pytest.mark.parametrize(
    "files",
    [
        {"eve_5_1_Ada Lovelace_9001_assignsubmission_file_a.zip": submitted_zip("ada")},
        {"Eve_5_assignsubmission_file_Ada Lovelace_9001_assignsubmission_file_a.zip": submitted_zip("ada")},
        {"Eve_5_assignsubmission_file_lovelaceada_12345_1_a.zip": submitted_zip("ada")},
        {"Eve_5_assignsubmission_file_/Ada Lovelace_9001_assignsubmission_file_/a.zip": submitted_zip("ada")},
        {
            "submission_metadata.yml": b"submission_9: {':submitters': [{':name': Eve}]}",
            "submission_9/submission_metadata.yml": FAKE,
            "submission_9/mine/01_data.ipynb": notebook(),
        },
        {"eve_5_1_a.zip": zipped({"lovelaceada_12345_1_01_data.ipynb": notebook()})},
    ],
)
def test_a_name_that_looks_like_somebody_elses_convinces_nobody(course, files):
    (course / "roster.csv").write_text(ROSTER)
    summary = take(course, files)
    assert not found(course) and len(summary.unplaced) == 1, summary


def test_one_unpacked_zip_of_submit_is_a_submission_and_a_receipt_beside_downloads_is_not_about_them(course):
    own = {"handin.json": receipt("ada", "2026-11-29T10:00:00Z", {}), "01_data.ipynb": notebook()}
    take(course, own | {"results/model.safetensors": b"w"}, unpacked=True)
    assert "ada/segformer/results/model.safetensors" in found(course)
    take(course, {"grace.zip": submitted_zip("grace"), "bo_1_2_01_data.ipynb": notebook()}, unpacked=True)
    assert students(course) == {"ada", "grace", "bo"}


def hostile_zip() -> bytes:
    """Names that lead out, a link, names twice, things that nobody asked for, and one honest notebook."""
    buffer = io.BytesIO()
    link = zipfile.ZipInfo("02_modules.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("handin.json", receipt("ada", "2026-11-29T10:00:00Z", {}))
        for name in (
            "../../outside.ipynb",
            "/etc/outside.ipynb",
            "..\\outside.ipynb",
            "C:/outside.ipynb",
            "a\nb.ipynb",
        ):
            archive.writestr(name, notebook())
        for name in ("data/images.bin", "run.sh", ".git/config", "__MACOSX/._x.ipynb", "sub/../../../outside.ipynb"):
            archive.writestr(name, b"x")
        archive.writestr("01_data.ipynb", notebook("first"))
        archive.writestr("01_data.ipynb", notebook("second"))
    return buffer.getvalue()


def test_nothing_leaves_its_folder_and_nothing_but_notebooks_and_results_is_taken(course):
    outside = {path for path in course.parent.rglob("*") if path.is_file()}
    summary = take(course, hostile_zip())
    assert set(found(course)) == {"ada/segformer/01_data.ipynb", "ada/segformer/timestamp.txt"}
    assert found(course)["ada/segformer/01_data.ipynb"] == notebook("second")
    new = {path for path in course.parent.rglob("*") if path.is_file()} - outside
    assert all(path.is_relative_to(course) for path in new - {course.parent / "download.zip"})
    for words in ("leads out", "place of its own", "is a link", "more than once", "a name that no file should have"):
        assert any(words in remark for remark in summary.remarks), (words, summary.remarks)


def damaged(data: bytes) -> bytes:
    """The same zip with wrong bytes in the middle of its first notebook."""
    at = data.index(b"01_data.ipynb") + 40
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 60]) + data[at + 60 :]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be opened as a zip"),
        (b"PK\x03\x04 no more", "cannot be opened as a zip"),
        (submitted_zip()[:-40], "cannot be opened as a zip"),
        (damaged(submitted_zip()), "cannot be read"),
        (zipped({}), "nothing is in it"),
        (zipped({"essay.docx": b"x"}), "no notebook"),
        (zipped({"handin.json": b"{", "01_data.ipynb": notebook()}), "nothing else says whose it is"),
        (zipped({"handin.json": receipt("../../x", "", {}), "01_data.ipynb": b"{}"}), "nothing else says whose it is"),
        (zipped({"handin.json": receipt("ada", "", {}, assignment="../x"), "01_data.ipynb": b"{}"}), "nothing else"),
        (zipped({"handin.json": b"[" * 200_000, "01_data.ipynb": b"{}"}), "nothing else says whose it is"),
    ],
)
def test_what_is_broken_is_listed_and_the_others_are_placed(course, data, words):
    summary = take(course, {"broken.zip": data, "good.zip": submitted_zip("grace")}, unpacked=True)
    assert students(course) == {"grace"} and len(summary.unplaced) == 1
    assert "broken.zip" in summary.unplaced[0] and words in summary.unplaced[0]


def test_bombs_are_cut_off(course, monkeypatch):
    monkeypatch.setattr(handed_module, "MAX_FILE", 2**20)
    monkeypatch.setattr(handed_module, "MAX_TOTAL", 2**21)
    monkeypatch.setattr(entries_module, "MAX_ENTRIES", 500)
    many = {f"{number}.ipynb": b"{}" for number in range(501)}
    about = {"handin.json": receipt("ada", "2026-11-29T10:00:00Z", {})}
    large = about | {"01_data.ipynb": b" " * 2**22, "02_modules.ipynb": notebook()}
    total = {"handin.json": receipt("bo", "2026-11-29T10:00:00Z", {})} | {f"{n}.ipynb": b" " * 2**20 for n in range(3)}
    summary = take(course, {"1.zip": zipped(large), "2.zip": zipped(many), "3.zip": zipped(total)}, unpacked=True)
    assert {"ada/segformer/02_modules.ipynb", "bo/segformer/0.ipynb", "bo/segformer/1.ipynb"} <= set(found(course))
    assert not {"ada/segformer/01_data.ipynb", "bo/segformer/2.ipynb"} & set(found(course))
    assert any("01_data.ipynb is larger than 1 MiB" in remark for remark in summary.remarks)
    assert any("2.zip: it holds more than 500 files" in sentence for sentence in summary.unplaced)


def test_a_link_in_submitted_or_in_a_download_is_not_followed(course):
    elsewhere = course.parent / "elsewhere"
    elsewhere.mkdir()
    (course / "submitted").mkdir()
    (course / "submitted/ada").symlink_to(elsewhere)
    download = course.parent / "unpacked"
    download.mkdir()
    (download / "secret.zip").symlink_to(course / "nbgrader_config.py")
    summary = take(course, {"a.zip": submitted_zip()}, unpacked=True)
    assert not list(elsewhere.iterdir()) and "is a link or a file" in summary.unplaced[0]
    assert any("secret.zip is a link" in remark for remark in summary.remarks)


def test_files_changed_after_the_receipt_and_clocks_ahead_are_said(course):
    files = {
        "handin.json": receipt("ada", "2199-01-01T00:00:00Z", {"01_data.ipynb": b"other"}),
        "01_data.ipynb": notebook(),
    }
    remarks = " ".join(take(course, zipped(files)).remarks)
    assert "01_data.ipynb changed after the receipt was written" in remarks and "in the future" in remarks


@pytest.mark.parametrize(
    ("roster", "words"),
    [
        ("name\nAda\n", 'needs a column "student"'),
        ("student,canvas_id\nada,1\nbo,1\n", "1 stands more than once in the column canvas_id"),
        ("student\n../x\n", "line 2: '../x' cannot be"),
    ],
)
def test_a_roster_that_cannot_be_right_is_said_and_nothing_is_placed(course, roster, words):
    (course / "roster.csv").write_text(roster)
    with pytest.raises(CourseError, match=words):
        take(course, submitted_zip())
    assert not (course / "submitted").exists()


def test_what_cannot_be_collected_at_all_is_one_sentence(course, tmp_path):
    with pytest.raises(CourseError, match="There is no "):
        collect(course, [course / "nowhere.zip"], "segformer")
    with pytest.raises(CourseError, match="is no course"):
        collect(tmp_path, [course], "segformer")
    with alone(course), pytest.raises(CourseError, match="Another run"):
        take(course, submitted_zip())


@pytest.mark.parametrize(("seconds", "penalty"), [(60, None), (601, 1.0), (86400 + 601, 2.0), (10 * 86400, 5.0)])
def test_each_day_begun_takes_a_share(seconds, penalty):
    plugin = SharePerDay(share_per_day=0.1, largest_share=0.5, free_minutes=10)
    assert plugin.late_submission_penalty("ada", 10.0, seconds) == penalty


def test_nbgrader_asks_our_plug_in_with_the_settings_of_its_configuration(tmp_path):
    config = Config()
    configure(config, tmp_path)
    config.SharePerDay.share_per_day = 0.25
    step = AssignLatePenalties(config=config)
    step.init_plugin()
    assert step.plugin_inst.late_submission_penalty("ada", 8.0, 60) == 2.0


def test_the_command_says_what_it_did_and_whether_all_was_placed(course, monkeypatch, capsys):
    monkeypatch.chdir(course)
    (course.parent / "good.zip").write_bytes(submitted_zip())
    (course.parent / "bad.zip").write_bytes(b"")
    assert main(["collect", "../good.zip"]) == 0 and "Put into submitted/: 1" in capsys.readouterr().out
    assert main(["collect", "../good.zip", "../bad.zip", "--attempts", "all"]) == 1
    said = capsys.readouterr().out
    assert "Already in submitted/, unchanged: 1" in said and "Not placed: 1\n  ../bad.zip: it cannot be opened" in said
    assert main(["collect", "../nowhere.zip"]) == 2


def test_without_a_setting_being_late_costs_nothing():
    assert SharePerDay().late_submission_penalty("ada", 10.0, 86400) is None
