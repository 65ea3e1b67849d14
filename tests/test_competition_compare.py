"""Models of the zoo trained with one budget: the table, the figure, and that going on is not beginning anew."""

import csv
import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from tiny_streets import SIZE, TinyNet, write_streets

from segkit.competition import comparing
from segkit.competition.__main__ import main
from segkit.competition.comparing import Compared, compare_models, comparison_table, show_comparison
from segkit.competition.counting import count_by_torch
from segkit.competition.scores import evaluate
from segkit.competition.streets import NUM_CLASSES, street_sets
from segkit.competition.training import Budget, load_entry
from segkit.competition.zoo import build_model
from segkit.errors import CourseError
from segkit.student import provide_sources
from segkit.transfer.runs import read_run

NAMES = ["segformer_b0", "pspnet_r18"]
BUDGET = Budget(learning_rate=1e-3, batch_size=3, epochs=1)
QUIET = {"progress": False, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp("kitti"))


@pytest.fixture(scope="module")
def compared(streets, tmp_path_factory):
    """Two models: the folder of their runs, and their rows."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, compare_models(street_sets(streets, SIZE), NAMES, budget=BUDGET, folder=folder, **QUIET)


def test_a_row_has_what_a_model_costs_and_what_it_reached(compared, streets):
    folder, rows = compared
    assert [row.name for row in rows] == NAMES
    for row in rows:
        model = build_model(row.name, NUM_CLASSES)
        assert row.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert row.multiply_adds == count_by_torch(model.to("meta"), SIZE)
        assert row.multiply_adds_kitti == count_by_torch(model, (375, 1242)) > row.multiply_adds
        measured = evaluate(load_entry(read_run(folder / row.name)), street_sets(streets, SIZE).validation, NUM_CLASSES)
        assert row.mean_iou == pytest.approx(measured.mean_iou(), abs=1e-6)
        assert row.seconds > 0


def test_a_model_that_is_done_is_read_back_and_no_more_is_kept_than_its_weights(compared, streets, monkeypatch, capsys):
    folder, rows = compared
    monkeypatch.setattr(comparing, "train_entry", lambda *_, **__: pytest.fail("it was trained again"))
    again = compare_models(street_sets(streets, SIZE), NAMES, budget=BUDGET, folder=folder, **QUIET)
    assert again == rows
    assert "[2/2] pspnet_r18" in capsys.readouterr().out
    assert sorted(file.name for file in folder.glob("*/checkpoints/*")) == ["best.ckpt", "best.ckpt"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"budget": Budget(learning_rate=1e-2, batch_size=3, epochs=1)}, "learning_rate = 0.001 .now 0.01."),
        ({"budget": Budget(learning_rate=1e-3, batch_size=3, epochs=1, seed=1)}, "seed = 0 .now 1."),
        ({"size": (32, 32)}, r"size = \[32, 48\] .now \[32, 32\]."),
        ({"images": 3}, "training images = 6 .now 3."),
    ],
)
def test_a_model_that_is_done_does_not_stand_for_another_training(compared, streets, change, sentence):
    settings = {"budget": BUDGET, "size": SIZE, "images": None} | change
    data = street_sets(streets, settings["size"], images=settings["images"])
    with pytest.raises(CourseError, match=sentence):
        compare_models(data, NAMES, budget=settings["budget"], folder=compared[0], **QUIET)


class LightsOut(Callback):
    def on_train_batch_start(self, trainer, task, batch, batch_index):
        if trainer.global_step == 2:
            raise KeyboardInterrupt


def test_an_interrupted_comparison_goes_on_and_ends_as_one_without_a_stop(compared, streets, tmp_path):
    data = street_sets(streets, SIZE)
    long = Budget(learning_rate=1e-3, batch_size=3, epochs=2)
    # Lightning ends the process after an interruption, as Ctrl-C asks.
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        compare_models(data, NAMES, budget=long, folder=tmp_path / "stopped", callbacks=[LightsOut()], **QUIET)
    assert not (tmp_path / "stopped" / NAMES[1]).exists()
    rows = compare_models(data, NAMES, budget=long, folder=tmp_path / "stopped", **QUIET)
    straight = compare_models(data, NAMES, budget=long, folder=tmp_path / "straight", **QUIET)
    assert [row.mean_iou for row in rows] == [row.mean_iou for row in straight]
    for folder in ("stopped", "straight"):
        assert len(read_run(tmp_path / folder / NAMES[0]).history.steps) == 4


def test_imagenets_weights_are_for_encoders_that_have_some(streets, tmp_path, monkeypatch):
    asked = {}

    def build(name, num_classes, pretrained=False, *, segformer=None):
        asked.setdefault(name, pretrained)
        return TinyNet()

    monkeypatch.setattr(comparing, "build_model", build)
    data = street_sets(streets, SIZE)
    compare_models(data, ["unet", "segformer_b0"], budget=BUDGET, folder=tmp_path, pretrained=True, **QUIET)
    assert asked == {"unet": False, "segformer_b0": True}
    weights = {name: read_run(tmp_path / name).facts["weights"] for name in asked}
    assert weights == {"unet": "none", "segformer_b0": "ImageNet"}


def test_your_own_segformer_takes_the_librarys_place(streets, tmp_path, monkeypatch):
    built = []

    def own(num_classes, **arguments):
        built.append(arguments)
        return TinyNet()

    settings = {"budget": BUDGET, "folder": tmp_path, "segformer": own}
    compare_models(street_sets(streets, SIZE), ["baseline", "segformer_b0"], **settings, **QUIET)
    assert built[0]["embed_channels"] == 256
    models = [read_run(tmp_path / name).facts["model"] for name in ("baseline", "segformer_b0")]
    assert models == ["baseline", "segformer_b0, your own"]


def test_a_batch_of_one_image_is_refused_before_anything_is_trained(streets, tmp_path):
    with pytest.raises(CourseError, match="pspnet_r18 pools images to one pixel"):
        compare_models(street_sets(streets, SIZE), NAMES, budget=Budget(batch_size=5), folder=tmp_path, **QUIET)
    assert not list(tmp_path.iterdir())


ROWS = [
    Compared("small", 3_720_000, 150_000_000, 15_330_000_000, 0.3712, 12.4),
    Compared("large", 84_610_000, 2_000_000_000, 212_810_000_000, 0.4321, 400.0),
    Compared("clumsy", 31_040_000, 3_000_000_000, 352_780_000_000, 0.25, 700.0),
]


def test_the_table_has_the_best_one_marked():
    table = comparison_table(ROWS, (64, 80))
    assert table.columns[2:4] == ("G at 64 x 80", "G at 375 x 1242")
    assert table.rows[0] == ("small", "3.72", "0.15", "15.33", "0.371", "12", "")
    assert [row[-1] for row in table.rows] == ["", "best", ""]


def test_the_figure_shows_the_front_that_a_function_of_yours_finds():
    seen = []

    def pareto_front(costs, scores):
        seen.append((costs.tolist(), scores.tolist()))
        return torch.tensor([True, True, False])

    figure = show_comparison(ROWS, pareto_front)
    assert seen[0][0] == [row.multiply_adds_kitti for row in ROWS]
    assert "On the Pareto front: small 0.371 at 15.3 G, large 0.432 at 213 G. Dominated: clumsy." in figure.alt
    assert show_comparison(ROWS).alt == (
        "3 entries, mean IoU over multiply-adds per image of 375 x 1242. small 0.371 at 15.3 G, large 0.432 at 213 G, "
        "clumsy 0.25 at 353 G."
    )


def test_the_command_prints_the_table_and_writes_figures_and_figure(streets, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KITTI", str(streets))
    provide_sources({})  # the notebook is read from its file, whatever another test has provided
    cells = ["import torch", "def pareto_front(costs, scores):\n    return scores == scores.max()"]
    notebook = {"cells": [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]}
    Path("04_competition.ipynb").write_text(json.dumps(notebook))
    command = ["compare", "--models", "baseline", "--size", "32", "48", "--epochs", "1", "--batch", "3"]
    assert main([*command, "--front", "04_competition.ipynb"]) == 0
    printed = capsys.readouterr().out
    (row,) = csv.DictReader(Path("runs/comparison.csv").read_text().splitlines())
    assert row["name"] == "baseline" and f"{float(row['mean_iou']):.3f}" in printed
    assert "baseline" in printed.splitlines()[-2] and printed.splitlines()[-2].endswith("best")
    assert "On the Pareto front: baseline" in printed.splitlines()[-1]
    assert Path("runs/comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "16", "48"], "--size 16 48: each side needs 32 pixels."),
        (["--images", "0"], "--images 0 must be at least 1."),
        (["--epochs", "0"], "epochs=0 must be a whole number"),
        (["--front", "none/04_competition.ipynb"], "There is no folder none: give the path of your 04_competition"),
    ],
)
def test_a_wrong_setting_is_one_sentence(streets, tmp_path, capsys, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KITTI", str(streets))
    assert main(["compare", *arguments]) == 2
    assert sentence in capsys.readouterr().err
