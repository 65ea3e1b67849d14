"""Runs of the transfer assignment: the recipe, what is kept, resuming, and that only comparable runs are compared."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback
from tiny_transfer import RECIPE, AverageOfRows, Blobs, Metric, blobs, build_optimizer, tiny_fcn, tiny_run
from torch import nn
from torch.utils.data import DataLoader

from segkit.batches import SeededOrder
from segkit.errors import CourseError
from segkit.transfer.recipe import Recipe
from segkit.transfer.runs import read_runs, runs_table
from segkit.transfer.sets import Sets
from segkit.transfer.training import load_run


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run without a stop: its folder, the model and the run."""
    folder, model = tmp_path_factory.mktemp("runs"), seeded_model()
    return folder, model, tiny_run(folder, model=model)


def seeded_model(seed=0):
    torch.manual_seed(seed)
    return tiny_fcn()


# ---- the recipe


def test_the_recipe_is_the_assignments():
    recipe = Recipe()
    assert (recipe.learning_rate, recipe.gamma, recipe.batch_size) == (1e-3, 0.98, 64)
    assert (recipe.epochs, recipe.validate_every) == (30, 2)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"learning_rate": 0}, "learning_rate=0 must be positive"),
        ({"gamma": 1.5}, "gamma=1.5 must lie between 0 and 1"),
        ({"epochs": 2.5}, "epochs=2.5 must be a whole number"),
        ({"seed": -1}, "seed=-1 must be a whole number"),
    ],
)
def test_a_wrong_setting_of_the_recipe_is_one_sentence(setting, sentence):
    with pytest.raises(CourseError, match=sentence):
        Recipe(**setting)


def test_a_run_is_a_loop_of_ten_lines_with_torchs_exponential_schedule(straight):
    """AdamW with amsgrad and ExponentialLR, written out, give the losses of every step."""
    data, model, losses, rates = blobs(), seeded_model(), [], []
    model.classifier[3] = nn.Dropout(0)  # what it draws is not the subject here
    optimizer = build_optimizer(model, RECIPE.learning_rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, RECIPE.gamma)
    order = SeededOrder(len(data.train), RECIPE.seed)
    for epoch in range(RECIPE.epochs):
        order.set_epoch(epoch)
        for images, target in DataLoader(data.train, RECIPE.batch_size, sampler=list(order)):
            loss = F.cross_entropy(model.train()(images)["out"], target, ignore_index=255)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            rates.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    trained = seeded_model()
    trained.classifier[3] = nn.Dropout(0)
    run = tiny_run(straight[0].parent / "written_out", model=trained)
    assert run.history.train_loss == pytest.approx(losses, rel=1e-5)
    assert run.history.learning_rate == pytest.approx(rates, rel=1e-9)


# ---- what is kept


def test_every_second_epoch_is_validated_and_the_last_one(straight):
    assert straight[2].history.epochs == [2, 4]


def test_the_model_has_the_best_weights_and_they_give_the_figure_that_the_logs_have(straight):
    _, model, run = straight
    metric = Metric(3)
    for images, target in DataLoader(blobs().validation, 3):
        metric.update(model.eval()(images)["out"].argmax(1), target)
    assert float(metric.mean_iou()) == pytest.approx(run.best_mean_iou, abs=1e-6)  # a log has float32
    fresh = load_run(seeded_model(seed=5), run, blobs())
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in fresh.state_dict().items())


def test_the_run_knows_what_it_was_trained_with(straight):
    facts = json.loads((straight[0] / "fcn" / "run.json").read_text())
    assert facts["recipe"]["learning_rate"] == 1e-2 and facts["seed"] == 0 and facts["data"] == "blobs"
    assert facts["model"] == "FCN" and facts["frozen parameters"] == 0
    assert facts["training images"] == 10 and facts["versions"]["torch"] == torch.__version__
    assert facts["metric"].startswith("Metric 0.")


