"""Resuming: whatever stops a run, and wherever, the same call gives the result of a run without a stop."""

import multiprocessing
import os
import signal

import pytest
import torch
import torch.nn.functional as F
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_training import Images, assert_same_weights, confusion_matrix, mean_iou, tiny_model, train, train_augmented

from segkit.errors import CourseError
from segkit.training import load_best, read_history

RUN = {"batch_size": 2, "checkpoint_every": 2}  # 5 steps per epoch; checkpoints after 2, 4, 5, 6, 8, 10
TRAINERS = {"own transform": train, "augmentation": train_augmented}


@pytest.fixture(scope="module", params=TRAINERS)
def straight(request, tmp_path_factory):
    """How to train, and two epochs without a stop: the model and its history."""
    model = tiny_model()
    trainer = TRAINERS[request.param]
    return trainer, model, trainer(model, tmp_path_factory.mktemp("straight"), **RUN)


def at_step(number, action, function=F.cross_entropy):
    """The loss, but before the step of that number (from 1) something happens."""
    steps = []

    def loss(logits, target):
        steps.append(1) if logits.requires_grad else None
        if len(steps) == number and logits.requires_grad:
            action()
        return function(logits, target)

    return loss


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def train_and_be_killed(trainer, out, **options):
    """In a process of its own, until it is killed."""
    process = multiprocessing.get_context("fork").Process(
        target=trainer, args=(tiny_model(), out), kwargs=RUN | options
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def assert_same_run(history, straight):
    assert history.steps == straight.steps
    assert history.train_loss == straight.train_loss
    assert history.learning_rate == straight.learning_rate
    assert (history.epochs, history.epoch_steps) == (straight.epochs, straight.epoch_steps)
    assert history.val_loss == straight.val_loss and history.val_mean_iou == straight.val_mean_iou
    assert history.epoch_train_loss == straight.epoch_train_loss


def steps_of_last_checkpoint(out):
    return torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]


def date_back(folder):
    """TensorBoard reads the files of a run in the order of the seconds in their names, and here all is done in one."""
    for file in folder.glob("events.out.tfevents.*"):
        events, out, kind, second, rest = file.name.split(".", 4)
        file.rename(folder / f"{events}.{out}.{kind}.{int(second) - 1:010}.{rest}")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_run_killed_in_the_middle_of_an_epoch_ends_as_one_without_a_stop(tmp_path, straight, num_workers):
    """Killed before step 10 and again before step 2 of the continued run; checkpoints are after steps 8 and 9."""
    trainer, straight_model, straight_history = straight
    train_and_be_killed(trainer, tmp_path, num_workers=num_workers, loss=at_step(9, kill))
    assert steps_of_last_checkpoint(tmp_path) == 8
    train_and_be_killed(trainer, tmp_path, num_workers=num_workers, loss=at_step(2, kill), checkpoint_every=1)
    assert steps_of_last_checkpoint(tmp_path) == 9
    model = tiny_model(seed=7)
    torch.manual_seed(99)
    steps = []

    def counted(logits, target):
        steps.extend([1] if logits.requires_grad else [])
        return F.cross_entropy(logits, target)

    history = trainer(model, tmp_path, num_workers=num_workers, loss=counted, **RUN)
    assert len(steps) == 1  # the last of 10
    assert_same_weights(model, straight_model)
    assert_same_run(history, straight_history)
    assert_same_weights(load_best(tiny_model(5), tmp_path), load_best(tiny_model(6), straight_history.folder))


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path, straight):
    trainer, straight_model, straight_history = straight
    train_and_be_killed(trainer, tmp_path, loss=at_step(2, kill))
    model = tiny_model()
    assert_same_run(trainer(model, tmp_path, **RUN), straight_history)
    assert_same_weights(model, straight_model)


