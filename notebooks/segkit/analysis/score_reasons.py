"""Why an image's mean IoU is low: the class that pulls it down, and what happens to that class's pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from segkit.data import CLASS_NAMES


@dataclass(frozen=True)
class Reason:
    """The weakest class of an image and the largest of its errors.

    Attributes:
        mean_iou: of the image.
        weakest: the class with the lowest IoU; of several the one that covers most pixels.
        iou: its IoU.
        share: its share of the labelled pixels.
        mean_without: the mean IoU of the other classes; NaN if there are none.
        kind: "missed" (called background), "invented" (is background), "confused" (of two other classes), or "nothing".
        pair: (true class, predicted class) of the largest error that has to do with the weakest class.
        part: the share of the weakest class's true pixels (or, if it is the predicted one, predicted pixels) in it.
    """

    mean_iou: float
    weakest: int
    iou: float
    share: float
    mean_without: float
    kind: str
    pair: tuple[int, int]
    part: float

    def sentence(self, class_names=CLASS_NAMES) -> str:
        """The reason in words."""
        name, (true, predicted) = class_names[self.weakest], self.pair
        words = f"mean {self.mean_iou:.2f}: {name} ({self.share:.1%} of the pixels) has IoU {self.iou:.2f}"
        if self.mean_without == self.mean_without:  # not NaN
            words += f", the others {self.mean_without:.2f}"
        if self.kind == "nothing":
            return f"{words}; nothing is wrong"
        if self.weakest == true:
            return f"{words}; {self.kind}: {self.part:.0%} of it is called {class_names[predicted]}"
        return f"{words}; {self.kind}: {self.part:.0%} of what is called {name} is {class_names[true]}"


def why_low(confusion: Tensor) -> Reason | None:
    """What pulls the mean IoU of an image down; None if it has no labelled pixel.

    Args:
        confusion: counts (K, K), rows truth, columns prediction; class 0 is the background.
    """
    counts = confusion.double()
    true, predicted, right = counts.sum(dim=1), counts.sum(dim=0), counts.diagonal()
    union = true + predicted - right
    if not union.any():
        return None
    ious = right / union  # NaN for a class that is neither there nor predicted
    lowest = ious.nan_to_num(nan=2).min()
    weakest = int(torch.where(ious == lowest, union, -1).argmax())
    others = ious[torch.arange(len(ious)) != weakest]
    kind, pair, part = _largest_error(counts, weakest)
    return Reason(
        mean_iou=float(ious.nanmean()),
        weakest=weakest,
        iou=float(lowest),
        share=float(true[weakest] / true.sum()),
        mean_without=float(others.nanmean()),
        kind=kind,
        pair=pair,
        part=part,
    )


def _largest_error(counts: Tensor, weakest: int) -> tuple[str, tuple[int, int], float]:
    """Kind, (true, predicted) and share of the largest wrong cell in the row or the column of the weakest class."""
    wrong = torch.zeros_like(counts)
    wrong[weakest], wrong[:, weakest] = counts[weakest], counts[:, weakest]
    wrong[weakest, weakest] = 0
    true, predicted = divmod(int(wrong.argmax()), len(counts))
    if not wrong.any():
        return "nothing", (weakest, weakest), 0.0
    whole = counts[weakest] if true == weakest else counts[:, weakest]
    kind = "missed" if predicted == 0 else "invented" if true == 0 else "confused"
    return kind, (true, predicted), float(wrong[true, predicted] / whole.sum())
