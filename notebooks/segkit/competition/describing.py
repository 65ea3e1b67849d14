"""A row for every model of the zoo: what it costs, beside what was published of it."""

from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segkit.competition.counting import count_by_fvcore, count_by_torch, count_parameters, seconds_per_image
from segkit.competition.zoo import MODELS, build_model, configuration
from segkit.errors import CourseError
from segkit.progress import open_bar
from segkit.student import student_code
from segkit.transfer.classes import CITYSCAPES_CLASSES
from segkit.transfer.runs import Table

SMALLEST = 32  # pixels of a side


@dataclass(frozen=True)
class Description:
    """What one model costs for one image of a given size, in evaluation mode.

    multiply_adds: by torch's counter. fvcore: the same by fvcore's. fvcore_others: what it counts beside them.
    seconds, processor_seconds: by the clock, and of all threads together.
    published: billions of multiply-adds, and mean IoU on KITTI, of the original competition; None if not reported.
    """

    name: str
    title: str
    own: bool
    parameters: int
    multiply_adds: int
    fvcore: int
    fvcore_others: int
    seconds: float
    processor_seconds: float
    published_giga: float | None
    published_mean_iou: float | None


def describe_models(
    size: tuple[int, int],
    names: Iterable[str] | None = None,
    *,
    num_classes: int = len(CITYSCAPES_CLASSES),
    device: str = "cpu",
    rounds: int = 3,
    segformer: Callable[..., nn.Module] | None = None,
) -> list[Description]:
    """Build models one after the other, count and time each for one image of that size.

    Args:
        size: (height, width) of the image in pixels.
        names: of the zoo; None: all.
        num_classes: K.
        device: where they are timed.
        rounds: how often; the median counts.
        segformer: your own class, as for `build_model`; the models that it cannot be are the library's.

    Raises:
        CourseError: if an image is too small, there is no such model, or a library is missing.
    """
    if min(size) < SMALLEST:
        raise CourseError(f"An image of {size[0]} x {size[1]} is too small: each side needs {SMALLEST} pixels.")
    chosen = {name: configuration(name) for name in (MODELS if names is None else names)}
    described = []
    with open_bar(len(chosen), unit="model", description="counting and timing") as bar:
        for name, found in chosen.items():
            own = segformer if found.segformer_size else None
            model = build_model(name, num_classes, segformer=own)
            counted = count_by_fvcore(model, size)
            seconds = seconds_per_image(_on(model, device), size, rounds)
            multiply_adds = count_by_torch(model.to("meta"), size)  # without computing: a large model takes seconds
            described.append(
                Description(
                    name, found.title, own is not None, count_parameters(model), multiply_adds, counted.products,
                    counted.others, *seconds, found.published.giga, found.published.mean_iou,
                )
            )  # fmt: skip
            bar.update()
    return described


def models_table(described: Iterable[Description]) -> Table:
    """Parameters in millions, multiply-adds in billions, seconds for an image, and the published figures."""
    columns = (
        "model", "", "M parameters", "G torch", "G fvcore", "+ others", "s / image", "CPU s", "published G", "mean IoU",
    )  # fmt: skip
    rows = [
        (
            one.name,
            one.title + (", your own" if one.own else ""),
            f"{one.parameters / 1e6:.2f}",
            f"{one.multiply_adds / 1e9:.2f}",
            f"{one.fvcore / 1e9:.2f}",
            f"{one.fvcore_others / 1e9:.2f}",
            f"{one.seconds:.3g}",
            f"{one.processor_seconds:.3g}",
            "" if one.published_giga is None else f"{one.published_giga:g}",
            "" if one.published_mean_iou is None else f"{one.published_mean_iou:.3f}",
        )
        for one in described
    ]
    return Table(columns, tuple(rows))


def own_segformer(notebook) -> Callable[..., nn.Module]:
    """The class `SegFormer` of a notebook of yours, see `defined_in`."""
    return defined_in(notebook, "SegFormer", "03_model.ipynb")


def defined_in(notebook, name: str, usual: str) -> Any:
    """What a notebook of yours calls `name`, with the notebooks beside it that it builds on.

    Args:
        usual: how such a notebook is called.

    Raises:
        CourseError: if there is no such notebook, or it defines no such thing yet.
    """
    path = Path(notebook)
    if not path.parent.is_dir():
        raise CourseError(f"There is no folder {path.parent}: give the path of your {usual}.")
    with chdir(path.parent):
        try:
            return getattr(student_code(path.stem), name)
        except AttributeError as error:
            raise CourseError(str(error)) from error


def _on(model: nn.Module, device: str) -> nn.Module:
    try:
        return model.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise CourseError(f"{device} cannot be used here: {str(error).splitlines()[0]}") from error
