"""Several devices, here two processes on the CPU: the same training as with one, and every image counted once."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_training import Images, TinyModel, confusion_matrix, mean_iou, tiny_model, train, train_augmented
from torch import nn
from torch.multiprocessing.spawn import ProcessRaisedException
from torchmetrics.classification import MulticlassJaccardIndex

from segkit.batches import SeededBatches, SeededOrder, Share
from segkit.errors import CourseError
from segkit.training import processes
from segkit.training.failures import call_readably

TWO = {"devices": 2}


class PartlyLabelled(Images):
    """Half of the images have nearly no labels, so that parts of a batch differ in how many they have."""

    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        if index % 2:
            target[1:] = 255
        return image, target


def loss(logits, target):
    return F.cross_entropy(logits, target, ignore_index=255)


class WithoutNorm(TinyModel):
    def __init__(self):
        super().__init__(dropout=0)
        self.norm = nn.Identity()


def without_norm():
    torch.manual_seed(0)
    return WithoutNorm()


def assert_close_weights(one, other):
    for (name, value), same in zip(one.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(value, same, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("trainer", [train, train_augmented])
def test_two_processes_train_as_one_that_accumulates_the_same_half_batches(tmp_path, trainer):
    """With BatchNorm, dropout and DropPath, and a last batch of 2 images."""
    shared, accumulated, whole = tiny_model(), tiny_model(), tiny_model()
    one = trainer(shared, tmp_path / "shared", devices=2)
    other = trainer(accumulated, tmp_path / "accumulated", accumulate=2)
    trainer(whole, tmp_path / "whole")
    assert_close_weights(shared, accumulated)
    assert one.steps == other.steps == list(range(6))
    assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
    assert one.learning_rate == other.learning_rate
    with pytest.raises(AssertionError):  # BatchNorm sees half batches
        assert_close_weights(shared, whole)


@pytest.mark.parametrize("sharing", [{"devices": 2}, {"accumulate": 4}, {"devices": 2, "accumulate": 2}])
def test_parts_with_few_labels_count_for_their_pixels_and_not_as_parts(tmp_path, sharing):
    """Without norms it makes no difference that a batch is shared: not to the loss, nor to the weights."""
    sets = {"train_set": PartlyLabelled(12, 0), "val_set": PartlyLabelled(7, 1), "loss": loss}
    shared, whole = without_norm(), without_norm()
    one = train(shared, tmp_path / "shared", **sets, **sharing)
    other = train(whole, tmp_path / "whole", **sets)
    assert_close_weights(shared, whole)
    assert one.train_loss == pytest.approx(other.train_loss, rel=1e-5)
    assert one.val_loss == pytest.approx(other.val_loss, rel=1e-5)
    assert one.val_mean_iou == pytest.approx(other.val_mean_iou, abs=1e-6)


def test_gradients_are_clipped_after_they_are_put_together(tmp_path):
    sets = {"train_set": PartlyLabelled(12, 0), "loss": loss, "gradient_clip": 0.05}
    shared, whole = without_norm(), without_norm()
    train(shared, tmp_path / "shared", devices=2, **sets)
    train(whole, tmp_path / "whole", **sets)
    assert_close_weights(shared, whole)


def test_every_validation_image_is_counted_once(tmp_path):
    """231 images on 2 processes: a sampler that pads would count 232."""
    pixels = []

    def counting(confusion):
        if int(confusion.sum()) != pixels[0]:
            raise CourseError(f"{int(confusion.sum())} pixels counted, not {pixels[0]}.")
        return mean_iou(confusion)

    val_set = Images(231, seed=1, flip=False)
    pixels.append(231 * 16)
    model = tiny_model()
    options = {"val_set": val_set, "epochs": 1, "batch_size": 16, "train_set": Images(32, 0)}
    with pytest.raises(CourseError, match="256 pixels counted"):  # the trial has one batch
        train(model, tmp_path / "trial", mean_iou=counting, **options, **TWO)
    counts = tmp_path / "counts.txt"

    def writing(confusion):
        with counts.open("a") as file:
            file.write(f"{int(confusion.sum())}\n")
        return mean_iou(confusion)

    history = train(model, tmp_path / "run", mean_iou=writing, **options, **TWO)
    assert sorted(map(int, counts.read_text().split())) == [16 * 16] * 2 + [231 * 16] * 2
    model.eval()
    with torch.no_grad():
        confusion = sum(confusion_matrix(model(image[None]).argmax(1), target[None]) for image, target in val_set)
    assert history.val_mean_iou == [pytest.approx(float(mean_iou(confusion)), abs=1e-6)]


class SomeUnlabelled(Images):
    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        target[torch.rand(target.shape, generator=torch.Generator().manual_seed(index)) < 0.3] = 255
        return image, target


@pytest.mark.parametrize("devices", [1, 2])
def test_mean_iou_and_loss_are_those_of_torchmetrics_and_of_all_pixels_at_once(tmp_path, devices):
    def loss(logits, target):
        return F.cross_entropy(logits, target, ignore_index=255)

    model, val_set = tiny_model(), SomeUnlabelled(21, seed=1, flip=False)
    history = train(model, tmp_path, val_set=val_set, loss=loss, epochs=3, devices=devices)
    images, targets = map(torch.stack, zip(*(val_set[index] for index in range(21)), strict=True))
    model.eval()
    with torch.no_grad():
        logits = model(images)
    expected = MulticlassJaccardIndex(num_classes=4, average="macro", ignore_index=255)(logits.argmax(1), targets)
    assert history.val_mean_iou[-1] == pytest.approx(float(expected), abs=1e-6)
    assert history.val_loss[-1] == pytest.approx(float(loss(logits, targets)), rel=1e-5)


def test_processes_draw_different_numbers_and_the_same_in_every_run(tmp_path):
    def drawn(folder, **sharing):
        folder.mkdir()

        def noting(logits, target):
            if logits.requires_grad:
                with (folder / f"{os.getpid()}.txt").open("a") as file:
                    file.write(f"{torch.rand(()).item()}\n")
            return F.cross_entropy(logits, target)

        train(tiny_model(), folder / "run", loss=noting, **sharing)
        return [[float(line) for line in file.read_text().split()] for file in folder.glob("*.txt")]

    first, again, (accumulated,) = (
        drawn(tmp_path / "1", **TWO),
        drawn(tmp_path / "2", **TWO),
        drawn(tmp_path / "3", accumulate=2),
    )
    assert len({number for process in first for number in process}) == 12  # 2 processes, 6 steps
    assert sorted(first) == sorted(again) == sorted([accumulated[::2], accumulated[1::2]])


def test_one_process_logs_and_writes_checkpoints(tmp_path, capfd):
    history = train(tiny_model(), tmp_path, progress=True, **TWO)
    assert [path.name for path in (tmp_path / "csv").iterdir()] == ["version_0"]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    events = EventAccumulator(str(tmp_path / "tensorboard" / "version_0"))
    events.Reload()
    assert [event.step for event in events.Scalars("train_loss")] == history.steps == list(range(6))
    out, err = capfd.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["epoch 1/2", "epoch 2/2"] and err == ""


def test_a_run_of_two_processes_that_was_killed_ends_as_one_without_a_stop(tmp_path):
    run = {"batch_size": 2, "checkpoint_every": 2, **TWO}
    straight_model, model = tiny_model(), tiny_model(seed=7)
    straight = train(straight_model, tmp_path / "straight", **run)
    steps = []

    def killing(logits, target):
        steps.extend([1] if logits.requires_grad else [])
        if len(steps) == 8 and logits.requires_grad and int(os.environ["LOCAL_RANK"]) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return F.cross_entropy(logits, target)

    with pytest.raises(CourseError, match=r"ended unexpectedly.*the same call continues"):
        train(tiny_model(), tmp_path / "run", loss=killing, **run)
    assert torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 6
    history = train(model, tmp_path / "run", **run)
    assert history.steps == straight.steps and history.train_loss == straight.train_loss
    assert history.val_mean_iou == straight.val_mean_iou
    for value, same in zip(model.state_dict().values(), straight_model.state_dict().values(), strict=True):
        assert torch.equal(value, same)


def test_a_mistake_in_one_process_is_a_sentence_here(tmp_path):
    with pytest.raises(CourseError, match=r"^The training loss became nan at step 0"):
        train(tiny_model(), tmp_path, loss=lambda logits, target: logits.sum() * torch.nan, **TWO)


def test_other_errors_of_a_process_have_their_story(tmp_path):
    with pytest.raises(Exception, match=r"(?s)my_loss.*has no attribute 'cross_entropy'"):

        def my_loss(logits, target):
            return logits.cross_entropy(target)

        train(tiny_model(), tmp_path, loss=my_loss, **TWO)


def test_where_processes_are_not_copies_a_script_trains_on_two_as_well(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, sys, torch
        from tiny_training import tiny_model, train

        if __name__ == "__main__":
            multiprocessing.set_start_method("spawn")
            model = tiny_model()
            train(model, sys.argv[1] + "/run", epochs=1, devices=2)
            torch.save(model.state_dict(), sys.argv[1] + "/model.pt")
        """)
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    subprocess.run([sys.executable, script, tmp_path], env=environment, check=True)
    expected, model = tiny_model(), tiny_model(seed=3)
    train(expected, tmp_path / "here", epochs=1, **TWO)
    model.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    assert_close_weights(model, expected)


