"""Entries of the competition: made and tried in a notebook, read strictly, scored on hidden pictures, counted."""

import inspect
import io
import json
import os
import re
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from street_entries import (
    CODE,
    SIZE,
    code_entry,
    competitor,
    labels,
    picture_entry,
    pictures,
    png,
    train_ids,
    without_cars,
    write_hidden,
    write_labelled,
    write_notebook,
    write_zip,
)
from torchmetrics.functional.classification import multiclass_jaccard_index

from autograder.competition.attempts import Attempts
from autograder.competition.board import write_board
from autograder.competition.competing import results_table
from autograder.competition.reading import read_entry
from autograder.competition.score import Conditions, _fingerprint, score
from autograder.competition.scoring import Attempt, score_entries
from autograder.competition.set_aside import set_aside
from autograder.competition.streets import HiddenStreets
from autograder.groups.file import Groups
from autograder.paths import NOTEBOOKS
from autograder.sandbox import Limits
from segkit.checking.candidate import AnswerError
from segkit.checking.workbench import Workbench
from segkit.competition.entering import enter_code, enter_pictures, enter_zoo
from segkit.competition.kitti import KittiPairs
from segkit.competition.predictions import read_prediction
from segkit.competition.zoo import build_model
from segkit.errors import CourseError
from segkit.evaluation.counting import multiply_adds
from segkit.evaluation.saving import load_weights
from segkit.student import load_cells, provide_sources, student_code


class InThisProcess:
    """A worker whose process is that of the tests, which have nothing to fear from their own entries."""

    def __init__(self, submission, *, limits, sandbox) -> None:
        provide_sources(submission.cells)
        self._bench = Workbench(load_cells(submission.main, submission.cells[submission.main]).module)
        self.perform = self._bench.perform

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._bench.restore()
        provide_sources({})


@pytest.fixture(autouse=True)
def few_processes(request, monkeypatch) -> None:
    """A process takes seconds to start: only tests marked so have one of their own for each entry."""
    if "own_process" not in request.fixturenames:
        monkeypatch.setattr("autograder.competition.score.Worker", InThisProcess)


@pytest.fixture
def own_process() -> None:
    """See `few_processes`."""


