"""`make demo-competition`: the third assignment once, small: hidden pictures, entries, a class graded, a leaderboard.

Everything it makes stands in `demo/competition/`; nothing of a running course is touched.
"""

import csv
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from contextlib import chdir
from functools import partial
from pathlib import Path
from types import ModuleType

import nbformat
import torch
from torch import Tensor, nn

from autograder.competition.board import write_board
from autograder.competition.competing import results_table
from autograder.competition.scoring import Attempt, score_entries
from autograder.competition.set_aside import set_aside
from autograder.completion import Mistake, complete_assignment
from autograder.demo import hand_in, open_course, run_demo, step
from autograder.grading.cases import course_secret
from autograder.paths import ROOT
from segkit.competition.entering import enter_code, enter_pictures, enter_zoo
from segkit.competition.kitti import KittiPairs, locate_kitti
from segkit.competition.networks import AtImageSize
from segkit.competition.streets import NUM_CLASSES, StreetSets, street_sets
from segkit.competition.training import Budget, load_entry, train_entry
from segkit.student import student_code
from segkit.transfer.runs import Run, Table, read_run

ASSIGNMENT = "competition"
HEIGHT = 64  # that pictures are trained and asked at; their width follows from their shape
HIDDEN, MOST_IMAGES = 16, 96
BUDGET = Budget(learning_rate=1e-3, batch_size=8, epochs=10)
OWN, PICTURES, FORGER = "ada", "eve", "mallory"
PREDICTOR = "cy"  # whose model Eve's pictures are of, and whose entry is forged
ZOO = {"bo": "deeplabv3plus_r18", "cy": "pspnet_r18", "di": "segformer_b0"}
NAMES = {"ada": "Ada", "bo": "Bo & co.", "cy": None, "di": "Di <3", "eve": "Eve"}
# Added to the notebook of the competition: a student's own network as an entry.
COMPETITOR = '''from segkit import student_code


class Competitor(student_code("03_model").SegFormer):
    """My own SegFormer, from the first assignment."""
'''

CLASSMATES = {
    "ada_full_solution": [],
    "bo_keeps_the_easy_pixels": [
        Mistake(
            "OHEM that keeps the easiest pixels",
            "02_training",
            "ohem_loss",
            "losses.detach().topk(count)",
            "losses.detach().topk(count, largest=False)",
        )
    ],
    "cy_mirrors_the_image_alone": [
        Mistake(
            "an augmentation that mirrors the image and not its mask",
            "01_streets",
            "augment",
            "image, mask = image.flip(-1), mask.flip(-1)",
            "image = image.flip(-1)",
        )
    ],
}
UNTOUCHED = "eve_untouched_release"


def main() -> int:
    """Run the demo; 0 if every step succeeded."""
    return run_demo("autograder.demo_competition", __doc__, ROOT / "demo" / ASSIGNMENT, _run)


def _run(data: Path | None, out: Path) -> int:
    step(1, 6, "street scenes in KITTI's layout, some of them set aside with their labels")
    students, hidden = _data_sets(data, out / "data")
    step(2, 6, "the student notebooks, through nbgrader's generate_assignment")
    course = open_course(out / "course", ASSIGNMENT)
    step(3, 6, "five entries: own code, three models of the zoo, pictures; and a forged one")
    make_entries(students, out / "entries", out / "work", BUDGET)
    step(4, 6, "the entries on the hidden pictures")
    results = score_entries(out / "entries", hidden, out / "scores")
    print(results_table(results))
    print(_verdict(results))
    step(5, 6, f"a class of {len(CLASSMATES) + 1} submissions, nbgrader autograde, and the marks")
    hand_in(course, CLASSMATES, UNTOUCHED)
    status = course.autograde()
    print(course.marks_table())
    step(6, 6, "the leaderboard")
    page, table = write_board(results, out / "leaderboard", secret=course_secret(course.root))
    print(board_of(table))
    _where_to_look(out, page)
    return status


def _data_sets(data: Path | None, folder: Path) -> tuple[Path, Path]:
    """What students get, and the testing pictures with their labels: photographs of `data`, or drawn streets."""
    for setting in ("DATA", "KITTI"):
        os.environ.pop(setting, None)
    if data:
        os.environ["DATA"] = str(data.resolve())
    students, hidden = folder / "students", folder / "hidden"
    print(set_aside(locate_kitti(folder), students, hidden, HIDDEN, b"demo"))
    return students, hidden


