"""segkit.training: the schedule, the optimiser's groups, checkpoints, exact resume, logs, and what a student sees."""

import copy
import csv
import logging
import os
import re
import signal
import subprocess
import sys
import traceback
import warnings

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_training import (
    STEPS_PER_EPOCH,
    Images,
    Photographs,
    TinyModel,
    assert_same_weights,
    confusion_matrix,
    fails_at_call,
    mean_iou,
    tiny_model,
    train,
    train_augmented,
)
from torch import nn

from segkit import loader as loading_module
from segkit.augmentation import Augmentation, Plain
from segkit.errors import CourseError
from segkit.training import (
    SegmentationTask,
    choose_precision,
    learning_rate_factor,
    load_best,
    make_trainer,
    read_history,
)
from segkit.training.failures import call_readably


@pytest.fixture(scope="module")
def straight_run(tmp_path_factory):
    """Two epochs without a stop: the model and its history."""
    model = tiny_model()
    return model, train(model, tmp_path_factory.mktemp("straight"))


# ---- schedule and optimiser


def test_learning_rate_warms_up_linearly_and_then_falls_linearly():
    factors = [learning_rate_factor(step, 4, 100) for step in (0, 1, 2, 3, 4, 50, 99)]
    assert factors == pytest.approx([0.25, 0.495, 0.735, 0.97, 0.96, 0.5, 0.01])
    assert learning_rate_factor(0, 0, 10) == 1.0
    assert learning_rate_factor(120, 4, 100) == 0.0


def test_poly_may_be_curved_and_a_constant_rate_has_a_warm_up_only():
    curved = [learning_rate_factor(step, 0, 10, power=2.0) for step in (0, 5, 9)]
    assert curved == pytest.approx([1, 0.25, 0.01])
    constant = [learning_rate_factor(step, 4, 10, schedule="constant") for step in (0, 1, 3, 9)]
    assert constant == pytest.approx([0.25, 0.5, 1, 1])


def test_norms_and_biases_have_no_weight_decay_and_the_head_a_higher_rate():
    model = tiny_model()
    task = SegmentationTask(
        model, F.cross_entropy, confusion_matrix=None, mean_iou=None, warmup_steps=0, total_steps=10, weight_decay=0.05
    )
    groups = {group["name"]: group for group in task.configure_optimizers()["optimizer"].param_groups}

    def check(name, parameters, rate, decay):
        assert {id(p) for p in groups[name]["params"]} == {id(p) for p in parameters}
        assert (groups[name]["initial_lr"], groups[name]["weight_decay"]) == pytest.approx((rate, decay))

    check("body", [model.embed.weight, model.block.weight], 6e-5, 0.05)
    check("body, no decay", [model.embed.bias, model.block.bias, model.norm.weight, model.norm.bias], 6e-5, 0)
    check("head", [model.decoder.classify.weight], 6e-4, 0.05)
    check("head, no decay", [model.decoder.classify.bias], 6e-4, 0)


def test_everything_decays_as_with_plain_adamw_if_asked_for():
    model = tiny_model()
    task = SegmentationTask(
        model, F.cross_entropy, confusion_matrix=None, mean_iou=None, total_steps=10, decay_norms=True
    )
    groups = task.configure_optimizers()["optimizer"].param_groups
    assert [group["name"] for group in groups] == ["body", "head"]
    assert {group["weight_decay"] for group in groups} == {0.01}


def test_plain_adamw_with_a_constant_rate_and_no_shuffling_is_a_loop_of_five_lines(tmp_path):
    """The recipe of the original course, written out, gives the same weights bit for bit."""
    settings = {"schedule": "constant", "warmup_steps": 0, "decay_norms": True, "head_learning_rate_factor": 1}
    model = tiny_model(dropout=0)
    train(model, tmp_path, shuffle=False, train_set=Images(10, 0, flip=False), epochs=2, **settings)
    expected = tiny_model(dropout=0)
    optimizer = torch.optim.AdamW(expected.parameters(), lr=1e-2, weight_decay=0.01)
    for _ in range(2):
        for images, target in torch.utils.data.DataLoader(Images(10, 0, flip=False), 4):
            optimizer.zero_grad()
            F.cross_entropy(expected(images), target).backward()
            optimizer.step()
    assert_same_weights(model, expected)


