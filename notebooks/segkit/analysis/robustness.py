"""How much worse a model gets when its images are corrupted."""

from itertools import product

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional
from tqdm import tqdm

from segkit.analysis.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from segkit.analysis.parts import evaluating
from segkit.augmentation import nearest_labels
from segkit.data import prepare_image
from segkit.devices import device_of
from segkit.progress import open_bar


def robustness(
    model: nn.Module,
    pairs,
    image_size: tuple[int, int],
    *,
    confusion_matrix,
    mean_iou,
    names=CORRUPTIONS,
    batch_size: int = 16,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, list[float]]:
    """Mean IoU of a model on corrupted images, on the model's own grid.

    Args:
        model: maps images (B, 3, *image_size) to logits (B, K, h, w).
        pairs: data set of (image uint8 (3, H, W), mask (H, W)), for example `FourClassADE20K` without a transform.
        image_size: what the model sees. Images are corrupted at this size, for noise that is shrunk averages out.
        confusion_matrix, mean_iou: functions as in `segkit.training.fit`.
        names: corruptions, see `segkit.analysis.corrupt`.
        seed: image i is corrupted with seed + i, whatever the model: two models see the same images.

    Returns:
        For each corruption six values: clean, then at the strengths 1 to 5.
    """

    cases = [(names[0], 0), *product(names, STRENGTHS)]
    total = len(pairs) * len(cases)
    bar = open_bar(total, unit="image", description="corrupted images") if progress else tqdm(disable=True)
    scores = {}
    with bar, evaluating(model), torch.no_grad():
        for name, strength in cases:
            confusion = 0
            for start in range(0, len(pairs), batch_size):
                batch = [(index, *pairs[index]) for index in range(start, min(start + batch_size, len(pairs)))]
                seen = [_corrupted(image, image_size, name, strength, seed + index) for index, image, _ in batch]
                predictions = model(torch.stack(seen).to(device_of(model))).argmax(dim=1).cpu()
                for (*_, mask), prediction in zip(batch, predictions, strict=True):
                    confusion += confusion_matrix(
                        prediction, nearest_labels(mask.as_subclass(Tensor), prediction.shape)
                    )
                bar.update(len(batch))
            scores[name, strength] = float(mean_iou(confusion))
    clean = scores[cases[0]]
    return {name: [clean, *(scores[name, strength] for strength in STRENGTHS)] for name in names}


def _corrupted(image: Tensor, size: tuple[int, int], name: str, strength: int, seed: int) -> Tensor:
    """uint8 (3, H, W) -> a network input (3, *size)"""
    small = functional.resize(image.as_subclass(Tensor), list(size))
    return prepare_image(corrupt(small, name, strength, seed), size)
