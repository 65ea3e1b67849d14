"""Entries of the competition: what they are trained with, what is kept, resuming, and how they are scored."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback
from tiny_streets import BUDGET, SIZE, AddedLoss, TinyNet, halving, tiny_entry, write_streets
from torch import nn
from torchmetrics.functional.classification import multiclass_jaccard_index

from segkit.competition.scores import StreetJudge, evaluate, scored
from segkit.competition.streets import NUM_CLASSES, StreetPairs, normalised, street_sets
from segkit.competition.training import Budget, WithAuxiliaryHead, load_entry, processor_seconds
from segkit.competition.zoo import build_model
from segkit.errors import CourseError
from segkit.transfer.runs import read_run


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp("kitti"))


@pytest.fixture(scope="module")
def straight(streets, tmp_path_factory):
    """A run without a stop: its folder, and the run."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, tiny_entry(streets, folder)


def flipped(image, target):
    return normalised(image.flip(-1)), target.flip(-1)


def focal(logits, target):
    """Another loss than the usual one."""
    entropy = nn.functional.cross_entropy(logits, target, ignore_index=255, reduction="none")
    return ((1 - (-entropy).exp()) ** 2 * entropy).mean()


# ---- data


def test_pictures_are_of_one_size_and_a_transform_gets_them_before_they_are_normalised(streets):
    plain, changed = StreetPairs(streets, size=SIZE), StreetPairs(streets, size=SIZE, transform=flipped)
    image, target = plain[0]
    assert image.shape == (3, *SIZE) and target.shape == SIZE and target.dtype == torch.int64
    assert set(target.unique().tolist()) == {0, 10, 13, 255}
    assert torch.equal(changed[0][0], image.flip(-1)) and torch.equal(changed[0][1], target.flip(-1))


def test_fewer_pictures_are_evenly_spread_and_testing_has_no_labels(streets):
    assert StreetPairs(streets, size=SIZE, images=3).names == ["000000_10", "000002_10", "000004_10"]
    assert len(StreetPairs(streets, size=SIZE, images=99)) == 6
    with pytest.raises(CourseError, match="testing pictures have no labels"):
        StreetPairs(streets, "testing", size=SIZE)


def test_the_pictures_of_two_entries_are_the_same_however_one_changes_them(streets):
    plain, changed = street_sets(streets, SIZE).facts, street_sets(streets, SIZE, transform=flipped).facts
    assert plain["split"] == changed["split"] and plain["augmentation"] == "none" != changed["augmentation"]
    assert street_sets(streets, (32, 32)).facts["split"] != plain["split"]


def test_a_fingerprint_of_the_pictures_leaves_all_generators_as_they_were(streets):
    def drawn() -> tuple:
        return random.random(), np.random.rand(), float(torch.rand(()))

    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(77)
    expected = drawn()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(77)
    assert street_sets(streets, SIZE, transform=flipped).facts["augmentation"] != "none"
    assert drawn() == expected


# ---- scores


def test_scores_are_torchmetrics_over_all_pixels_at_once(streets):
    data, model = StreetPairs(streets, "validation", size=SIZE), TinyNet()
    measured = evaluate(model.train(), data, NUM_CLASSES, batch_size=3)
    assert model.training
    images, targets = (torch.stack(values) for values in zip(*data, strict=True))
    predictions = model.eval()(images).argmax(1)
    expected = multiclass_jaccard_index(predictions, targets, NUM_CLASSES, ignore_index=255)
    assert measured.mean_iou() == pytest.approx(float(expected), abs=1e-6)
    iou = measured.class_iou()
    occurs = set(predictions[targets != 255].unique().tolist()) | {0, 10, 13}
    assert {label for label in range(NUM_CLASSES) if not iou[label].isnan()} == occurs


def test_a_confusion_matrix_is_scored_as_the_pixels_it_counts(streets):
    judge, generator = StreetJudge(3), torch.Generator().manual_seed(0)
    prediction, target = torch.randint(0, 3, (2, 1, 9, 9), generator=generator)
    target[:, 0] = 255
    confusion = judge.confusion_matrix(prediction, target, 3)
    assert confusion.sum() == 72 and confusion[0, 1] == ((target == 0) & (prediction == 1)).sum()
    expected = multiclass_jaccard_index(prediction, target, 3, ignore_index=255)
    assert judge.mean_iou(confusion) == pytest.approx(float(expected), abs=1e-6)
    assert scored(confusion * 10**9).mean_iou() == pytest.approx(float(expected), abs=1e-6)