def test_gradients_are_shortened_to_the_norm_that_is_allowed(tmp_path):
    norms = []

    class Watch(Callback):
        def on_before_zero_grad(self, trainer, task, optimizer):
            gradients = [parameter.grad for parameter in task.parameters() if parameter.grad is not None]
            norms.extend([torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients]))] if gradients else [])

    train(tiny_model(), tmp_path / "free", callbacks=[Watch()])
    assert min(norms) > 0.05
    norms.clear()
    train(tiny_model(), tmp_path / "clipped", gradient_clip=0.05, callbacks=[Watch()])
    assert len(norms) == 4 and [float(norm) for norm in norms] == pytest.approx([0.05] * len(norms), rel=1e-4)


def test_frozen_parameters_are_left_out_of_the_optimiser():
    model = tiny_model()
    model.embed.requires_grad_(False)
    task = SegmentationTask(
        model, F.cross_entropy, confusion_matrix=None, mean_iou=None, warmup_steps=0, total_steps=10
    )
    groups = task.configure_optimizers()["optimizer"].param_groups
    optimised = {id(p) for group in groups for p in group["params"]}
    assert optimised == {id(p) for p in model.parameters() if p.requires_grad}


def test_rate_of_every_step_is_the_schedules(straight_run):
    _, history = straight_run
    assert history.learning_rate == pytest.approx([1e-2 * learning_rate_factor(step, 0, 6) for step in range(6)])


# ---- a run


def test_history_has_a_value_for_every_step_and_epoch(straight_run):
    _, history = straight_run
    assert history.steps == list(range(2 * STEPS_PER_EPOCH))
    assert history.epochs == [1, 2]
    assert history.epoch_steps == [2, 5]
    assert len(history.train_loss) == 6 and len(history.val_loss) == len(history.val_mean_iou) == 2
    assert history.epoch_train_loss[0] == pytest.approx(sum(history.train_loss[:3]) / 3)
    assert history.best_mean_iou == max(history.val_mean_iou)
    assert history.val_mean_iou[history.epochs.index(history.best_epoch)] == history.best_mean_iou
    assert read_history(history.folder) == history


def test_training_learns(tmp_path):
    history = train(tiny_model(), tmp_path, epochs=25)
    assert history.epoch_train_loss[-1] < 0.75 * history.epoch_train_loss[0]
    assert history.best_mean_iou > history.val_mean_iou[0] + 0.1


def test_mean_iou_comes_from_one_confusion_matrix_over_the_whole_validation_set(straight_run):
    model, history = copy.deepcopy(straight_run[0]), straight_run[1]
    val_set = Images(5, seed=1, flip=False)  # batches of 4 and 1: the mean over them would be another number
    model.eval()
    with torch.no_grad():
        confusions = [confusion_matrix(model(image[None]).argmax(1), target[None]) for image, target in val_set]
    assert history.val_mean_iou[-1] == pytest.approx(float(mean_iou(sum(confusions))), abs=1e-6)
    assert history.val_mean_iou[-1] != pytest.approx(float(sum(mean_iou(c) for c in confusions) / 5), abs=1e-3)


def test_csv_and_tensorboard_hold_the_curves(straight_run):
    _, history = straight_run
    events = EventAccumulator(str(history.folder / "tensorboard" / "version_0"))
    events.Reload()
    assert [event.value for event in events.Scalars("train_loss")] == pytest.approx(history.train_loss)
    assert [event.value for event in events.Scalars("val_mean_iou")] == pytest.approx(history.val_mean_iou)
    with (history.folder / "csv" / "version_0" / "metrics.csv").open(newline="") as lines:
        assert {"epoch", "step", "train_loss", "val_loss", "val_mean_iou"} <= set(csv.DictReader(lines).fieldnames)


