"""Images, labels and predictions as pictures."""

import math
from itertools import chain

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from segkit.canvas import IGNORE_COLOR, LIGHT_GREY, PALETTE, VERMILLION, in_our_look, new_canvas
from segkit.data import CLASS_NAMES, IGNORE
from segkit.errors import CourseError
from segkit.plots.arrays import as_array, as_picture, outlines_of, require_labels, require_same_number, resized, rgb
from segkit.plots.words import classes_of, counted, listed, named, sentences

LONGEST_LEGEND = 8  # entries on a line


def colorize(labels, palette=PALETTE) -> np.ndarray:
    """Labels (H, W), 0..7 and 255 for ignored, to colours uint8 (H, W, 3); with a longer `palette` more labels.

    Raises:
        CourseError: if there is a label without a colour.
    """
    labels = as_array(labels)
    require_labels(labels, len(palette))
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = [rgb(color) for color in palette]
    table[IGNORE] = rgb(IGNORE_COLOR)
    return table[labels.astype(np.uint8)]


def overlay(image, labels, *, alpha: float = 0.6) -> np.ndarray:
    """The image (3, H, W) with every class but 0 laid over it in its colour, with white outlines: (H, W, 3) in 0..1.

    `labels` (h, w) may be of another size. `alpha` is how much of a colour covers the image: 0 nothing, 1 all.
    """
    picture = as_picture(image)
    labels = resized(as_array(labels), picture.shape[:2])
    cover = np.where((labels == 0)[..., None], 0.0, alpha)
    picture = (1 - cover) * picture + cover * colorize(labels) / 255
    picture[outlines_of(labels)] = 1.0
    return picture


@in_our_look
def show_images(images, *, titles=None, columns: int = 4) -> Figure:
    """Images (3, H, W), uint8 or float (0..1, or normalised as the model takes them), side by side."""
    figure = _grid([as_picture(image) for image in images], titles, columns)
    names = f": {listed(named(titles, len(images)))}" if titles else ""
    figure.alt = sentences(f"{counted(len(images), 'image')} side by side{names}")
    return figure


@in_our_look
def show_overlay(images, labels, class_names=CLASS_NAMES, *, alpha: float = 0.6, titles=None, columns=4) -> Figure:
    """Every image (3, H, W) with its labels (h, w) laid over it; class 0 is left as it is."""
    require_same_number(images=images, labels=labels)
    pictures = [overlay(image, label, alpha=alpha) for image, label in zip(images, labels, strict=True)]
    figure = _grid(pictures, titles, columns)
    _class_legend(figure, labels, class_names, first=1)
    rows = zip(named(titles, len(images)), labels, strict=True)
    lines = listed((f"{name}: {classes_of(label, class_names)}" for name, label in rows), "; ")
    figure.alt = sentences(f"{counted(len(images), 'image')} with classes laid over in colour. {lines}")
    return figure


@in_our_look
def show_predictions(
    images, targets, predictions=None, class_names=CLASS_NAMES, *, titles=None, errors: bool = False, palette=PALETTE
) -> Figure:
    """A row per image: the image, the truth, the prediction, and if asked for where it is wrong.

    Args:
        images: of shape (3, H, W), uint8 or float (0..1, or normalised as the model takes them).
        targets, predictions: labels (h, w) of any size, 255 where ignored; predictions may be left out, or be those of
            several models by name: {"name": predictions}.
        class_names: in the order of the labels.
        titles: a text per row.
        errors: add a column of the pixels that are wrong, with their share (of one model).
        palette: a colour per class.

    Raises:
        CourseError: if there are not as many of one as of the other, or a label has no name.
    """
    columns = {
        "image": [as_picture(image) for image in images],
        "truth": [colorize(target, palette) for target in targets],
    }
    by_model = predictions if isinstance(predictions, dict) else {"prediction": predictions}
    by_model = {name: list(labels) for name, labels in by_model.items() if labels is not None}
    columns |= {name: [colorize(label, palette) for label in labels] for name, labels in by_model.items()}
    require_same_number(**columns)
    if errors and len(by_model) == 1:
        (predictions,) = by_model.values()
        columns["wrong pixels"] = [_errors(*pair) for pair in zip(targets, predictions, strict=True)]
    figure, axes = _table(columns, titles)
    if "wrong pixels" in columns:
        _write_below(axes["wrong pixels"], map(_share_wrong, targets, predictions))
    shown = [*targets, *chain(*by_model.values())]
    _class_legend(figure, shown, class_names, errors="wrong pixels" in columns, palette=palette)
    figure.alt = _rows_in_words(columns, titles, _labels_in_words(targets, by_model, class_names))
    return figure


@in_our_look
def show_confidence(images, targets, predictions, confidences, class_names=CLASS_NAMES, *, titles=None) -> Figure:
    """A row per image: the image, the prediction, where it is wrong, and how sure the model was.

    Args:
        images, targets, predictions, class_names, titles: as in `show_predictions`.
        confidences: the probability of the predicted class, (h, w), from 1 / number of classes to 1.

    Raises:
        CourseError: if there are not as many of one as of the other, or a label has no name.
    """
    require_same_number(images=images, targets=targets, predictions=predictions, confidences=confidences)
    least = 1 / len(class_names)
    columns = {
        "image": [as_picture(image) for image in images],
        "prediction": [colorize(prediction) for prediction in predictions],
        "wrong pixels": [_errors(*pair) for pair in zip(targets, predictions, strict=True)],
        "confidence": [as_array(confidence) for confidence in confidences],
    }
    figure, axes = _table(columns, titles, {"cmap": "cividis", "vmin": least, "vmax": 1})
    _write_below(axes["wrong pixels"], map(_share_wrong, targets, predictions))
    _write_below(axes["confidence"], (f"{confidence.mean():.0%} on average" for confidence in columns["confidence"]))
    scale = axes["confidence"][0].images[0]
    figure.colorbar(
        scale, ax=list(axes["confidence"]), format=PercentFormatter(1, 0), label="probability of the predicted class"
    )
    _class_legend(figure, list(predictions), class_names, errors=True)
    guesses = _guesses_in_words(targets, predictions, class_names)
    sure = (f", confidence {confidence.mean():.0%} on average" for confidence in columns["confidence"])
    figure.alt = _rows_in_words(
        columns, titles, (f"{one}{two}".lstrip("; ") for one, two in zip(guesses, sure, strict=True))
    )
    return figure


