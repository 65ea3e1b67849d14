"""The hidden images: street scenes in KITTI's layout whose testing pictures have labels that students do not get.

testing/image_2/000000_10.png    RGB, what students get as well
testing/semantic/000000_10.png   8-bit grey, Cityscapes' label ids
"""

from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from autograder.evaluation.counting import count_pairs
from autograder.evaluation.images import PIXELS, require_set_aside
from segkit.competition.kitti import KittiPairs, read_png, train_ids_of
from segkit.competition.predictions import OTHER, picture_size, read_prediction, require_names
from segkit.errors import CourseError
from segkit.transfer.classes import CITYSCAPES_CLASSES, CITYSCAPES_LABELS


class HiddenStreets:
    """Testing pictures of a folder in KITTI's layout, with their labels.

    Raises:
        CourseError: if students get the folder, there are no such pictures, or labels do not fit them.
    """

    class_names = CITYSCAPES_CLASSES

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        require_set_aside(self.root)
        self._testing = self.root / "testing"
        self.names = [f"{name}.png" for name in KittiPairs(self.root, "testing").names]  # in the order of `batches`
        labelled = {path.name for path in (self._testing / "semantic").glob("*.png")}
        if not self.names or labelled != set(self.names):
            raise CourseError(
                f"{self._testing} needs a folder semantic with a map of labels for each picture of image_2: "
                "set labelled pictures aside with `python -m autograder set-aside`."
            )
        for name in self.names:
            self._labels(name)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def digest(self) -> str:
        """Changes with any picture or label."""
        found = sha256()
        for name in self.names:
            for kind in ("image_2", "semantic"):
                found.update(sha256((self._testing / kind / name).read_bytes()).digest())
        return found.hexdigest()

    def batches(self, size: tuple[int, int]) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """Images float32 (B, 3, *size), prepared as for training, and the train ids of each, (H, W), 255 unlabelled."""
        pairs, count = KittiPairs(self.root, "testing", size=size), max(1, PIXELS // (size[0] * size[1]))
        for first in range(0, len(self), count):
            chosen = range(first, min(first + count, len(self)))
            images = torch.stack([pairs[index] for index in chosen])
            yield images, [self._train_ids(self.names[index]) for index in chosen]

    def read(self, pictures: dict[str, bytes]) -> list[Tensor]:
        """Predicted maps from their files, in the order of `names`; nothing is compared with labels.

        Raises:
            CourseError: if there is not exactly one usable map for each picture.
        """
        require_names(pictures, set(self.names))
        sizes = {name: picture_size(self._testing / "image_2" / name) for name in self.names}
        return [read_prediction(pictures[name], sizes[name], name) for name in self.names]

    def count(self, predicted: list[Tensor]) -> Tensor:
        """Of maps as `read` gives them: int64 (N, 19, 20), the last column for what was called none of the 19."""
        labels = map(self._train_ids, self.names)
        classes, columns = len(self.class_names), OTHER + 1
        return torch.stack(
            [count_pairs(own, truth, classes, columns) for own, truth in zip(predicted, labels, strict=True)]
        )

    def _train_ids(self, name: str) -> Tensor:
        return train_ids_of(self._labels(name))

    def _labels(self, name: str) -> Tensor:
        """Label ids of a picture, uint8 (H, W)."""
        path = self._testing / "semantic" / name
        labels = read_png(path, "L")
        if labels.shape != picture_size(self._testing / "image_2" / name):
            raise CourseError(f"{path} is not as large as its picture: set the pictures aside again.")
        if not set(labels.unique().tolist()) <= set(CITYSCAPES_LABELS):
            raise CourseError(
                f"{path} holds numbers that are no label ids of Cityscapes: set the pictures aside again."
            )
        return labels