def test_the_model_is_in_the_mode_and_on_the_device_where_it_can_be_used(straight_run):
    model, _ = straight_run
    assert model.training
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


# ---- checkpoints


def test_best_weights_are_those_of_the_best_epoch(tmp_path):
    worse_later = iter([0.0, 0.6, 0.4])  # the first is the trial before training
    model = tiny_model()
    weights = []

    def scripted(confusion):
        weights.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(worse_later)

    history = train(model, tmp_path, mean_iou=scripted)
    assert (history.best_epoch, history.best_mean_iou) == (1, pytest.approx(0.6))
    best = load_best(tiny_model(seed=5), tmp_path)
    for name, value in best.state_dict().items():
        assert torch.equal(value, weights[1][name]), name


def test_checkpoints_hold_what_is_needed_and_only_that(straight_run):
    _, history = straight_run
    folder = history.folder / "checkpoints"
    assert sorted(file.name for file in folder.iterdir()) == ["best.ckpt", "last.ckpt"]
    best = torch.load(folder / "best.ckpt", weights_only=True)
    last = torch.load(folder / "last.ckpt", weights_only=True)
    assert set(best["state_dict"]) == {f"model.{name}" for name in tiny_model().state_dict()}
    assert "optimizer_states" not in best and "callbacks" not in best
    assert last["optimizer_states"] and last["lr_schedulers"]


def test_load_best_runs_no_code_from_the_file(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "attacked"),)

    (tmp_path / "checkpoints").mkdir()
    torch.save({"state_dict": {}, "attack": Attack()}, tmp_path / "checkpoints" / "best.ckpt")
    with pytest.raises(CourseError, match="damaged"):
        load_best(tiny_model(), tmp_path)
    assert not (tmp_path / "attacked").exists()


def test_load_best_names_the_problem(tmp_path, straight_run):
    with pytest.raises(CourseError, match=r"no weights in .*train with fit"):
        load_best(tiny_model(), tmp_path)
    with pytest.raises(CourseError, match=r"another model: \d+ of its tensors .* for example block\.bias"):
        load_best(tiny_model(channels=6), straight_run[1].folder)


# ---- resume


class StopAfterFirstEpoch(Exception):
    pass


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_resumed_run_ends_with_the_weights_of_a_straight_one(tmp_path, straight_run, num_workers):
    """Stopped in the middle of epoch 2, continued by another process: here, by a model with other weights."""
    if num_workers and sys.platform != "linux":
        pytest.skip("what a test defines can be sent to forked workers only")
    straight_model, straight = straight_run
    if num_workers:  # which draw their random numbers in another way
        straight_model = tiny_model()
        straight = train(straight_model, tmp_path / "straight", num_workers=1)
    interrupted = fails_at_call(STEPS_PER_EPOCH + 5, F.cross_entropy, StopAfterFirstEpoch())
    with pytest.raises(StopAfterFirstEpoch):
        train(tiny_model(), tmp_path / "run", loss=interrupted, num_workers=num_workers)
    assert torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 3
    resumed_model = tiny_model(seed=7)
    torch.manual_seed(99)
    resumed = train(resumed_model, tmp_path / "run", num_workers=num_workers)
    assert_same_weights(resumed_model, straight_model)
    assert resumed.steps == straight.steps
    assert resumed.train_loss == straight.train_loss
    assert resumed.learning_rate == straight.learning_rate
    assert resumed.val_mean_iou == straight.val_mean_iou


def test_a_finished_run_gives_its_result_at_once(tmp_path, capsys):
    model = tiny_model()
    history = train(model, tmp_path)
    again = tiny_model(seed=3)
    failing = fails_at_call(1, F.cross_entropy, AssertionError("trained again"))
    assert train(again, tmp_path, loss=failing, progress=True) == history
    assert_same_weights(again, model)
    assert "already holds a run of 2 epochs: nothing to train. resume=False starts over." in capsys.readouterr().out