def _labels_in_words(targets, by_model: dict, class_names) -> list[str]:
    """Of each image the classes of its truth, and of every model's prediction."""
    lines = [f"truth {classes_of(target, class_names)}" for target in targets]
    for name, predictions in by_model.items():
        guesses = _guesses_in_words(targets, predictions, class_names, name)
        lines = [line + guess for line, guess in zip(lines, guesses, strict=True)]
    return lines


def _guesses_in_words(targets, predictions, class_names, name: str = "prediction") -> list[str]:
    """Of each prediction its classes and how much is wrong, to come after the truth's."""
    return [
        f"; {name} {classes_of(prediction, class_names)}; {_share_wrong(target, prediction)}"
        for target, prediction in zip(targets, predictions, strict=True)
    ]


def _rows_in_words(columns: dict, titles, words) -> str:
    """A figure with a row per image: its columns, and what is said of each row."""
    rows = zip(named(titles, len(columns["image"])), words, strict=True)
    return sentences(f"A row per image: {listed(columns)}", *(f"{name}: {text}" for name, text in rows))


def _table(columns: dict[str, list[np.ndarray]], titles, scale: dict | None = None):
    """A row per image and a column per kind of picture; pictures (h, w) of numbers are coloured by `scale`.

    Returns the figure and its axes: {name of the column: [axis of each row]}.
    """
    pictures = columns["image"]
    aspect = float(np.mean([picture.shape[0] / picture.shape[1] for picture in pictures]))
    width = 3.2 if len(columns) < 3 else 2.4 if len(columns) < 6 else 1.8
    figure, axes = new_canvas(width * len(columns), width * aspect * len(pictures) + 0.7, len(pictures), len(columns))
    table = {name: axes[column :: len(columns)] for column, name in enumerate(columns)}
    for name, column in columns.items():
        for axis, picture, image in zip(table[name], column, pictures, strict=True):
            show_picture(axis, picture, image.shape, **(scale or {}) if picture.ndim == 2 else {})
        table[name][0].set_title(name)
    for axis, title in zip(table["image"], titles or [], strict=False):
        axis.set_ylabel(title)
    return figure, table


def _write_below(axes, texts):
    for axis, text in zip(axes, texts, strict=True):
        axis.set_xlabel(text)


def _grid(pictures: list[np.ndarray], titles, columns: int) -> Figure:
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    aspect = float(np.mean([picture.shape[0] / picture.shape[1] for picture in pictures]))
    figure, axes = new_canvas(
        9.6 / max(columns, 3) * columns, (9.6 / max(columns, 3) * aspect + 0.3) * rows, rows, columns
    )
    for index, axis in enumerate(axes):
        if index < len(pictures):
            show_picture(axis, pictures[index], pictures[index].shape)
            axis.set_title(titles[index] if titles else "")
        else:
            axis.set_axis_off()
    return figure


def show_picture(axis, picture: np.ndarray, shape, **options):
    """Drawn at the size of the image, so that a 64 x 64 label map covers the image that it belongs to."""
    axis.imshow(picture, extent=(0, shape[1], shape[0], 0), **options)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _class_legend(figure: Figure, label_maps, class_names, first: int = 0, errors: bool = False, palette=PALETTE):
    """The names of the classes from `first` on, and of wrong pixels; "ignored" only if there is such a pixel.

    Of more classes than fit on a line, those that are there.
    """
    present = set().union(*(np.unique(as_array(labels)).tolist() for labels in label_maps))
    highest = max(present - {IGNORE}, default=0)
    if highest >= len(class_names):
        raise CourseError(f"There is a label {highest}, but class_names has {len(class_names)} names: give them all.")
    styles = list(enumerate(zip(palette, class_names, strict=False)))[first:]
    if len(class_names) > LONGEST_LEGEND:
        styles = [(label, style) for label, style in styles if label in present]
    handles = [Patch(color=color, label=name) for _, (color, name) in styles]
    if IGNORE in present:
        handles.append(Patch(color=IGNORE_COLOR, label="ignored"))
    if errors:
        handles.append(Patch(color=VERMILLION, label="wrong"))
    fitting = LONGEST_LEGEND if len(class_names) <= LONGEST_LEGEND else max(2, int(figure.get_figwidth() / 1.4))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), fitting))


def _errors(target, prediction) -> np.ndarray:
    """Wrong pixels in one colour, right ones grey, ignored ones white: uint8 (H, W, 3)."""
    prediction = as_array(prediction)
    target = resized(as_array(target), prediction.shape)
    colors = np.full((*prediction.shape, 3), rgb(LIGHT_GREY), np.uint8)
    colors[prediction != target] = rgb(VERMILLION)
    colors[target == IGNORE] = 255
    return colors


def _share_wrong(target, prediction) -> str:
    prediction = as_array(prediction)
    target = resized(as_array(target), prediction.shape)
    counted = target != IGNORE
    return f"{(prediction != target)[counted].mean():.1%} wrong" if counted.any() else "all ignored"
