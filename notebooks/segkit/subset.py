"""The four-class subset of ADE20K: which images it keeps, what their labels become, and a record of both.

What `build_subset` writes:

    OUT/images/{training,validation}/NAME.jpg        the photographs that are kept, byte for byte
    OUT/annotations/{training,validation}/NAME.png   their labels 0..3, 255 = ignored; 8 bit, full size
    OUT/manifest.json                                what was found, kept and dropped, and how it was made
"""

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path, PureWindowsPath

import numpy as np
import PIL
from PIL import Image
from tqdm import tqdm

from segkit.errors import CourseError
from segkit.folders import finished_folder
from segkit.source import SPLITS, open_source

CLASS_NAMES = ("background", "plant", "person/animal", "vehicle")
# Everything that is not named here is class 0, background: 0 (unlabelled) as well, unless it is to be ignored.
ADE20K_CLASSES = {1: (5, 10, 18, 67), 2: (13, 127), 3: (21, 77, 84, 91, 103, 104, 128)}
IGNORE = 255
TARGET_SIZE = (64, 64)
UNLABELLED = ("background", "ignore")

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
KEEP_RULE = "1 % rule"
_KEEP_SHARE = 0.01
_LARGEST_ID = 150
_ORIENTATION = 0x0112
# What Pillow and zipfile raise on damaged data; anything else is a fault of ours and must not look like one.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)


class Dropped(Exception):
    """A pair that does not come into the subset: the reason it is counted under, and a detail in words."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def build_subset(source, out, *, map_labels=None, unlabelled="background", overwrite=False, progress=True) -> dict:
    """Write the four-class subset of an ADE20K folder or zip file.

    An image is kept if more than 1 % of the pixels of its 64x64 target are not background (ignored pixels do not count
    as such). A file that cannot be used is named in the manifest and the rest goes on.

    Args:
        source: folder or zip file in the ADE20K layout.
        out: folder to write. It appears when everything is done; nothing is left if the build fails.
        map_labels: function from ids 0..150 (uint8 tensor (H, W)) to labels 0..3 (integer tensor (H, W)), for example
            a student's own; None uses `ADE20K_CLASSES`.
        unlabelled: what id 0 becomes: "background" (0) or "ignore" (255).
        overwrite: replace a subset that is already at `out`.
        progress: show a bar if it takes more than a second.

    Returns:
        The manifest. Per split: `found` names (image, annotation or both), `kept`, and `dropped`, a dictionary
        reason -> name -> detail, with found = kept + dropped; `remarks` on images that are kept but unusual, reason ->
        names; `class_shares` of the kept 64x64 targets without ignored pixels; `ignored_share` of all their pixels;
        `sha256` of a list `sha256  kind/name` of every source file of the split.

    Raises:
        CourseError: if `source` is not in the ADE20K layout, `out` is taken or cannot be written, a split keeps no
            image, or `map_labels` returns something else than labels.
    """
    if unlabelled not in UNLABELLED:
        raise CourseError(f'unlabelled must be "background" or "ignore", not {unlabelled!r}.')
    to_labels = _table_mapper(unlabelled) if map_labels is None else _function_mapper(map_labels, unlabelled)
    raw = open_source(source)
    try:
        with finished_folder(out, replaceable=is_built if overwrite else None) as partial:
            manifest = {
                "format": MANIFEST_FORMAT,
                "made_by": {"segkit.subset": MANIFEST_FORMAT, "pillow": PIL.__version__, "numpy": np.__version__},
                "source": raw.name,
                "unlabelled": unlabelled,
                "mapping": "ADE20K_CLASSES" if map_labels is None else "map_labels",
                "keep_rule": "more than 1 % of the nearest-resized target is not background",
                "target_size": list(TARGET_SIZE),
                "class_names": list(CLASS_NAMES),
                "splits": {split: _build_split(raw, split, partial, to_labels, progress) for split in SPLITS},
            }
            text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
            (partial / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    finally:
        raw.close()
    return manifest


def is_built(folder) -> bool:
    """Whether `folder` holds a finished four-class subset."""
    try:
        read_manifest(folder)
    except CourseError:
        return False
    return True


def read_manifest(folder) -> dict:
    """The manifest of a built subset.

    Raises:
        CourseError: if there is none at `folder`, or it was written in another format.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{Path(folder)} holds no four-class data set (no {MANIFEST}): build one with "
            "data_scripts/build_ade20k_subset.py, or let segkit.data.locate_data() find one."
        ) from None
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} cannot be read ({error}): build the data set again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != MANIFEST_FORMAT or "splits" not in manifest:
        raise CourseError(f"{path} is not of format {MANIFEST_FORMAT}: build the data set again.")
    return manifest


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