def make_entries(root: Path, entries: Path, work: Path, budget: Budget, **options) -> None:
    """Train the models and write the entries of all teams, `<entries>/<team>/entry.zip`.

    Args:
        root: street scenes as students have them.
        work: folder for notebooks and runs.
        budget: of each training.
        options: of `train_entry`.
    """
    size = _size_of(root)
    images = min(len(KittiPairs(root)), MOST_IMAGES) // budget.batch_size * budget.batch_size
    settings = dict(budget=budget, folder=work / "runs", **options)
    data = street_sets(root, size, images=images)
    for team, model in ZOO.items():
        run = train_entry(team, model, data, **settings)
        print(run, flush=True)
        enter_zoo(load_entry(run), model, image_size=size, name=NAMES[team], out=entries / team / "entry.zip")
    _enter_own(root, data, images, work / OWN, entries / OWN / "entry.zip", settings)
    _enter_pictures(read_run(work / "runs" / PREDICTOR), root, size, work / OWN, entries / PICTURES / "entry.zip")
    forge(entries / PREDICTOR / "entry.zip", entries / FORGER / "entry.zip")


def _size_of(root: Path) -> tuple[int, int]:
    height, width = KittiPairs(root).raw(0)[0].shape[1:]
    return HEIGHT, max(HEIGHT, round(HEIGHT * width / height / 16) * 16)


def _enter_own(root: Path, data: StreetSets, images: int, folder: Path, out: Path, settings: dict) -> None:
    """The reference's own SegFormer with the reference's own tricks, as a student would enter it."""
    write_own_notebooks(folder)
    with chdir(folder):
        code = {name: student_code(name) for name in ("01_streets", "02_training", "04_competition")}
    size = data.train.size
    steps = len(data.train) // settings["budget"].batch_size * settings["budget"].epochs
    counts = sum(target[target < NUM_CLASSES].bincount(minlength=NUM_CLASSES) for _, target in data.train)
    weights = code["01_streets"].class_balanced_weights(counts, 1 - 1e-6)
    own: list[nn.Module] = []

    def build() -> nn.Module:
        own.append(code["04_competition"].Competitor(NUM_CLASSES))
        return AtImageSize(own[-1])

    run = train_entry(
        OWN, build, street_sets(root, size, images=images, transform=partial(_augmented, code["01_streets"], size)),
        loss=partial(code["02_training"].ohem_loss, weight=weights),
        schedule=partial(code["02_training"].poly_restarts, cycle_steps=steps),
        **settings,
    )  # fmt: skip
    print(run, flush=True)
    with chdir(folder):
        enter_code(own[-1], image_size=size, arguments={"num_classes": NUM_CLASSES}, name=NAMES[OWN], out=out.resolve())


def write_own_notebooks(folder: Path) -> None:
    """The notebooks of the competition and of the first assignment, completed, with a `Competitor` in the last one."""
    complete_assignment("segformer", folder)
    complete_assignment(ASSIGNMENT, folder)
    file = folder / "04_competition.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(COMPETITOR))
    nbformat.write(notebook, file)


def _augmented(code: ModuleType, size: tuple[int, int], image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The reference's augmentation of a picture; a training seeds torch's own generator for each of them."""
    generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
    return code.augment(image, target, size, generator)


def _enter_pictures(run: Run, root: Path, size: tuple[int, int], folder: Path, out: Path) -> None:
    """Predictions alone, by multi-scale testing of a model of somebody else; what they cost is a claim."""
    with chdir(folder):
        multi_scale = student_code("03_ladder").multi_scale
    model = load_entry(run)

    def predict(image: Tensor) -> Tensor:
        resized = nn.functional.interpolate(image[None], size, mode="bilinear", antialias=True)
        scores = multi_scale(model, resized)
        return nn.functional.interpolate(scores, image.shape[1:], mode="bilinear")[0].argmax(dim=0)

    enter_pictures(predict, root, multiply_adds=1_000_000, name=NAMES[PICTURES], out=out)


def forge(entry: Path, out: Path) -> None:
    """Somebody else's entry with a file of metrics that nobody measured."""
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(entry, out)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("metrics.json", '{"mean_iou": 1.0, "multiply_adds": 1}')
    print(f"{out}: {entry} with a metrics.json that says a mean IoU of 1")


def _verdict(results: list[Attempt]) -> str:
    """What the forged entry gained, in a sentence."""
    gained = [result for result in results if result.team == FORGER and result.score]
    return f"The forged entry of {FORGER} gained " + ("a score." if gained else "nothing.")


def board_of(table: Path) -> Table:
    """Some columns of the board's CSV, to be printed."""
    columns = ("rank", "name", "mean IoU", "multiply-adds", "cost", "on the front")
    with table.open(newline="", encoding="utf-8") as file:
        return Table(columns, tuple(tuple(row[column] for column in columns) for row in csv.DictReader(file)))


def _where_to_look(out: Path, page: Path) -> None:
    rows: Mapping[str, Path] = {
        "leaderboard": page,
        "entries": out / "entries",
        "scores": out / "scores",
        "runs": out / "work" / "runs",
        "notebooks": out / "course" / "notebooks" / ASSIGNMENT,
    }
    print("\nWhere to look next")
    for what, path in rows.items():
        print(f"  {what:12} {os.path.relpath(path)}")


if __name__ == "__main__":
    sys.exit(main())