def test_a_model_that_is_built_by_the_run_begins_with_the_weights_of_the_seed(tmp_path, straight):
    torch.manual_seed(99)
    run = tiny_run(tmp_path, model=tiny_fcn)
    assert run.history.train_loss == straight[2].history.train_loss


def test_frozen_layers_stay_as_they_are_through_a_whole_training(tmp_path):
    """Also their running statistics: the trainer's own switching between modes does not thaw them."""
    model = seeded_model()
    model.backbone.requires_grad_(False)
    model.backbone.register_forward_pre_hook(lambda encoder, _: encoder.eval() and None)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run = tiny_run(tmp_path, model=model)
    same = {name: torch.equal(value, before[name]) for name, value in model.state_dict().items()}
    assert all(same[name] == name.startswith("backbone.") for name in same)
    assert run.facts["frozen parameters"] == sum(p.numel() for p in model.backbone.parameters())


# ---- resuming


class LightsOut(Callback):
    """In the middle of the third epoch, after its second step, just before a checkpoint would be written."""

    def on_train_batch_end(self, trainer, task, *_):
        if trainer.global_step == 8:
            raise RuntimeError("the lights went out")


def test_an_interrupted_run_ends_as_one_without_a_stop(tmp_path, straight):
    _, straight_model, straight_run = straight
    with pytest.raises(RuntimeError, match="the lights went out"):
        tiny_run(tmp_path, model=seeded_model(), callbacks=[LightsOut()], checkpoint_every=2)
    assert read_runs(tmp_path)["fcn"].history.epochs == [2]
    model = seeded_model(seed=3)
    run = tiny_run(tmp_path, model=model)
    assert run.history.train_loss == straight_run.history.train_loss
    assert run.history.val_mean_iou == straight_run.history.val_mean_iou
    same = straight_model.state_dict()
    assert all(torch.equal(value, same[name]) for name, value in model.state_dict().items())


def test_a_finished_run_is_read_back_and_may_be_made_longer(tmp_path):
    first = tiny_run(tmp_path)
    assert tiny_run(tmp_path).history.train_loss == first.history.train_loss
    longer = tiny_run(tmp_path, recipe=replace(RECIPE, epochs=6))
    assert longer.history.epochs == [2, 4, 6] and longer.facts["recipe"]["epochs"] == 6
    assert longer.facts["begun"] == first.facts["begun"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"recipe": replace(RECIPE, seed=1)}, "seed = 0 .now 1."),
        ({"recipe": replace(RECIPE, learning_rate=5e-3)}, "learning_rate = 0.01 .now 0.005."),
        ({"data": blobs(seed=4)}, "split = .* .now .*"),
        ({"metric": AverageOfRows}, "metric = Metric .* .now Metric .*"),
        ({"optimizer": lambda model, rate: torch.optim.SGD(model.parameters(), rate)}, "optimizer = AdamW.* .now SGD"),
    ],
)
def test_a_run_does_not_go_on_as_another_one(straight, change, sentence):
    with pytest.raises(CourseError, match=sentence):
        tiny_run(straight[0], model=seeded_model(), **change)


def test_resume_false_starts_over_with_curves_of_its_own(tmp_path):
    tiny_run(tmp_path)
    again = tiny_run(tmp_path, recipe=replace(RECIPE, seed=1, epochs=2), resume=False)
    assert again.history.epochs == [2] and again.facts["seed"] == 1
    assert len(list((tmp_path / "fcn" / "csv").iterdir())) == 1


def test_a_setting_that_is_refused_leaves_the_old_run_as_it_was(tmp_path):
    before = tiny_run(tmp_path)
    with pytest.raises(CourseError, match="precision"):
        tiny_run(tmp_path, recipe=replace(RECIPE, seed=1), resume=False, precision="8")
    after = read_runs(tmp_path)["fcn"]
    assert after.facts == before.facts and after.history.train_loss == before.history.train_loss