def test_a_run_can_be_made_longer(tmp_path, capsys):
    train(tiny_model(), tmp_path, epochs=1)
    history = train(tiny_model(), tmp_path, epochs=2, progress=True)
    assert (history.epochs, history.steps) == ([1, 2], list(range(6)))
    assert f"Continuing the run in {tmp_path} after epoch 1 of 2." in capsys.readouterr().out


def test_resume_false_starts_over(tmp_path, straight_run):
    train(tiny_model(seed=4), tmp_path, epochs=3)
    model = tiny_model()
    history = train(model, tmp_path, resume=False)
    assert_same_weights(model, straight_run[0])
    assert history.train_loss == straight_run[1].train_loss and history.epochs == [1, 2]


def test_best_score_outlives_a_move_of_the_folder(tmp_path):
    scores = iter([0.0, 0.9])
    train(tiny_model(), tmp_path / "here", epochs=1, mean_iou=lambda confusion: next(scores))
    (tmp_path / "here").rename(tmp_path / "there")
    worse = iter([0.1, 0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(tiny_model(), tmp_path / "there", epochs=2, mean_iou=lambda confusion: next(worse))
    assert torch.load(tmp_path / "there" / "checkpoints" / "best.ckpt", weights_only=True)["global_step"] == 3


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"learning_rate": 1e-3}, r"holds a run with learning_rate = 0.01 \(now 0.001\): .*resume=False"),
        ({"batch_size": 5, "seed": 1}, r"batch_size = 4 \(now 5\), seed = 0 \(now 1\)"),
        ({"schedule": "constant", "decay_norms": True}, r"schedule = poly \(now constant\), decay_norms = False"),
        ({"poly_power": 2.0}, r"poly_power = 1.0 \(now 2.0\)"),
        ({"gradient_clip": 1.0, "shuffle": False}, r"gradient_clip = None \(now 1.0\), shuffle = True \(now False\)"),
        ({"warmup_steps": 2}, r"warmup_steps = None \(now 2\)"),
    ],
)
def test_resuming_with_other_settings_is_refused(straight_run, change, sentence):
    with pytest.raises(CourseError, match=sentence):
        train(tiny_model(), straight_run[1].folder, **change)


def test_resuming_with_another_model_or_a_damaged_file_is_refused(tmp_path, straight_run):
    with pytest.raises(CourseError, match="belongs to another model"):
        train(tiny_model(channels=5), straight_run[1].folder)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(CourseError, match=r"last\.ckpt is damaged"):
        train(tiny_model(), tmp_path)


# ---- augmentation


@pytest.fixture(scope="module")
def augmented_run(tmp_path_factory):
    model = tiny_model()
    return model, train_augmented(model, tmp_path_factory.mktemp("augmented"))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_augmented_run_is_the_same_again_whatever_loads_it(tmp_path, augmented_run, num_workers):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    model = tiny_model()
    torch.set_rng_state(state)
    history = train_augmented(model, tmp_path, num_workers=num_workers)
    assert_same_weights(model, augmented_run[0])
    assert history.train_loss == augmented_run[1].train_loss
    assert history.val_mean_iou == augmented_run[1].val_mean_iou


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_augmented_run_that_was_stopped_ends_as_a_straight_one(tmp_path, augmented_run, num_workers):
    interrupted = fails_at_call(STEPS_PER_EPOCH + 5, F.cross_entropy, StopAfterFirstEpoch())
    with pytest.raises(StopAfterFirstEpoch):
        train_augmented(tiny_model(), tmp_path, loss=interrupted, num_workers=num_workers)
    model = tiny_model(seed=7)
    history = train_augmented(model, tmp_path, num_workers=num_workers)
    assert_same_weights(model, augmented_run[0])
    assert history.train_loss == augmented_run[1].train_loss


