"""Which image belongs to which annotation, and both as bytes."""

import hashlib
import os
from collections import defaultdict
from pathlib import PureWindowsPath

from segkit.errors import CourseError
from segkit.subset.limits import DAMAGE, in_words, is_passing
from segkit.subset.sources import Source

_ENDINGS = {"images": (".jpg", ".jpeg"), "annotations": (".png",)}

Files = dict[str, list[str]]  # "images" and "annotations" -> files of one name


class Dropped(Exception):
    """A pair that does not come into the subset: the reason it is counted under, and a detail in words."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def pairs_of(source: Source, split: str) -> dict[str, Files]:
    """Name -> {"images": its files, "annotations": its files}, sorted by name; a stray file stands for itself."""
    # Names that differ in case only are one file on Windows and macOS, so they are one name here.
    grouped = defaultdict(lambda: {"images": [], "annotations": []})
    spelling = {}
    for kind, endings in _ENDINGS.items():
        for file in source.files(kind, split):
            stem, ending = os.path.splitext(file)
            name = stem if ending.lower() in endings else file
            grouped[spelling.setdefault(name.casefold(), name)][kind].append(file)
    return dict(sorted(grouped.items()))


def read_pair(source: Source, split: str, name: str, files: Files, digests: list[str]) -> tuple[bytes, bytes]:
    """(JPEG, PNG) of one name; a line "sha256  kind/file" of every file that can be read is added to `digests`.

    Raises:
        Dropped: if they are not one image and one annotation that can be read.
        CourseError: if this machine cannot read them at the moment.
    """
    contents = {}
    for kind in files:
        for file in files[kind]:
            try:
                contents[kind] = source.read(kind, split, file)
            except DAMAGE as error:
                if is_passing(error):
                    raise CourseError(
                        f"{kind}/{split}/{file} of {source.name} cannot be read at the moment ({in_words(error)}): run "
                        "the same again when it can; finished parts are kept."
                    ) from error
                raise Dropped("unreadable file", f"{kind}: {in_words(error)}") from error
            digests.append(f"{hashlib.sha256(contents[kind]).hexdigest()}  {kind}/{file}\n")
    _require_one_of_each(name, files)
    return contents["images"], contents["annotations"]


def digest_of(digests: list[str]) -> str:
    """One digest of all the lines that `read_pair` has added, in whatever order."""
    return hashlib.sha256("".join(sorted(digests)).encode(errors="surrogateescape")).hexdigest()


def _require_one_of_each(name: str, files: Files) -> None:
    everything = files["images"] + files["annotations"]
    if not name.isprintable():
        raise Dropped("name that is not text")
    if PureWindowsPath(everything[0]).name != everything[0]:  # on Windows it would be written somewhere else
        raise Dropped("name that is a path")
    if name in everything:
        raise Dropped("neither .jpg image nor .png annotation")
    if len(files["images"]) > 1 or len(files["annotations"]) > 1:
        raise Dropped("several files of one name", ", ".join(everything))
    for kind, missing in (("annotations", "image without annotation"), ("images", "annotation without image")):
        if not files[kind]:
            raise Dropped(missing)
