"""A pack: what the course needs of ADE20K in one file of half its size, for students to download.

It is ADE20K's own layout again: the pairs of the subset and a few that the keep rule drops, with all 150 ids. Building
from it gives the same images and labels, in the same order, as building from ADE20K.
"""

import json
import zipfile
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from segkit.download import checksum_of
from segkit.errors import CourseError
from segkit.files import whole_file
from segkit.subset.classes import KINDS
from segkit.subset.manifest import KEEP_RULE, read_manifest
from segkit.subset.pairs import Dropped, digest_of, pairs_of, read_pair
from segkit.subset.parts import undated
from segkit.subset.sources import ORIGIN, Source, open_source

FOLDER = "ADEChallengeData2016"
DROPPED = 40  # of each split, to look at


def pack_subset(source, folder, path, *, progress: bool = True) -> str:
    """Write the pack of a subset.

    Args:
        source: what the subset was built from.
        folder: the subset.
        path: zip file to write; it appears when everything is done.

    Returns:
        The file's sha256, for the course's settings (`course.toml`).

    Raises:
        CourseError: if the subset was built from something else, or the file is there already or cannot be written.
    """
    path, manifest = Path(path).expanduser().resolve(), read_manifest(folder)
    require_packable(path, folder)
    with closing(open_source(source)) as raw:
        try:
            with whole_file(path) as part:
                _write(part, raw, manifest, progress)
        except OSError as error:
            raise CourseError(f"Cannot write {path}: {error.strerror or error}.") from error
    return checksum_of(path, "sha256")


def require_packable(path, folder) -> None:
    """Raise CourseError if the pack of a subset in `folder` cannot be written to `path`."""
    path = Path(path).expanduser().resolve()
    if path.is_relative_to(Path(folder).expanduser().resolve()):
        raise CourseError(f"{path} lies in the data set itself: choose another place.")
    if path.exists():
        raise CourseError(f"{path} is already there: choose another name, or remove it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"Cannot write {path}: {error.strerror or error}.") from error


def _write(part: Path, raw: Source, manifest: dict, progress: bool) -> None:
    with zipfile.ZipFile(part, "w") as archive:
        origin = json.dumps(manifest["origin"] or _origin(manifest), indent=1, ensure_ascii=False)
        archive.writestr(undated(f"{FOLDER}/{ORIGIN}"), origin)
        for split, record in manifest["splits"].items():
            if _write_split(archive, raw, split, _chosen(record), progress) != record["sha256"]:
                raise CourseError(
                    f"The subset was not built from {raw.name} as it is now (its {split} files are others): build it "
                    "again, then pack it."
                )


def _write_split(archive: zipfile.ZipFile, raw: Source, split: str, chosen: set[str], progress: bool) -> str:
    """Write the chosen pairs; the digest of all files of the split."""
    digests = []
    for name, files in tqdm(pairs_of(raw, split).items(), desc=split, unit="image", delay=1, disable=not progress):
        try:
            contents = read_pair(raw, split, name, files, digests)
        except Dropped:
            continue
        if name in chosen:
            for kind, content in zip(KINDS, contents, strict=True):
                archive.writestr(undated(f"{FOLDER}/{kind}/{split}/{files[kind][0]}"), content)
    return digest_of(digests)


def _chosen(record: dict) -> set[str]:
    """What the subset keeps, and some of what the rule drops."""
    dropped = list(record["dropped"].get(KEEP_RULE, {}))
    return {name for part in record["parts"] for name in part["names"]} | set(
        dropped[:: -(-len(dropped) // DROPPED) or 1]
    )


def _origin(manifest: dict) -> dict:
    """What the pack was chosen from."""
    keys = ("found", "kept", "class_shares", "class_shares_before", "sha256")
    return {
        **{key: manifest[key] for key in ("source", "source_kind", "source_md5", "unlabelled", "keep_rule")},
        "splits": {
            split: {
                **{key: record[key] for key in keys},
                "dropped": {reason: len(names) for reason, names in record["dropped"].items()},
            }
            for split, record in manifest["splits"].items()
        },
    }
