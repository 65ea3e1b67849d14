"""`make demo-transfer`: the second assignment once, small: data, notebooks, five runs and their report, a class graded.

Everything it makes stands in `demo/transfer/`; nothing of a running course is touched.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torchvision.models.segmentation import fcn_resnet50

from autograder.completion import Mistake
from autograder.course.course import Course
from autograder.demo import hand_in, open_course, run_demo, step
from autograder.paths import ROOT
from autograder.reference import load_reference
from segkit.transfer.data import PET_CLASSES, CityscapesPairs, PetPairs, locate_cityscapes, locate_pets
from segkit.transfer.recipe import Recipe
from segkit.transfer.report import class_scores, show_masks, show_roc, show_runs, show_shares, targets_of
from segkit.transfer.runs import Run, read_runs, runs_table
from segkit.transfer.sets import Sets
from segkit.transfer.training import load_run, train_run

ASSIGNMENT = "transfer"
# Smaller than in the recipe, for there are far fewer pictures than in the two data sets.
EPOCHS, STREET_EPOCHS, BATCH_SIZE = 12, 24, 16
FCN, SCRATCH, TUNED = "fcn_from_scratch", "segformer_from_scratch", "segformer_fine_tuned"
FROZEN = {"segformer_frozen_1e-3": 1e-3, "segformer_frozen_5e-4": 5e-4}

CLASSMATES = {
    "ada_full_solution": [],
    "bo_draws_roc_curves_of_the_argmax": [
        Mistake(
            "ROC curves of the chosen class, not of the scores",
            "05_report",
            "roc_curve",
            "scores[:, label][labelled]",
            "(scores.argmax(dim=1) == label)[labelled]",
        )
    ],
    "cy_freezes_no_statistics": [
        Mistake(
            "the normalisation layers of a frozen encoder go on collecting statistics",
            "02_fcn",
            "freeze_encoder",
            "    encoder.register_forward_pre_hook(stay_in_evaluation_mode)",
            "    # encoder.register_forward_pre_hook(stay_in_evaluation_mode)",
        )
    ],
}
UNTOUCHED = "eve_untouched_release"


def main() -> int:
    """Run the demo; 0 if every step succeeded."""
    return run_demo("autograder.demo_transfer", __doc__, ROOT / "demo" / ASSIGNMENT, _run)


def _run(data: Path | None, out: Path) -> int:
    step(1, 6, "two data sets, in the layouts of Oxford-IIIT Pet and Cityscapes")
    pets, test, streets = _data_sets(data, out / "data")
    step(2, 6, "the student notebooks, through nbgrader's generate_assignment")
    course = open_course(out / "course", ASSIGNMENT)
    step(3, 6, "five runs of the reference on pets, and the pre-training on streets")
    code = load_reference(ASSIGNMENT)
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH_SIZE)
    train_all(code, pets, streets, out / "runs", recipe, STREET_EPOCHS)
    step(4, 6, "the report: figures and table, from the runs' logs and weights")
    runs = read_runs(out / "runs", data="pets")
    pictures = _write_report(code, runs, pets, test, out)
    step(5, 6, f"a class of {len(CLASSMATES) + 1} submissions")
    hand_in(course, CLASSMATES, UNTOUCHED)
    step(6, 6, "nbgrader autograde, and the marks")
    status = course.autograde()
    print(course.marks_table())
    _where_to_look(course, pictures)
    return status


def _data_sets(data: Path | None, folder: Path) -> tuple[Sets, PetPairs, Sets]:
    """Pets to train on, pets to report on, and streets: photographs of `data`, or drawn scenes."""
    for setting in ("DATA", "PETS", "CITYSCAPES"):
        os.environ.pop(setting, None)
    if data:
        os.environ["DATA"] = str(data.resolve())
    root, streets = locate_pets(folder), locate_cityscapes(folder)
    pets = [PetPairs(root, split, cache=folder) for split in ("training", "validation", "test")]
    both = [CityscapesPairs(streets, split, cache=folder) for split in ("training", "validation")]
    print(f"pets: {', '.join(str(len(part)) for part in pets)} to train, validate and report on")
    print(f"streets: {' and '.join(str(len(part)) for part in both)} to train and validate on")
    return Sets("pets", *pets[:2], num_classes=3), pets[2], Sets("cityscapes", *both, num_classes=19)


def train_all(
    code: Mapping[str, ModuleType],
    pets: Sets,
    streets: Sets,
    folder: Path,
    recipe: Recipe,
    street_epochs: int,
    **options,
) -> None:
    """Train the five runs of the assignment, and the one on streets whose encoder three of them begin with.

    Args:
        code: the notebooks of the assignment as modules.
        folder: of the runs.
        options: of `train_run`.
    """
    metric, optimizer = code["01_data_and_metric"].SegmentationMetric, code["02_fcn"].build_optimizer
    network = code["03_segformer"].PetSegFormer

    def run(name: str, model: nn.Module | Callable[[], nn.Module], data: Sets, **changes) -> None:
        settings = dict(metric=metric, optimizer=optimizer, recipe=replace(recipe, **changes), folder=folder)
        print(train_run(name, model, data, **settings, **options), flush=True)

    torch.manual_seed(recipe.seed)
    teacher = network(19)
    run("segformer_on_streets", teacher, streets, epochs=street_epochs)
    run(SCRATCH, partial(network, 3), pets)
    run(TUNED, partial(_pretrained, code, teacher, frozen=False), pets)
    for name, learning_rate in FROZEN.items():
        run(name, partial(_pretrained, code, teacher, frozen=True), pets, learning_rate=learning_rate)
    run(FCN, partial(_fcn, code), pets)


def _pretrained(code: Mapping[str, ModuleType], teacher: nn.Module, frozen: bool) -> nn.Module:
    model = code["03_segformer"].PetSegFormer(3)
    code["04_transfer"].load_encoder(model, teacher.state_dict())
    return code["02_fcn"].freeze_encoder(model) if frozen else model


def _fcn(code: Mapping[str, ModuleType]) -> nn.Module:
    return code["02_fcn"].replace_head(fcn_resnet50(weights=None, weights_backbone=None), 3)


def _write_report(code, runs: Mapping[str, Run], pets: Sets, test: PetPairs, out: Path) -> list[Path]:
    """The table of the runs, and the figures of notebook 5, about the pictures that chose nothing."""
    table = str(runs_table(runs))
    print(table)
    (out / "runs.txt").write_text(table + "\n", encoding="utf-8")
    truth = targets_of(test)
    scores = {name: class_scores(_model_of(code, run, pets), test) for name, run in runs.items()}
    predictions = {name: of_run.argmax(dim=1) for name, of_run in scores.items()}
    metrics = {name: _measured(code, labels, truth) for name, labels in predictions.items()}
    for name, metric in metrics.items():
        print(f"{name:24} mean IoU {float(metric.mean_iou()):.3f} on {len(test)} test images")
    print(_verdict(metrics))
    report = code["05_report"]
    curves = {
        class_name: {name: report.roc_curve(of_run, truth, label) for name, of_run in scores.items()}
        for label, class_name in enumerate(PET_CLASSES)
    }
    shown = list(range(0, len(test), max(1, len(test) // 4)))[:4]
    figures = {
        "runs.png": show_runs(runs),
        "confusion.png": show_shares({name: report.confusion_shares(m.confusion) for name, m in metrics.items()}),
        "roc.png": show_roc(curves),
        "masks.png": show_masks(
            [test[i][0] for i in shown], truth[shown], {name: labels[shown] for name, labels in predictions.items()}
        ),
    }
    for name, figure in figures.items():
        figure.savefig(out / name, dpi=120, bbox_inches="tight")
    return [out / name for name in figures]


def _model_of(code, run: Run, pets: Sets) -> nn.Module:
    empty = _fcn(code) if run.facts["model"] == "FCN" else code["03_segformer"].PetSegFormer(3)
    return load_run(empty, run, pets)


def _measured(code, labels: Tensor, truth: Tensor):
    metric = code["01_data_and_metric"].SegmentationMetric(3)
    metric.update(labels, truth)
    return metric


def _verdict(metrics: Mapping) -> str:
    """Whether fine-tuning was worth it here, in a sentence."""
    tuned, scratch = (float(metrics[name].mean_iou()) for name in (TUNED, SCRATCH))
    if tuned > scratch:
        return f"Fine-tuned beats from scratch by {tuned - scratch:.3f} on the test images."
    return (
        f"Fine-tuned does not beat from scratch here ({tuned:.3f} and {scratch:.3f} on the test images): "
        "the streets are few and unlike the pets."
    )


def _where_to_look(course: Course, pictures: list[Path]) -> None:
    print("\nWhere to look next")
    print("  figures    " + ", ".join(os.path.relpath(path) for path in pictures))
    print(f"  runs       {os.path.relpath(course.root.parent / 'runs')}, logs and weights of each")
    print(f"  notebooks  {os.path.relpath(course.root / 'notebooks' / ASSIGNMENT)}, as students get them")
    print(f"  findings   {os.path.relpath(course.root / 'verdicts')}, of the hidden tests")


if __name__ == "__main__":
    sys.exit(main())
