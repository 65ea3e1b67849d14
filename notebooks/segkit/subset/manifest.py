"""The record of a built subset: what was found, kept and dropped, of which files it consists, and how it was made."""

import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

from segkit.errors import CourseError
from segkit.subset.classes import CLASS_NAMES, SPLITS
from segkit.subset.limits import is_wanted

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 2
KEEP_RULE = "1 % rule"
_PART_FILE = re.compile(r"(training|validation)/\d{5}\.(npy|zip)")


def read_manifest(folder) -> dict:
    """The manifest of a built subset.

    Per split: `found` names (image, annotation or both), `kept`, and `dropped`, a dictionary reason -> name -> detail,
    with found = kept + dropped; `remarks` on images that are kept but unusual, reason -> names; `class_shares` of the
    kept 64x64 targets without ignored pixels, and of all usable ones in `class_shares_before`; `ignored_share` of all
    their pixels; `sha256` of a list `sha256  kind/name` of every source file of the split; and `parts`, the files that
    the split consists of, with the names of their images.

    Raises:
        CourseError: if there is none at `folder`, or it was written in another format.
    """
    folder = Path(folder).expanduser()
    path = folder / MANIFEST
    if folder.is_file():
        raise CourseError(f"{folder} is a file: give the folder of a four-class data set.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{folder} holds no four-class data set (no {MANIFEST}): build one with "
            "data_scripts/build_ade20k_subset.py, or let segkit.data.locate_data() find one."
        ) from None
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read ({error}): build the data set again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT or "splits" not in manifest:
        raise CourseError(f"{path} is not of format {MANIFEST_FORMAT}: build the data set again.")
    if not _has_all(manifest):
        raise CourseError(f"{path} is damaged: build the data set again.")
    return manifest


def _has_all(manifest: dict) -> bool:
    splits, keys = manifest["splits"], {"found", "kept", "dropped", "class_shares", "class_shares_before", "parts"}
    return (
        {"size", "photographs", "origin", "unlabelled", "class_names"} <= manifest.keys()
        and isinstance(splits, dict)
        and all(isinstance(splits.get(split), dict) and keys <= splits[split].keys() for split in SPLITS)
    )


def is_built(folder) -> bool:
    """Whether `folder` holds a finished four-class subset."""
    try:
        read_manifest(folder)
    except CourseError:
        return False
    return True


def is_replaceable(folder: Path) -> bool:
    """Whether nothing lies in `folder` but a subset, finished or damaged, of this format or another one."""
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    return folder.is_dir() and all(
        file == MANIFEST or _PART_FILE.fullmatch(file) or not is_wanted(file) for file in files
    )


def write_manifest(folder: Path, manifest: dict) -> None:
    """Write the manifest, sealed with a digest of itself."""
    sealed = manifest | {"sha256": seal(manifest)}
    text = json.dumps(sealed, indent=1, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def seal(manifest: dict) -> str:
    """The digest of everything in a manifest but the digest."""
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def before_and_after(manifest: dict, split: str) -> dict[str, dict]:
    """What the keep rule does to a split: "before" and "after" -> number of `images` and their `class_shares`.

    For a set that was built from a pack (`pack_subset`), before is what the pack was chosen from.
    """
    record = manifest["splits"][split]
    first = (manifest["origin"] or {}).get("splits", {}).get(split, record)
    return {
        "before": {"images": first["found"], "class_shares": first["class_shares_before"]},
        "after": {"images": record["kept"], "class_shares": record["class_shares"]},
    }


def problems(manifest: dict) -> dict[str, dict[str, str]]:
    """What was dropped for another reason than the keep rule: reason -> "split/name" -> detail."""
    found = defaultdict(dict)
    for split, record in manifest["splits"].items():
        for reason, names in record["dropped"].items():
            if reason != KEEP_RULE:
                found[reason].update({f"{split}/{name}": detail for name, detail in names.items()})
    return dict(found)


def summary(manifest: dict, examples=5) -> str:
    """The manifest in a few lines: counts, class shares, and of every problem its number and first `examples`."""
    lines = []
    for split, record in manifest["splits"].items():
        dropped = ", ".join(f"{len(names)} {reason}" for reason, names in record["dropped"].items()) or "none"
        shares = ", ".join(
            f"{name} {share:.1%}" for name, share in zip(CLASS_NAMES, record["class_shares"], strict=True)
        )
        lines.append(f"{split}: {record['kept']} of {record['found']} kept; dropped: {dropped}; pixels: {shares}")
    for reason, names in problems(manifest).items():
        shown = [f"{name} ({detail})" if detail else name for name, detail in list(names.items())[:examples]]
        more = f" and {len(names) - examples} more, see {MANIFEST}" if len(names) > examples else ""
        lines.append(f"problem: {reason}, {len(names)} dropped: {', '.join(shown)}{more}")
    return "\n".join(lines)