@pytest.fixture(scope="module")
def hidden(tmp_path_factory) -> Path:
    return write_hidden(tmp_path_factory.mktemp("hidden"))


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """A student's folder, whose notebooks are read from their files, whatever another test has provided."""
    provide_sources({})
    (tmp_path / "desk").mkdir()
    write_notebook(tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


@pytest.fixture
def entries(tmp_path) -> Path:
    return tmp_path / "entries"


def scored(entries: Path, hidden: Path, tmp_path: Path, **options) -> dict[str, Attempt]:
    found = score_entries(entries, hidden, tmp_path / "kept", **options)
    return {f"{one.team}/{one.file}": one for one in found}


# --- made -----------------------------------------------------------------------------------------------------------


def test_an_entry_of_code_stands_alone_and_is_scored_as_the_model_is(desk, entries, hidden, tmp_path, capsys):
    model = competitor(3, width=6)
    made = enter_code(model, image_size=SIZE, arguments={"width": 6}, name=" The\nPixels ", out=entries / "ada/1.zip")
    said = capsys.readouterr().out
    cost = multiply_adds(model, torch.zeros(1, 3, *SIZE))
    assert f"{cost / 1e3:.3g} k multiply-adds" in said and '"The Pixels"' in said
    (desk / "04_competition.ipynb").unlink()
    (result,) = scored(entries, hidden, tmp_path).values()
    evaluation = result.score.evaluation
    assert (result.number, result.name, result.said) == (1, "The Pixels", None) and made.name == result.file
    assert evaluation.multiply_adds == cost and evaluation.parameters == sum(p.numel() for p in model.parameters())
    # The same by torchmetrics, from the pictures and labels themselves.
    model.eval()
    images = [KittiPairs(hidden, "testing", size=SIZE)[number] for number in range(3)]
    with torch.no_grad():
        logits = torch.nn.functional.interpolate(model(torch.stack(images)), SIZE, mode="bilinear", align_corners=False)
    truth = torch.stack([train_ids(number) for number in range(3)])
    ious = multiclass_jaccard_index(logits.argmax(1), truth, 19, average="none", ignore_index=255)
    own = torch.tensor([np.nan if iou is None else iou for iou in evaluation.per_class.values()])
    there = ~own.isnan()
    assert torch.allclose(own[there].float(), ious[there], atol=1e-6) and not ious[~there].any()
    assert evaluation.mean_iou == pytest.approx(float(own.nanmean()))


def test_the_notebooks_that_an_entry_builds_on_go_along(desk, entries, hidden, tmp_path):
    """A chain of three, as with the modules and the model of the first assignment."""
    write_notebook(desk, CODE.replace("Competitor", "SegFormer"), "03_model")
    width = "from segkit import student_code\nWIDTH = student_code(notebook='01_streets').WIDTH"
    write_notebook(desk, width, "02_training")
    write_notebook(desk, "WIDTH = 5", "01_streets")
    own = "from segkit import student_code\nSegFormer = student_code('03_model').SegFormer\n"
    own += "class Competitor(SegFormer):\n    def __init__(self):\n        "
    own += "super().__init__(width=student_code('02_training').WIDTH)"
    write_notebook(desk, own)
    model = student_code("04_competition").Competitor()
    made = enter_code(model, image_size=SIZE, out=entries / "ada/1.zip")
    assert set(read_entry(made).cells) == {"01_streets", "02_training", "03_model", "04_competition"}
    for notebook in desk.glob("*.ipynb"):
        notebook.unlink()
    (result,) = scored(entries, hidden, tmp_path).values()
    assert result.score.evaluation.parameters == sum(p.numel() for p in model.parameters())


def test_an_entry_of_the_zoo_is_built_by_the_grader_in_a_process_of_its_own(
    own_process, desk, entries, hidden, tmp_path
):
    torch.manual_seed(0)
    model = build_model("segformer_b0", 19)
    enter_zoo(model, "segformer_b0", image_size=(32, 96), half=True, out=entries / "bo/1.zip")
    (result,) = scored(entries, hidden, tmp_path).values()
    assert result.score.evaluation.parameters == sum(p.numel() for p in model.parameters())
    assert result.score.evaluation.multiply_adds == multiply_adds(model, torch.zeros(1, 3, 32, 96))
    assert result.score.confusions.sum() == 3 * (SIZE[0] - 1) * SIZE[1], "every labelled pixel is counted once"


def test_weights_larger_than_a_frame_arrive_in_parts(desk, entries, hidden, tmp_path, monkeypatch):
    enter_code(competitor(3, width=6), image_size=SIZE, arguments={"width": 6}, out=entries / "ada/1.zip")
    (whole,) = scored(entries, hidden, tmp_path / "whole").values()
    parts = []
    monkeypatch.setattr("segkit.checking.candidate.MAX_TENSORS", 200)  # its largest tensor alone has more bytes
    keep = Workbench._do_keep_weights
    monkeypatch.setattr(Workbench, "_do_keep_weights", lambda *asked: parts.append(len(asked[2])) or keep(*asked))
    (in_parts,) = scored(entries, hidden, tmp_path / "parts").values()
    assert parts and all(parts)
    assert torch.equal(in_parts.score.confusions, whole.score.confusions)


def test_an_entry_of_pictures_is_what_its_labels_say(desk, entries, hidden, tmp_path):
    enter_pictures(lambda image: torch.zeros(image.shape[1:], dtype=torch.long), hidden, out=entries / "cy/1.zip")
    write_zip(entries / "cy/2.zip", picture_entry(claimed_multiply_adds=10**9))
    (desk / "mine").mkdir()
    for name, data in pictures().items():
        (desk / "mine" / Path(name).name).write_bytes(data)
    enter_pictures(desk / "mine", hidden, out=entries / "cy/3.zip")
    results = scored(entries, hidden, tmp_path)
    road, no_cars, right = (results[f"cy/{number}.zip"].score for number in (1, 2, 3))
    pixels = np.stack([labels(number) for number in range(3)])
    share = (pixels == 7).sum() / (pixels > 0).sum()
    assert road.evaluation.per_class["road"] == pytest.approx(share) and road.claimed
    assert road.evaluation.mean_iou == pytest.approx(share / 4), "of four classes that occur, three are missed"
    assert right.evaluation.mean_iou == 1 and no_cars.evaluation.multiply_adds == 10**9
    assert no_cars.evaluation.per_class["car"] == 0 < no_cars.evaluation.per_class["road"] < 1


def test_what_is_called_unlabelled_is_missed_and_nobody_elses_mistake(entries, hidden, tmp_path):
    def hides_buildings(ids):
        return np.where(ids == 11, 0, ids).astype(np.uint8)

    write_zip(entries / "di/1.zip", picture_entry(hides_buildings))
    (result,) = scored(entries, hidden, tmp_path).values()
    classes = result.score.evaluation.per_class
    assert classes["building"] == 0 and classes["road"] == classes["sky"] == 1 and classes["fence"] is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: enter_code(competitor(), image_size=(8, 8)), "whole numbers from 32 to 2048"),
        (lambda: enter_code(competitor(width=5), image_size=SIZE), "belongs to another model than Competitor"),
        (
            lambda: enter_code(competitor(num_classes=4), image_size=SIZE, arguments={"num_classes": 4}),
            "logits .B, 19, h, w",
        ),
        (lambda: enter_code(competitor(), image_size=SIZE, notebook="05"), "There is no 05.ipynb"),
        (lambda: enter_zoo(competitor(), "segformer_b9", image_size=SIZE), "no model 'segformer_b9' in the zoo"),
        (lambda: enter_zoo(competitor(), "segformer_b0", image_size=SIZE), "belongs to another model than AtImageSize"),
        (lambda: enter_pictures("mine", "nowhere"), "There are no testing pictures"),
    ],
)
def test_what_would_not_be_scored_is_not_written(desk, make, words):
    with pytest.raises(CourseError, match=words):
        make()
    assert not list(desk.glob("*.zip"))