def test_another_way_to_predict_is_scored(streets):
    data = StreetPairs(streets, "validation", size=SIZE)

    def all_road(model, images):
        scores = torch.zeros(len(images), NUM_CLASSES, *SIZE)
        scores[:, 0] = 1
        return scores

    measured = evaluate(TinyNet(), data, NUM_CLASSES, predict=all_road)
    truth = np.stack([target.numpy() for _, target in data])
    assert float(measured.class_iou()[0]) == pytest.approx((truth == 0).sum() / (truth != 255).sum(), abs=1e-6)
    assert measured.class_iou()[10] == 0 and measured.class_iou()[3].isnan()


# ---- what is kept


def test_the_run_knows_what_it_was_trained_with(straight):
    folder, run = straight
    facts = json.loads((folder / "tiny" / "run.json").read_text())
    assert facts["model"] == "TinyNet" and facts["size"] == list(SIZE) and facts["weights"] == "none"
    assert facts["training images"] == 6 and facts["augmentation"] == "none"
    assert facts["recipe"]["learning_rate"] == 1e-2 and "fixed numbers" in facts["loss"]
    assert processor_seconds(run) > 0


def test_only_the_last_epoch_is_validated_unless_more_is_asked_for(straight, streets, tmp_path):
    assert straight[1].history.epochs == [2]
    assert tiny_entry(streets, tmp_path, budget=replace(BUDGET, validate_every=1)).history.epochs == [1, 2]


def test_the_figure_of_the_run_is_that_of_its_weights(straight, streets):
    model = load_entry(straight[1], TinyNet())
    measured = evaluate(model, street_sets(streets, SIZE).validation, NUM_CLASSES)
    assert measured.mean_iou() == pytest.approx(straight[1].best_mean_iou, abs=1e-6)


def test_a_model_of_the_zoo_is_trained_and_loaded_by_its_name(streets, tmp_path):
    run = tiny_entry(streets, tmp_path, "unpooling", "baseline", budget=replace(BUDGET, epochs=1))
    assert run.facts["model"] == "baseline"
    loaded = load_entry(read_run(tmp_path / "unpooling"))
    torch.manual_seed(0)
    fresh = build_model("baseline", NUM_CLASSES)
    before, after = (model.state_dict()["model.classifier.weight"] for model in (fresh, loaded))
    assert before.shape == after.shape and not torch.equal(before, after)
    moved = (before - after).abs().max()
    assert 0 < moved < 0.1  # two steps of AdamW from the weights of the seed


def test_the_schedule_is_a_function_of_the_step(streets, tmp_path):
    run = tiny_entry(streets, tmp_path, schedule=halving)
    assert run.history.learning_rate == pytest.approx([1e-2, 1e-2, 5e-3, 5e-3])


def test_without_a_schedule_the_rate_falls_as_poly_with_power_nine_tenths(straight):
    expected = [1e-2 * (1 - step / 4) ** 0.9 for step in range(4)]
    assert straight[1].history.learning_rate == pytest.approx(expected)


# ---- an auxiliary head


def with_head():
    return WithAuxiliaryHead(TinyNet(), "2", nn.Conv2d(8, NUM_CLASSES, 1))


def test_an_auxiliary_head_is_there_in_training_only(streets, tmp_path):
    model, images = with_head(), torch.randn(2, 3, *SIZE)
    answer = model.train()(images)
    assert set(answer) == {"out", "aux"} and answer["aux"].shape == (2, NUM_CLASSES, *SIZE)
    assert torch.equal(model.eval()(images), model.model(images))
    before = [parameter.clone() for parameter in model.head.parameters()]
    run = tiny_entry(streets, tmp_path, model=model, auxiliary_loss=AddedLoss())
    assert all(not torch.equal(old, new) for old, new in zip(before, model.head.parameters(), strict=True))
    alone = tiny_entry(streets, tmp_path, "alone", model=with_head, auxiliary_loss=AddedLoss(0.0))
    assert run.history.train_loss[0] > alone.history.train_loss[0]