def _build_split(raw, split: str, out: Path, to_labels, progress: bool) -> dict:
    for kind in ("images", "annotations"):
        (out / kind / split).mkdir(parents=True)
    pairs = _pairs(raw, split)
    dropped, remarks, digests = defaultdict(dict), defaultdict(list), []
    kept, pixels = 0, np.zeros(len(CLASS_NAMES), np.int64)
    for name, files in tqdm(pairs.items(), desc=split, unit="image", delay=1, disable=not progress):
        try:
            image, annotation = _read_pair(raw, split, name, files, digests)
            notes, label_png, counts = examine_pair(image, annotation, to_labels)
        except Dropped as drop:
            dropped[drop.reason][name] = drop.detail
            continue
        (out / "images" / split / f"{name}.jpg").write_bytes(image)
        (out / "annotations" / split / f"{name}.png").write_bytes(label_png)
        kept, pixels = kept + 1, pixels + counts
        for note in notes:
            remarks[note].append(name)
    if not kept:
        reasons = ", ".join(f"{len(names)} {reason}" for reason, names in dropped.items())
        raise CourseError(f"Of the {len(pairs)} images in {raw.name}, {split}, none can be kept: {reasons}.")
    size = kept * TARGET_SIZE[0] * TARGET_SIZE[1]
    return {
        "found": len(pairs),
        "kept": kept,
        "dropped": dict(sorted(dropped.items())),
        "remarks": dict(sorted(remarks.items())),
        "class_shares": [float(count / pixels.sum()) if pixels.sum() else 0.0 for count in pixels],
        "ignored_share": float(1 - pixels.sum() / size),
        "sha256": hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
    }


def _pairs(raw, split: str) -> dict[str, dict[str, list[str]]]:
    """Name -> {"images": its files, "annotations": its files}, sorted by name; a stray file stands for itself."""
    # Names that differ in case only are one file on Windows and macOS, so they are one name here.
    grouped = defaultdict(lambda: {"images": [], "annotations": []})
    spelling = {}
    for kind, endings in (("images", (".jpg", ".jpeg")), ("annotations", (".png",))):
        for file in raw.files(kind, split):
            stem, ending = os.path.splitext(file)
            name = stem if ending.lower() in endings else file
            grouped[spelling.setdefault(name.casefold(), name)][kind].append(file)
    return dict(sorted(grouped.items()))


def _read_pair(raw, split: str, name: str, files: dict, digests: list[str]) -> tuple[bytes, bytes]:
    """(JPEG, PNG) of one name; the digest of every file that can be read is added to `digests`."""
    contents = {}
    for kind in files:
        for file in files[kind]:
            try:
                contents[kind] = raw.read(kind, split, file)
            except _DAMAGE as error:
                raise Dropped("unreadable file", f"{kind}: {error}") from error
            digests.append(f"{hashlib.sha256(contents[kind]).hexdigest()}  {kind}/{file}\n")
    everything = files["images"] + files["annotations"]
    if PureWindowsPath(everything[0]).name != everything[0]:  # on Windows it would be written somewhere else
        raise Dropped("name that is a path")
    if name in everything:
        raise Dropped("neither .jpg image nor .png annotation")
    if len(files["images"]) > 1 or len(files["annotations"]) > 1:
        raise Dropped("several files of one name", ", ".join(everything))
    for kind, missing in (("annotations", "image without annotation"), ("images", "annotation without image")):
        if not files[kind]:
            raise Dropped(missing)
    return contents["images"], contents["annotations"]