def test_rounding_to_16_bits_is_told_and_does_not_look_like_another_model(desk, capsys):
    """Where maxima are remembered by their places, a little rounding changes much."""
    torch.manual_seed(0)
    enter_zoo(build_model("baseline", 19), "baseline", image_size=(32, 64), half=True)
    assert re.search(r"in 16 bits another class at \d+\.\d% of the pixels of noise", capsys.readouterr().out)


def test_a_notebook_without_the_class_is_told_so(desk):
    write_notebook(desk, "import torch")
    with pytest.raises(CourseError, match="does not define Competitor yet"):
        enter_code(competitor(), image_size=SIZE)


def test_a_notebook_of_megabytes_is_refused_before_it_is_handed_in(desk):
    write_notebook(desk, f"{CODE}\n# {'x' * 2**22}")
    with pytest.raises(CourseError, match=r"code\.json is larger than 4096 KiB"):
        enter_code(competitor(), image_size=SIZE)


def test_predictions_of_another_kind_are_refused_before_they_are_handed_in(desk, hidden):
    with pytest.raises(CourseError, match="train ids from 0 to 18, not 26"):
        enter_pictures(lambda image: torch.full(image.shape[1:], 26), hidden)
    with pytest.raises(CourseError, match="has 60 x 36 pixels; its picture has 120 x 36"):
        enter_pictures(lambda image: torch.zeros(36, 60, dtype=torch.long), hidden)


@pytest.mark.parametrize(("size", "colours"), [((9000, 9000), 6), ((9000, 9000), 0), (SIZE, 6), (SIZE, 3)])
def test_a_second_header_of_a_picture_is_not_believed(size, colours):
    """Pillow takes the last one at its word, and gigabytes for it, before it finds the picture too short."""
    data, header = png(labels(0)), b"IHDR" + struct.pack(">2I5B", *reversed(size), 8, colours, 0, 0, 0)
    second = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    with pytest.raises(CourseError, match=r"x\.png is not what its first bytes say"):
        read_prediction(data[:33] + second + data[33:], SIZE, "x.png")


def test_the_same_entry_has_the_same_content_however_it_is_packed_and_called(tmp_path):
    first = read_entry(write_zip(tmp_path / "1.zip", code_entry(name="a")))
    again = read_entry(write_zip(tmp_path / "2.zip", dict(reversed(code_entry(name="b").items()))))
    assert first.content == again.content and first.about.settings.name != again.about.settings.name
    assert read_entry(write_zip(tmp_path / "3.zip", code_entry(seed=1))).content != first.content
    smaller = read_entry(write_zip(tmp_path / "4.zip", code_entry(image_size=[32, 32])))
    assert smaller.content != first.content and smaller.model == first.model


