"""Street scenes written in the layout of KITTI's semantic segmentation benchmark (Alhaija et al. 2018).

In a folder:

    training/image_2/000000_10.png       RGB
    training/semantic/000000_10.png      8-bit grey, Cityscapes' label ids
    training/semantic_rgb/000000_10.png  the same in Cityscapes' colours
    training/instance/000000_10.png      16-bit grey, 256 * label id + instance
    testing/image_2/000000_10.png        RGB, without labels
"""

import io
import json
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.datasets import Cityscapes

from segkit.transfer.layouts import Picture, in_cityscapes_ids, street_of

SPLITS_FILE = "splits.json"  # not KITTI's own: which pictures of `training` are for validation
KINDS = ("image_2", "semantic", "semantic_rgb", "instance")
DRIVING = "camvid_"  # how the photographs of a camera in a car are called

_COLOURS = np.zeros((256, 3), np.uint8)
for _label in Cityscapes.classes:
    if _label.id >= 0:
        _COLOURS[_label.id] = _label.color


def write_kitti(root: Path, training: Iterable[Picture], validation: Iterable[Picture], *, prefix: str = ""):
    """Write the pictures that show a street into `root/training` and `root/testing`.

    Pictures of the second split follow on those of the first in `training`, and `splits.json` says which is which; the
    second half of them goes to `testing`, without labels. Photographs become PNG files, pixel by pixel the same.
    Instances are not told apart: all are 0.

    Args:
        prefix: with one, all pictures whose names begin with it are taken, and no others.

    Returns:
        The number of pictures: training, validation, testing.
    """
    for kind in KINDS:
        (root / "training" / kind).mkdir(parents=True)
    (root / "testing" / "image_2").mkdir(parents=True)
    streets = partial(_streets, prefix=prefix)
    numbers = (f"{number:06d}_10" for number in count())
    splits = {"training": [_write_labelled(root, next(numbers), *street) for street in streets(training)]}
    held = list(streets(validation))
    half = (len(held) + 1) // 2
    splits["validation"] = [_write_labelled(root, next(numbers), *street) for street in held[:half]]
    for number, (picture, _) in enumerate(held[half:]):
        _photograph(picture).save(root / "testing" / "image_2" / f"{number:06d}_10.png")
    (root / SPLITS_FILE).write_text(json.dumps(splits) + "\n", encoding="utf-8")
    return {split: len(names) for split, names in splits.items()} | {"testing": len(held) - half}


def write_driving(root: Path, training: Iterable[Picture], validation: Iterable[Picture]) -> dict[str, int]:
    """`write_kitti` of photographs from a car alone, whose names begin with `DRIVING`."""
    return write_kitti(root, training, validation, prefix=DRIVING)


def _streets(pictures: Iterable[Picture], prefix: str) -> Iterator[tuple[Picture, np.ndarray]]:
    """The pictures to take, each with its labels in Cityscapes' ids: uint8 (H, W)."""
    for picture in pictures:
        if not prefix:
            labels = street_of(picture.annotation)
        else:
            labels = in_cityscapes_ids(picture.annotation) if picture.name.startswith(prefix) else None
        if labels is not None:
            yield picture, labels


def _write_labelled(root: Path, name: str, picture: Picture, labels: np.ndarray) -> str:
    images = (
        _photograph(picture),
        Image.fromarray(labels),
        Image.fromarray(_COLOURS[labels]),
        Image.fromarray(256 * labels.astype(np.uint16)),
    )
    for kind, image in zip(KINDS, images, strict=True):
        image.save(root / "training" / kind / f"{name}.png")
    return name


def _photograph(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.jpeg)).convert("RGB")
