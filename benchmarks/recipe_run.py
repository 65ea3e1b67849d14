"""One training run of a recipe with the reference, measured as every other one: `python recipe_run.py '{...}'`.

A process of its own for each run, so that several train side by side and a killed one is gone on with alone.
"""

import json
import sys
import time
from pathlib import Path

import torch
from fast_segformer import made_fast
from recipe_rows import Recipe
from torch import Tensor, nn
from torch.nn import functional as F

from autograder.reference import load_reference
from segkit.augmentation import Augmentation, Plain
from segkit.data import CLASS_NAMES, IGNORE, IMAGE_SIZE, TARGET_SIZE, FourClassADE20K
from segkit.loader import Loader
from segkit.training import fit


class Upsampled(nn.Module):
    """A model whose logits are brought to the size of the targets, where those are finer."""

    def __init__(self, model: nn.Module, size: tuple[int, int]):
        super().__init__()
        self.model = model
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B, K, *size)"""
        return F.interpolate(self.model(images), self.size, mode="bilinear", align_corners=False)


class RecipeLoss:
    """Cross-entropy as a recipe wants it: classes weighed, unlabelled pixels left out or taken for background."""

    def __init__(self, recipe: Recipe, class_shares: Tensor):
        self.unlabelled = recipe.unlabelled
        weights = class_shares**-recipe.balance
        self.weights = weights / (weights * class_shares).sum()  # a pixel weighs 1 on average

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.unlabelled == "background":
            target = target.masked_fill(target == IGNORE, 0)
        weights = self.weights.to(logits)
        total = F.cross_entropy(logits, target, weight=weights, ignore_index=IGNORE, reduction="sum")
        counted = torch.bincount(target[target != IGNORE], minlength=len(weights)).to(logits)
        return total / (counted @ weights).clamp(min=1e-12)


def run(recipe: Recipe, seed: int, data: Path, out: Path, passes: int, precision: str, accelerator: str) -> dict:
    """Train the reference from scratch, then measure its last weights on the validation set."""
    train_set, val_set = (FourClassADE20K(data, split) for split in ("training", "validation"))
    code = load_reference()["03_model"]
    torch.manual_seed(seed)
    model = made_fast(code.SegFormer(num_classes=4, drop_path=recipe.drop_path))
    started = time.monotonic()
    _train(model, recipe, seed, train_set, val_set, out, passes, precision, accelerator, code)
    minutes = (time.monotonic() - started) / 60
    sizes = {"image_size": (recipe.measured_side,) * 2, "target_size": TARGET_SIZE}
    measured = model if sizes["image_size"] == IMAGE_SIZE else Upsampled(model, TARGET_SIZE)
    confusion = code.evaluate(measured, Loader(val_set, 16, shuffle=False, **sizes))
    intersection = confusion.diagonal()
    ious = intersection / (confusion.sum(0) + confusion.sum(1) - intersection)
    return {
        "mean_iou": round(float(code.mean_iou(confusion)), 4),
        "ious": dict(zip(CLASS_NAMES, [round(iou, 4) for iou in ious.tolist()], strict=True)),
        "minutes": round(minutes, 1),
    }


def _train(model, recipe, seed, train_set, val_set, out, passes, precision, accelerator, code) -> None:
    learner = model
    if 4 * recipe.target_side > recipe.image_side:
        learner = Upsampled(model, (recipe.target_side, recipe.target_side))
    fit(
        learner,
        train_set,
        val_set,
        out,
        loss=RecipeLoss(recipe, torch.tensor(train_set.manifest["splits"]["training"]["class_shares"])),
        confusion_matrix=code.confusion_matrix,
        mean_iou=code.mean_iou,
        augmentation=_augmentation(recipe),
        shuffle=recipe.shuffle,
        epochs=passes,
        validate_every=passes,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        head_learning_rate_factor=recipe.head_factor,
        head=model.decoder,
        schedule=recipe.schedule,
        decay_norms=recipe.decay_norms,
        precision=precision,
        accelerator=accelerator,
        seed=seed,
    )


def _augmentation(recipe: Recipe) -> Augmentation | Plain:
    sizes = {"image_size": (recipe.image_side,) * 2, "target_size": (recipe.target_side,) * 2}
    if recipe.augmentation == "none":
        return Plain(**sizes)
    return Augmentation(scale=recipe.crops, **sizes)


def main() -> None:
    """Run what the argument asks for and leave the result beside the run, in `result.json`."""
    asked = json.loads(sys.argv[1])
    torch.set_num_threads(asked.pop("threads"))
    out = Path(asked.pop("out"))
    recipe = Recipe(**asked.pop("recipe"))
    result = run(recipe, data=Path(asked.pop("data")), out=out, **asked)
    unfinished = out / "result.json.part"
    unfinished.write_text(json.dumps(result))
    unfinished.replace(out / "result.json")


if __name__ == "__main__":
    main()
