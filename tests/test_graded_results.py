"""A trained model before the grader: evaluated with the student's code, judged on the trusted side, kept by content."""

import json
import math
import os
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch.nn import functional
from torchmetrics.functional.classification import multiclass_jaccard_index

from autograder.course.up_to_date import state_of
from autograder.evaluation.counting import confusion_of, mean_of, per_class
from autograder.evaluation.images import EvaluationImages
from autograder.evaluation.trained_model import KeptEvaluations, Rules, judge_trained_model
from autograder.grading.feedback import task_html, task_text
from autograder.grading.notebook import Settings, verdict_basis
from autograder.grading.verdicts import Basis, TaskVerdict, Verdict, changes
from autograder.paths import NOTEBOOKS
from autograder.sandbox import Limits, Submission, Worker
from autograder.triage.finding import find_files
from autograder.triage.results import choose_results
from segkit.checking.workbench import Workbench
from segkit.errors import CourseError
from segkit.evaluation.scale import read_scale
from segkit.sample import make_sample
from segkit.student import Cell, load_cells
from segkit.subset import build_subset

MODEL = """
import torch
from torch import nn

class SegFormer(nn.Module):
    def __init__(self, num_classes=4, width=8):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.norm = nn.BatchNorm2d(width)
        self.classify = nn.Conv2d(width, num_classes, 1)

    def forward(self, images):
        return self.classify(self.norm(self.patches(images)).relu())
"""
LINEAR = "0: 0, 1: 1"  # the share of the points is the mean IoU