@pytest.mark.parametrize("told", ["in the last bytes", "behind a comment", "for large archives"])
def test_a_zip_whose_table_is_too_large_is_not_opened(tmp_path, monkeypatch, told):
    """Millions of empty members fit into a file that is small enough, and take minutes and gigabytes to list."""
    path = write_zip(tmp_path / "1.zip", {"pictures/" + 300 * "a" + f"{number}.png": b"" for number in range(3000)})
    data = path.read_bytes()
    if told == "behind a comment":
        path.write_bytes(data[:-2] + b"\1\0x")
    if told == "for large archives":
        end, size = data[-22:], len(data) - 22
        (table,) = struct.unpack("<L", end[12:16])
        large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 3000, 3000, table, size - table)
        path.write_bytes(data[:-22] + large + struct.pack("<4sLQL", b"PK\6\7", 0, size, 1) + end[:12] + bytes(10))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == 3000
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(CourseError, match="no zip file, or a damaged one"):
        read_entry(path)


# --- counted --------------------------------------------------------------------------------------------------------


def test_a_second_run_scores_only_what_is_new(entries, hidden, tmp_path, monkeypatch):
    write_zip(entries / "ada/1.zip", picture_entry())
    before = scored(entries, hidden, tmp_path)["ada/1.zip"]
    write_zip(entries / "ada/2.zip", picture_entry(lambda ids: ids))
    asked = []
    whole = HiddenStreets.count
    monkeypatch.setattr(HiddenStreets, "count", lambda self, predicted: asked.append(1) or whole(self, predicted))
    results = scored(entries, hidden, tmp_path)
    assert len(asked) == 1 and results["ada/2.zip"].number == 2
    kept = results["ada/1.zip"]
    assert kept.score.evaluation == before.score.evaluation and torch.equal(
        kept.score.confusions, before.score.confusions
    )


def test_other_seconds_are_for_what_was_stopped_and_leave_all_scores_as_they_are(
    entries, hidden, tmp_path, monkeypatch
):
    write_zip(entries / "ada/quick.zip", picture_entry())
    write_zip(entries / "bo/slow.zip", picture_entry(lambda ids: ids))
    slow, asked = read_entry(entries / "bo/slow.zip").content, []

    def in_time(entry, predicted, images, conditions, **more):
        asked.append(entry.content)
        if entry.content == slow and conditions.seconds < 100:
            raise AnswerError("Your code was stopped.", stopped="time")
        return score(entry, predicted, images, conditions, **more)

    monkeypatch.setattr("autograder.competition.scoring.score", in_time)
    stopped = scored(entries, hidden, tmp_path, conditions=Conditions(seconds=10))
    assert stopped["bo/slow.zip"].score is None and len(asked) == 2
    for seconds in (1000, 1):
        results = scored(entries, hidden, tmp_path, conditions=Conditions(seconds=seconds))
        assert all(result.score for result in results.values()) and asked[2:] == [slow]
    scored(entries, hidden, tmp_path, conditions=Conditions(limits=Limits(open_files=64)))
    assert len(asked) == 5, "other limits are other conditions"


@pytest.mark.parametrize("old", ["{}", '{"begun": true, "score": {}}', '{"begun": true, "said": "no"}'])
def test_a_score_that_another_version_of_the_course_kept_is_measured_again(entries, hidden, tmp_path, old):
    write_zip(entries / "ada/1.zip", picture_entry())
    first = scored(entries, hidden, tmp_path)["ada/1.zip"]
    (kept,) = (tmp_path / "kept/evaluations").glob("*.json")
    kept.write_text(old)
    again = scored(entries, hidden, tmp_path)["ada/1.zip"]
    assert again.score.evaluation == first.score.evaluation and again.number == 1