# ---- what cannot be done


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"devices": 0}, "devices=0 must be a whole number"),
        ({"accumulate": 1.5}, "accumulate=1.5 must be a whole number"),
        ({"devices": 2, "batch_size": 5}, "batch_size=5 is shared by 2 device.* divided by 2, for example 4"),
        ({"devices": 2, "val_set": Images(1, 0)}, "10 training images and 1 validation images are too few"),
        ({"accumulate": 4, "train_set": Images(3, 0)}, "3 training images .* are too few to share"),
        ({"devices": 2, "sync_batchnorm": True}, "sync_batchnorm=True needs several GPUs, but it is devices=2 on cpu"),
    ],
)
def test_a_wrong_number_is_one_sentence(tmp_path, settings, sentence):
    with pytest.raises(CourseError, match=sentence):
        train(tiny_model(), tmp_path, **settings)


def test_devices_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(CourseError, match="devices=2 is asked for, but there is 1 here"):
        processes.choose_strategy(2, "cuda")
    with pytest.raises(CourseError, match="devices=2 is asked for, but there is 1 here"):
        processes.choose_strategy(2, "mps")


def test_processes_that_cannot_see_a_notebook_are_not_begun(monkeypatch):
    assert processes.choose_strategy(2, "cpu", [lambda logits, target: logits.sum()]) == "ddp_fork"
    monkeypatch.setattr(processes, "forks", lambda: False)
    assert processes.choose_strategy(2, "cpu", [tiny_model()]) == "ddp_spawn"
    with pytest.raises(CourseError, match="on this system: use devices=1, or train in a script"):
        processes.choose_strategy(2, "cpu", [lambda logits, target: logits.sum()])