def test_a_run_killed_in_its_validation_repeats_it(tmp_path, straight):
    trainer, straight_model, straight_history = straight
    calls = []

    def killing(confusion):
        calls.append(1)
        kill() if len(calls) == 3 else None  # the trial, epoch 1, epoch 2
        return mean_iou(confusion)

    train_and_be_killed(trainer, tmp_path, mean_iou=killing)
    assert steps_of_last_checkpoint(tmp_path) == 8
    model = tiny_model(seed=7)
    assert_same_run(trainer(model, tmp_path, **RUN), straight_history)
    assert_same_weights(model, straight_model)


def test_curves_in_tensorboard_have_every_step_once(tmp_path, straight):
    trainer, _, straight_history = straight
    train_and_be_killed(trainer, tmp_path, loss=at_step(8, kill))
    date_back(tmp_path / "tensorboard" / "version_0")
    trainer(tiny_model(), tmp_path, **RUN)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "version_0"))
    events.Reload()
    assert [event.step for event in events.Scalars("train_loss")] == straight_history.steps
    assert [event.value for event in events.Scalars("train_loss")] == pytest.approx(straight_history.train_loss)
    assert [event.step for event in events.Scalars("val_mean_iou")] == straight_history.epoch_steps


def test_batches_that_are_done_are_not_loaded_again(tmp_path):
    class Watched(Images):
        def __getitem__(self, index):
            loaded.append(index)
            return super().__getitem__(index)

    loaded = []
    train(tiny_model(), tmp_path / "straight", train_set=Watched(10, 0), **RUN)
    last = loaded[-4:]
    train_and_be_killed(train, tmp_path / "run", train_set=Watched(10, 0), loss=at_step(9, kill))
    loaded.clear()
    train(tiny_model(), tmp_path / "run", train_set=Watched(10, 0), **RUN)
    assert loaded[1:] == last  # the first is looked at to see whether the set can be used


def test_the_line_of_an_epoch_is_that_of_a_run_without_a_stop(tmp_path, capsys):
    train(tiny_model(), tmp_path / "straight", progress=True, **RUN)
    expected = capsys.readouterr().out.splitlines()[-1]
    train_and_be_killed(train, tmp_path / "run", loss=at_step(9, kill))
    train(tiny_model(), tmp_path / "run", progress=True, **RUN)
    first, line = capsys.readouterr().out.splitlines()
    assert first == f"Continuing the run in {tmp_path / 'run'} after step 8 of 10, in epoch 2."
    assert line.split(" (")[0] == expected.split(" (")[0]


def test_ctrl_c_ends_after_the_step_and_nothing_is_done_twice(tmp_path, straight):
    trainer, straight_model, straight_history = straight
    handler = signal.getsignal(signal.SIGINT)
    loss = at_step(7, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt, match="continues where it was"):
        trainer(tiny_model(), tmp_path, loss=loss, **RUN)
    assert signal.getsignal(signal.SIGINT) is handler
    assert steps_of_last_checkpoint(tmp_path) == 7
    model = tiny_model(seed=7)
    assert_same_run(trainer(model, tmp_path, **RUN), straight_history)
    assert_same_weights(model, straight_model)


def test_a_second_ctrl_c_is_at_once(tmp_path):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tiny_model(), tmp_path, loss=at_step(7, twice), **RUN)
    assert steps_of_last_checkpoint(tmp_path) == 6


def test_ctrl_c_in_a_validation_ends_it(tmp_path):
    calls = []

    def interrupting(prediction, target, num_classes):
        calls.append(1)
        if len(calls) == 3:  # one in the trial; the second of three batches of epoch 1
            os.kill(os.getpid(), signal.SIGINT)
        return confusion_matrix(prediction, target, num_classes)

    with pytest.raises(KeyboardInterrupt):
        train(tiny_model(), tmp_path, confusion_matrix=interrupting, **RUN)
    assert len(calls) == 3
    straight = train(tiny_model(), tmp_path / "straight", **RUN)
    assert_same_run(train(tiny_model(), tmp_path, **RUN), straight)


