"""The ladder: cumulative tricks of a student's notebooks, resuming, gains and their chance, table, figure, command."""

import json
import math
import shutil
import statistics
import sys
from dataclasses import replace

import pytest
import torch
from ade20k_folder import photograph, write_pair
from file_server import silent_port
from lightning.pytorch import Callback
from safetensors.torch import load_file
from test_pretrained_download import point_at
from threads import one_thread
from tiny_streets import write_streets

from autograder.completion import complete_assignment
from autograder.paths import NOTEBOOKS, ROOT, SOLUTIONS
from segkit.competition.__main__ import main
from segkit.competition.encoder import EverydayPairs
from segkit.competition.ladder import _Attempt, _Pictures, climb, enlarged, weighted_loss
from segkit.competition.ladder_figures import draw_looks, show_ladder
from segkit.competition.rungs import RUNGS, Plan
from segkit.competition.steps import Ladder, Measured, Step, in_words, ladder_from, ladder_table, read_ladder
from segkit.competition.training import Budget
from segkit.competition.tricks import StudentTricks
from segkit.data import build_subset
from segkit.errors import CourseError
from segkit.student import provide_sources

sys.path.insert(0, str(ROOT / "benchmarks"))
import ladder as benchmark

SIZE = (48, 64)
BUDGET = Budget(batch_size=3, epochs=2)
OPTIONS = {"progress": False, "accelerator": "cpu"}

single_thread = pytest.fixture(autouse=True)(one_thread)


