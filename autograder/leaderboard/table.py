"""The leaderboard as CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from autograder.exports.spreadsheet import inert
from autograder.groups.file import Groups
from autograder.leaderboard.entries import Entry

Column = Callable[[Entry], str | int | float]


def as_csv(
    entries: Sequence[Entry], groups: Groups | None = None, more: Mapping[str, Column] = MappingProxyType({})
) -> str:
    """One row per model.

    Args:
        groups: with the students' ids, and the members of each group.
        more: further columns by name, and what stands there; a text as `inert` makes it, if a student wrote it.
    """
    classes = list(entries[0].evaluation.per_class)
    columns = [
        "rank",
        "name",
        "mean IoU",
        *classes,
        "parameters",
        "multiply-adds",
        "height",
        "width",
        "images",
        "seconds",
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *more, *(["student", "members"] if groups else [])])
    for entry in entries:
        own = entry.evaluation
        ious = ["" if iou is None else f"{iou:.4f}" for iou in own.per_class.values()]
        numbers = [own.parameters, own.multiply_adds, *own.image_size, own.images, own.seconds]
        row = [entry.rank or "", inert(entry.name), f"{own.mean_iou:.4f}", *ious, *numbers]
        who = [entry.student, " ".join(groups.members.get(entry.student, ()))] if groups else []
        writer.writerow([*row, *(column(entry) for column in more.values()), *map(inert, who)])
    return text.getvalue()