def test_where_copies_cannot_compute_gradients_processes_are_begun_anew(monkeypatch):
    monkeypatch.setattr(processes, "_compute_a_gradient", lambda: os._exit(1))
    assert processes.choose_strategy(2, "cpu", [tiny_model()]) == "ddp_spawn"
    with pytest.raises(CourseError, match=r"nor compute gradients after this process has done so: restart the kernel"):
        processes.choose_strategy(2, "cpu", [lambda logits, target: logits.sum()])


def children():
    """The processes that this one has begun and that have not ended: earlier tests may have left some."""
    return set(subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True).stdout.split())


def test_an_interruption_leaves_no_processes(tmp_path):
    def interrupting(logits, target):
        if logits.requires_grad and os.environ.get("LOCAL_RANK") == "0":
            os.kill(os.getppid(), signal.SIGINT)
            signal.pause()
        return F.cross_entropy(logits, target)

    before = children()
    with pytest.raises(KeyboardInterrupt, match="continues where it was"):
        train(tiny_model(), tmp_path, loss=interrupting, **TWO)
    assert children() <= before


def test_too_little_memory_in_a_process_is_the_same_sentence():
    def without_memory():
        raise ProcessRaisedException("OutOfMemoryError: CUDA out of memory", 0, 1)

    with pytest.raises(CourseError, match="too small for batch_size=16: try 8, or accumulate=2"):
        call_readably(16, without_memory)


# ---- how batches are shared


def parts_of(length, batch_size, **share):
    return [
        [index for index, _ in part]
        for part in SeededBatches(SeededOrder(length, 0, shuffle=False), batch_size, share=Share(**share))
    ]


def test_parts_of_a_batch_are_shared_out_in_turn():
    assert parts_of(16, 8, rank=0, processes=2, accumulate=2) == [[0, 1], [4, 5], [8, 9], [12, 13]]
    assert parts_of(16, 8, rank=1, processes=2, accumulate=2) == [[2, 3], [6, 7], [10, 11], [14, 15]]


def test_a_last_batch_is_shared_as_evenly_as_it_can_be():
    assert parts_of(7, 4, rank=0, processes=2) == [[0, 1], [4]]
    assert parts_of(7, 4, rank=1, processes=2) == [[2, 3], [5, 6]]


def test_a_last_batch_with_fewer_images_than_parts_is_left_out_of_the_training_only():
    assert parts_of(5, 4, rank=0, processes=2) == [[0, 1]]
    assert parts_of(5, 4, rank=1, processes=2) == [[2, 3]]
    both = [parts_of(5, 4, rank=rank, processes=2, complete=True) for rank in (0, 1)]
    assert sorted(index for parts in both for part in parts for index in part) == [0, 1, 2, 3, 4]


def test_the_number_of_batches_is_that_of_the_parts_and_counts_what_is_skipped():
    batches = SeededBatches(SeededOrder(10, 0), 4, share=Share(accumulate=2))
    whole = list(batches)
    assert len(batches) == len(whole) == 6
    batches.skip(0, 4)
    assert list(batches) == whole[4:] and len(batches) == 6
    batches.sampler.set_epoch(1)
    assert len(list(batches)) == 6