def test_training_images_differ_from_epoch_to_epoch_and_validation_images_never(tmp_path):
    seen = {True: [], False: []}  # by whether the model trains

    class Watched(TinyModel):
        def forward(self, images):
            seen[self.training] += [image.clone() for image in images]
            return super().forward(images)

    train_augmented(Watched(), tmp_path)
    first, second = seen[True][:10], seen[True][10:]
    assert len(second) == 10
    assert not any(torch.allclose(image, other, atol=1e-3) for image in first for other in second)
    expected = [Plain((8, 8), (4, 4))(*item)[0] for item in Photographs(5, seed=1)]
    for image, same in zip(seen[False][-5:], expected, strict=True):
        torch.testing.assert_close(image, same)


@pytest.mark.parametrize("now", [None, Augmentation(image_size=(8, 8), target_size=(4, 4), flip=0)])
def test_resuming_with_another_augmentation_is_refused(augmented_run, now):
    sets = {} if now else {"train_set": None, "val_set": None}
    with pytest.raises(CourseError, match=r"holds a run with augmentation = Augmentation\(image_size=\(8, 8\)"):
        train_augmented(tiny_model(), augmented_run[1].folder, augmentation=now, **sets)


def test_an_augmentation_needs_data_without_a_transform(tmp_path):
    with pytest.raises(CourseError, match=r"The validation set must give an image \(torch\.uint8.* torch\.float32"):
        train_augmented(tiny_model(), tmp_path, val_set=Images(5, seed=1))
    transformed = Photographs()
    transformed.transform = Plain()
    with pytest.raises(CourseError, match="The training set has a transform of its own"):
        train_augmented(tiny_model(), tmp_path, train_set=transformed)


# ---- wrong settings


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"epochs": 0}, "epochs=0 must be a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size=2.5 must be a whole number"),
        ({"learning_rate": -1}, "learning_rate=-1 must be positive"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1 must not be negative"),
        ({"schedule": "cosine"}, 'schedule="cosine" is not known: choose one of poly, exponential, constant'),
        ({"poly_power": 0}, "poly_power=0 must be positive"),
        ({"decay_norms": 1}, "decay_norms=1 must be True or False"),
        ({"shuffle": None}, "shuffle=None must be True or False"),
        ({"validate_every": 0}, "validate_every=0 must be a whole number of at least 1"),
        ({"gradient_clip": 0}, "gradient_clip=0 must be None or the largest norm"),
        ({"warmup_steps": 100}, "warmup_steps=100 is longer than the whole training of 6 steps"),
        ({"precision": "fp8"}, 'precision="fp8" cannot be used on cpu'),
        ({"precision": "16-mixed"}, 'precision="16-mixed" cannot be used on cpu'),
        ({"accelerator": "tpu"}, 'accelerator="tpu" is not known'),
        ({"num_workers": -1}, "num_workers=-1 must be"),
        ({"val_set": Images(0, 0)}, "validation set is empty"),
        ({"train_set": [(torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(4, 4))]}, "first item is torch.uint8 "),
        ({"val_set": [torch.zeros(3, 8, 8)]}, "validation set must give an image"),
        ({"num_classes": 5}, r"logits of shape \(4, 4, 4, 4\) .* num_classes=5 need \(4, 5, 4, 4\)"),
        ({"loss": lambda logits, target: 1.0}, "loss.* must return a tensor with one element .* not float 1.0"),
        ({"loss": lambda logits, target: logits.sum().detach()}, "without a gradient"),
        ({"loss": lambda logits, target: logits.sum() * torch.nan}, "training loss became nan at step 0: try a lower"),
        (
            {"confusion_matrix": lambda p, t, num_classes: torch.zeros(2)},
            r"shape \(4, 4\), not a tensor of shape \(2,\)",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path, settings, sentence):
    with pytest.raises(CourseError, match=sentence):
        train(tiny_model(), tmp_path, **settings)


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(CourseError, match="is a file"):
        train(tiny_model(), tmp_path / "run")


def test_a_model_without_a_decoder_must_name_its_head(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2))
    with pytest.raises(CourseError, match=r"no decoder to be found in Sequential: say head=model\.THE_PART"):
        train(model, tmp_path)
    assert train(model, tmp_path / "one rate", head_learning_rate_factor=1, epochs=1).epochs == [1]
    assert train(model, tmp_path / "named", head=model[0], epochs=1).learning_rate[0] == pytest.approx(0.1)


