"""Making an entry in a notebook, and trying it at once: what cannot be scored is noticed here, not by the grader."""

import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from segkit.competition.entries import (
    ABOUT,
    CELLS,
    CLASS,
    CODE,
    FOLDER,
    FORMAT,
    MAX_CHECKPOINT,
    PICTURES,
    ZOO,
    About,
    cells_as_json,
    checked_about,
    read_cells,
)  # fmt: skip
from segkit.competition.front import short_number
from segkit.competition.kitti import KittiPairs
from segkit.competition.predictions import as_png, picture_size, read_prediction, require_names
from segkit.competition.zoo import build_model
from segkit.errors import CourseError
from segkit.evaluation.checkpoint import CHECKPOINT, learned_numbers, read_checkpoint, too_large
from segkit.evaluation.counting import multiply_adds
from segkit.evaluation.saving import evaluated_on_cpu, load_weights, rebuild, require_same, stored
from segkit.files import whole_file
from segkit.progress import open_bar
from segkit.student import sources_of, student_code
from segkit.transfer.classes import CITYSCAPES_CLASSES

CLASSES = len(CITYSCAPES_CLASSES)


def enter_code(
    model: nn.Module,
    *,
    image_size,
    arguments: dict | None = None,
    name: str | None = None,
    half: bool = False,
    notebook: str = "04_competition",
    out="entry.zip",
) -> Path:
    """An entry of your own code: the class `Competitor` of a notebook as it was last saved, and trained weights.

    The grader builds `Competitor(**arguments)` where nothing but this course's packages are installed, gives it the
    weights, and asks it with normalised images (B, 3, *image_size) for logits (B, 19, h, w).

    Args:
        model: the trained model, an object of `Competitor`.
        image_size: (height, width) that it is asked with; its logits are enlarged to the pictures' own size.
        arguments: keyword arguments that it was built with.
        name: what the board calls your team; None: you stay anonymous.
        half: store 16 bits a weight.
        notebook: that defines the class, in the current folder; those that it builds on go along.
        out: the zip file to write.

    Raises:
        CourseError: if the entry would not be scored, or gives other logits than `model`. Nothing is written then.
    """
    about = _about(CODE, notebook, image_size, arguments or {}, name)
    cells = sources_of(notebook)
    code = cells_as_json(cells)
    read_cells(code)  # too large, perhaps
    try:
        model_class = getattr(student_code(notebook), CLASS)
    except AttributeError as error:
        raise CourseError(str(error)) from None
    data, told = _tried(model, about, half, lambda weights: rebuild(model_class, about.settings, weights))
    files = {CELLS: code, CHECKPOINT: data}
    return _write(out, about, files, f"{CLASS} of {', '.join(sorted(cells))}; {told}")


def enter_zoo(
    model: nn.Module, zoo_name: str, *, image_size, name: str | None = None, half: bool = False, out="entry.zip"
) -> Path:
    """An entry of a model of the zoo: its name and trained weights, no code; the grader builds it.

    Args:
        model: the trained model, as `build_model(zoo_name, 19)` gave it.
        zoo_name: one of `segkit.competition.zoo.MODELS`.
        image_size, name, half, out: as for `enter_code`.

    Raises:
        CourseError: as `enter_code`.
    """
    about = _about(ZOO, zoo_name, image_size, {}, name)
    again = build_model(zoo_name, CLASSES)

    def fresh(weights: dict[str, Tensor]) -> nn.Module:
        load_weights(again, weights)
        return again.eval()

    data, told = _tried(model, about, half, fresh)
    return _write(out, about, {CHECKPOINT: data}, f"{zoo_name} of the zoo; {told}")


