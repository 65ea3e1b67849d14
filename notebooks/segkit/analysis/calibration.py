"""How sure a model is, and whether it may be: confidence of every pixel, and how often a pixel that sure is right."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional

from segkit.analysis.parts import evaluating
from segkit.data import IGNORE, prepare_image
from segkit.devices import device_of
from segkit.errors import CourseError


def class_probabilities(model: nn.Module, image: Tensor, input_size: tuple[int, int]) -> Tensor:
    """The probability of each class at every pixel of a photograph: uint8 (3, H, W) -> float (K, H, W) on the CPU.

    Softmax of the logits after they were brought to the photograph's size; `input_size` is what the model sees.
    """
    with evaluating(model), torch.no_grad():
        coarse = model(prepare_image(image, input_size).unsqueeze(0).to(device_of(model)))[0].float()
    # without antialiasing this is bilinear interpolation with align_corners=False
    return functional.resize(coarse, list(image.shape[-2:]), antialias=False).softmax(dim=0).cpu()


@dataclass(frozen=True)
class Reliability:
    """Pixels sorted into bins of equal width by their confidence, the probability of the class that was chosen.

    Two of them can be added: that of a data set is the sum of those of its images.

    Attributes:
        pixels: int64 (bins,), how many pixels lie in each bin.
        right: int64 (bins,), how many of them have the right class.
        confidence: float64 (bins,), the sum of their confidences.
    """

    pixels: Tensor
    right: Tensor
    confidence: Tensor

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.pixels + other.pixels, self.right + other.right, self.confidence + other.confidence)

    @property
    def share_right(self) -> Tensor:
        """(bins,): how often a pixel of the bin is right; NaN in an empty one."""
        return self.right / self.pixels

    @property
    def mean_confidence(self) -> Tensor:
        """(bins,): how sure the model is on average in the bin; NaN in an empty one."""
        return self.confidence / self.pixels

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: the mean over all pixels of |mean confidence - share that is right| of their bin.

        Guo et al. 2017, "On calibration of modern neural networks", equation 3.
        """
        gaps = (self.mean_confidence - self.share_right).abs().nan_to_num()
        return float((gaps * self.pixels).sum() / self.pixels.sum())


def reliability(probabilities: Tensor, truth: Tensor, bins: int = 10) -> Reliability:
    """Sort the labelled pixels of one image by confidence.

    Args:
        probabilities: (K, H, W), sum 1 over the classes.
        truth: (H, W) labels, 255 where ignored.
        bins: number of bins between 0 and 1.

    Raises:
        CourseError: if the sizes differ.
    """
    if probabilities.shape[1:] != truth.shape:
        raise CourseError(
            f"probabilities are {tuple(probabilities.shape[1:])} pixels and truth is {tuple(truth.shape)}: "
            "both must have the size of the photograph."
        )
    truth = truth.as_subclass(Tensor)
    confidence, chosen = (values[truth != IGNORE] for values in probabilities.max(dim=0))
    position = (confidence * bins).long().clamp(max=bins - 1)
    right = (chosen == truth[truth != IGNORE]).double()
    sums = [
        torch.zeros(bins, dtype=torch.float64).scatter_add_(0, position, values)
        for values in (torch.ones_like(right), right, confidence.double())
    ]
    return Reliability(sums[0].long(), sums[1].long(), sums[2])
