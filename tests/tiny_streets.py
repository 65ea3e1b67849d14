"""KITTI's layout with a handful of small pictures, and a model with which an entry trains in a second."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from torch import nn

from segkit.competition.streets import NUM_CLASSES, street_sets
from segkit.competition.training import Budget, train_entry

ROAD, SKY, CAR = 7, 23, 26  # label ids of Cityscapes
SIZE = (32, 48)
BUDGET = Budget(learning_rate=1e-2, batch_size=4, epochs=2)


def write_streets(root: Path, training: int = 6, validation: int = 4, testing: int = 2) -> Path:
    """Grey roads under blue skies, each with a red car somewhere, of 36 x 60 pixels."""
    names = [f"{number:06d}_10" for number in range(training + validation)]
    for number, name in enumerate(names):
        _write(root / "training", name, number)
    for number in range(testing):
        _write(root / "testing", f"{number:06d}_10", 100 + number, labelled=False)
    splits = {"training": names[:training], "validation": names[training:]}
    (root / "splits.json").write_text(json.dumps(splits))
    return root


def _write(folder: Path, name: str, seed: int, labelled: bool = True) -> None:
    generator = np.random.default_rng(seed)
    labels = np.full((36, 60), SKY, np.uint8)
    labels[18:] = ROAD
    labels[:1] = 0
    left = int(generator.integers(0, 40))
    labels[14:24, left : left + 16] = CAR
    colours = np.zeros((256, 3))
    colours[[ROAD, SKY, CAR]] = (90, 90, 90), (120, 170, 230), (200, 40, 30)
    picture = colours[labels] + generator.normal(0, 12, (*labels.shape, 3))
    for kind, image in (("image_2", picture.clip(0, 255).astype(np.uint8)), ("semantic", labels)):
        if labelled or kind == "image_2":
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / kind / f"{name}.png")


class TinyNet(nn.Sequential):
    """Logits at the images' size from two layers; seeded by whoever builds it."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, NUM_CLASSES, 1))


def tiny_entry(root, folder, name="tiny", model=TinyNet, data=None, **options):
    data = data or street_sets(root, SIZE)
    settings = {"budget": BUDGET, "progress": False, "accelerator": "cpu"}
    return train_entry(name, model, data, folder=folder, **(settings | options))


class AddedLoss:
    """Cross-entropy of both heads, as a student's function with an auxiliary head gives it."""

    def __init__(self, weight: float = 0.4):
        self.weight = weight

    def __call__(self, logits, auxiliary, target):
        def loss(of):
            return nn.functional.cross_entropy(of, target, ignore_index=255)

        return loss(logits) + self.weight * loss(auxiliary)


def halving(step: int) -> float:
    """A schedule: half the learning rate from the third step on."""
    return 1.0 if step < 2 else 0.5


def total_of(model: nn.Module) -> float:
    return sum(float(value.double().sum()) for value in model.state_dict().values() if value.is_floating_point())