def test_a_failure_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path, monkeypatch):
    save, saved = torch.save, []

    def failing(checkpoint, file, *args, **kwargs):
        saved.append(1)
        if len(saved) == 2:
            file.write(b"half a checkpoint")
            raise OSError("No space left on device")
        return save(checkpoint, file, *args, **kwargs)

    monkeypatch.setattr(torch, "save", failing)
    with pytest.raises(OSError, match="No space left"):
        train(tiny_model(), tmp_path / "run", **RUN)
    monkeypatch.undo()
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} <= {"best.ckpt", "last.ckpt"}
    assert steps_of_last_checkpoint(tmp_path / "run") == 2
    model, straight_model = tiny_model(), tiny_model()
    straight = train(straight_model, tmp_path / "straight", **RUN)
    assert_same_run(train(model, tmp_path / "run", **RUN), straight)
    assert_same_weights(model, straight_model)
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_line_that_was_cut_off_does_not_count(tmp_path):
    history = train(tiny_model(), tmp_path, **RUN)
    file = tmp_path / "csv" / "version_0" / "metrics.csv"
    file.write_bytes(file.read_bytes() + b"1,312.5,0.0")
    assert read_history(tmp_path) == history


def test_parts_of_a_batch_are_resumed_at_whole_steps(tmp_path):
    straight_model, model = tiny_model(), tiny_model(seed=7)
    straight = train(straight_model, tmp_path / "straight", accumulate=2, **RUN)
    train_and_be_killed(train, tmp_path / "run", accumulate=2, loss=at_step(16, kill))  # the second part of step 8
    assert steps_of_last_checkpoint(tmp_path / "run") == 6
    assert_same_run(train(model, tmp_path / "run", accumulate=2, **RUN), straight)
    assert_same_weights(model, straight_model)
    with pytest.raises(CourseError, match=r"accumulate = 2 \(now 1\)"):
        train(tiny_model(), tmp_path / "run", **RUN)


# ---- early stopping


def scripted(*scores):
    values = iter([0.0, *scores])  # the first is the trial before training
    return lambda confusion: next(values)


def test_training_stops_after_validations_without_a_better_score(tmp_path, capsys):
    history = train(tiny_model(), tmp_path, epochs=9, early_stopping=2, mean_iou=scripted(0.5, 0.6, 0.6, 0.4, 0.9))
    assert history.epochs == [1, 2, 3, 4] and history.best_epoch == 2
    failing = at_step(1, lambda: pytest.fail("trained again"))
    assert train(tiny_model(), tmp_path, epochs=9, early_stopping=2, loss=failing, progress=True) == history
    assert "already holds a run of 4 epochs, stopped early: nothing to train." in capsys.readouterr().out


def test_early_stopping_counts_on_after_resuming_and_may_be_lifted(tmp_path):
    train(tiny_model(), tmp_path, epochs=3, early_stopping=2, mean_iou=scripted(0.5, 0.6, 0.4))
    rest = iter([0.4, 0.9, 0.9])
    history = train(tiny_model(), tmp_path, epochs=9, early_stopping=2, mean_iou=lambda confusion: next(rest))
    assert history.epochs == [1, 2, 3, 4]
    assert train(tiny_model(), tmp_path, epochs=6, mean_iou=lambda confusion: next(rest)).epochs == [1, 2, 3, 4, 5, 6]


def test_the_patience_is_that_of_the_call_that_goes_on(tmp_path):
    train(tiny_model(), tmp_path, epochs=3, early_stopping=9, mean_iou=scripted(0.5, 0.6, 0.4))
    rest = iter([0.3, 0.2, 0.2, 0.2, 0.2, 0.2])
    history = train(tiny_model(), tmp_path, epochs=9, early_stopping=2, mean_iou=lambda confusion: next(rest))
    assert history.epochs == [1, 2, 3, 4]


def test_early_stopping_must_be_a_number_of_validations(tmp_path):
    with pytest.raises(CourseError, match="early_stopping=0 must be a whole number"):
        train(tiny_model(), tmp_path, early_stopping=0)
    with pytest.raises(CourseError, match="checkpoint_every=0 must be a whole number"):
        train(tiny_model(), tmp_path, checkpoint_every=0)