def test_a_score_depends_on_the_zoos_libraries_and_on_what_is_done_beside_the_model(hidden, monkeypatch):
    images, conditions = HiddenStreets(hidden), Conditions()
    before = conditions.depends_on(images)
    monkeypatch.setattr("autograder.competition.score.version", lambda library: "another")
    assert conditions.depends_on(images) != before
    read, read_bytes = set(), Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.add(str(path)) or read_bytes(path))
    _fingerprint.__wrapped__()
    assert {inspect.getfile(code) for code in (multiply_adds, load_weights, Workbench, build_model)} <= read


def test_a_claim_is_that_of_its_entry_though_equal_pictures_are_scored_once(entries, hidden, tmp_path):
    """Neither a copy's claim nor one that was corrected is taken for another's."""
    for number, (team, claim) in enumerate({"ada": 10**9, "bo": 5, "cy": None}.items(), start=1):
        write_zip(entries / f"{team}/1.zip", picture_entry(claimed_multiply_adds=claim))
        os.utime(entries / f"{team}/1.zip", (number, number))
    results = scored(entries, hidden, tmp_path)
    assert [results[f"{team}/1.zip"].score.evaluation.multiply_adds for team in ("ada", "bo", "cy")] == [10**9, 5, 0]


def test_other_pictures_are_another_competition(entries, hidden, tmp_path):
    write_zip(entries / "ada/1.zip", picture_entry())
    first = scored(entries, hidden, tmp_path)["ada/1.zip"].score.evaluation.mean_iou
    other = shutil.copytree(hidden, tmp_path / "other")
    (other / "testing/semantic/000000_10.png").write_bytes(png(np.full(SIZE, 7, np.uint8)))
    assert scored(entries, other, tmp_path)["ada/1.zip"].score.evaluation.mean_iou != first


def test_attempts_are_limited_and_a_file_that_is_none_uses_up_none(entries, hidden, tmp_path):
    (entries / "ada").mkdir(parents=True)
    (entries / "ada/0.zip").write_bytes(b"PK damaged")
    for number in range(1, 5):
        write_zip(entries / f"ada/{number}.zip", picture_entry(lambda ids, n=number: np.roll(ids, n, 0)))
        os.utime(entries / f"ada/{number}.zip", (number, number))
    results = scored(entries, hidden, tmp_path, attempts=2)
    assert [results[f"ada/{n}.zip"].number for n in range(5)] == [None, 1, 2, None, None]
    assert "no zip file, or a damaged one" in results["ada/0.zip"].said
    assert "has used up its 2 attempts" in results["ada/3.zip"].said and results["ada/3.zip"].score is None


def test_more_attempts_are_not_had_by_renaming_deleting_or_another_folder_of_the_group(entries, hidden, tmp_path):
    groups = Groups({"tigers": ("ada", "grace")})
    write_zip(entries / "ada/1.zip", picture_entry())
    write_zip(entries / "ada/again.zip", picture_entry(name="another name"))
    results = scored(entries, hidden, tmp_path, attempts=2, groups=groups)
    assert {one.number for one in results.values()} == {1} and {one.team for one in results.values()} == {"tigers"}
    shutil.rmtree(entries / "ada")
    write_zip(entries / "grace/2.zip", picture_entry(lambda ids: ids))
    write_zip(entries / "tigers/3.zip", picture_entry(lambda ids: np.roll(ids, 1, 0)))
    os.utime(entries / "grace/2.zip", (1, 1))
    results = scored(entries, hidden, tmp_path, attempts=2, groups=groups)
    assert results["tigers/2.zip"].number == 2 and results["tigers/3.zip"].score is None
    os.remove(entries / "grace/2.zip")
    write_zip(entries / "grace/1.zip", picture_entry())
    (first, _) = scored(entries, hidden, tmp_path, attempts=2, groups=groups).values()
    assert (first.number, first.made) == (1, 2), "the one that was deleted stays counted"


def test_what_was_made_before_a_group_was_formed_counts_for_the_group(entries, hidden, tmp_path):
    write_zip(entries / "ada/1.zip", picture_entry())
    write_zip(entries / "ada/2.zip", picture_entry(lambda ids: ids))
    write_zip(entries / "grace/1.zip", picture_entry())
    scored(entries, hidden, tmp_path)
    write_zip(entries / "tigers/3.zip", picture_entry(lambda ids: np.roll(ids, 1, 0)))
    results = scored(entries, hidden, tmp_path, attempts=2, groups=Groups({"tigers": ("ada", "grace")}))
    assert {one.made for one in results.values()} == {2}, "the same one of two members is one"
    assert results["tigers/3.zip"].score is None and results["tigers/2.zip"].number == 2


