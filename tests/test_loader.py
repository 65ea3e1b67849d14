"""segkit.loader: the same batches whatever makes them, and a sentence for what cannot be loaded."""

import os
import pickle
from operator import attrgetter

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from segkit.augmentation import Augmentation, Plain
from segkit.batches import SeededBatches, SeededOrder, item_seed
from segkit.errors import CourseError
from segkit.loader import Loader, _chosen_design

SIZES = {"image_size": (32, 32), "target_size": (8, 8)}
AUGMENTATION = Augmentation(**SIZES)


class Photographs:
    """What the data set on disk offers: `planes`, and items made of them."""

    transform = None

    def __init__(self, length=7, size=64):
        self._planes = np.random.default_rng(0).integers(0, 256, (length, 4, size, size), dtype=np.uint8)
        self._planes[:, 3] %= 4
        self._planes.setflags(write=False)

    def __len__(self):
        return len(self._planes)

    def planes(self, index):
        return self._planes[index]

    def __getitem__(self, index):
        planes = torch.from_numpy(self.planes(index).copy())
        return tv_tensors.Image(planes[:3]), tv_tensors.Mask(planes[3])


class Damaged(Photographs):
    def planes(self, index):
        if index == 5:
            raise CourseError("part 00000.npy is damaged: build it again.")
        return super().planes(index)


class Deadly(Photographs):
    """Ends the process that loads its last image, as a system does that has no memory left."""

    def __init__(self, spared):
        super().__init__()
        self.spared = spared

    def planes(self, index):
        if index == 6 and os.getpid() != self.spared:
            os._exit(1)
        return super().planes(index)