class InProcess:
    """A worker for code that can be trusted; counts how often one was started."""

    started = 0

    def __init__(self, submission: Submission, *, limits: Limits) -> None:
        type(self).started += 1
        loaded = load_cells(submission.main, submission.cells[submission.main])
        self.perform = Workbench(loaded.module).perform

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A drawn four-class set; a part of what it shows is unlabelled."""
    folder = tmp_path_factory.mktemp("drawn")
    build_subset(make_sample(folder / "raw", 2, 9), folder / "four", unlabelled="ignore", progress=False)
    return folder / "four"


@pytest.fixture
def rules(four):
    return Rules(four, read_scale(LINEAR))


def model_of(source: str = MODEL) -> torch.nn.Module:
    torch.manual_seed(3)
    return load_cells("03_model", [Cell(1, source)]).module.SegFormer(width=8)


def weights_of(model) -> bytes:
    return save({name: value.clone() for name, value in model.state_dict().items()})


def settings_text(**other) -> bytes:
    return json.dumps({"arguments": {"width": 8}, "image_size": [64, 96], "name": "Ada"} | other).encode()


def hand_in(folder: Path, files: dict[str, bytes] | None = None):
    """Write files below `submitted/ada/segformer`, by default a model and its settings; what triage finds."""
    files = {"results/model.safetensors": weights_of(model_of()), "results/settings.json": settings_text()} | (
        files or {}
    )
    for name, data in files.items():
        path = folder / "submitted" / "ada" / "segformer" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return found(folder)


def found(folder: Path):
    return choose_results(find_files(folder / "submitted" / "ada" / "segformer", []))


def judge(results, rules, source=MODEL, *, worker=InProcess, kept=None, limits=None):
    submission = Submission("segformer", "03_model", {"03_model": [Cell(1, source)]})
    return judge_trained_model(
        results,
        submission,
        "SegFormer",
        rules,
        limits=limits or Limits(),
        make_worker=worker,
        kept=kept or KeptEvaluations(None),
        report=lambda done, total: None,
    )


def worth(judged) -> TaskVerdict:
    return TaskVerdict("trained_model", 5.0, [judged.finding])


def test_the_sandbox_measures_what_torchmetrics_measures_here(tmp_path, rules, four):
    judged = judge(hand_in(tmp_path), rules, worker=Worker)
    model, images = model_of().eval(), EvaluationImages(four)
    predicted, truth = [], []
    for batch, labels in images.batches((64, 96)):
        with torch.no_grad():
            logits = functional.interpolate(model(batch), (256, 256), mode="bilinear", align_corners=False)
        predicted.append(logits.argmax(1))
        truth.append(labels.long())
    truth = torch.cat(truth)
    assert 0 < (truth == 255).float().mean() < 1, "there is something to leave out"
    right = multiclass_jaccard_index(torch.cat(predicted), truth, 4, ignore_index=255)
    evaluation = judged.evaluation
    assert evaluation.mean_iou == pytest.approx(float(right), abs=1e-6)
    assert evaluation.images == len(images) and evaluation.name == "Ada"
    assert evaluation.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert evaluation.multiply_adds == 16 * 24 * (8 * 48 + 4 * 8)
    assert worth(judged).points == round(5 * evaluation.mean_iou, 2)


def test_classes_that_do_not_occur_do_not_count_and_unlabelled_pixels_neither():
    logits = torch.zeros(1, 4, 2, 2)
    logits[0, 1] = 1.0
    labels = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    labels[0, :2], labels[0, 2, 0] = 1, 0
    confusion = confusion_of(logits, labels)
    assert confusion.sum() == 9 and confusion[1, 1] == 8 and confusion[0, 1] == 1
    assert per_class(confusion) == [0.0, 8 / 9, None, None] and mean_of(per_class(confusion)) == pytest.approx(4 / 9)
    assert mean_of([None] * 4) == 0.0


def test_words_say_what_was_measured_and_no_image_is_named(tmp_path, rules, four):
    judged = judge(hand_in(tmp_path), rules)
    task = worth(judged)
    for text in (task_text(task), task_html(task, [])):
        assert f"Mean IoU {judged.evaluation.mean_iou:.4f} on {judged.evaluation.images} images: background 0." in text
        assert "multiply-adds" in text and "0 earns 0%, 1 earns 100%" in text and f"{task.points:g} of 5" in text
        assert "sample_val" not in text and str(four) not in text
    below = judge(hand_in(tmp_path), Rules(four, read_scale("0.9: 0, 1: 1")))
    assert worth(below).points == 0 and "✗" in task_text(worth(below))


def test_what_is_measured_once_is_kept_by_content(tmp_path, rules, four):
    def kept(*depends_on, fresh=False):
        return KeptEvaluations(tmp_path / "kept", *depends_on, fresh=fresh)

    results = hand_in(tmp_path)
    first = judge(results, rules, kept=kept("code"))
    started = InProcess.started
    assert judge(results, rules, kept=kept("code")) == first
    renamed = judge(hand_in(tmp_path, {"results/settings.json": settings_text(name="Bo")}), rules, kept=kept("code"))
    assert renamed.evaluation.name == "Bo" and renamed.evaluation.mean_iou == first.evaluation.mean_iou
    another_scale = judge(results, Rules(four, read_scale("0: 0, 0.01: 1")), kept=kept("code"))
    assert worth(another_scale).points == 5.0
    assert InProcess.started == started, "nothing was measured again"
    for number, (again, files) in enumerate(
        [
            (kept("code", fresh=True), {}),
            (kept("other code"), {}),
            (kept("code"), {"results/settings.json": settings_text(image_size=[64, 64])}),
            (kept("code"), {"results/model.safetensors": weights_of(model_of().half())}),
        ],
        start=1,
    ):
        judge(hand_in(tmp_path, files), rules, kept=again)
        assert InProcess.started == started + number


def test_a_kept_file_that_is_damaged_is_measured_again(tmp_path, rules):
    for spoil in ("", "{}", "[]", '{"image_size": 3}'):
        judged = judge(hand_in(tmp_path), rules, kept=KeptEvaluations(tmp_path / "kept", "code"))
        [path] = (tmp_path / "kept").rglob("*.json")
        path.write_text(spoil)
    assert judge(hand_in(tmp_path), rules, kept=KeptEvaluations(tmp_path / "kept", "code")).model == judged.model


def test_without_images_nobody_gets_points_and_nothing_is_started(tmp_path):
    started = InProcess.started
    judged = judge(hand_in(tmp_path), Rules())
    assert judged.finding.message.startswith("Not evaluated") and worth(judged).points == 0
    assert judged.evaluation is None and InProcess.started == started


def test_a_folder_that_cannot_be_used_ends_the_run_with_a_sentence(tmp_path, four):
    with pytest.raises(CourseError, match="holds no four-class data set"):
        Rules(tmp_path).images.digest  # noqa: B018
    with pytest.raises(CourseError, match="which students get"):
        EvaluationImages(NOTEBOOKS / "data" / "four_class")
    (tmp_path / "copy").mkdir()
    manifest = json.loads((four / "manifest.json").read_text())
    manifest["splits"]["validation"]["parts"] = []
    (tmp_path / "copy" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CourseError, match="has no validation images"):
        EvaluationImages(tmp_path / "copy")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"results/model.safetensors": b""}, "damaged or no safetensors file"),
        ({"results/model.safetensors": b"\x80\x04." + bytes(50)}, "holds a pickle"),
        ({"results/model.safetensors": save({"a": torch.tensor([math.nan])})}, "NaN or infinity"),
        ({"results/settings.json": b"{"}, "damaged or no JSON"),
        ({"results/settings.json": settings_text(image_size=[10**9, 64])}, "whole numbers from 32"),
        ({"results/settings.json": bytes(70_000)}, "is no settings file"),
    ],
)
def test_files_that_cannot_be_used_cost_their_points_alone_and_no_process(tmp_path, rules, files, words):
    started = InProcess.started
    judged = judge(hand_in(tmp_path, files), rules)
    assert words in judged.finding.message and worth(judged).points == 0
    assert judged.evaluation is None and InProcess.started == started


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return self.classify", "return 'labels' or self.classify", "is no tensor of floats"),
        (".relu())", ".relu()).argmax(1)", "is no tensor of floats"),
        (".relu())", ".relu())[:, :3]", r"has the shape (9, 3, 16, 24)"),
        (".relu())", ".relu())[:2]", r"has the shape (2, 4, 16, 24)"),
        (".relu())", ".relu()) * float('nan')", "NaN or infinity"),
        ("return self.classify", "raise ValueError('no') or self.classify", "Your code raised ValueError: no"),
        ("class SegFormer", "class Other", "SegFormer is not defined"),
        ("num_classes=4, width=8", "num_classes=4, breadth=8", "Your code raised TypeError"),
        ("nn.BatchNorm2d(width)", "nn.Identity()", "belongs to another model than SegFormer"),
    ],
)
def test_code_that_gives_no_segmentation_is_said_to(tmp_path, rules, old, new, words):
    judged = judge(hand_in(tmp_path), rules, MODEL.replace(old, new))
    assert words in judged.finding.message and worth(judged).points == 0 and judged.model


def test_a_model_that_remembers_or_trains_is_taken_as_it_answers(tmp_path, rules):
    remembering = MODEL.replace(
        "        return self", "        self.train()\n        self.last = images\n        return self"
    )
    judged = judge(hand_in(tmp_path), rules, remembering)
    assert judged.finding.message is None and judged.evaluation.images == 9


def test_a_model_that_never_ends_is_stopped_and_costs_nobody_else(tmp_path, four):
    endless = MODEL.replace("        return self", "        while images.ndim == 4: pass\n        return self")
    judged = judge(hand_in(tmp_path), Rules(four, read_scale(LINEAR), seconds=2.0), endless, worker=Worker)
    assert judged.finding.stopped == "time" and "2 seconds" in judged.finding.message and worth(judged).points == 0


def test_the_models_files_are_found_wherever_they_are(tmp_path):
    both = {"model.safetensors": weights_of(model_of()), "settings.json": settings_text()}

    def results(name: str, **files: bytes):
        folder = tmp_path / name
        for path, data in files.items():
            place = folder / "submitted" / "ada" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return found(folder)

    usual = results("usual", **{f"segformer/results/{name}": data for name, data in both.items()})
    assert (usual.missing, usual.found) == (None, None)
    beside = results("beside", **{f"results/{name}": data for name, data in both.items()})
    assert beside.missing is None and beside.found.startswith("The trained model is results/model.safetensors")
    renamed = results(
        "renamed",
        **{"segformer/my model (1).safetensors.txt": both["model.safetensors"], "segformer/settings-1.json": b"{}"},
    )
    assert renamed.missing is None and "my model (1).safetensors.txt with settings-1.json" in renamed.found
    two = results(
        "two",
        **{f"segformer/results/{name}": data for name, data in both.items()},
        **{"segformer/aaa.safetensors": b"x", "segformer/checkpoints/first/settings.json": b"{}"},
    )
    assert two.checkpoint.parts[-2:] == ("results", "model.safetensors") and "(aaa.safetensors left aside)" in two.found
    assert two.settings.parts[-2:] == ("results", "settings.json")
    assert "lacks its settings.json" in results("alone", **{"segformer/results/model.safetensors": b"x"}).missing
    assert results("none", **{"segformer/01_data.ipynb": b"{}"}).missing.startswith("No trained model was handed in")


def test_links_and_folders_are_not_opened(tmp_path):
    folder = tmp_path / "submitted" / "ada" / "segformer" / "results"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_bytes(weights_of(model_of()))
    (folder / "model.safetensors").symlink_to(tmp_path / "secret")
    (folder / "settings.json").write_bytes(settings_text())
    assert "is no ordinary file that can be opened" in found(tmp_path).missing
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    assert "is no ordinary file that can be opened" in found(tmp_path).missing
    (folder / "model.safetensors").rmdir()
    os.mkfifo(folder / "model.safetensors")
    assert "is no ordinary file that can be opened" in found(tmp_path).missing


def test_a_model_that_is_too_large_is_not_read(tmp_path, rules):
    results = hand_in(tmp_path)
    with results.checkpoint.student.joinpath(*results.checkpoint.parts).open("wb") as file:
        file.truncate(70 * 2**20)
    assert "has 70 MiB, and 64 may be handed in" in judge(found(tmp_path), rules).finding.message


def test_a_changed_model_or_changed_rules_make_a_graded_submission_out_of_date(tmp_path, four):
    settings = Settings(secret=b"x", rules=Rules(four, read_scale(LINEAR)))
    student, released = tmp_path / "submitted" / "ada", tmp_path / "released"
    hand_in(tmp_path)

    def state(settings):
        return state_of(student, verdict_basis("segformer", "content", settings), released)

    before = state(settings)
    assert before == state(settings)
    for rules in (Rules(), Rules(four, read_scale("0: 0, 0.5: 1")), Rules(four, read_scale(LINEAR), seconds=5.0)):
        assert state(Settings(secret=b"x", rules=rules)) != before
    hand_in(tmp_path, {"results/model.safetensors": weights_of(model_of().half())})
    assert state(settings) != before


def test_a_mark_that_another_model_changed_is_said_so(tmp_path, rules, four):
    basis = Basis("t", "e", "c", {}, "cpu", {}, "bubblewrap", "s", 0, rules.fingerprint)

    def verdict(judged, basis=basis):
        task = {"trained_model": worth(judged)}
        return Verdict(
            "segformer", "04_results", "content", basis, task, [], model=judged.model, evaluation=judged.evaluation
        )

    first = verdict(judge(hand_in(tmp_path), rules))
    first.write(tmp_path / "before.json")
    assert json.loads((tmp_path / "before.json").read_text())["evaluation"]["mean_iou"] == first.evaluation.mean_iou
    worse = model_of()
    torch.nn.init.zeros_(worse.classify.weight)
    second = verdict(judge(hand_in(tmp_path, {"results/model.safetensors": weights_of(worse)}), rules))
    [change] = changes(tmp_path / "before.json", second)
    assert change.endswith("because another trained model was handed in")
    other = Basis(**asdict(basis) | {"evaluation": "other"})
    [change] = changes(
        tmp_path / "before.json", verdict(judge(hand_in(tmp_path), Rules(four, read_scale("0: 0, 0.5: 1"))), other)
    )
    assert change.endswith("because the images or rules by which trained models are evaluated changed")
