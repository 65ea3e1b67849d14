"""`make demo-transfer`, in small: its five runs and their report, and the class that it grades."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from autograder import demo_transfer
from autograder.completion import complete_assignment
from autograder.reference import load_reference
from segkit.transfer.recipe import Recipe
from segkit.transfer.runs import read_runs
from segkit.transfer.sets import Sets

RUNS = [
    "segformer_from_scratch",
    "segformer_fine_tuned",
    "segformer_frozen_1e-3",
    "segformer_frozen_5e-4",
    "fcn_from_scratch",
]


class Noise(Dataset):
    """Images of 64 x 64 whose brightness decides the class."""

    def __init__(self, length: int, num_classes: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.images = torch.randn(length, 3, 64, 64, generator=generator)
        self.targets = (self.images.mean(dim=1) * 3).round().clamp(0, num_classes - 1).long()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.images[index], self.targets[index]


@pytest.fixture(scope="module")
def code() -> dict:
    """The reference's notebooks."""
    return load_reference("transfer")


def test_five_runs_and_their_report(code, tmp_path: Path, capsys) -> None:
    pets = Sets("pets", Noise(4, 3, seed=0), Noise(2, 3, seed=1), num_classes=3)
    streets = Sets("cityscapes", Noise(4, 19, seed=2), Noise(2, 19, seed=3), num_classes=19)
    recipe, quiet = Recipe(epochs=1, batch_size=2), dict(progress=False, accelerator="cpu")
    demo_transfer.train_all(code, pets, streets, tmp_path / "runs", recipe, street_epochs=1, **quiet)
    runs = read_runs(tmp_path / "runs", data="pets")
    assert list(runs) == RUNS
    assert [run.learning_rate for run in runs.values()] == [1e-3, 1e-3, 1e-3, 5e-4, 1e-3]
    frozen = [run.facts["frozen parameters"] > 0 for run in runs.values()]
    assert frozen == [False, False, True, True, False]
    pictures = demo_transfer._write_report(code, runs, pets, Noise(4, 3, seed=4), tmp_path)
    assert [path.name for path in pictures] == ["runs.png", "confusion.png", "roc.png", "masks.png"]
    assert all(path.stat().st_size > 10_000 for path in pictures)
    printed, table = capsys.readouterr().out, (tmp_path / "runs.txt").read_text()
    assert table in printed and all(name in table for name in RUNS)
    assert "from scratch" in printed.splitlines()[-1]


def test_the_verdict_is_honest() -> None:
    class Fixed:
        def __init__(self, value):
            self.value = value

        def mean_iou(self):
            return self.value

    def said(tuned, scratch):
        return demo_transfer._verdict({"segformer_fine_tuned": Fixed(tuned), "segformer_from_scratch": Fixed(scratch)})

    assert said(0.5, 0.45) == "Fine-tuned beats from scratch by 0.050 on the test images."
    assert said(0.45, 0.45).startswith("Fine-tuned does not beat from scratch here (0.450 and 0.450")


@pytest.mark.parametrize("student", demo_transfer.CLASSMATES)
def test_the_class_makes_the_mistakes_that_it_is_named_after(tmp_path: Path, student: str) -> None:
    mistakes = demo_transfer.CLASSMATES[student]
    complete_assignment("transfer", tmp_path, mistakes)
    for mistake in mistakes:
        text = (tmp_path / f"{mistake.notebook}.ipynb").read_text(encoding="utf-8")
        assert mistake.wrong.strip() in text
