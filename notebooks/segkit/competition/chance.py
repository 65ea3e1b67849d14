"""Whether two entries differ by more than the choice of images explains: a paired bootstrap over the images.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile intervals); the images are drawn anew
with replacement, the same ones for both entries. What another training of the same model would give is not in it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

DRAWS = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """By how much the first of two entries is ahead in mean IoU, and between which values that lies in CONFIDENCE."""

    ahead: float
    low: float
    high: float

    @property
    def by_chance(self) -> bool:
        """Whether the interval holds 0: other images might have put them in the other order."""
        return self.low <= 0 <= self.high


def compare(first: Tensor, second: Tensor, *, draws: int = DRAWS, seed: int = 0) -> Difference:
    """The difference in mean IoU of two entries.

    Args:
        first, second: confusion matrices of the same images, (N, K, K) or (N, K, more than K); see `count_pairs`.
        draws: how often N of the N images are drawn.
        seed: of drawing.
    """
    images = len(first)
    drawn = np.random.RandomState(seed).multinomial(images, np.full(images, 1 / images), size=draws)
    times = torch.from_numpy(np.concatenate([np.ones((1, images), drawn.dtype), drawn])).double()
    ahead, *others = (mean_ious(times, first) - mean_ious(times, second)).tolist()
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(others, [outside, 1 - outside])
    return Difference(ahead, float(low), float(high))


def mean_ious(times: Tensor, confusions: Tensor) -> Tensor:
    """Mean IoU of each draw, over the classes that occur in it.

    Args:
        times: float64 (draws, N), how often each image is in each draw.
        confusions: (N, K, columns), pixels of each image by true and predicted class.
    """
    classes = confusions.shape[1]
    summed = torch.einsum("dn,nkc->dkc", times, confusions.double())
    found = summed[:, range(classes), range(classes)]
    unions = summed.sum(2) + summed.sum(1)[:, :classes] - found
    return (found / unions).nanmean(dim=1).nan_to_num(0.0)  # 0 / 0: a class that does not occur
