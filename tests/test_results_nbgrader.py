"""A trained model through the real `nbgrader autograde`: its mark, what is said of it, and where its files do not go.

Ada hands in all of the reference, with a model that nobody trained; bo the notebooks as they were released, with a
pickle in a checkpoint's place. Only notebook 4 is graded.
"""

import contextlib
import io
import json
import pickle
import shutil
import subprocess
import sys

import pytest
import torch
from intro_course import environment

from autograder.completion import complete_assignment
from autograder.course.course import Course
from autograder.course.run_record import LAST_RUN
from autograder.demo import open_course
from autograder.reference import load_reference
from segkit.evaluation.saving import save_results
from segkit.sample import make_sample
from segkit.subset import build_subset

ASSIGNMENT, NOTEBOOK, TASK = "segformer", "04_results", "trained_model"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory):
    """The course after one run with images set aside: it, the folder of the images, and what the run said."""
    root = tmp_path_factory.mktemp("results")
    build_subset(make_sample(root / "raw", 1, 4), root / "set_aside", progress=False)
    course = open_course(root / "course", ASSIGNMENT)
    released = course.root / "notebooks" / ASSIGNMENT
    ada, bo = (course.root / "submitted" / student / ASSIGNMENT for student in ("ada", "bo"))
    complete_assignment(ASSIGNMENT, ada, released=released)
    torch.manual_seed(0)
    model = load_reference(ASSIGNMENT)["03_model"].SegFormer(num_classes=4)
    with contextlib.redirect_stdout(io.StringIO()):
        save_results(model, ada / "results", image_size=(64, 64), arguments={"num_classes": 4}, name="Countess")
    (ada / "results" / "metrics.json").write_text('{"mean_iou": 0.99}')
    shutil.copytree(released, bo)
    (bo / "results").mkdir()
    (bo / "results" / "model.safetensors").write_bytes(pickle.dumps({"mean_iou": 0.99}))
    (bo / "results" / "settings.json").write_text('{"arguments": {}, "image_size": [64, 64]}')
    return course, root / "set_aside", autograde(course, f"--GradeInWorker.results_data={root / 'set_aside'}")


def autograde(course: Course, *options: str) -> str:
    call = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, f"--notebook={NOTEBOOK}"]
    call += ["--GradeInWorker.results_scale=0: 0, 1: 1", *options]
    run = subprocess.run(call, cwd=course.root, env=environment(), capture_output=True, text=True, timeout=800)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stderr


def verdict(course: Course, student: str) -> dict:
    return json.loads((course.root / "verdicts" / ASSIGNMENT / student / f"{NOTEBOOK}.json").read_text())


def score(course: Course, student: str) -> tuple[float, float]:
    [mark] = [mark for mark in course.marks()[student] if mark.cell == TASK]
    return mark.score, mark.maximum


def test_the_mark_is_the_mean_iou_on_top_of_the_assignments_points(course):
    course, _, said = course
    measured = verdict(course, "ada")["evaluation"]
    assert 0 < measured["mean_iou"] < 0.5 and measured["images"] == 4 and measured["name"] == "Countess"
    assert score(course, "ada") == (round(5 * measured["mean_iou"], 2), 0.0)
    assert score(course, "bo") == (0.0, 0.0) and verdict(course, "bo")["evaluation"] is None
    assert "holds a pickle" in verdict(course, "bo")["tasks"][TASK]["findings"][0]["message"]
    assert "No trained model was evaluated" not in said


def test_models_are_not_copied_and_images_are_not_named(course):
    course, set_aside, _ = course
    copied = [path.name for path in (course.root / "autograded").rglob("*") if path.is_file()]
    assert f"{NOTEBOOK}.ipynb" in copied and not [name for name in copied if "safetensors" in name]
    page = (course.root / "autograded" / "ada" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text()
    assert "Mean IoU 0." in page and "sample_val" not in page and str(set_aside) not in page


def test_without_images_the_run_says_so_and_with_them_again_nothing_is_measured_twice(course):
    course, set_aside, _ = course
    before = verdict(course, "ada")["evaluation"]
    said = autograde(course, "--force")
    assert said.count("No trained model was evaluated, so nobody got points for one") == 1
    assert score(course, "ada")[0] == 0 and "Not evaluated" in json.dumps(verdict(course, "ada"))
    changed = json.loads((course.root / "verdicts" / ASSIGNMENT / LAST_RUN).read_text())["changed"]["ada"]
    assert "trained_model" in changed[0] and "images or rules" in changed[0]
    remove_graded(course)
    autograde(course, f"--GradeInWorker.results_data={set_aside}")
    assert verdict(course, "ada")["evaluation"] == before, "the seconds, too, are those of the first time"


def remove_graded(course: Course) -> None:
    """So that nbgrader looks at the submissions again, without --force, which would measure anew."""
    for path in (course.root / "autograded").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(course.root / "autograded")


def test_a_folder_that_is_no_set_ends_the_run_before_anything_is_graded(course, tmp_path):
    course, _, _ = course
    call = [sys.executable, "-m", "autograder", "grade", "--results-data", str(tmp_path)]
    run = subprocess.run(call, cwd=course.root, env=environment(), capture_output=True, text=True, timeout=300)
    assert "holds no four-class data set" in run.stderr and "Traceback" not in run.stderr
