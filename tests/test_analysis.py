"""segkit.analysis: receptive fields, calibration, corruptions, robustness, and why an image scores low."""

import math

import pytest
import torch
from torch import nn

from segkit.analysis import (
    CORRUPTIONS,
    class_probabilities,
    corrupt,
    effective_receptive_field,
    encoder_stages,
    reliability,
    robustness,
    smallest_share,
    why_low,
)
from segkit.data import CLASS_NAMES
from segkit.errors import CourseError


def picture(height=128, width=160, seed=0):
    """A smooth image with some detail."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 8, generator=generator)
    fine = torch.rand(3, height, width, generator=generator)
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    return ((0.9 * smooth + 0.1 * fine) * 255).to(torch.uint8)


# ---- receptive fields


def field_of(layer, size=21):
    return effective_receptive_field(nn.Sequential(layer), [layer], torch.randn(2, 3, size, size))[0]


def test_the_field_of_a_convolution_is_its_kernel():
    (rows, columns) = (field_of(nn.Conv2d(3, 8, 5, padding=2)) > 0).nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 12, 8, 12)


def test_a_pixel_that_counts_twice_is_twice_as_bright():
    layer = nn.Conv2d(3, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.weight[:, :, 1, 1] = 2
    field = field_of(layer)
    assert field[10, 10] == 1 and torch.allclose(field[10, 11], torch.tensor(0.5))


def test_channels_that_cancel_each_other_are_seen():
    """As behind a LayerNorm, where the sum of all channels does not depend on the image."""
    layer = nn.Conv2d(3, 2, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, :, 1, 0], layer.weight[1, :, 1, 0], layer.weight[1, :, 1, 1] = 1, -1, 1
    assert (field_of(layer) > 0).nonzero().tolist() == [[10, 9], [10, 10]]


def test_stages_come_in_the_order_asked_and_the_model_stays_as_it_was():
    stages = [nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)]
    model = nn.Sequential(*stages).train()
    last, first = effective_receptive_field(model, stages[::-1], torch.randn(1, 3, 15, 15))
    assert ((last > 0).sum(), (first > 0).sum()) == (25, 9)
    assert model.training and all(part.grad is None for part in model.parameters())


def test_what_cannot_be_looked_at_is_told():
    model, other = nn.Sequential(nn.Conv2d(3, 4, 1)), nn.Conv2d(3, 4, 1)
    with pytest.raises(CourseError, match="never calls its part Conv2d"):
        effective_receptive_field(model, [other], torch.randn(1, 3, 8, 8))
    with torch.no_grad():
        model[0].weight.zero_()
    with pytest.raises(CourseError, match="does not depend on the image"):
        effective_receptive_field(model, [model[0]], torch.randn(1, 3, 8, 8))
    with pytest.raises(CourseError, match="no MixTransformerEncoderLayer in Sequential"):
        encoder_stages(model)


def test_smallest_share_takes_the_largest_first():
    assert smallest_share(torch.ones(10, 10), 0.95) == 0.95
    assert smallest_share(torch.tensor([0.0, 8, 1, 1]), 0.8) == 0.25
    assert smallest_share(torch.tensor([0.0, 8, 1, 1]), 0.81) == 0.5
    assert smallest_share(torch.tensor([0.5, 0.2, 0.1, 0.1, 0.05, 0.05]), 0.5) == pytest.approx(1 / 6)


# ---- confidence and calibration


class Fixed(nn.Module):
    """Logits (1, 2, 1, 2): sure of class 0 on the left, of class 1 on the right."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([[[[4.0, 0.0]], [[0.0, 4.0]]]]))
        self.dropout = nn.Dropout(0.9)

    def forward(self, images):
        return self.dropout(self.logits)


def test_probabilities_are_those_of_enlarged_logits():
    model = Fixed().train()
    probabilities = class_probabilities(model, picture(6, 8), (4, 4))
    assert probabilities.shape == (2, 6, 8) and torch.allclose(probabilities.sum(dim=0), torch.ones(6, 8))
    # pixel 3 lies (3.5 / 4 - 0.5) = 0.375 of the way: logits 2.5 and 1.5
    assert probabilities[0, 0, 3].item() == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-6)
    assert model.training and model.dropout.training


def test_reliability_counts_labelled_pixels_by_confidence():
    chosen = torch.tensor([[0.95, 0.95, 0.95, 0.65, 0.65, 0.65, 0.65, 0.95]])
    truth = torch.tensor([[0, 0, 1, 0, 0, 0, 1, 255]])
    found = reliability(torch.stack([chosen, 1 - chosen]), truth)
    assert found.pixels.tolist() == [0, 0, 0, 0, 0, 0, 4, 0, 0, 3]
    assert found.share_right[6] == 0.75 and found.share_right[9] == pytest.approx(2 / 3)
    assert found.share_right[0].isnan()
    assert found.calibration_error == pytest.approx((4 * 0.10 + 3 * (0.95 - 2 / 3)) / 7, abs=1e-6)
    both = found + reliability(torch.tensor([[[1.0]], [[0.0]]]), torch.tensor([[1]]))
    assert both.pixels[9] == 4 and both.share_right[9] == 0.5
    with pytest.raises(CourseError, match=r"probabilities are \(1, 8\) pixels and truth is \(2, 2\)"):
        reliability(torch.stack([chosen, 1 - chosen]), torch.zeros(2, 2))


