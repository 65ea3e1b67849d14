"""segkit.augmentation: image and mask stay together, only the seed decides, and the numbers are those promised."""

import pickle

import pytest
import torch
from torchvision import tv_tensors

from segkit.augmentation import Augmentation, Plain, nearest_labels
from segkit.data import EvalTransform, denormalise
from segkit.errors import CourseError

WHOLE = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0)}
SAME_LIGHT = {"brightness": 0, "contrast": 0, "saturation": 0}


def pair(height=128, width=128):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    mask = torch.randint(0, 4, (height, width), generator=generator, dtype=torch.uint8)
    return tv_tensors.Image(image), tv_tensors.Mask(mask)


def augmentation(**settings):
    return Augmentation(**({"image_size": (64, 64), "target_size": (16, 16)} | settings))


def test_results_have_the_types_and_sizes_that_a_model_wants():
    image, target = augmentation(image_size=(64, 96), target_size=(16, 24))(*pair(), seed=3)
    assert (type(image), image.dtype, image.shape) == (torch.Tensor, torch.float32, (3, 64, 96))
    assert (type(target), target.dtype, target.shape) == (torch.Tensor, torch.int64, (16, 24))
    assert image.is_contiguous() and target.is_contiguous()


@pytest.mark.parametrize("seed", range(20))
def test_the_target_comes_from_the_same_place_as_the_image(seed):
    """An image whose red says the column and whose green says the row, with masks that say the same."""
    rows, columns = torch.meshgrid(*[torch.arange(128, dtype=torch.uint8)] * 2, indexing="ij")
    image = torch.stack([columns, rows, rows])
    for channel, mask in enumerate((columns, rows)):
        augmented, target = augmentation(**SAME_LIGHT)(image, mask, seed)
        told = (denormalise(augmented)[channel] * 255)[::4, ::4]
        assert (told - target).abs().max() <= 2
        assert target.max() - target.min() > 40


def test_whole_and_unlit_is_plain():
    image, mask = pair(64, 64)
    same = augmentation(**WHOLE, **SAME_LIGHT, flip=0)(image, mask, seed=1)
    for value, expected in zip(same, Plain((64, 64), (16, 16))(image, mask), strict=True):
        torch.testing.assert_close(value, expected)


def test_a_mirrored_target_is_taken_from_the_mirrored_mask():
    image, mask = pair(64, 64)
    mask = tv_tensors.Mask(torch.arange(64, dtype=torch.uint8).expand(64, 64))
    mirrored, target = augmentation(**WHOLE, **SAME_LIGHT, flip=1)(image, mask, seed=1)
    plain, _ = Plain((64, 64), (16, 16))(image, mask)
    torch.testing.assert_close(mirrored, plain.flip(-1))
    assert torch.equal(target, mask.as_subclass(torch.Tensor).flip(-1)[::4, ::4].long())


def test_half_of_the_images_are_mirrored():
    image, mask = pair(64, 64)
    augment = augmentation(**WHOLE, **SAME_LIGHT)
    plain, _ = Plain((64, 64), (16, 16))(image, mask)
    mirrored = [not torch.allclose(augment(image, mask, seed)[0], plain, atol=1e-5) for seed in range(200)]
    assert 70 < sum(mirrored) < 130


def test_crops_cover_the_part_of_the_area_that_is_asked_for():
    mask = torch.arange(128 * 128, dtype=torch.int32).reshape(128, 128)
    image = torch.zeros(3, 128, 128, dtype=torch.uint8)
    augment = augmentation(target_size=(128, 128), scale=(0.3, 0.5), flip=0)
    areas = []
    for seed in range(50):
        _, positions = augment(image, mask, seed)
        rows, columns = positions // 128, positions % 128
        height, width = (int(axis.max() - axis.min()) + 1 for axis in (rows, columns))
        areas.append(height * width / 128**2)
        assert 0.7 < width / height < 1.4
    assert 0.28 < min(areas) < 0.34 and 0.46 < max(areas) < 0.52


@pytest.mark.parametrize("setting", ["brightness", "contrast", "saturation", "hue"])
def test_every_change_of_light_changes_the_image_and_not_the_target(setting):
    image, mask = pair(64, 64)
    light = SAME_LIGHT | {setting: 0.3}
    changed, target = augmentation(**WHOLE, **light, flip=0)(image, mask, seed=5)
    plain, expected = Plain((64, 64), (16, 16))(image, mask)
    assert not torch.allclose(changed, plain, atol=0.01)
    assert torch.equal(target, expected)


def test_only_the_seed_decides():
    augment, image_and_mask = augmentation(), pair()
    torch.manual_seed(1)
    first = augment(*image_and_mask, seed=7)
    torch.manual_seed(2)
    again = pickle.loads(pickle.dumps(augment))(*image_and_mask, seed=7)
    other = augment(*image_and_mask, seed=8)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_torchs_generator_and_the_image_are_left_as_they_were():
    image, mask = pair(64, 64)
    before = image.clone(), mask.clone(), torch.get_rng_state()
    augmentation(**WHOLE, flip=0)(image, mask, seed=7)[0].zero_()
    assert torch.equal(image, before[0]) and torch.equal(mask, before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


def test_no_other_generator_is_seeded(monkeypatch):
    """torch.manual_seed would seed those of all GPUs as well."""
    monkeypatch.setattr(torch, "manual_seed", lambda seed: pytest.fail("all generators were seeded"))
    augmentation()(*pair(), seed=7)


def test_plain_is_the_evaluation_transform():
    for size in ((128, 128), (80, 112)):
        image, mask = pair(*size)
        for value, expected in zip(
            Plain((64, 96), (16, 24))(image, mask), EvalTransform((64, 96), (16, 24))(image, mask), strict=True
        ):
            torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("shape", [(128, 128), (90, 131), (64, 17)])
def test_labels_are_sampled_by_the_rule_of_the_course(shape):
    mask = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sampled = nearest_labels(mask, (16, 24))
    for i in range(16):
        for j in range(24):
            assert sampled[i, j] == mask[i * shape[0] // 16, j * shape[1] // 24]


def test_an_augmentation_says_what_it_does():
    text = repr(augmentation(hue=0.1))
    assert "image_size=(64, 64)" in text and "hue=0.1" in text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"image_size": 64}, r"image_size=64 must be \(height, width\)"),
        ({"target_size": (0, 4)}, r"target_size=\(0, 4\) must be \(height, width\)"),
        ({"scale": (0.0, 1.0)}, r"scale=\(0.0, 1.0\) must be two numbers, .* above 0 and at most 1"),
        ({"scale": (0.5, 1.2)}, r"scale=.* at most 1"),
        ({"ratio": (2.0, 1.0)}, r"ratio=\(2.0, 1.0\) must be two numbers, \(smallest, largest\), above 0\."),
        ({"flip": 1.5}, "flip=1.5 must be a number from 0 to 1"),
        ({"brightness": -0.1}, "brightness=-0.1 must be a number from 0 to 1"),
        ({"contrast": "high"}, "contrast='high' must be a number"),
        ({"saturation": float("nan")}, "saturation=nan must be a number"),
        ({"hue": 0.6}, "hue=0.6 must be a number from 0 to 0.5"),
    ],
)
def test_a_setting_out_of_range_is_one_sentence(settings, sentence):
    with pytest.raises(CourseError, match=sentence):
        augmentation(**settings)
