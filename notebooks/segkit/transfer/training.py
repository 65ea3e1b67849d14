"""A run: a model trained by the assignment's recipe, with everything that it may be compared by written beside it."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from lightning.pytorch import Callback
from torch import Tensor, nn

from segkit.data import IGNORE
from segkit.files import whole_file
from segkit.training import fit, load_best
from segkit.training.settings import require
from segkit.transfer.judging import Judge
from segkit.transfer.logits import LogitsOnly, giving_logits
from segkit.transfer.recipe import Recipe
from segkit.transfer.runs import FACTS, Run, read_facts, read_run
from segkit.transfer.sets import Sets


def train_run(
    name: str,
    model,
    data: Sets,
    *,
    metric: type | Judge,
    optimizer=None,
    recipe=None,
    folder="runs",
    resume: bool = True,
    num_workers: int | None = 0,
    callbacks=(),
    facts: Mapping[str, Any] = MappingProxyType({}),
    **options,
) -> Run:
    """Train a model on `data`, and keep the run under its name.

    The same call again continues a run that was interrupted; one that has ended is read back. Afterwards the model has
    the weights of the epoch with the highest validation mean IoU. Data, seed and metric are written to
    `<folder>/<name>/run.json` before the training begins, the curves to its logs: `read_runs` reads both.

    Args:
        name: of the run and its folder: letters, digits, `_`, `-` and `.`.
        model: maps images (B, 3, h, w) to logits (B, num_classes, h, w) or to a dictionary that has them as "out"; or a
            function without arguments that builds such a model. It is called after torch's generator was seeded with
            the recipe's seed, so that the weights with which a run begins follow from the seed as well.
        metric: the student's `SegmentationMetric`, or a `Judge`.
        optimizer: function (model, learning_rate) -> optimiser, the student's `build_optimizer`; None for the AdamW of
            `fit`.
        recipe: a dataclass of arguments of `fit`, with a seed; None for the assignment's, `Recipe()`.
        resume: False starts over.
        num_workers: processes that load data; 0, as items of 64x64 pixels that are kept in memory need none.
        facts: more to be written to run.json and to be the same when the run goes on.
        callbacks, options: further ones of `segkit.training.fit`: accelerator, devices, progress, loss, schedule, ...
            Without them the loss is `segmentation_loss`, and the schedule exponential.

    Raises:
        CourseError: if a setting is wrong, or if a run of that name has other data, another seed, metric or recipe.
    """
    recipe = recipe or Recipe()
    require(
        bool(re.fullmatch(r"\w[\w.-]*", name)), f'The name "{name}" is no name for a folder: use letters and digits.'
    )
    out = Path(folder) / name
    judge = metric if isinstance(metric, Judge) else Judge(metric, data.num_classes)
    if not isinstance(model, nn.Module):
        torch.manual_seed(recipe.seed)
        model = model()
    written = _facts(name, data, judge, recipe, model) | dict(facts)
    continued = resume and (out / FACTS).is_file()
    if continued:
        written["begun"] = _require_same(out, written)["begun"]
    logits_model = giving_logits(model, data.validation)
    fit(
        logits_model, data.train, data.validation, out,
        confusion_matrix=judge.confusion_matrix, mean_iou=judge.mean_iou, num_classes=data.num_classes,
        optimizer=optimizer and partial(_optimizer_of, optimizer),
        resume=continued, num_workers=num_workers, callbacks=[_KeepFacts(out, written, continued), *callbacks],
        **({"loss": segmentation_loss, "schedule": "exponential", "warmup_steps": 0} | asdict(recipe) | options),
    )  # fmt: skip
    load_best(logits_model, out)
    return read_run(out)


def _optimizer_of(make, model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """What the student's function makes of the student's own model."""
    return make(model.model if isinstance(model, LogitsOnly) else model, learning_rate)


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, averaged over the labelled pixels; 0 if there is none."""
    total = F.cross_entropy(logits, target, ignore_index=IGNORE, reduction="sum")
    return total / (target != IGNORE).sum().clamp(min=1)


def load_run(model: nn.Module, run: Run, data: Sets) -> nn.Module:
    """Load the best weights of a run into a model of its kind; return the model.

    Raises:
        CourseError: if the run has no weights yet, or its model was another one.
    """
    load_best(giving_logits(model, data.validation), run.folder)
    return model


def _facts(name: str, data: Sets, judge: Judge, recipe, model: nn.Module) -> dict:
    """All that a run may be compared by, and what a reader of its folder wants to know."""
    numbers = {True: 0, False: 0}
    for parameter in model.parameters():
        numbers[parameter.requires_grad] += parameter.numel()
    return {
        "name": name,
        "model": type(model).__name__,
        "trained parameters": numbers[True],
        "frozen parameters": numbers[False],
        "recipe": asdict(recipe),
        **data.facts,
        "metric": judge.fingerprint(),
        "seed": recipe.seed,
        "begun": datetime.now(UTC).isoformat(),
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }


def _require_same(out: Path, facts: dict) -> dict:
    """The facts of the run in a folder, which goes on only as what it began as; more epochs are allowed."""
    written = read_facts(out)
    before, now = _flat(written), _flat(facts)
    changed = [name for name in now if name in before and before[name] != now[name]]
    require(
        not changed,
        f"{out} holds a run with "
        + ", ".join(f"{name} = {before[name]} (now {now[name]})" for name in changed)
        + ": give this one another name, or start over with resume=False.",
    )
    return written


def _flat(facts: dict) -> dict:
    compared = {name: value for name, value in facts.items() if name not in ("versions", "begun", "recipe")}
    return compared | {name: value for name, value in facts["recipe"].items() if name != "epochs"}


class _KeepFacts(Callback):
    """Writes run.json when all settings are known to be usable, and removes the curves that it does not belong to."""

    def __init__(self, out: Path, facts: dict, continued: bool):
        self.out, self.facts, self.continued = out, facts, continued

    def on_fit_start(self, trainer, task):
        if not trainer.is_global_zero:
            return
        if not self.continued:
            for old in set(self.out.glob("csv/version_*")) - {Path(trainer.loggers[0].log_dir)}:
                shutil.rmtree(old)
        with whole_file(self.out / FACTS) as part:
            part.write_text(json.dumps(self.facts, indent=1) + "\n", encoding="utf-8")
