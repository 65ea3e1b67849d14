"""The pictures of README: `make pictures`. A check that fails with its hint, and what a short training predicts.

The check is a real one on a real misconception, shown by JupyterLab's own style in Chromium. The prediction is that of
the reference after some minutes of training on the drawn scenes: no photograph, and no truth in place of a prediction.
"""

import argparse
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image, ImageOps
from playwright.sync_api import Browser, sync_playwright
from torch import nn

from autograder.misconceptions import cells_with, misconceptions_of
from autograder.reference import load_reference
from autograder.sandbox import Submission
from autograder.trusted import TrustedWorker
from segkit import plots
from segkit.checking.notebook import Report, run_task
from segkit.data import FourClassADE20K, Photographs
from segkit.errors import CourseError
from segkit.sample import make_sample
from segkit.subset import build_subset
from segkit.training import fit, load_best

HERE = Path(__file__).parent
ASSIGNMENT, NOTEBOOK, TASK, MISCONCEPTION = "segformer", "02_modules", "attention", "scaled by all channels"
IMAGE_SIZE, TARGET_SIZE = (128, 128), (32, 32)  # half the course's side: a fair picture in some minutes on two cores
EPOCHS, BATCH_SIZE, LEARNING_RATE = 30, 8, 1e-3
SHOWN = (0, 1, 2)  # of the validation scenes, whatever is predicted there
MOST_BYTES, MARGIN = 100_000, 12  # of a file; pixels


def main() -> int:
    """Make both pictures, or one of them; 0 if they are written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("check", "prediction"), help="make this one alone")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the training before the prediction")
    options = parser.parse_args()
    try:
        if options.only != "prediction":
            save(picture_of_a_check(), options.out / "check.png")
        if options.only != "check":
            save(picture_of_a_prediction(options.epochs), options.out / "prediction.png")
    except CourseError as error:
        print(f"pictures: {error}", file=sys.stderr)
        return 2
    return 0


def save(png: bytes, path: Path) -> None:
    """Write a PNG without empty margins, with a palette of 256 colours, which text and drawn scenes do not miss.

    Raises:
        CourseError: if it is larger than a page that is read on a train should load.
    """
    small, picture = io.BytesIO(), Image.open(io.BytesIO(png)).convert("RGB")
    left, top, right, bottom = ImageOps.invert(picture).getbbox()  # what is not white
    picture = ImageOps.expand(picture.crop((left, top, right, bottom)), MARGIN, "white")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    if len(small.getvalue()) > MOST_BYTES:
        raise CourseError(f"{path} would have {len(small.getvalue()):,} bytes: make it smaller than {MOST_BYTES:,}.")
    path.write_bytes(small.getvalue())
    print(f"{path}: {len(small.getvalue()):,} bytes")


# ---- a check that fails


def report_on_misconception() -> Report:
    """What `check` says of an answer with the misconception."""
    (mistake,) = [one for one in misconceptions_of(ASSIGNMENT, TASK) if one.name == MISCONCEPTION]
    worker = TrustedWorker(Submission(ASSIGNMENT, NOTEBOOK, cells_with(ASSIGNMENT, mistake.changes)))
    return run_task(TASK, vars(worker.module))


def picture_of_a_check() -> bytes:
    """The check's cell and its table, as JupyterLab shows them."""
    cell = new_code_cell(f'check("{TASK}")', execution_count=12)
    cell.outputs = [new_output("display_data", data={"text/html": report_on_misconception()._repr_html_()})]
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(new_notebook(cells=[cell]))
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 900, "height": 600}, device_scale_factor=1.5)
        tab.route("http*://**", lambda route: route.abort())  # the exporter's page asks for MathJax elsewhere
        tab.set_content(page, wait_until="domcontentloaded")
        return tab.locator(".jp-Cell").screenshot()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window.

    Raises:
        CourseError: if it is not installed.
    """
    program = shutil.which("chromium")
    if program is None:
        raise CourseError("Chromium is missing: `make browser` installs it, or `sudo apt-get install chromium`.")
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


# ---- a prediction


def picture_of_a_prediction(epochs: int) -> bytes:
    """Scenes that the model was not trained on, the truth, its prediction, and where it is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        subset = Path(folder) / "four_class"
        build_subset(make_sample(Path(folder) / "sample"), subset)
        model = trained_reference(subset, Path(folder) / "training", epochs)
        scenes = Photographs(subset)
        images, masks = zip(*(scenes[index] for index in SHOWN), strict=True)
        predict = load_reference(ASSIGNMENT)["04_results"].predict_full_resolution
        predictions = [predict(model, image, input_size=IMAGE_SIZE) for image in images]
    page, figure = io.BytesIO(), plots.show_predictions(images, masks, predictions, errors=True)
    figure.savefig(page, format="png", dpi=90)
    print(figure.alt)
    return page.getvalue()


def trained_reference(subset: Path, out: Path, epochs: int) -> nn.Module:
    """The reference, B0, trained from random numbers with its own loss and metric; says its best mean IoU."""
    code = load_reference(ASSIGNMENT)
    transform = partial(code["01_data"].joint_transform, image_size=IMAGE_SIZE, target_size=TARGET_SIZE)
    torch.manual_seed(0)
    model = code["03_model"].SegFormer(num_classes=4)
    functions = {name: getattr(code["03_model"], name) for name in ("confusion_matrix", "mean_iou")}
    history = fit(
        model,
        FourClassADE20K(subset, "training", transform),
        FourClassADE20K(subset, "validation", partial(transform, flip_probability=0.0)),
        out,
        loss=code["03_model"].segmentation_loss,
        **functions,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        head_learning_rate_factor=1.0,
    )
    load_best(model, out)
    print(f"mean IoU {history.best_mean_iou:.3f} on {len(Photographs(subset))} scenes, epoch {history.best_epoch}")
    return model


if __name__ == "__main__":
    sys.exit(main())