def test_a_model_without_the_head_that_a_loss_needs_is_named(streets, tmp_path):
    with pytest.raises(CourseError, match=r'auxiliary_loss needs a model .* dictionary of "out" and "aux"'):
        tiny_entry(streets, tmp_path, auxiliary_loss=AddedLoss())
    with pytest.raises(CourseError, match=r"answers with dict .* in training mode: logits are needed, or an auxiliary"):
        tiny_entry(streets, tmp_path, "two", model=with_head)
    with pytest.raises(CourseError, match="TinyNet has no layer 'decoder'"):
        WithAuxiliaryHead(TinyNet(), "decoder", nn.Identity())


# ---- resuming


class LightsOut(Callback):
    """In the middle of the second epoch, after its checkpoint of every step."""

    def on_train_batch_start(self, trainer, task, batch, batch_index):
        if trainer.global_step == 3:
            raise RuntimeError("the lights went out")


def test_an_interrupted_run_ends_as_one_without_a_stop(straight, streets, tmp_path):
    with pytest.raises(RuntimeError, match="the lights went out"):
        tiny_entry(streets, tmp_path, callbacks=[LightsOut()], checkpoint_every=1)
    first = json.loads((tmp_path / "tiny" / "seconds.json").read_text())["processor seconds"]
    run = tiny_entry(streets, tmp_path)
    assert run.history.train_loss == straight[1].history.train_loss
    assert run.history.val_mean_iou == straight[1].history.val_mean_iou
    assert processor_seconds(run) > first


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"loss": focal}, "loss = .* .now .* on fixed numbers"),
        ({"schedule": halving}, "schedule = poly .now function 0: 1, 1: 1, 10: 0.5"),
        ({"budget": replace(BUDGET, weight_decay=0.1)}, "weight_decay = 0.01 .now 0.1."),
        ({"facts": {"weights": "ImageNet"}}, "weights = none .now ImageNet."),
        ({"model": "baseline"}, "model = TinyNet .now baseline."),
    ],
)
def test_a_run_does_not_go_on_as_another_one(straight, streets, change, sentence):
    with pytest.raises(CourseError, match=sentence):
        tiny_entry(streets, straight[0], **change)


def test_another_augmentation_is_another_run(straight, streets):
    data = street_sets(streets, SIZE, transform=flipped)
    with pytest.raises(CourseError, match=r"augmentation = none .now "):
        tiny_entry(streets, straight[0], data=data)


def test_a_run_may_be_made_longer(streets, tmp_path):
    tiny_entry(streets, tmp_path)
    assert len(tiny_entry(streets, tmp_path, budget=replace(BUDGET, epochs=3)).history.steps) == 6


# ---- what is refused


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"learning_rate": 0}, "learning_rate=0 must be positive"),
        ({"weight_decay": -1}, "weight_decay=-1 must not be negative"),
        ({"epochs": 2.5}, "epochs=2.5 must be a whole number"),
        ({"seed": -1}, "seed=-1 must be a whole number"),
    ],
)
def test_a_wrong_setting_of_the_budget_is_one_sentence(setting, sentence):
    with pytest.raises(CourseError, match=sentence):
        Budget(**setting)


def test_a_lone_image_is_refused_where_batchnorm_could_not_bear_it(streets, tmp_path):
    with pytest.raises(CourseError, match=r"pspnet_r18 pools images to one pixel.*6 in batches of 5 leave one alone"):
        tiny_entry(streets, tmp_path, model="pspnet_r18", budget=replace(BUDGET, batch_size=5))


@pytest.mark.parametrize("factor", [-1, float("nan"), "half", None])
def test_a_schedule_that_gives_no_factor_is_named(streets, tmp_path, factor):
    with pytest.raises(CourseError, match=r"schedule\(0\) must be a factor of the learning rate"):
        tiny_entry(streets, tmp_path, schedule=lambda step: factor)


def test_a_run_whose_model_is_not_in_the_zoo_must_be_given_one(straight):
    with pytest.raises(CourseError, match="TinyNet of the run tiny is no model of the zoo"):
        load_entry(straight[1])