class WithoutPlanes:
    """As `torch.utils.data.Subset` would be."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def loader(data=None, batch_size=3, **options):
    if options.get("augmentation") is None:
        options = SIZES | options
    return Loader(Photographs() if data is None else data, batch_size, **options)


def batches(loader, epoch=0):
    loader.set_epoch(epoch)
    return list(loader)


def assert_same(batches, others):
    for batch, other in zip(batches, others, strict=True):
        for part, same in zip(batch, other, strict=True):
            assert torch.equal(part, same)


@pytest.fixture
def lasting_workers(monkeypatch):
    """As where processes are not forked: there they outlive an epoch."""
    monkeypatch.setattr("segkit.loader.forks", lambda: False)


# ---- what a batch is


@pytest.mark.parametrize("augment_on", ["workers", "device"])
def test_batches_have_the_types_and_sizes_that_training_wants(augment_on):
    for augmentation in (AUGMENTATION, None):
        found = batches(loader(augmentation=augmentation, augment_on=augment_on))
        assert [len(images) for images, _ in found] == [3, 3, 1]
        for images, targets in found:
            assert (images.dtype, tuple(images.shape[1:])) == (torch.float32, (3, 32, 32))
            assert (targets.dtype, tuple(targets.shape[1:])) == (torch.int64, (8, 8))
            assert type(images) is type(targets) is torch.Tensor


def test_without_augmentation_and_shuffling_it_is_the_data_set_resized():
    data = Photographs()
    found = batches(loader(data, shuffle=False))
    images, targets = (torch.cat(parts) for parts in zip(*found, strict=True))
    for index, (image, mask) in enumerate(data):
        expected_image, expected_target = Plain(**SIZES)(image, mask)
        torch.testing.assert_close(images[index], expected_image)
        assert torch.equal(targets[index], expected_target)


def test_every_image_comes_once_in_an_epoch():
    data = Photographs()
    plain = Plain((64, 64), (64, 64))
    found = torch.cat([targets for _, targets in loader(data, image_size=(64, 64), target_size=(64, 64))])
    assert len(found) == len(data)
    for item in data:
        assert sum(torch.equal(plain(*item)[1], target) for target in found) == 1


@pytest.mark.parametrize(("drop_last", "length"), [(False, 3), (True, 2)])
def test_a_small_last_batch_can_be_left_out(drop_last, length):
    some = loader(drop_last=drop_last)
    assert len(some) == len(list(some)) == length


# ---- what decides a batch


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("augment_on", ["workers", "device"])
def test_neither_processes_nor_the_place_of_augmentation_change_a_batch(num_workers, augment_on):
    alone = loader(augmentation=AUGMENTATION, seed=3, augment_on="workers", num_workers=0)
    other = loader(augmentation=AUGMENTATION, seed=3, augment_on=augment_on, num_workers=num_workers)
    for epoch in (0, 1):
        assert_same(batches(other, epoch), batches(alone, epoch))


def test_workers_that_outlive_an_epoch_know_the_next_one(lasting_workers):
    lasting = loader(augmentation=AUGMENTATION, num_workers=2)
    assert lasting._batches.persistent_workers
    for epoch in (0, 1, 5):
        assert_same(batches(lasting, epoch), batches(loader(augmentation=AUGMENTATION), epoch))
    next(iter(lasting))
    assert_same(batches(lasting, 1), batches(loader(augmentation=AUGMENTATION), 1))


def test_epochs_and_seeds_differ_in_order_and_in_what_is_drawn():
    for shuffle in (True, False):
        first, again, second = (
            batches(loader(augmentation=AUGMENTATION, shuffle=shuffle), epoch) for epoch in (0, 0, 1)
        )
        other_seed = batches(loader(augmentation=AUGMENTATION, shuffle=shuffle, seed=1))
        assert_same(first, again)
        assert not torch.equal(first[0][0], second[0][0])
        assert not torch.equal(first[0][0], other_seed[0][0])


def test_the_batch_size_does_not_change_an_item():
    joined = [
        torch.cat([images for images, _ in loader(batch_size=size, augmentation=AUGMENTATION)]) for size in (1, 3, 7)
    ]
    assert torch.equal(joined[0], joined[1]) and torch.equal(joined[0], joined[2])


def test_an_iteration_keeps_the_epoch_that_it_began_with():
    for num_workers in (0, 1):
        some = loader(augmentation=AUGMENTATION, num_workers=num_workers)
        expected = batches(some, epoch=2)
        some.set_epoch(2)
        begun = iter(some)
        some.set_epoch(3)
        assert_same(begun, expected)


def test_an_iteration_that_was_left_does_not_disturb_the_next():
    for num_workers in (0, 1):
        some = loader(augmentation=AUGMENTATION, num_workers=num_workers)
        expected = batches(some)
        next(iter(some))
        assert_same(batches(some), expected)


def test_torchs_generator_is_neither_used_nor_changed():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = batches(loader(augmentation=AUGMENTATION))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert_same(batches(loader(augmentation=AUGMENTATION)), first)


def test_seeds_of_items_are_all_different():
    seeds = {item_seed(seed, epoch, index) for seed in (-1, 0, 1) for epoch in range(5) for index in range(100)}
    assert len(seeds) == 1500


@pytest.mark.parametrize("augment_on", ["workers", "device"])
def test_what_processes_are_sent_works_after_the_journey(augment_on):
    sent = loader(augmentation=AUGMENTATION, augment_on=augment_on)._batches.dataset
    received = pickle.loads(pickle.dumps(sent))
    ask = attrgetter("__getitem__") if augment_on == "workers" else attrgetter("__getitems__")
    drawn = (4, 17) if augment_on == "workers" else [(4, 17)]
    assert torch.equal(ask(received)(drawn)[0], ask(sent)(drawn)[0])


def test_whole_batches_of_bytes_are_read_in_one_go():
    read = loader(augmentation=AUGMENTATION, augment_on="device")._batches.dataset
    planes, seeds = read.__getitems__([(2, 20), (0, 21)])
    assert planes.dtype == torch.uint8 and planes.shape == (2, 4, 64, 64) and seeds == [20, 21]
    assert torch.equal(planes[0], torch.from_numpy(Photographs().planes(2).copy()))


@pytest.mark.parametrize(
    ("kind", "data", "design"),
    [("cpu", Photographs(), "workers"), ("cuda", Photographs(), "device"), ("cuda", WithoutPlanes([]), "workers")],
)
def test_the_device_augments_if_it_is_no_cpu_and_the_data_are_bytes(kind, data, design):
    assert _chosen_design("auto", data, torch.device(kind)) == design


@pytest.mark.parametrize("augment_on", ["workers", "device"])
def test_batches_lie_on_the_device(augment_on):
    """The meta device computes nothing, but it refuses to mix with the CPU as a GPU does."""
    found = list(loader(augmentation=AUGMENTATION, device="meta", augment_on=augment_on))
    assert {part.device.type for batch in found for part in batch} == {"meta"}
    assert [tuple(images.shape) for images, _ in found] == [(3, 3, 32, 32), (3, 3, 32, 32), (1, 3, 32, 32)]


@pytest.mark.parametrize("augment_on", ["workers", "device"])
def test_the_next_batch_is_read_before_one_is_used(augment_on):
    read = []

    class Watched(Photographs):
        def planes(self, index):
            read.append(index)
            return super().planes(index)

    watched = loader(Watched(), augment_on=augment_on, shuffle=False)
    read.clear()
    next(iter(watched))
    assert read == [0, 1, 2, 3, 4, 5]


def test_batches_of_a_subset_are_augmented_by_the_workers():
    data = Photographs()
    same = loader(WithoutPlanes(list(data)), augmentation=AUGMENTATION)
    assert_same(batches(same), batches(loader(data, augmentation=AUGMENTATION)))


def test_the_sampler_can_be_gone_through_without_the_images():
    sampler = SeededBatches(SeededOrder(5, seed=4, epoch=1, shuffle=False), 2, drop_last=False)
    assert list(sampler) == [[(index, item_seed(4, 1, index)) for index in batch] for batch in ((0, 1), (2, 3), (4,))]


# ---- sentences


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch_size": 0}, "batch_size=0 must be a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size=2.5 must be a whole number"),
        ({"data": Photographs(0)}, "The data set is empty"),
        (
            {"data": WithoutPlanes([Plain()(*Photographs()[0])])},
            r"first item is torch.float32 \(3, 256, 256\), torch.int64",
        ),
        ({"data": WithoutPlanes([torch.zeros(3, 4, 4, dtype=torch.uint8)])}, "must give an image .* and its mask"),
        (
            {"data": WithoutPlanes(Photographs()), "augment_on": "device"},
            "WithoutPlanes does not have: use FourClassADE",
        ),
        ({"augment_on": "gpu"}, 'augment_on="gpu" is not known: choose one of auto, workers, device'),
        ({"num_workers": -1}, "num_workers=-1 must be"),
        ({"device": "gpu"}, 'device="gpu" cannot be used here'),
        ({"image_size": 32}, r"image_size=32 must be \(height, width\)"),
        ({"augmentation": AUGMENTATION, **SIZES}, "has an image_size and a target_size already"),
        ({"augmentation": "flip"}, "augmentation='flip' must be None or"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(options, sentence):
    with pytest.raises(CourseError, match=sentence):
        loader(**options)


def test_a_data_set_with_a_transform_is_refused():
    data = Photographs()
    data.transform = Plain()
    with pytest.raises(CourseError, match="has a transform of its own: leave it out"):
        loader(data)


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("augment_on", ["workers", "device"])
def test_an_error_of_the_data_is_one_sentence_from_any_process(num_workers, augment_on):
    with pytest.raises(CourseError) as caught:
        list(loader(Damaged(), augment_on=augment_on, num_workers=num_workers))
    assert str(caught.value) == "part 00000.npy is damaged: build it again."


def test_a_process_that_ends_is_explained():
    with pytest.raises(CourseError, match="A process that loads data has ended unexpectedly"):
        list(loader(Deadly(spared=os.getpid()), num_workers=1))


def test_going_through_a_loader_twice_at_once_is_refused_where_it_would_mix_batches(lasting_workers):
    with pytest.raises(CourseError, match="can be gone through once at a time"):
        list(zip(*[loader(num_workers=1)] * 2, strict=True))


def test_a_loader_whose_workers_end_can_be_gone_through_twice_at_once():
    for num_workers in (0, 1):
        some = loader(num_workers=num_workers)
        for one, other in zip(some, some, strict=True):
            assert torch.equal(one[0], other[0])