def test_what_was_made_and_deleted_before_a_group_was_formed_counts_for_the_group(entries, hidden, tmp_path):
    write_zip(entries / "ada/1.zip", picture_entry())
    write_zip(entries / "ada/2.zip", picture_entry(lambda ids: ids))
    scored(entries, hidden, tmp_path)
    shutil.rmtree(entries / "ada")
    write_zip(entries / "tigers/3.zip", picture_entry(lambda ids: np.roll(ids, 1, 0)))
    groups = Groups({"tigers": ("ada", "grace")})
    (result,) = scored(entries, hidden, tmp_path, attempts=2, groups=groups).values()
    assert result.score is None and "has used up its 2 attempts" in result.said


def test_a_folder_whose_name_no_page_can_show_is_a_team_as_any_other(entries, hidden, tmp_path):
    """As a zip file of another system's encoding leaves it."""
    write_zip(entries / "\udcff\n" / "1.zip", picture_entry())
    (result,) = scored(entries, hidden, tmp_path).values()
    assert results_table([result]).encode().startswith(rb"\udcff\n ")
    page, table = write_board([result], tmp_path / "board", secret=b"secret", names=True, with_ids=True)
    assert r"\udcff\n" in page.read_text() and r"\udcff\n" in table.read_text()
    assert scored(entries, hidden, tmp_path, attempts=1)[rf"{result.team}/1.zip"].number == 1


def test_whose_code_fails_before_it_sees_a_picture_has_made_no_attempt(entries, hidden, tmp_path):
    write_zip(entries / "ada/1.zip", code_entry(arguments={"depth": 3}))
    fails = CODE.replace("return self", "assert not images.any(), images.mean()\n        return self")
    write_zip(entries / "ada/2.zip", code_entry(code=fails))
    results = scored(entries, hidden, tmp_path)
    before, after = results["ada/1.zip"], results["ada/2.zip"]
    assert before.number is None and "depth" in before.said and not before.private
    assert after.number == 1 and "AssertionError" in after.said and after.private, "it may tell what it saw"


def test_a_copy_is_scored_and_told_to_the_instructor(entries, hidden, tmp_path):
    write_zip(entries / "ada/1.zip", code_entry())
    write_zip(entries / "bo/1.zip", code_entry(name="mine"))
    write_zip(entries / "cy/1.zip", code_entry(code=f"{CODE}\nx = 1\n"))
    write_zip(entries / "di/1.zip", picture_entry())
    write_zip(entries / "eve/1.zip", {**picture_entry(), "pictures/000000_10.png": png_of_another_size_of_file()})
    for number, team in enumerate(("ada", "bo", "cy", "di", "eve"), start=1):
        os.utime(entries / f"{team}/1.zip", (number, number))
    results = scored(entries, hidden, tmp_path)
    assert results["ada/1.zip"].said is None and results["di/1.zip"].said is None
    assert results["bo/1.zip"].said == "ada 1.zip has the same content, and came first."
    assert results["cy/1.zip"].said == "ada 1.zip has the same weights, and came first."
    assert results["eve/1.zip"].said == "di 1.zip predicts the same on every picture, and came first."


def png_of_another_size_of_file() -> bytes:
    data = io.BytesIO()
    Image.fromarray(without_cars(labels(0))).save(data, "PNG", compress_level=0)
    return data.getvalue()


def test_a_list_of_attempts_that_is_damaged_is_not_begun_anew(tmp_path):
    (tmp_path / "attempts.json").write_text("[{]")
    with pytest.raises(CourseError, match="put back the last good copy"):
        Attempts(tmp_path / "attempts.json", Groups())


# --- hidden pictures ------------------------------------------------------------------------------------------------


