"""Attacks with a trained model: on the points for its mean IoU, on the images set aside, on the leaderboard.

Nothing that is handed in about a model is believed, so that a claim gains nothing; what cannot be read costs its author
these points alone.
"""

import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from attack import Place
from safetensors.torch import save

from segkit.student import Cell, load_cells

CODE = """
import torch
from torch import nn

class SegFormer(nn.Module):
    def __init__(self, num_classes=4, width=4):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.classify = nn.Conv2d(width, num_classes, 1)

    def forward(self, images):
        return self.classify(self.patches(images).relu())
"""
CLAIMED = {"mean_iou": 0.99, "parameters": 1, "multiply_adds": 1, "points": 5}
EXECUTED = "touch /tmp/@MARK@"


@dataclass(frozen=True)
class ModelAttack:
    """A hostile or broken trained model.

    Args:
        tries: what it is after.
        files: what is handed in, by path below the assignment's folder.
        outcome: what is documented to happen.
        code: of the notebook that defines the model.
        says: words that must stand in its finding; "" if its model is measured as any other.
    """

    name: str
    tries: str
    files: Callable[[Place], dict[str, bytes]]
    outcome: str
    code: str = CODE
    says: str = ""

    def write(self, folder: Path, place: Place) -> None:
        """Hand in."""
        for name, data in self.files(place).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


def weights() -> bytes:
    """Weights of the honest model."""
    torch.manual_seed(0)
    model = load_cells("03_model", [Cell(1, CODE)]).module.SegFormer()
    return save({name: value.clone() for name, value in model.state_dict().items()})


def settings(**other: object) -> bytes:
    """Settings of the honest model, and whatever else is claimed."""
    return json.dumps({"arguments": {}, "image_size": [64, 64], "name": None} | other).encode()


def _results(*, model: bytes | None = None, extra: dict[str, bytes] | None = None, **other: object):
    def files(place: Place) -> dict[str, bytes]:
        filled = json.loads(place.fill(json.dumps(other)))
        own = {
            "results/model.safetensors": weights() if model is None else model,
            "results/settings.json": settings(**filled),
        }
        return own | (extra or {})

    return files


def _table(table: dict, data: bytes = b"") -> bytes:
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + data


class _Executes:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return (__import__("os").system, (self.command,))


def _pickled(place: Place) -> dict[str, bytes]:
    return _results(model=pickle.dumps(_Executes(place.fill(EXECUTED))))(place)


def _forward(body: str) -> str:
    return CODE.replace("        return self", f"{body}\n        return self")


_LOOKS_FOR_LABELS = """
        import glob, os, numpy
        places = ["@DATA@", "@COURSE@", "/tmp", "/proc/1/root/tmp"]
        found = [path for place in places for path in glob.glob(place + "/**/*.npy", recursive=True)]
        found += [path for place in places[:2] for path in glob.glob(place + "/**/manifest.json", recursive=True)]
        found += [place for place in places[:2] if os.path.exists(place)]
        if found:
            raise ValueError(f"labels within reach: {found[:5]}")"""
_KEEPS_IMAGES = """
        import os
        try:
            torch.save(images, "/tmp/@MARK@")
            os.link("/tmp/@MARK@", "/opt/course/segkit/@MARK@")
        except OSError:
            pass"""
MEASURED = "measured as any other: the mean IoU of its weights"
REFUSED = "refused before any code runs: said, 0 points"

MODEL_ATTACKS = (
    ModelAttack(
        "forged_metrics",
        "a metrics file and settings that claim a mean IoU of 0.99 with one parameter",
        _results(extra={"results/metrics.json": json.dumps(CLAIMED).encode()}, **CLAIMED),
        MEASURED,
    ),
    ModelAttack(
        "forged_verdict",
        "a verdict, a kept measurement and a leaderboard beside the model",
        _results(
            extra={
                "verdicts/04_results.json": json.dumps({"evaluation": CLAIMED}).encode(),
                ".kept/evaluations/x.json": json.dumps(CLAIMED).encode(),
                "leaderboard.csv": b"rank,name\n1,me\n",
            }
        ),
        MEASURED,
    ),
    ModelAttack(
        "huge_input",
        "an image size of a billion pixels a side",
        _results(image_size=[10**9] * 2),
        REFUSED,
        says="whole numbers from 32 to 1024",
    ),
    ModelAttack(
        "huge_model",
        "arguments that take all memory",
        _results(arguments={"width": 10**9}),
        "ends its own process: 0 points",
        says="memory",
    ),
    ModelAttack(
        "code_in_settings",
        "code, paths and dunder names among the arguments",
        _results(arguments={"__class__": f"os.system('{EXECUTED}')", "../../etc/passwd": "!!python/object"}),
        "arguments of a constructor, no more: 0 points",
        says="TypeError",
    ),
    ModelAttack(
        "settings_bomb",
        "settings nested a hundred thousand times",
        _results(extra={"results/settings.json": b"[" * 60_000}),
        REFUSED,
        says="damaged or no JSON",
    ),
    ModelAttack(
        "header_bomb",
        "a table of tensors that claims 2**60 bytes",
        _results(model=struct.pack("<Q", 2**60) + b"{}"),
        REFUSED,
        says="larger than it may be",
    ),
    ModelAttack(
        "shape_bomb",
        "a tensor of 10**18 numbers in four bytes",
        _results(model=_table({"w": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}, bytes(4))),
        REFUSED,
        says="damaged",
    ),
    ModelAttack(
        "pickle_renamed",
        "a pickle that runs a command, called model.safetensors",
        _pickled,
        REFUSED,
        says="holds a pickle",
    ),
    ModelAttack(
        "reads_labels",
        "code that looks for labels and images on the disk",
        _results(),
        "finds none: " + MEASURED,
        code=_forward(_LOOKS_FOR_LABELS),
    ),
    ModelAttack(
        "keeps_images",
        "code that keeps the images it is shown",
        _results(),
        "its scratch folder goes with it: " + MEASURED,
        code=_forward(_KEEPS_IMAGES),
    ),
    ModelAttack(
        "huge_answer",
        "logits of 10**12 numbers",
        _results(),
        "no answer: 0 points",
        code=CODE.replace(
            "return self.classify(self.patches(images).relu())",
            "return images.new_zeros(()).expand(len(images), 4, 10**6, 10**6)",
        ),
        says="memory",
    ),
    ModelAttack(
        "name_of_html",
        "a name that is a script, in bold, a formula and somebody else's",
        _results(name="=1<script>@MARK@"),
        "shown as it was typed: " + MEASURED,
    ),
)
