"""`make demo`: the whole course once, small: data, notebooks, a short training, a class graded, feedback.

Everything it makes stands in `demo/segformer/`; nothing of a running course is touched.
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from autograder.building.build import build_student_notebooks, write_instructor_notebooks
from autograder.completion import Mistake, complete_assignment
from autograder.course.course import Course
from autograder.leaderboard.writing import write_leaderboard
from autograder.paths import ROOT
from autograder.reference import load_reference
from segkit.errors import CourseError
from segkit.evaluation.saving import save_results

ASSIGNMENT = "segformer"
MARK = ".made_by_a_demo"  # a file in the folder of a demo, which the next one may empty
TRAINING_STEPS, BATCH_SIZE = 160, 8
IMAGE_SIZE, TARGET_SIZE = (128, 128), (32, 32)  # half the course's side: a fair picture in two minutes on two cores

CLASSMATES = {
    "ada_full_solution": [],
    "bo_scaled_by_all_channels": [
        Mistake(
            "scores divided by the root of all channels, not of a head's",
            "02_modules",
            "EfficientSelfAttention",
            "math.sqrt(channels // num_heads)",
            "math.sqrt(channels)",
        )
    ],
    "cy_flips_image_and_mask_apart": [
        Mistake(
            "a coin for the image and another one for the mask",
            "01_data",
            "joint_transform",
            "image, mask = v2.RandomHorizontalFlip(flip_probability)(image, mask)",
            "flip = v2.RandomHorizontalFlip(flip_probability)\n    image, mask = flip(image), flip(mask)",
        )
    ],
    "di_counts_absent_classes_as_zero": [
        Mistake("absent classes counted as 0", "03_model", "mean_iou", "occurs = union > 0", "occurs = union >= 0"),
        Mistake("0 / 0 avoided", "03_model", "mean_iou", "/ union[occurs]).mean()", "/ union.clamp(min=1)).mean()"),
    ],
}
UNTOUCHED = "eve_untouched_release"
# Who hands in the trained model too, and what the leaderboard calls them. The weights are the same, the code is not.
TRAINED = {"ada_full_solution": "Ada", "bo_scaled_by_all_channels": None}


def main() -> int:
    """Run the demo; 0 if every step succeeded."""
    return run_demo("autograder.demo", __doc__, ROOT / "demo" / ASSIGNMENT, _run)


def run_demo(module: str, description: str, folder: Path, run: Callable[[Path | None, Path], int]) -> int:
    """Run a demo from the command line: `run` gets the photographs, or None, and an empty folder for all that it makes.

    Returns:
        What `run` returns; 2, after a sentence, if something that it needs cannot be used.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--data", type=Path, help="an ADEChallengeData2016 folder or zip (default: drawn scenes)")
    parser.add_argument("--out", type=Path, default=folder, help="folder for everything the demo makes")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        _empty(options.out, folder)
        status = run(options.data, options.out)
    except CourseError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    print(f"\nFinished in {time.monotonic() - started:.0f} seconds.")
    return status