# ---- comparing


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    short = replace(RECIPE, epochs=2)
    tiny_run(folder, "zebra", recipe=short)
    tiny_run(folder, "antelope", recipe=replace(short, learning_rate=1e-3))
    tiny_run(folder, "elsewhere", recipe=short, data=blobs("other blobs", seed=7))
    return folder


def test_runs_are_in_the_order_in_which_they_were_begun(three_runs):
    assert list(read_runs(three_runs, data="blobs")) == ["zebra", "antelope"]
    assert list(read_runs(three_runs, names=["antelope", "zebra"])) == ["antelope", "zebra"]


def test_the_table_has_the_figures_of_the_logs(three_runs):
    runs = read_runs(three_runs, data="blobs")
    table = runs_table(runs)
    for row, run in zip(table.rows, runs.values(), strict=True):
        assert row[:5] == (run.name, f"{run.best_mean_iou:.3f}", "2", "2", f"{run.learning_rate:g}")
    best = max(runs.values(), key=lambda run: run.best_mean_iou)
    assert [row[0] for row in table.rows if row[-1]] == [best.name]
    assert f"<td>{best.best_mean_iou:.3f}</td>" in table._repr_html_()
    assert len(str(table).splitlines()) == 4


def test_runs_on_other_data_are_not_compared(three_runs):
    with pytest.raises(CourseError, match=r"zebra and elsewhere cannot be compared: data is blobs .* other blobs"):
        read_runs(three_runs)


@pytest.mark.parametrize(
    ("fact", "change"),
    [
        ("split", {"data": Sets("blobs", Blobs(10, 0), Blobs(6, 5), num_classes=3)}),
        ("validation images", {"data": Sets("blobs", Blobs(10, 0), Blobs(5, 1), num_classes=3)}),
        ("metric", {"metric": AverageOfRows}),
        ("seed", {"recipe": replace(RECIPE, epochs=1, seed=2)}),
    ],
)
def test_runs_that_differ_in_what_must_be_the_same_are_not_compared(tmp_path, fact, change):
    short = replace(RECIPE, epochs=1)
    runs = [tiny_run(tmp_path, "one", recipe=short), tiny_run(tmp_path, "two", **({"recipe": short} | change))]
    for compare in (lambda: read_runs(tmp_path), lambda: runs_table(runs)):
        with pytest.raises(CourseError, match=rf"one and two cannot be compared: {fact} is .* in one and .* in the"):
            compare()


def test_a_folder_without_runs_a_missing_run_and_a_damaged_one_are_named(tmp_path):
    with pytest.raises(CourseError, match="There are no runs in"):
        read_runs(tmp_path)
    with pytest.raises(CourseError, match=r"There is no run in .*first"):
        read_runs(tmp_path, names=["first"])
    (tmp_path / "first").mkdir()
    for text in ('{"name": "first"}', "[]", "{"):
        (tmp_path / "first" / "run.json").write_text(text)
        with pytest.raises(CourseError, match=r"run.json is damaged"):
            read_runs(tmp_path, names=["first"])


def test_an_empty_set_and_a_name_that_is_no_folder_are_named(tmp_path):
    with pytest.raises(CourseError, match="The validation set of blobs is empty"):
        Sets("blobs", Blobs(4, 0), Blobs(0, 0), num_classes=3)
    with pytest.raises(CourseError, match="is no name for a folder"):
        tiny_run(tmp_path, name="../first")


def test_a_model_that_answers_with_something_else_is_named(tmp_path):
    class Pairs(nn.Conv2d):
        def forward(self, images):
            return super().forward(images), images

    with pytest.raises(CourseError, match="Pairs answers with a tuple: logits"):
        tiny_run(tmp_path, model=Pairs(3, 3, 1))


def test_an_optimizer_that_is_none_is_named(tmp_path):
    with pytest.raises(CourseError, match="must return an optimiser of torch, not NoneType None"):
        tiny_run(tmp_path, optimizer=lambda model, rate: None)
