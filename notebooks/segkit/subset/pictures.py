"""One pair as planes: the photograph at the size of the network's input, and its labels."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from segkit.subset.classes import CLASS_NAMES, TARGET_SIZE, sample_nearest
from segkit.subset.limits import DAMAGE, LARGEST_PICTURE, in_words
from segkit.subset.manifest import KEEP_RULE
from segkit.subset.pairs import Dropped

KEEP_SHARE = 0.01
_LARGEST_ID = 150
_ORIENTATION = 0x0112

ToLabels = Callable[[np.ndarray], np.ndarray]  # ids uint8 (H, W) -> labels uint8 (H, W)


@dataclass(frozen=True)
class Kept:
    """A pair that comes into the subset.

    planes: uint8 (4, size, size): red, green, blue, label.
    labels: uint8 (H, W), at the size of the photograph; None unless they were asked for.
    counts: pixels of each class in the 64x64 target.
    """

    planes: np.ndarray
    labels: np.ndarray | None
    size: tuple[int, int]  # width, height of the photograph
    counts: np.ndarray
    remarks: list[str]


def examine_pair(
    image: bytes,
    annotation: bytes,
    to_labels: ToLabels,
    size: int,
    *,
    full_size: bool = False,
    counted: Callable[[np.ndarray], None] = lambda counts: None,
) -> Kept:
    """Decide about one pair, and decode the photograph if it stays.

    Depends on nothing but its arguments, so pairs can be examined in any order and by any thread.

    Args:
        image, annotation: the bytes of a JPEG and of an 8-bit PNG of class ids.
        to_labels: see `ToLabels`.
        size: side of the planes, a multiple of the target's.
        full_size: keep the labels at the size of the photograph as well.
        counted: is told the pixels of each class in the 64x64 target of every usable pair, dropped ones too.

    Raises:
        Dropped: if the pair does not come into the subset.
    """
    photograph, remarks = _open_image(image)
    ids = _decode_annotation(annotation)
    if ids.shape != photograph.size[::-1]:
        turned = "; the photograph has an EXIF rotation, which is not applied" if "EXIF rotation" in remarks else ""
        sizes = f"image {_in_words(photograph.size)}, annotation {_in_words(ids.shape[::-1])}"
        raise Dropped("sizes differ", sizes + turned)
    counts = _count_classes(to_labels(sample_nearest(ids, TARGET_SIZE)))
    counted(counts)
    _require_foreground(counts)
    width_and_height = photograph.size  # decoding changes it
    planes = np.empty((4, size, size), np.uint8)
    planes[:3] = _decode_image(photograph, size)
    planes[3] = to_labels(sample_nearest(ids, (size, size)))
    return Kept(planes, to_labels(ids) if full_size else None, width_and_height, counts, remarks)


def _count_classes(labels: np.ndarray) -> np.ndarray:
    """Pixels of each class, ignored ones left out: int64 (4,)."""
    return np.bincount(labels.ravel(), minlength=256)[: len(CLASS_NAMES)]


def _require_foreground(counts: np.ndarray) -> None:
    foreground, pixels = int(counts[1:].sum()), TARGET_SIZE[0] * TARGET_SIZE[1]
    if foreground <= KEEP_SHARE * pixels:
        raise Dropped(KEEP_RULE, f"{foreground} of {pixels} target pixels are not background")


def _open_image(data: bytes) -> tuple[Image.Image, list[str]]:
    """(picture, not decoded yet; remarks) of a JPEG."""
    try:
        picture = Image.open(io.BytesIO(data))
    except DAMAGE as error:
        raise _undecodable("image", error) from error
    if picture.format not in ("JPEG", "MPO"):  # MPO: a JPEG with a second picture behind it, as phones write
        raise Dropped("image is not a JPEG", f"it is {picture.format}")
    _require_pixels(picture)
    remarks = {"L": ["greyscale"], "CMYK": ["CMYK"]}.get(picture.mode, [])
    # Annotations are drawn on the pixels as they are stored, which is also what array decoders return: the EXIF
    # orientation is applied nowhere in this course, neither here nor when an image is loaded.
    return picture, remarks + (["EXIF rotation"] if _is_turned(picture) else [])


def _decode_image(picture: Image.Image, size: int) -> np.ndarray:
    """uint8 (3, size, size): decoded at 1/8, 1/4 or 1/2 of its size where that is enough, then resized bilinearly."""
    try:
        picture.draft("RGB", (size, size))  # the decoder's inverse DCT does most of the shrinking
        small = picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    except DAMAGE as error:
        raise _undecodable("image", error) from error
    return np.asarray(small).transpose(2, 0, 1)


def _is_turned(picture: Image.Image) -> bool:
    try:
        return picture.getexif().get(_ORIENTATION, 1) != 1
    except DAMAGE:
        return False  # damaged metadata do not make the photograph unusable


def _decode_annotation(data: bytes) -> np.ndarray:
    """The class ids of a PNG: uint8 (H, W)."""
    try:
        with Image.open(io.BytesIO(data)) as annotation:
            # A palette's numbers need not be class ids, and 16-bit files hold ids of the full ADE20K: no guessing.
            if annotation.format != "PNG" or annotation.mode != "L":
                raise Dropped("annotation is not 8-bit grey PNG", f"it is {annotation.format}, mode {annotation.mode}")
            _require_pixels(annotation)
            ids = np.asarray(annotation)
    except DAMAGE as error:
        raise _undecodable("annotation", error) from error
    largest = int(ids.max())
    if largest > _LARGEST_ID:
        raise Dropped("annotation with unknown id", f"id {largest}, ADE20K's go from 0 to {_LARGEST_ID}")
    return ids


def _undecodable(what: str, error: Exception) -> Dropped:
    if isinstance(error, Image.DecompressionBombError):
        return Dropped("picture too large", f"at most {LARGEST_PICTURE:,} pixels are decoded")
    return Dropped(f"unreadable {what}", in_words(error))


def _require_pixels(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > LARGEST_PICTURE:  # a few kilobytes can unpack to gigabytes
        raise Dropped("picture too large", f"{_in_words(picture.size)} pixels, at most {LARGEST_PICTURE:,} are decoded")


def _in_words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