# ---- corruptions


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruptions_grow_with_strength_and_repeat_with_the_seed(name):
    image = picture()
    before = image.clone()
    corrupted = [corrupt(image, name, strength, seed=3) for strength in range(6)]
    distance = [float((one.float() - image.float()).abs().mean()) for one in corrupted]
    assert distance[0] == 0 and distance == sorted(distance) and distance[1] > 0.5 and distance[5] > 1.5 * distance[1]
    assert all(one.dtype == torch.uint8 and one.shape == image.shape for one in corrupted)
    assert torch.equal(image, before)
    state = torch.get_rng_state()
    assert torch.equal(corrupt(image, name, 3, seed=3), corrupted[3])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["noise", "fog", "snow", "rain"])
def test_another_seed_is_other_weather(name):
    assert not torch.equal(corrupt(picture(), name, 3, seed=0), corrupt(picture(), name, 3, seed=1))


def test_what_cannot_be_corrupted_is_told():
    with pytest.raises(CourseError, match=r"uint8 \(3, height, width\), not torch.float32"):
        corrupt(torch.zeros(3, 8, 8), "noise", 1)
    with pytest.raises(CourseError, match="no corruption 'hail': choose among noise, blur"):
        corrupt(picture(), "hail", 1)
    with pytest.raises(CourseError, match="strength=6 must be 0"):
        corrupt(picture(), "noise", 6)


class Thresholds(nn.Module):
    """Says class 1 where the red channel is bright, on half the grid; `noted` counts what it saw."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.noted = 0

    def forward(self, images):
        assert not self.training
        self.noted += len(images)
        red = nn.functional.avg_pool2d(images[:, :1], 2) * self.weight
        return torch.cat([-red, red], dim=1)


def confusion_matrix(prediction, target):
    return torch.bincount(2 * target.flatten() + prediction.flatten(), minlength=4).reshape(2, 2)


def accuracy(confusion):
    return confusion.diagonal().sum() / confusion.sum()


def test_robustness_measures_each_corruption_at_each_strength(capsys):
    halves = torch.zeros(3, 16, 16, dtype=torch.uint8)
    halves[:, :, 8:] = 255
    pairs = [(halves, (halves[0] > 0).to(torch.uint8))] * 3
    model = Thresholds().train()
    options = {"confusion_matrix": confusion_matrix, "mean_iou": accuracy, "names": ("noise", "fog"), "batch_size": 2}
    curves = robustness(model, pairs, (16, 16), **options, progress=False)
    assert curves.keys() == {"noise", "fog"} and all(len(values) == 6 for values in curves.values())
    assert curves["noise"][0] == curves["fog"][0] == 1  # clean
    assert curves["fog"][5] < 0.6  # all is grey and bright
    assert model.noted == 3 * 11 and model.training
    assert robustness(model, pairs, (16, 16), **options, progress=True) == curves
    assert capsys.readouterr().err == ""


# ---- why an image scores low


def reason_of(rows):
    return why_low(torch.tensor(rows))


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ([[50, 0, 0], [9, 1, 0], [0, 0, 40]], "missed", "missed: 90% of it is called background"),
        (
            [[50, 0, 6], [0, 10, 0], [0, 0, 0]],
            "invented",
            "invented: 100% of what is called person/animal is background",
        ),
        ([[50, 0, 0], [1, 1, 8], [0, 0, 90]], "confused", "confused: 80% of it is called person/animal"),
        ([[50, 0, 0], [0, 60, 10], [0, 0, 5]], "confused", "confused: 67% of what is called person/animal is plant"),
        ([[50, 0, 0], [0, 10, 0], [0, 0, 0]], "nothing", "nothing is wrong"),
    ],
)
def test_the_weakest_class_and_its_largest_error_are_named(rows, kind, words):
    reason = reason_of(rows)
    assert reason.kind == kind and reason.sentence().endswith(words)


def test_a_reason_holds_the_numbers():
    reason = reason_of([[60, 0, 0], [15, 5, 0], [0, 0, 20]])
    assert reason.weakest == 1 and reason.iou == 0.25 and reason.share == 0.2
    assert reason.mean_without == pytest.approx((60 / 75 + 1) / 2) and reason.mean_iou == pytest.approx(
        (0.8 + 0.25 + 1) / 3
    )
    assert reason.pair == (1, 0) and reason.part == 0.75
    assert CLASS_NAMES[1] in reason.sentence()


def test_of_equally_bad_classes_the_larger_counts_and_an_empty_image_has_no_reason():
    assert reason_of([[50, 1, 0], [0, 0, 0], [30, 0, 0]]).weakest == 2
    assert reason_of([[0, 0], [0, 0]]) is None
    assert "the others" not in reason_of([[5, 0], [0, 0]]).sentence()
