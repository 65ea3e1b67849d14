"""The leaderboard as CSV."""

import csv
import io

from autograder.groups.file import Groups
from autograder.leaderboard.entries import Entry

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute instead of showing


def as_csv(entries: list[Entry], groups: Groups | None = None) -> str:
    """One row per model; `groups`: with the students' ids, and the members of each group."""
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
    writer.writerow([*columns, *(["student", "members"] if groups else [])])
    for entry in entries:
        own = entry.evaluation
        ious = ["" if iou is None else f"{iou:.4f}" for iou in own.per_class.values()]
        numbers = [own.parameters, own.multiply_adds, *own.image_size, own.images, own.seconds]
        row = [entry.rank or "", _plain(entry.name), f"{own.mean_iou:.4f}", *ious, *numbers]
        who = [entry.student, " ".join(groups.members.get(entry.student, ()))] if groups else []
        writer.writerow([*row, *map(_plain, who)])
    return text.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULAS) else text
