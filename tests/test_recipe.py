"""The ablation of the training recipe: what it trains, that nothing is trained twice, and what the docs say of it."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from ade20k_folder import write_folder

from autograder.paths import ROOT
from segkit.subset import build_subset

sys.path.insert(0, str(ROOT / "benchmarks"))
import recipe
from recipe_rows import AT_256, ORIGINAL, STEPS, TRIED, Recipe, ladder


@pytest.fixture(scope="module")
def four_class(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    build_subset(write_folder(folder / "ade"), folder / "four_class", unlabelled="ignore")
    return folder / "four_class"


def train(data: Path, out: Path, *rows: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "benchmarks/recipe.py", "--data", str(data), "--out", str(out), "--passes", "1"]
    return subprocess.run([*command, "--rows", *rows], cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_line_changes_what_it_says_and_nothing_else() -> None:
    own_size, *rows = ladder()
    assert own_size.recipe == AT_256 and rows[0].recipe == ORIGINAL
    kept, tried = rows[: len(STEPS) + 1], rows[len(STEPS) + 1 :]
    for before, row, step in zip(kept, kept[1:], STEPS, strict=False):
        assert (row.key, changes(before.recipe, row.recipe)) == (step[0], step[2])
    for row, step in zip(tried, TRIED, strict=True):
        assert (row.key, changes(kept[-1].recipe, row.recipe)) == (step[0], step[2])
    assert [row.seeds for row in kept] == [3] + [1] * (len(kept) - 2) + [3]
    assert all(row.kept for row in kept) and not any(row.kept for row in tried)


def changes(before: Recipe, after: Recipe) -> dict:
    """What of `after` is another value than in `before`."""
    return {name: value for name, value in asdict(after).items() if asdict(before)[name] != value}


def test_a_run_is_kept_and_not_trained_again(four_class: Path, tmp_path: Path) -> None:
    first = train(four_class, tmp_path, "targets")
    assert first.returncode == 0, first.stderr
    (result,) = tmp_path.glob("targets-0-*/result.json")
    run = json.loads(first.stdout.splitlines()[-1])[0]
    assert 0 < run["mean_iou"] < 1 and run["recipe"]["target_side"] == 64
    result.write_text(json.dumps(json.loads(result.read_text()) | {"mean_iou": 0.1234}))
    again = json.loads(train(four_class, tmp_path, "targets").stdout.splitlines()[-1])[0]
    assert again == run | {"mean_iou": 0.1234}


def test_what_cannot_be_compared_is_refused(four_class: Path, tmp_path: Path) -> None:
    refused = train(four_class, tmp_path / "runs", "nothing")
    assert refused.returncode == 2
    assert (
        refused.stderr.startswith("recipe: There is no line 'nothing' in the table")
        and "Traceback" not in refused.stderr
    )
    build_subset(write_folder(tmp_path / "ade"), tmp_path / "background", unlabelled="background")
    refused = train(tmp_path / "background", tmp_path / "runs", "targets")
    assert refused.returncode == 2 and "build it with --unlabelled ignore" in refused.stderr


def test_the_docs_show_what_is_recorded() -> None:
    """Every line of the tables in docs/recipe.md is that of the recorded runs, and there is no other."""
    runs = json.loads(recipe.RECORDED.read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| recipe |")]
    assert shown == [recipe.markdown(line) for table in recipe.tables(runs).values() for line in table]
    recipes = {row.key: asdict(row.recipe) for row in ladder()}
    assert all(run["recipe"] == json.loads(json.dumps(recipes[run["row"]])) for run in runs)


def test_what_is_between_two_lines_is_said() -> None:
    """A gain over several steps is not taken for that of one."""
    runs = [
        {"row": key, "seed": seed, "mean_iou": iou, "ious": {"plant": iou}}
        for key, seed, iou in [("original", 0, 0.3), ("original", 1, 0.5), ("learning_rate", 0, 0.45)]
    ]
    first, last = recipe.lines(runs)
    assert first["mean IoU"] == "0.400" and first["of each seed"] == "0.300 0.500" and first["gain"] == ""
    assert last["gain"] == "+0.150" and last["recipe"].endswith("and the 2 steps before it")