def test_make_trainer_needs_one_length(tmp_path):
    with pytest.raises(CourseError, match="either epochs or max_steps"):
        make_trainer(tmp_path)


def test_a_trainer_of_max_steps_validates_and_saves_at_its_end(tmp_path):
    trainer = make_trainer(tmp_path, max_steps=4, accelerator="cpu", progress=False)
    task = SegmentationTask(
        tiny_model(), F.cross_entropy, confusion_matrix=confusion_matrix, mean_iou=mean_iou, warmup_steps=1
    )
    loader = torch.utils.data.DataLoader(Images(10, 0), batch_size=4)
    trainer.fit(task, loader, loader)
    assert trainer.global_step == 4
    assert read_history(tmp_path).epoch_steps == [3]
    load_best(tiny_model(), tmp_path)


def test_read_history_names_a_folder_without_a_run(tmp_path):
    with pytest.raises(CourseError, match="no training run in"):
        read_history(tmp_path)


# ---- devices


@pytest.mark.parametrize(
    "found, bf16, expected", [("cuda", True, "bf16-mixed"), ("cuda", False, "16-mixed"), ("mps", False, "32")]
)
def test_automatic_precision_follows_the_device(monkeypatch, found, bf16, expected):
    monkeypatch.setattr("segkit.training.settings.best_device", lambda: torch.device(found))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16 and not including_emulation)
    assert choose_precision() == expected
    assert choose_precision(accelerator="cpu") == "32"


def test_a_device_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr("segkit.training.settings.best_device", lambda: torch.device("cpu"))
    with pytest.raises(CourseError, match='accelerator="cuda" is asked for, but torch finds cpu here'):
        choose_precision(accelerator="cuda")


def test_sixteen_bit_training_gives_the_loss_32_bits(tmp_path):
    seen = set()

    def loss(logits, target):
        seen.add(logits.dtype)
        return F.cross_entropy(logits, target)

    train(tiny_model(), tmp_path, precision="bf16-mixed", loss=loss)
    assert seen == {torch.float32}


def test_processes_are_used_only_where_a_notebook_works_in_them(monkeypatch):
    def options(num_workers, method, kind="cuda", datasets=()):
        monkeypatch.setattr(loading_module.multiprocessing, "get_start_method", lambda: method)
        return loading_module.loading_options(num_workers, datasets, kind)

    assert options(None, "spawn") == {"num_workers": 0, "pin_memory": True}
    assert options(None, "fork")["num_workers"] >= 1
    assert options(None, "fork", kind="cpu") == {"num_workers": 0, "pin_memory": False}
    assert options(2, "spawn")["num_workers"] == 2
    with pytest.raises(CourseError, match="num_workers=2 cannot load data with functions or classes that a notebook"):
        options(2, "spawn", datasets=(lambda image: image,))


# ---- what a student sees


def test_a_students_error_comes_out_with_the_students_frames_and_none_of_lightning(tmp_path):
    def my_loss(logits, target):
        return logits.cross_entropy(target)

    with pytest.raises(AttributeError) as caught:
        train(tiny_model(), tmp_path, loss=my_loss)
    frames = traceback.extract_tb(caught.tb)
    assert frames[-1].name == "my_loss"
    assert not [frame.filename for frame in frames if "lightning" in frame.filename]
    assert len(frames) < 8


def test_an_error_inside_torch_keeps_torchs_frames(tmp_path):
    def my_loss(logits, target):
        return F.cross_entropy(logits, target[:1])

    with pytest.raises((ValueError, RuntimeError)) as caught:
        train(tiny_model(), tmp_path, loss=my_loss)
    assert [frame.name for frame in traceback.extract_tb(caught.tb)][-2:] == ["my_loss", "cross_entropy"]