def examine_pair(image: bytes, annotation: bytes, to_labels) -> tuple[list[str], bytes, np.ndarray]:
    """Decide about one pair: (remarks, the PNG of its labels, pixels of each class in its 64x64 target).

    Depends on nothing but its arguments, so pairs can be examined in any order and in any process.

    Raises:
        Dropped: if the pair does not come into the subset.
    """
    size, remarks = _examine_image(image)
    ids = _decode_annotation(annotation)
    if ids.size != size:
        turned = "; the photograph has an EXIF rotation, which is not applied" if "EXIF rotation" in remarks else ""
        raise Dropped("sizes differ", f"image {_in_words(size)}, annotation {_in_words(ids.size)}{turned}")
    labels = to_labels(ids)
    target = np.asarray(labels)[
        _nearest(labels.height, TARGET_SIZE[0])[:, None], _nearest(labels.width, TARGET_SIZE[1])
    ]
    counts = np.bincount(target.ravel(), minlength=256)[: len(CLASS_NAMES)]
    foreground = int(counts[1:].sum())
    if foreground <= _KEEP_SHARE * target.size:
        raise Dropped(KEEP_RULE, f"{foreground} of {target.size} target pixels are not background")
    png = io.BytesIO()
    labels.save(png, "PNG")
    return remarks, png.getvalue(), counts


def _examine_image(data: bytes) -> tuple[tuple[int, int], list[str]]:
    """((width, height), remarks) of a JPEG, decoded to its end so that a truncated one shows."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format not in ("JPEG", "MPO"):  # MPO: a JPEG with a second picture behind it, as phones write
                raise Dropped("image is not a JPEG", f"it is {image.format}")
            size, mode, turned = image.size, image.mode, _is_turned(image)
            image.draft("RGB", (1, 1))  # an eighth of the size: every byte is read, little is computed
            image.load()
    except _DAMAGE as error:
        raise Dropped("unreadable image", str(error)) from error
    remarks = {"L": ["greyscale"], "CMYK": ["CMYK"]}.get(mode, [])
    # Annotations are drawn on the pixels as they are stored, which is also what array decoders return: the EXIF
    # orientation is applied nowhere in this course, neither here nor when an image is loaded.
    return size, remarks + (["EXIF rotation"] if turned else [])


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) != 1
    except _DAMAGE:
        return False  # damaged metadata do not make the photograph unusable


def _decode_annotation(data: bytes) -> Image.Image:
    """The class ids of a PNG, mode "L"."""
    try:
        with Image.open(io.BytesIO(data)) as annotation:
            # A palette's numbers need not be class ids, and 16-bit files hold ids of the full ADE20K: no guessing.
            if annotation.format != "PNG" or annotation.mode != "L":
                raise Dropped("annotation is not 8-bit grey PNG", f"it is {annotation.format}, mode {annotation.mode}")
            annotation.load()
            ids = annotation.copy()
    except _DAMAGE as error:
        raise Dropped("unreadable annotation", str(error)) from error
    largest = ids.getextrema()[1]
    if largest > _LARGEST_ID:
        raise Dropped("annotation with unknown id", f"id {largest}, ADE20K's go from 0 to {_LARGEST_ID}")
    return ids


def _table_mapper(unlabelled: str):
    table = [0] * 256
    for label, ids in ADE20K_CLASSES.items():
        for index in ids:
            table[index] = label
    table[0] = IGNORE if unlabelled == "ignore" else 0
    return lambda ids: ids.point(table)


def _function_mapper(map_labels, unlabelled: str):
    """`map_labels` on tensors as a function on pictures, with its answer checked."""
    import torch  # only here: building with the course's table needs no tensors

    def to_labels(picture: Image.Image) -> Image.Image:
        ids = np.array(picture)
        labels = map_labels(torch.from_numpy(ids.copy()))
        if not isinstance(labels, torch.Tensor) or labels.is_floating_point() or tuple(labels.shape) != ids.shape:
            raise CourseError(f"map_labels must return an integer tensor of shape {ids.shape}, as it was given.")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(CLASS_NAMES):
            raise CourseError(
                f"map_labels must return labels 0 to {len(CLASS_NAMES) - 1}, but returned {low} to {high}."
            )
        array = labels.numpy().astype(np.uint8)
        if unlabelled == "ignore":
            array[ids == 0] = IGNORE
        return Image.fromarray(array)

    return to_labels


def _nearest(length: int, samples: int) -> np.ndarray:
    """Indices floor(i * length / samples): where nearest-neighbour sampling looks (torch's rule, Pillow's differs)."""
    return np.arange(samples) * length // samples


def _in_words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
