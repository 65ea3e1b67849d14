"""Sets labelled street scenes aside: what students get, and testing pictures with their labels for the instructor."""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from autograder.evaluation.images import require_set_aside
from segkit.checking.inputs import Numbers
from segkit.competition.kitti import VALIDATION, given_splits
from segkit.competition.kitti_layout import KINDS, SPLITS_FILE
from segkit.errors import CourseError
from segkit.folders import finished_folder


def set_aside(source: Path, students: Path, hidden: Path, pictures: int, secret: bytes) -> dict[str, int]:
    """Divide the labelled pictures of a folder in KITTI's layout; the folder stays as it is.

    Testing pictures get new names, in an order that the secret draws. Which ones they are is drawn as well, unless the
    folder says how it is split (`splits.json`, pictures of a film): then they are the last ones, and validation is what
    comes before.

    Args:
        source: for example what `locate_kitti` gave.
        students: folder to be made for students, with labels for training only.
        hidden: folder to be made for the instructor: testing pictures and their labels.
        pictures: how many are set aside.
        secret: the course's.

    Returns:
        The number of pictures: labelled for students, hidden.

    Raises:
        CourseError: if there is no such folder, it has too few labelled pictures or a damaged `splits.json`, or a new
            one cannot be made.
    """
    require_set_aside(hidden)
    if not source.is_dir():
        raise CourseError(f"There is no folder {source}: name one that holds training/image_2 and training/semantic.")
    numbers = Numbers(int.from_bytes(sha256(b"set aside" + secret).digest()[:4], "big"))
    given = given_splits(source)
    labelled = [name for names in given.values() for name in names] if given else _labelled(source)
    if not 0 < pictures < len(labelled) - (2 if given else VALIDATION):
        raise CourseError(
            f"{source} has {len(labelled)} labelled pictures in training/semantic; without {pictures} of them too few "
            "are left to train and to validate on."
        )
    ordered = labelled if given else numbers.shuffled(labelled)
    chosen, kept = numbers.shuffled(ordered[-pictures:]), ordered[:-pictures]
    with ExitStack() as both:
        for_students, for_instructor = (both.enter_context(finished_folder(folder)) for folder in (students, hidden))
        for kind in KINDS:
            _copy(source / "training" / kind, kept, for_students / "training" / kind, kept)
        names = [f"{number:06d}_10" for number in range(pictures)]
        _copy(source / "training" / "image_2", chosen, for_students / "testing" / "image_2", names)
        for kind in ("image_2", "semantic"):
            _copy(source / "training" / kind, chosen, for_instructor / "testing" / kind, names)
        if given:
            part = max(1, round(len(kept) * len(given["validation"]) / len(labelled)))
            splits = {"training": kept[:-part], "validation": kept[-part:]}
            (for_students / SPLITS_FILE).write_text(json.dumps(splits) + "\n", encoding="utf-8")
    return {"labelled": len(kept), "hidden": len(chosen)}


def _labelled(source: Path) -> list[str]:
    return sorted(path.stem for path in (source / "training" / "semantic").glob("*.png"))


def _copy(source: Path, names: Sequence[str], out: Path, new_names: Sequence[str]) -> None:
    """Copy pictures under new names; a kind that the source lacks stays away."""
    if not source.is_dir() and source.name not in ("image_2", "semantic"):
        return
    out.mkdir(parents=True)
    for name, new_name in zip(names, new_names, strict=True):
        try:
            shutil.copyfile(source / f"{name}.png", out / f"{new_name}.png")
        except OSError as error:
            raise CourseError(f"{source / name}.png cannot be copied ({error.strerror}): get the data again.") from None