def test_a_mistake_in_the_mean_iou_shows_before_the_first_epoch(tmp_path):
    steps = []
    with pytest.raises(NotImplementedError, match=r"Task 3\.2"):
        train(
            tiny_model(),
            tmp_path,
            loss=lambda logits, target: steps.append(logits.requires_grad) or F.cross_entropy(logits, target),
            mean_iou=fails_at_call(1, mean_iou, NotImplementedError("Task 3.2: mean_iou")),
        )
    assert not any(steps)


def test_an_interruption_is_one_and_leaves_the_next_possible(tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    interrupted = fails_at_call(STEPS_PER_EPOCH + 5, F.cross_entropy, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match="resume=True continues where it was"):
        train(tiny_model(), tmp_path, loss=interrupted)
    assert signal.getsignal(signal.SIGINT) is handler
    assert train(tiny_model(), tmp_path).epochs == [1, 2]


def test_too_little_memory_is_a_sentence_that_helps():
    def without_memory():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(CourseError, match="too small for batch_size=16: try 8"):
        call_readably(16, without_memory)


def test_progress_shows_epoch_loss_and_mean_iou_and_nothing_else_is_said(tmp_path, capfd, caplog):
    caplog.set_level(logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(tiny_model(), tmp_path, progress=True)
        train(tiny_model(), tmp_path, progress=True, epochs=3)
    out, err = capfd.readouterr()
    number = r"\d\.\d{3}"
    lines = [line for line in out.splitlines() if line.strip()]
    assert len(lines) == 4
    pattern = rf"epoch 1/2: training loss {number}, validation loss {number}, mean IoU {number} \(\d+ s\)"
    assert re.fullmatch(pattern, lines[0])
    assert lines[2].startswith("Continuing the run") and lines[3].startswith("epoch 3/3")
    assert err == ""
    assert not [record for record in caplog.records if record.name.startswith("lightning")]


def test_the_bar_shows_loss_mean_iou_and_images_per_second_and_knows_all_steps(tmp_path, monkeypatch):
    shown = []

    class Bar:
        def __init__(self, total, done, plain):
            self.n = done
            shown.append((total, done))

        def set_postfix_str(self, text, refresh):
            shown.append(text)

        def update(self, steps):
            self.n += steps

        def set_description_str(self, text, refresh=True):
            pass

        def close(self):
            shown.append(self.n)

    monkeypatch.setattr("segkit.training.progress.open_bar", Bar)
    train(tiny_model(), tmp_path, progress=True)
    assert shown[0] == (6, 0) and shown[-1] == 6
    number = r"\d\.\d{3}"
    assert re.fullmatch(rf"loss {number}, \d+\.\d images/s", shown[1])
    assert re.fullmatch(rf"loss {number}, mean IoU {number}, \d+\.\d images/s", shown[-2])


def test_validation_may_be_rarer_than_epochs_and_the_last_epoch_is_validated(tmp_path, capsys):
    scores = iter([0.0, 0.8, 0.7, 0.6])  # the first is the trial before training
    model = tiny_model()
    history = train(model, tmp_path, epochs=5, validate_every=2, mean_iou=lambda confusion: next(scores), progress=True)
    assert history.epochs == [2, 4, 5] and history.epoch_steps == [5, 11, 14]
    assert history.val_mean_iou == pytest.approx([0.8, 0.7, 0.6]) and history.best_epoch == 2
    assert history.epoch_train_loss[1] == pytest.approx(sum(history.train_loss[9:12]) / 3)
    assert torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["global_step"] == 6
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 15
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert ["mean IoU" in line for line in lines] == [False, True, False, True, True]
    straight = tiny_model()
    train(straight, tmp_path / "every epoch", epochs=5)
    assert_same_weights(model, straight)


def test_without_progress_nothing_is_printed(tmp_path, capfd):
    train(tiny_model(), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_importing_segkit_and_its_loader_imports_neither_lightning_nor_matplotlib():
    code = "import segkit.loader, sys; print([name for name in ('lightning', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