def _empty(out: Path, usual: Path) -> None:
    """Make the folder, without what an earlier demo left there.

    Raises:
        CourseError: if something else stands in it, which nobody wants to lose.
    """
    ours = out.resolve() == usual.resolve() or (out / MARK).is_file()
    if not ours and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CourseError(f"{out} holds what no demo has made: give --out the name of a new folder.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()


def _run(data: Path | None, out: Path) -> int:
    step(1, 7, "the four-class data set" + (f" from {data}" if data else " from the synthetic sample"))
    subset = _build_data(data, out)
    step(2, 7, "the student notebooks, through nbgrader's generate_assignment")
    course = open_course(out / "course")
    step(3, 7, "a short training of the reference")
    model, pictures = _train(subset, out)
    step(4, 7, f"a class of {len(CLASSMATES) + 1} submissions")
    hand_in(course)
    _hand_in_models(course, model)
    step(5, 7, "nbgrader autograde; trained models are evaluated on the validation images")
    status = course.autograde(results_data=subset)
    step(6, 7, "nbgrader generate_feedback")
    status = course.generate_feedback() or status
    step(7, 7, "the marks, and the leaderboard of trained models")
    print(course.marks_table())
    write_leaderboard(course.root, ASSIGNMENT, course.root / "leaderboard")
    _where_to_look(course, pictures)
    return status


def step(number: int, of: int, what: str) -> None:
    """Say which of how many steps of a demo begins."""
    print(f"\n[{number}/{of}] {what}", flush=True)


def _build_data(data: Path | None, out: Path) -> Path:
    from segkit.sample import make_sample
    from segkit.subset import build_subset, summary

    source = data or make_sample(out / "sample")
    # What nobody labelled is left out of loss and metric on photographs; in the drawn scenes everything is labelled.
    manifest = build_subset(source, out / "four_class", unlabelled="ignore" if data else "background")
    print(summary(manifest))
    return out / "four_class"


def open_course(root: Path, assignment: str = ASSIGNMENT) -> Course:
    """A new course in `root`: its settings, its notebooks, and a gradebook that knows the assignment."""
    root.mkdir(parents=True)
    course = Course(root, assignment)
    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    write_instructor_notebooks(assignment, root / "solutions" / assignment)
    built = build_student_notebooks(assignment, root / "notebooks" / assignment, course.db_url)
    print("\n".join(_short(path) for path in built))
    return course


def _train(subset: Path, out: Path) -> tuple[nn.Module, list[Path]]:
    from segkit.data import FourClassADE20K, Photographs
    from segkit.training import fit, load_best

    code = load_reference(ASSIGNMENT)
    transform = partial(code["01_data"].joint_transform, image_size=IMAGE_SIZE, target_size=TARGET_SIZE)
    train_set = FourClassADE20K(subset, "training", transform)
    val_set = FourClassADE20K(subset, "validation", partial(transform, flip_probability=0.0))
    torch.manual_seed(0)
    model = code["03_model"].SegFormer(num_classes=4)
    history = fit(
        model,
        train_set,
        val_set,
        out / "training",
        loss=code["03_model"].segmentation_loss,
        confusion_matrix=code["03_model"].confusion_matrix,
        mean_iou=code["03_model"].mean_iou,
        epochs=max(2, round(TRAINING_STEPS * BATCH_SIZE / len(train_set))),
        batch_size=BATCH_SIZE,
        learning_rate=5e-4,
        head_learning_rate_factor=1.0,
    )
    print(f"best mean IoU {history.best_mean_iou:.3f} in epoch {history.best_epoch}")
    load_best(model, out / "training")
    return model, _save_pictures(model, history, Photographs(subset), code["04_results"], out)


def _save_pictures(model, history, photographs, results, out: Path) -> list[Path]:
    from segkit import plots

    shown = [photographs[index] for index in range(0, len(photographs), max(1, len(photographs) // 4))][:4]
    predictions = [results.predict_full_resolution(model, image, input_size=IMAGE_SIZE) for image, _ in shown]
    figures = {
        "curves.png": plots.show_curves(history),
        "predictions.png": plots.show_predictions([i for i, _ in shown], [mask for _, mask in shown], predictions),
    }
    for name, figure in figures.items():
        figure.savefig(out / name, dpi=120, bbox_inches="tight")
    return [out / name for name in figures]


def hand_in(
    course: Course, classmates: Mapping[str, Sequence[Mistake]] = CLASSMATES, untouched: str = UNTOUCHED
) -> None:
    """Put the class's submissions into `submitted/`.

    Args:
        classmates: the mistakes of each, by student.
        untouched: who hands in the notebooks as they were released.
    """
    submitted, released = course.root / "submitted", course.root / "notebooks" / course.assignment
    for student, mistakes in classmates.items():
        complete_assignment(course.assignment, submitted / student / course.assignment, mistakes, released=released)
        print(f"{student}: {mistakes[0].name if mistakes else 'the reference, whole'}")
    shutil.copytree(released, submitted / untouched / course.assignment)
    print(f"{untouched}: the notebooks as they were released")


def _hand_in_models(course: Course, model: nn.Module) -> None:
    """Put the trained model beside some of the notebooks, as the end of notebook 4 does."""
    for student, name in TRAINED.items():
        folder = course.root / "submitted" / student / ASSIGNMENT / "results"
        print(f"{student}: the trained model too")
        with contextlib.redirect_stdout(io.StringIO()):
            save_results(model, folder, image_size=IMAGE_SIZE, arguments={"num_classes": 4}, name=name)


def _where_to_look(course: Course, pictures: list[Path]) -> None:
    feedback = course.root / "feedback" / "bo_scaled_by_all_channels" / ASSIGNMENT / "02_modules.html"
    lines = {
        "curves and predictions": ", ".join(_short(path) for path in pictures),
        "what a student sees": _short(course.root / "notebooks" / ASSIGNMENT),
        "feedback, for example": _short(feedback),
        "hidden tests' findings": _short(course.root / "verdicts"),
        "leaderboard": _short(course.root / "leaderboard" / "index.html"),
        "what the class got wrong": f"cd {_short(course.root)} && python -m autograder misconceptions",
        "gradebook in a browser": f"cd {_short(course.root)} && jupyter lab, then Nbgrader > Formgrader",
        "your own course": "make release, fill submitted/, nbgrader autograde segformer (README.md)",
    }
    width = max(map(len, lines))
    print("\nWhere to look next\n" + "\n".join(f"  {name.ljust(width)}  {where}" for name, where in lines.items()))


def _short(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(main())
