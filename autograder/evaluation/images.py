"""The images that trained models are evaluated on: the validation split of a four-class set outside the bundle."""

import json
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from autograder.paths import NOTEBOOKS
from segkit.errors import CourseError
from segkit.subset.classes import CLASS_NAMES
from segkit.subset.manifest import seal

PIXELS = 8 * 256 * 256  # of a batch that is sent
SPLIT = "validation"


def require_set_aside(folder: Path) -> None:
    """Refuse images that students get with the bundle.

    Raises:
        CourseError: if the folder lies in `notebooks/`.
    """
    if folder.expanduser().resolve().is_relative_to(NOTEBOOKS):
        raise CourseError(
            f"Nothing was done: {folder}, for images that models are evaluated on, lies in {NOTEBOOKS}, "
            "which students get. Choose a place outside of it."
        )


class EvaluationImages:
    """Photographs and their labels, as `data_scripts/build_ade20k_subset.py` built them.

    Args:
        root: folder of the set.

    Raises:
        CourseError: if it is none, is empty or damaged, or students get it with the bundle.
    """

    class_names = tuple(CLASS_NAMES)

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        require_set_aside(self.root)
        from segkit.datasets import FourClassADE20K  # takes seconds, and most runs have no images

        self._pairs = FourClassADE20K(self.root, SPLIT)
        if not len(self._pairs):
            raise CourseError(f"Nothing was graded: {self.root} has no {SPLIT} images to evaluate models on.")
        if self._pairs.manifest.get("sha256") != seal(self._pairs.manifest):
            raise CourseError(f"Nothing was graded: the manifest of {self.root} was changed: build the set again.")

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def digest(self) -> str:
        """Changes with any image or label."""
        parts = self._pairs.manifest["splits"][SPLIT]["parts"]
        files = [file["sha256"] for part in parts for file in part["files"] if file["file"].endswith(".npy")]
        return sha256(json.dumps(files).encode()).hexdigest()

    def batches(self, size: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Images float32 (B, 3, *size), prepared as for training, and their labels uint8 (B, S, S), 255 unlabelled."""
        from segkit.datasets import prepare_image

        count = max(1, PIXELS // (size[0] * size[1]))
        for first in range(0, len(self), count):
            pairs = [self._pairs[index] for index in range(first, min(first + count, len(self)))]
            images = torch.stack([prepare_image(image, size) for image, _ in pairs])
            yield images, torch.stack([mask.as_subclass(Tensor) for _, mask in pairs])


@cache
def open_images(root: Path) -> EvaluationImages:
    """The set in a folder, opened once."""
    return EvaluationImages(root)
