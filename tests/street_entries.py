"""A competition small enough for tests: hidden street scenes of a few pixels, and entries of all three kinds."""

import io
import json
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from segkit.competition.entries import cells_as_json
from segkit.student import Cell, load_cells
from segkit.transfer.classes import CITYSCAPES_IDS

ROAD, BUILDING, SKY, CAR = 7, 11, 23, 26  # label ids
SIZE = (36, 120)
CODE = """
import torch
from torch import nn


class Competitor(nn.Module):
    def __init__(self, num_classes=19, width=4):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.classify = nn.Conv2d(width, num_classes, 1)

    def forward(self, images):
        return self.classify(self.patches(images).relu())
"""


def labels(number: int) -> np.ndarray:
    """Sky over buildings over a road with a car on it, and an unlabelled row."""
    ids = np.full(SIZE, ROAD, np.uint8)
    ids[:20], ids[:8] = BUILDING, SKY
    ids[22:30, 10 * number : 10 * number + 20] = CAR
    ids[-1] = 0
    return ids


def png(values: np.ndarray) -> bytes:
    """A picture's file."""
    data = io.BytesIO()
    Image.fromarray(values).save(data, "PNG")
    return data.getvalue()


def write_hidden(root: Path, count: int = 3) -> Path:
    """Testing pictures with labels, which a model can tell apart by their colours."""
    for number in range(count):
        ids = labels(number)
        noise = np.random.RandomState(number).randint(0, 40, (*SIZE, 3))
        image = (np.stack([8 * ids, 255 - 9 * ids, 4 * ids], -1).astype(int) % 216 + noise).astype(np.uint8)
        for kind, values in (("image_2", image), ("semantic", ids)):
            file = root / "testing" / kind / f"{number:06d}_10.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(values))
    return root


def pictures(change=lambda ids: ids, count: int = 3) -> dict[str, bytes]:
    """An entry's predictions: the labels themselves, changed."""
    return {f"pictures/{number:06d}_10.png": png(change(labels(number))) for number in range(count)}


def without_cars(ids: np.ndarray) -> np.ndarray:
    """Cars are taken for road, and nothing is unlabelled."""
    ids = ids.copy()
    ids[(ids == CAR) | (ids == 0)] = ROAD
    return ids


def competitor(seed: int = 0, **arguments) -> torch.nn.Module:
    """An object of the class that CODE defines."""
    torch.manual_seed(seed)
    return load_cells("04_competition", [Cell(1, CODE)]).module.Competitor(**arguments)


def checkpoint(seed: int = 0) -> bytes:
    """Weights of one."""
    return save({name: value.clone() for name, value in competitor(seed).state_dict().items()})


def write_notebook(folder: Path, code: str = CODE, name: str = "04_competition") -> Path:
    """A notebook of one cell in a folder; by default the one that defines the class."""
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
    return path


def about(kind: str, **other) -> bytes:
    """The file entry.json."""
    model = {"code": "04_competition", "zoo": "segformer_b0"}.get(kind)
    record = {"format": 1, "kind": kind, "model": model, "arguments": {}, "image_size": list(SIZE), "name": None}
    return json.dumps(record | other).encode()


def code_entry(seed: int = 0, code: str = CODE, **other) -> dict[str, bytes]:
    """The files of an entry of code."""
    return {
        "entry.json": about("code", **other),
        "code.json": cells_as_json({"04_competition": [Cell(1, code)]}),
        "model.safetensors": checkpoint(seed),
    }


def picture_entry(change=without_cars, **other) -> dict[str, bytes]:
    """The files of an entry of pictures."""
    return {"entry.json": about("pictures", **other), **pictures(change)}


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """An entry's zip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_labelled(root: Path, count: int, splits: str | None = None) -> Path:
    """Labelled pictures in KITTI's layout: picture `number` has that colour, and the label id `number % 34`."""
    for number in range(count):
        for kind, values in (
            ("image_2", np.full((4, 9, 3), number, np.uint8)),
            ("semantic", np.full((4, 9), number % 34)),
        ):
            file = root / "training" / kind / f"{number:06d}_10.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(values.astype(np.uint8)))
    if splits:
        (root / "splits.json").write_text(splits)
    return root


def train_ids(number: int) -> Tensor:
    """The truth of a picture, 255 where unlabelled."""
    table = torch.full((256,), 255)
    table[list(CITYSCAPES_IDS)] = torch.arange(19)
    return table[torch.from_numpy(labels(number)).long()]
