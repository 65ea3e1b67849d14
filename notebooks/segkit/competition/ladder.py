"""The ladder: one model with one trick after another, several seeds each, so that gains can be told from chance.

After the ladder of the original competition's winning group, which gives one figure per rung. Every rung keeps the
tricks of those below it. The tricks are a student's, see `segkit.competition.tricks`.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segkit.checking.inputs import Numbers
from segkit.competition.rungs import Plan, Rung
from segkit.competition.scores import evaluate
from segkit.competition.steps import Ladder, Measured, Step
from segkit.competition.streets import NUM_CLASSES, StreetPairs, StreetSets
from segkit.competition.training import (
    Budget,
    WithAuxiliaryHead,
    described_loss,
    load_entry,
    processor_seconds,
    train_entry,
)
from segkit.competition.zoo import build_model
from segkit.data import IGNORE
from segkit.errors import CourseError
from segkit.files import whole_file
from segkit.transfer.runs import Run
from segkit.transfer.training import segmentation_loss

MODEL = "segformer_b0"
ENLARGED = 9 / 8  # of both sides: what augmentation cuts its windows out of, so that these are as large as the others
TOLD_APART = 0.02  # of all labelled pixels: classes with more of them weigh about the same
KEPT = 1 / 16  # of a batch's pixels: what OHEM keeps at least
AUXILIARY_CHANNELS = 64


def climb(root, plan: Plan, tricks, folder="runs/ladder", **options) -> Iterator[Ladder]:
    """Train and test what is not there yet; yield the ladder after every run, and write it to `ladder.json`.

    The same call again goes on where it was interrupted, in the middle of an epoch if need be.

    Args:
        root: what `locate_kitti` gives.
        tricks: has the functions of `segkit.competition.tricks.NOTEBOOKS` as attributes.
        folder: where runs and ladder are kept.
        options: further ones of `train_entry`: accelerator, progress, ...

    Raises:
        CourseError: if a trick is missing, or `folder` holds runs that were trained in another way.
    """
    folder, pictures = Path(folder), _Pictures(root, plan, tricks)
    measured: dict[str, dict[int, Measured]] = {rung.name: {} for rung in plan.ladder}
    runs = list(plan.runs())
    for number, (rung, seed) in enumerate(runs, start=1):
        print(f"{number} of {len(runs)}: {rung.title}, seed {seed}", flush=True)
        measured[rung.name][seed] = _measured(_Attempt(rung, seed, plan, tricks, pictures), folder, options)
        steps = [Step(one.name, one.title, one.trained, measured[one.name]) for one in plan.ladder]
        ladder = Ladder(tuple(step for step in steps if step.measured))
        _write(folder / "ladder.json", json.dumps(ladder.as_json(), indent=1) + "\n")
        yield ladder


class _Pictures:
    """The data of all rungs: validation pictures, and training pictures that are augmented or not."""

    def __init__(self, root, plan: Plan, tricks):
        self.root, self.plan, self.tricks = root, plan, tricks
        self.train, self.validation = (StreetPairs(root, split, size=plan.size) for split in ("training", "validation"))
        self._sets: dict[bool, StreetSets] = {}

    def sets(self, augmented: bool) -> StreetSets:
        """Training and validation."""
        if augmented not in self._sets:
            train = self.train
            if augmented:
                change = partial(_augmented, self.tricks.augment, self.plan.size)
                train = StreetPairs(self.root, "training", size=enlarged(self.plan.size), transform=change)
            self._sets[augmented] = StreetSets("kitti", train, self.validation, num_classes=NUM_CLASSES)
        return self._sets[augmented]

    @cached_property
    def counts(self) -> Tensor:
        """Pixels of every class in the training pictures: int64 (K,)."""
        counts = torch.zeros(NUM_CLASSES, dtype=torch.int64)
        for _, target in self.train:
            counts += torch.bincount(target[target != IGNORE], minlength=NUM_CLASSES)
        return counts


@dataclass(frozen=True)
class _Attempt:
    """One rung with one seed: what it is trained with."""

    rung: Rung
    seed: int
    plan: Plan
    tricks: object
    pictures: _Pictures

    @cached_property
    def recipe(self) -> tuple[str, ...]:
        return self.plan.recipe(self.rung)

    @cached_property
    def trained_as(self) -> Rung:
        """The rung whose weights are tested: this one, or the highest below that was trained."""
        return next(one for one in reversed(self.plan.ladder) if one.trained and one.name in self.recipe)

    def build(self, pretrained: bool = True) -> nn.Module:
        """The model, with its auxiliary head if it has one; `pretrained`: with the encoder's weights."""
        weights = self.plan.encoder if pretrained and "transfer" in self.recipe else False
        model = build_model(MODEL, NUM_CLASSES, weights)
        if "auxiliary" not in self.recipe:
            return model
        channels = model.model.encoder.out_channels[-2]
        head = self.tricks.AuxiliaryHead(channels, AUXILIARY_CHANNELS, NUM_CLASSES)
        return WithAuxiliaryHead(model, "model.encoder", head, pick=_third_map)

    def losses(self) -> dict:
        """The arguments of `train_entry` that say what is minimised."""
        loss = self._loss()
        if "auxiliary" not in self.recipe:
            return {"loss": loss}
        return {"loss": loss, "auxiliary_loss": partial(_both_heads, self.tricks.auxiliary_loss, loss)}

    def _loss(self):
        counts, weight = self.pictures.counts, None
        if "class_balanced" in self.recipe:
            weight = self.tricks.class_balanced_weights(counts, 1 - 1 / (TOLD_APART * int(counts.sum())))
        if "ohem" in self.recipe:
            height, width = self.plan.size
            least = int(KEPT * self.plan.budget.batch_size * height * width)
            return _Weighted(partial(self.tricks.ohem_loss, min_kept=least), weight)
        return segmentation_loss if weight is None else _Weighted(weighted_loss, weight)

    def schedule(self):
        """Two cycles, the second twice as long, which end with the training; without the trick, a constant rate."""
        if "poly_restarts" not in self.recipe:
            return "constant"
        budget = self.plan.budget
        steps = budget.epochs * -(-len(self.pictures.train) // budget.batch_size)
        return partial(_from_step, self.tricks.poly_restarts, max(1, -(-steps // 3)))

    def train(self, folder: Path, options: dict) -> Run:
        """The run, trained to its end."""
        budget = Budget(**asdict(self.plan.budget) | {"seed": self.seed})
        facts = {"model": MODEL, "tricks": list(self.recipe[1:]), "encoder": _digest(self.plan.encoder, self.recipe)}
        if "ohem" in self.recipe:  # fewer pixels describe the loss than are kept at least
            facts["OHEM"] = described_loss(partial(self.tricks.ohem_loss, min_kept=10), NUM_CLASSES)
        return train_entry(
            f"{self.rung.name}-{self.seed}", self.build, self.pictures.sets("augmentation" in self.recipe),
            budget=budget, **self.losses(), schedule=self.schedule(), folder=folder, facts=facts, **options,
        )  # fmt: skip


def _measured(attempt: _Attempt, folder: Path, options: dict) -> Measured:
    """What a rung and a seed give and cost; what is tested already is read back."""
    below = _Attempt(attempt.trained_as, attempt.seed, attempt.plan, attempt.tricks, attempt.pictures)
    name = f"{below.rung.name}-{below.seed}"
    if attempt.rung != below.rung and (folder / name / f"tested-{below.rung.name}.json").is_file():
        options = options | {"progress": False}  # it was trained a moment ago, and said so
    run = below.train(folder, options)
    file = run.folder / f"tested-{attempt.rung.name}.json"
    predict = attempt.tricks.multi_scale if "multi_scale" in attempt.recipe else None
    tested_with = {"weights": _digest_of(run.folder / "checkpoints" / "best.ckpt"), "testing": _described(predict)}
    if (known := _read(file)) and all(known.get(name) == value for name, value in tested_with.items()):
        return Measured(known["mean IoU"], processor_seconds(run), known["testing seconds"])
    model, validation = load_entry(run, below.build(pretrained=False)), attempt.pictures.validation
    begun = time.process_time()
    scores = evaluate(model, validation, NUM_CLASSES, predict=predict)
    found = Measured(scores.mean_iou(), processor_seconds(run), (time.process_time() - begun) / len(validation))
    kept = tested_with | {"mean IoU": found.mean_iou, "testing seconds": found.testing_seconds}
    _write(file, json.dumps(kept | {"class IoU": scores.class_iou().nan_to_num(-1).tolist()}) + "\n")
    return found


# ---- what a recipe puts together


def enlarged(size: tuple[int, int]) -> tuple[int, int]:
    """The size of pictures out of which augmentation cuts windows of `size`.

    Windows of 7/8 of the tested size would save time, but where a side is no multiple of 32 a SegFormer's maps lie
    shifted against each other. Trained so and tested without, mean IoU fell by 0.08.
    """
    height, width = (round(ENLARGED * side) for side in size)
    return height, width


def weighted_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy, averaged over the labelled pixels with the weights of their classes; 0 if there is none."""
    total = F.cross_entropy(logits, target, weight, ignore_index=IGNORE, reduction="sum")
    counted = torch.bincount(target[target != IGNORE], minlength=len(weight)).to(weight)
    # not `counted @ weight`: mixed precision multiplies matrices in 16 bits, in which 65,520 pixels are infinitely many
    return total / (counted * weight).sum().clamp(min=1e-12)


class _Weighted:
    """A loss that takes weights of classes, with these, in the logits' dtype and on their device."""

    def __init__(self, loss, weight: Tensor | None):
        self.loss, self.weight = loss, weight

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.loss(logits, target, weight=None if self.weight is None else self.weight.to(logits))


def _both_heads(auxiliary_loss, criterion, logits: Tensor, auxiliary: Tensor, target: Tensor) -> Tensor:
    return auxiliary_loss(logits, auxiliary, target, criterion)


def _from_step(poly_restarts, cycle_steps: int, step: int) -> float:
    return poly_restarts(step, cycle_steps, cycle_factor=2)


def _augmented(augment, size: tuple[int, int], image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The student's `augment` with a generator that follows from torch's own, which a training seeds for every item."""
    generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
    return augment(image, target, size, generator)


def _third_map(maps: list[Tensor]) -> Tensor:
    return maps[-2]


def _described(predict) -> str:
    """What a way to test gives on fixed numbers: another way has another value, and is another test."""
    if predict is None:
        return "one look"
    model = nn.Conv2d(3, 2, kernel_size=3, stride=2, bias=False)
    nn.init.normal_(model.weight, generator=torch.Generator().manual_seed(0))
    images = Numbers(0).normal(1, 3, 56, 72).float()
    weights = torch.arange(56 * 72).reshape(56, 72)  # of every pixel another one
    return f"{float((predict(model, images)[0, 0] * weights).sum()):.3f} on fixed numbers"


# ---- files


def _digest(encoder: Path | bool | None, recipe: tuple[str, ...]) -> str:
    if "transfer" not in recipe or not encoder:
        return "none"
    return "imagenet" if encoder is True else _digest_of(Path(encoder))


def _digest_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:12]
    except OSError as error:
        raise CourseError(f"{file} cannot be read ({error.strerror}): train it again.") from error


def _read(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(file: Path, text: str) -> None:
    with whole_file(file) as part:
        part.write_text(text, encoding="utf-8")