@pytest.fixture(autouse=True)
def from_files():
    """Notebooks are read from the current folder, and not from what a test of another file has provided."""
    provide_sources({})


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp("kitti"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The notebooks of a student who solved everything."""
    folder = tmp_path_factory.mktemp("answers") / "competition"
    complete_assignment("competition", folder)
    return folder


@pytest.fixture
def student(answers, monkeypatch):
    monkeypatch.chdir(answers)
    return StudentTricks()


def plan_of(*rungs: str, **settings) -> Plan:
    return Plan(**{"size": SIZE, "budget": BUDGET, "seeds": 2, "between": 1, "rungs": rungs or None} | settings)


def climbed(root, plan, tricks, folder, **options) -> Ladder:
    *_, last = climb(root, plan, tricks, folder, **(OPTIONS | options))
    return last


class Interrupt(Callback):
    """Ctrl-C in the middle of a training, once."""

    def __init__(self, step: int):
        self.step = step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            raise KeyboardInterrupt


def scores_of(ladder: Ladder) -> dict:
    return {(step.name, seed): one.mean_iou for step in ladder.steps for seed, one in step.measured.items()}


# ---- climbing


def test_two_rungs_with_two_seeds_are_the_same_with_and_without_an_interruption(streets, student, tmp_path, capsys):
    plan = plan_of("scratch", "poly_restarts")
    straight = climbed(streets, plan, student, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        climbed(streets, plan, student, tmp_path / "twice", callbacks=[Interrupt(3)], checkpoint_every=1)
    assert not (tmp_path / "twice" / "ladder.json").exists()
    first = next(climb(streets, plan, student, tmp_path / "twice", **OPTIONS))
    assert [step.name for step in first.steps] == ["scratch"]
    capsys.readouterr()
    again = climbed(streets, plan, student, tmp_path / "twice")
    said = capsys.readouterr().out
    assert "1 of 4: from scratch, seed 0" in said and "4 of 4: poly with restarts, seed 1" in said
    assert scores_of(again) == scores_of(straight) == scores_of(read_ladder(tmp_path / "twice"))
    assert scores_of(straight).keys() == {(rung, seed) for rung in ("scratch", "poly_restarts") for seed in (0, 1)}
    assert len(set(scores_of(straight).values())) > 1


def test_every_trick_is_climbed_and_testing_alone_uses_the_weights_below(streets, student, tmp_path):
    plan = plan_of(seeds=1, budget=Budget(batch_size=3, epochs=1))
    ladder = climbed(streets, plan, student, tmp_path)
    assert [step.name for step in ladder.steps] == [rung.name for rung in RUNGS if rung.name != "transfer"]
    run = json.loads((tmp_path / "auxiliary-0" / "run.json").read_text())
    assert run["tricks"] == [rung.name for rung in RUNGS[2:]] and "auxiliary loss" in run
    assert not (tmp_path / "multi_scale-0").exists()
    ohem, multi_scale = (next(step for step in ladder.steps if step.name == name) for name in ("ohem", "multi_scale"))
    assert multi_scale.training_seconds == ohem.training_seconds
    runs = {file.parent.name: json.loads(file.read_text()) for file in tmp_path.glob("*/run.json")}
    assert {run["loss"] for run in runs.values()} == {runs["scratch-0"]["loss"], runs["class_balanced-0"]["loss"]}
    assert {name for name, run in runs.items() if "OHEM" in run} == {"ohem-0", "auxiliary-0"}
    assert runs["ohem-0"]["OHEM"] != runs["ohem-0"]["loss"] != runs["scratch-0"]["loss"]


@pytest.fixture
def everyday(tmp_path):
    """A four-class data set in which every other photograph was taken from a car."""
    for split, count in (("training", 4), ("validation", 2)):
        for number in range(count):
            name = f"camvid_{number}" if number % 2 else f"ADE_{number}"
            write_pair(tmp_path / "ade", name, photograph(seed=number), split=split)
    build_subset(tmp_path / "ade", tmp_path / "four", progress=False)
    return tmp_path / "four"


def test_an_encoder_learns_from_photographs_that_were_not_taken_from_a_car(everyday):
    assert EverydayPairs(everyday, "training", size=SIZE).names == ["ADE_0", "ADE_2"]
    image, target = EverydayPairs(everyday, "validation", size=SIZE)[0]
    assert image.shape == (3, *SIZE) and target.shape == SIZE and set(target.unique().tolist()) == {0, 1}


def test_a_trained_encoder_is_what_a_training_begins_with(streets, everyday, student, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KITTI", str(streets))
    file, folder = tmp_path / "encoder.safetensors", tmp_path / "ladder"
    small = ["--size", "48", "64", "--epochs", "1", "--batch", "2"]
    assert main(["encoder", "--data", str(everyday), "--out", str(file), *small, "--folder", str(tmp_path)]) == 0
    few = ["--rungs", "transfer", "--seeds", "1", "--folder", str(folder)]
    assert main(["ladder", "--encoder", str(file), *small, *few]) == 0
    assert "+ trained encoder" in capsys.readouterr().out and (folder / "ladder.png").is_file()
    assert [step.name for step in read_ladder(folder).steps] == ["scratch", "transfer"]
    runs = [json.loads((folder / f"{name}-0" / "run.json").read_text()) for name in ("scratch", "transfer")]
    assert [len(run["encoder"]) for run in runs] == [4, 12]  # "none", and a digest of the file
    plan = plan_of("transfer", encoder=file, seeds=1)
    begun = _Attempt(plan.ladder[1], 0, plan, student, None).build().model.encoder.state_dict()
    assert all(torch.equal(begun[name], tensor) for name, tensor in load_file(file).items())
    assert main(["ladder", "--encoder", str(tmp_path / "other"), *small, *few]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_another_encoder_loss_or_budget_is_refused(streets, student, tmp_path):
    climbed(streets, plan_of("scratch", seeds=1), student, tmp_path)
    with pytest.raises(CourseError, match="learning_rate"):
        climbed(streets, plan_of("scratch", seeds=1, budget=replace(BUDGET, learning_rate=1e-3)), student, tmp_path)


def test_another_way_to_test_tests_again_and_trains_nothing(streets, student, tmp_path, capsys):
    plan = plan_of("multi_scale", seeds=1)
    first = climbed(streets, plan, student, tmp_path)

    def one_look(model, images, **_):
        return student.multi_scale(model, images, scales=(1.0,), flip=False, multiple=8)

    second = climbed(streets, plan, StudentTricks(multi_scale=one_look), tmp_path)
    assert second.steps[0] == first.steps[0], "read back: its seconds are those of before"
    assert second.steps[1].measured[0].mean_iou == second.steps[0].measured[0].mean_iou, "one look is one look"


def test_pictures_that_are_too_small_and_rungs_that_are_none_are_refused():
    with pytest.raises(CourseError, match="each side needs 32 pixels"):
        plan_of(size=(31, 64))
    with pytest.raises(CourseError, match="no rung higher"):
        plan_of("higher")
    with pytest.raises(CourseError, match="seeds"):
        plan_of(seeds=0)


def test_a_trick_that_is_not_written_is_named(streets, answers, tmp_path, monkeypatch, capsys):
    for name in ("01_streets", "02_training", "03_ladder"):
        shutil.copy(NOTEBOOKS / "competition" / f"{name}.ipynb", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KITTI", str(streets))
    arguments = ["--encoder", "none", "--seeds", "1", "--size", "48", "64", "--epochs", "1"]
    assert main(["ladder", "--rungs", "poly_restarts", *arguments]) == 2
    assert "poly_restarts in 02_training.ipynb is not written yet" in capsys.readouterr().err
    assert main(["ladder", "--rungs", "higher", *arguments]) == 2
    assert "no rung higher" in capsys.readouterr().err


def test_without_a_hub_the_encoder_is_left_out_with_a_sentence(streets, student, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KITTI", str(streets))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the hub's client pauses before it tries again
    with silent_port() as port:
        point_at(f"http://127.0.0.1:{port}", monkeypatch, tmp_path)
        small = ["--size", "48", "64", "--epochs", "1", "--seeds", "1", "--rungs", "transfer"]
        folder = ["--folder", str(tmp_path / "ladder"), "--picture", str(tmp_path / "ladder.png")]
        assert main(["ladder", *small, *folder]) == 0
    said = capsys.readouterr().out
    assert "could not be fetched" in said and "The rung with a trained encoder is left out." in said
    assert "from scratch" in said and "trained encoder  " not in said
    assert "nobody knows how much of a gain is chance" in said
    assert (tmp_path / "ladder.png").read_bytes() == (tmp_path / "ladder" / "ladder.png").read_bytes()


# ---- the benchmark


def test_the_benchmark_trains_an_encoder_and_climbs_with_the_references_tricks(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATA", "")  # it is set by the benchmark
    for split, count in (("training", 12), ("validation", 22)):
        for number in range(count):
            name = f"camvid_{number}" if number % 4 else f"ADE_{number}"
            write_pair(tmp_path / "ade", name, photograph(seed=number), split=split)
    small = ["--size", "48", "64", "--epochs", "1", "--encoder-epochs", "1", "--seeds", "2"]
    arguments = ["--data", str(tmp_path / "ade"), "--out", str(tmp_path / "out"), *small]
    assert benchmark.main([*arguments, "--rungs", "transfer", "poly_restarts"]) == 0
    first = capsys.readouterr().out
    kept = json.loads(first.splitlines()[-1])
    assert [(step["name"], len(step["measured"])) for step in kept["steps"]] == [
        ("scratch", 2), ("transfer", 1), ("poly_restarts", 2)
    ]  # fmt: skip
    assert kept["pictures"] == {"training": 9, "validation": 8, "testing": 8} and kept["encoder epochs"] == 1
    assert "| + poly with restarts | 2 |" in first
    assert benchmark.main([*arguments, "--rungs", "transfer", "poly_restarts"]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again == kept, "what is done is read back, to the last digit of its seconds"


def test_the_pages_say_what_is_recorded(capsys):
    assert benchmark.main(["--recorded"]) == 0
    kept = json.loads(capsys.readouterr().out.splitlines()[-1])
    lines = benchmark.markdown(ladder_from(kept))
    page = (ROOT / "docs" / "competition.md").read_text(encoding="utf-8")
    notebook = (SOLUTIONS / "competition" / "03_ladder.py").read_text(encoding="utf-8")
    assert all(line in page and f"# {line}" in notebook for line in lines)
    assert kept["date"] in page and kept["date"] in notebook


# ---- what a recipe puts together


def test_weighted_cross_entropy_is_torchs_and_0_without_labels():
    numbers = torch.Generator().manual_seed(0)
    logits, target = torch.randn(2, 4, 3, 5, generator=numbers), torch.randint(0, 4, (2, 3, 5), generator=numbers)
    target[0] = 255
    weight = torch.tensor([1.0, 0.5, 2.0, 0.0])
    expected = torch.nn.functional.cross_entropy(logits, target, weight, ignore_index=255)
    assert torch.allclose(weighted_loss(logits, target, weight=weight), expected)
    assert weighted_loss(logits, torch.full_like(target, 255), weight=weight) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_weights_of_a_large_batch_are_added_up_in_32_bits(dtype):
    logits = torch.zeros(1, 2, 300, 300)  # 90,000 pixels, and the largest number of float16 is 65,504
    target = (torch.arange(300) == 0).long().expand(1, 300, 300)
    weight = torch.tensor([1.0, 3.3])
    with torch.autocast("cpu", dtype):  # what a training with mixed precision computes its loss in
        assert float(weighted_loss(logits, target, weight)) == pytest.approx(math.log(2), rel=1e-5)


def test_augmentation_cuts_windows_of_the_size_that_is_tested_out_of_larger_pictures(streets, student):
    assert enlarged((96, 128)) == (108, 144)
    plain, augmented = (_Pictures(streets, plan_of(), student).sets(which).train for which in (False, True))
    assert plain.size == SIZE and augmented.size == enlarged(SIZE)
    torch.manual_seed(0)
    image, target = augmented[0]
    assert image.shape == (3, *SIZE) and target.shape == SIZE
    assert not torch.equal(image, augmented[0][0]), "drawn anew"
    torch.manual_seed(0)
    assert torch.equal(image, augmented[0][0]), "but from torch's own generator, which a training seeds"


# ---- gains, and chance


def step(name: str, *mean_ious: float, trained: bool = True) -> Step:
    measured = {seed: Measured(mean_iou, 100.0, 0.01) for seed, mean_iou in enumerate(mean_ious)}
    return Step(name, name, trained, measured)


LADDER = Ladder(
    (
        step("low", 0.30, 0.32, 0.34),
        step("middle", 0.40),
        step("looks", 0.41, trained=False),
        step("high", 0.415, 0.40, 0.445),
    )
)


def test_chance_is_pooled_over_rungs_and_gains_are_of_the_same_seeds():
    low, middle, looks, high = LADDER.steps
    pooled = math.sqrt((2 * low.deviation**2 + 2 * high.deviation**2) / 4)
    assert LADDER.spread == pytest.approx(pooled) and low.deviation == pytest.approx(0.02)
    assert math.isnan(middle.deviation)
    gain = LADDER.gain(middle, low)
    assert (gain.value, gain.seeds) == (pytest.approx(0.10), 1), "seed 0 alone: 0.40 - 0.30, and not the mean of low"
    assert gain.error == pytest.approx(pooled * math.sqrt(2)) and gain.is_more_than_chance
    assert math.isnan(LADDER.gain(looks, middle).error), "the same weights, once: that says nothing of others"
    assert not LADDER.gain(high, looks).is_more_than_chance
    whole = LADDER.gain(high, low)
    assert (whole.value, whole.seeds) == (pytest.approx(0.10), 3)
    assert whole.error == pytest.approx(pooled * math.sqrt(2 / 3))


def test_seeds_that_two_rungs_share_are_compared_with_each_other():
    ladder = Ladder((step("low", 0.3, 0.4, 0.5), step("middle", 0.32, 0.43, 0.52), step("high", 0.34, 0.44, 0.55)))
    low, middle, high = ladder.steps
    differences = ([0.02, 0.03, 0.02], [0.02, 0.01, 0.03])
    pooled = math.sqrt(sum(2 * statistics.variance(each) for each in differences) / 4)
    assert ladder.paired_spread == pytest.approx(pooled) and ladder.spread == pytest.approx(0.1, rel=0.1)
    gain = ladder.gain(middle, low)
    assert gain.error == pytest.approx(pooled / math.sqrt(3)) and gain.is_more_than_chance
    assert ladder.gain(high, low).error == pytest.approx(ladder.spread * math.sqrt(2 / 3)), "no neighbours"
    assert math.isnan(LADDER.paired_spread), "single seeds between say nothing of differences"


def test_the_table_and_its_words_say_what_is_more_than_chance():
    table, words = str(ladder_table(LADDER)), in_words(LADDER)
    assert "0.320 ± 0.020" in table and "+0.100" in table and "unknown" in table and "none more" in table
    assert "Larger than 2 standard errors: middle (+0.100)." in words
    assert "chance alone may be at work: high (+0.005)." in words
    assert "nobody knows: looks (+0.010)." in words
    assert "All steps together: +0.100" in words and "(3 seeds)" in words
    single = Ladder((step("low", 0.3), step("high", 0.4)))
    assert "unknown" in str(ladder_table(single)) and "nobody knows" in in_words(single)


def test_seeds_without_anything_in_common_and_a_folder_without_a_ladder_are_refused(tmp_path):
    other = Step("high", "high", True, {7: Measured(0.4, 1, 1)})
    with pytest.raises(CourseError, match="no seed in common"):
        LADDER.gain(other, LADDER.steps[0])
    with pytest.raises(CourseError, match="no ladder in"):
        read_ladder(tmp_path)


# ---- figures


def test_the_figure_says_in_words_what_it_shows():
    alt = show_ladder(LADDER).alt
    assert "low 0.320 with a deviation of 0.020 over seeds; 100 s of training, 10 ms a picture" in alt
    assert "middle 0.400, +0.100, more than chance" in alt and "high 0.420 with" in alt
    assert "looks 0.410, +0.010; no training" in alt and "nan" not in alt


def test_looks_are_drawn_with_their_sides_and_wrong_ones_refused():
    alt = draw_looks(96, 312).alt
    assert "6 looks at an image of 96 × 312" in alt and "scale 1.25 it is 128 × 384" in alt
    with pytest.raises(CourseError, match="all positive"):
        draw_looks(96, 0)