def enter_pictures(
    predictions: Callable[[Tensor], Tensor] | str | Path,
    root,
    *,
    multiply_adds: int | None = None,
    name: str | None = None,
    out="entry.zip",
) -> Path:
    """An entry of predictions alone. What they cost is your word: the board shows it as such, off the front.

    Args:
        predictions: a function of a testing picture, normalised, float32 (3, H, W), that gives train ids, integers
            (H, W) from 0 to 18; or a folder of PNG files of Cityscapes' label ids, called like the testing pictures.
        root: the data, what `locate_kitti` gives.
        multiply_adds: that one picture took; None: not stated.
        name, out: as for `enter_code`.

    Raises:
        CourseError: if a prediction is missing, too many, of another size, or no map of label ids.
    """
    record = {"format": FORMAT, "kind": PICTURES, "name": name, "claimed_multiply_adds": multiply_adds}
    about, folder = checked_about(record), Path(root) / "testing" / "image_2"
    sizes = {path.name: picture_size(path) for path in sorted(folder.glob("*.png"))}
    if not sizes:
        raise CourseError(f"There are no testing pictures in {folder}: give the folder that locate_kitti returned.")
    files = _predicted(predictions, root) if callable(predictions) else _files_of(Path(predictions))
    require_names(files, set(sizes))
    for one, data in files.items():
        read_prediction(data, sizes[one], one)
    return _write(out, about, {f"{FOLDER}{one}": files[one] for one in sorted(files)}, f"{len(files)} predictions")


def _about(kind: str, model: str, image_size, arguments: dict, name: str | None) -> About:
    size = list(image_size) if isinstance(image_size, tuple | list) else image_size
    return checked_about(
        {"format": FORMAT, "kind": kind, "model": model, "image_size": size, "arguments": arguments, "name": name}
    )


def _tried(model: nn.Module, about: About, half: bool, fresh) -> tuple[bytes, str]:
    """The checkpoint of a model, and what is to be said of it; a fresh model with it gives the same logits."""
    data = save({key: stored(value, half) for key, value in model.state_dict().items()})
    if len(data) > MAX_CHECKPOINT:
        raise CourseError(too_large(len(data), MAX_CHECKPOINT))
    weights = read_checkpoint(data, MAX_CHECKPOINT)
    size = about.settings.image_size
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 4 - 2
    again = fresh(weights)
    with torch.no_grad():
        answer = again(images)
    if not isinstance(answer, Tensor) or answer.ndim != 4 or answer.shape[:2] != (2, CLASSES):
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise CourseError(f"In evaluation mode the model must give logits (B, {CLASSES}, h, w); it gave {got}.")
    require_same(_rounded(model) if half else model, again, images, half=False)
    operations = multiply_adds(again, images[:1])
    return data, (
        f"{learned_numbers(weights):,} parameters, {short_number(operations)} multiply-adds for an image of "
        f"{size[0]} x {size[1]}; a fresh model gives the same logits"
        + (f", in 16 bits another class at {_changed(model, again, images):.1%} of the pixels of noise" if half else "")
    )


def _rounded(model: nn.Module) -> nn.Module:
    """A copy with weights of 16 bits: to be the same as the entry, however much rounding changes."""
    rounded = deepcopy(model)
    rounded.load_state_dict({key: stored(value, half=True) for key, value in model.state_dict().items()})
    return rounded


def _changed(model: nn.Module, rounded: nn.Module, images: Tensor) -> float:
    """The share of pixels that get another class."""
    with torch.no_grad(), evaluated_on_cpu(model):
        before, after = (one(images).argmax(dim=1) for one in (model, rounded))
    return (before != after).double().mean().item()


def _predicted(predict: Callable[[Tensor], Tensor], root) -> dict[str, bytes]:
    pairs, files = KittiPairs(root, "testing"), {}
    with torch.no_grad(), open_bar(len(pairs), unit="picture", description="predicting") as bar:
        for index, name in enumerate(pairs.names):
            files[f"{name}.png"] = as_png(torch.as_tensor(predict(pairs[index])))
            bar.update()
    return files


def _files_of(folder: Path) -> dict[str, bytes]:
    try:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix == ".png"}
    except OSError as error:
        raise CourseError(f"{folder} cannot be read ({error.strerror}): give the folder of your predictions.") from None


def _write(out, about: About, files: dict[str, bytes], told: str) -> Path:
    """The zip, whole or not at all; the same entry is the same file, whenever it is made."""
    out, files = Path(out), {ABOUT: about.as_json(), **files}
    try:
        with whole_file(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise CourseError(f"{out} cannot be written ({error.strerror}).") from None
    called = f'"{about.settings.name}"' if about.settings.name else "a made-up name"
    print(
        f"{out}: {told}.\nOn the board your team stands as {called}. {out.stat().st_size / 2**20:.1f} MiB to hand in."
    )
    return out