def test_hidden_pictures_are_not_those_that_students_get(hidden, tmp_path):
    with pytest.raises(CourseError, match="which students get"):
        HiddenStreets(NOTEBOOKS / "data")
    with pytest.raises(CourseError, match="set-aside"):
        HiddenStreets(tmp_path)
    damaged = shutil.copytree(hidden, tmp_path / "damaged")
    (damaged / "testing/semantic/000001_10.png").write_bytes(png(np.full(SIZE, 99, np.uint8)))
    with pytest.raises(CourseError, match="no label ids of Cityscapes"):
        HiddenStreets(damaged)
    (damaged / "testing/semantic/000001_10.png").write_bytes(png(np.full((3, 4), 7, np.uint8)))
    with pytest.raises(CourseError, match="not as large as its picture"):
        HiddenStreets(damaged)


def test_labels_are_those_of_their_picture_whatever_it_is_called(tmp_path):
    """With its ending `street.png` stands behind `street-2.png`, and without it before."""
    root, names = write_hidden(tmp_path / "hidden"), ("street-2", "street", "a street")
    for number, name in enumerate(names):
        for kind in ("image_2", "semantic"):
            (root / "testing" / kind / f"{number:06d}_10.png").rename(root / "testing" / kind / f"{name}.png")
    ((images, truth),) = HiddenStreets(root).batches(SIZE)
    pairs = KittiPairs(root, "testing", size=SIZE)
    for index, name in enumerate(pairs.names):
        assert torch.equal(images[index], pairs[index])
        assert torch.equal(truth[index], train_ids(names.index(name)))


def test_pictures_are_set_aside_and_students_get_no_label_of_theirs(tmp_path):
    source = write_labelled(tmp_path / "kitti", 70)
    made = set_aside(source, tmp_path / "students", tmp_path / "hidden", 10, b"secret")
    assert made == {"labelled": 60, "hidden": 10}
    students, hidden = tmp_path / "students", HiddenStreets(tmp_path / "hidden")
    assert not (students / "testing/semantic").exists()
    kept = {path.name for path in (students / "training/semantic").iterdir()}
    # A picture's colour is its number: none is on both sides, and each has its own label.
    shown = [int(KittiPairs(students, "testing").raw(index)[0][0, 0, 0]) for index in range(10)]
    assert len(kept) == 60 and not {f"{number:06d}_10.png" for number in shown} & kept
    assert shown != sorted(shown), "the order tells nothing"
    assert [int(hidden._labels(name)[0, 0]) for name in hidden.names] == [number % 34 for number in shown]
    again = set_aside(source, tmp_path / "students2", tmp_path / "hidden2", 10, b"another secret")
    other = {int(KittiPairs(tmp_path / "students2", "testing").raw(index)[0][0, 0, 0]) for index in range(10)}
    assert again == made and other != set(shown)


def test_of_a_film_the_end_is_set_aside(tmp_path):
    names = [f"{number:06d}_10" for number in range(20)]
    source = write_labelled(tmp_path / "kitti", 20, json.dumps({"training": names[:15], "validation": names[15:]}))
    set_aside(source, tmp_path / "students", tmp_path / "hidden", 4, b"secret")
    shown = {int(KittiPairs(tmp_path / "students", "testing").raw(index)[0][0, 0, 0]) for index in range(4)}
    assert shown == {16, 17, 18, 19}
    assert KittiPairs(tmp_path / "students", "validation").names == names[12:16]


def test_too_few_pictures_and_a_folder_of_students_are_refused(tmp_path):
    source = write_labelled(tmp_path / "kitti", 55)
    with pytest.raises(CourseError, match="too few"):
        set_aside(source, tmp_path / "students", tmp_path / "hidden", 10, b"secret")
    with pytest.raises(CourseError, match="which students get"):
        set_aside(source, tmp_path / "students", NOTEBOOKS / "hidden", 2, b"secret")
    assert not (tmp_path / "students").exists()


def test_no_entries_are_a_sentence(hidden, tmp_path):
    with pytest.raises(CourseError, match="There are no entries"):
        score_entries(tmp_path, hidden, tmp_path / "kept")


def test_an_entry_from_a_notebook_is_small(desk):
    made = enter_code(competitor(), image_size=SIZE)
    with zipfile.ZipFile(made) as archive:
        assert set(archive.namelist()) == {"entry.json", "code.json", "model.safetensors"}
    first = made.read_bytes()
    assert enter_code(competitor(), image_size=SIZE).read_bytes() == first, "the same entry, the same file"
